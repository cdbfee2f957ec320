"""What the module of a kind in `app.runs` gives; `app.runs.segmentation` says what its functions do."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from fact_jax.tasks.base import Task
from fact_jax.training.evaluator import Evaluator
from fact_jax.types import VerbNouns


@dataclasses.dataclass(frozen=True)
class Parts:
    """A task with its batches.

    Attributes:
      task: built for the data.
      train_batches: of the training videos, see `training.loop.train`; `buckets` are their padded lengths.
      evaluators: of the run, see `training.loop.Setup`.
      derived: what follows from data and settings, for config.json; a run with other values is another run.
      num_programs: padded lengths of an evaluation, a compiled program each.
      statistics: text of statistics.txt.
      lines: about the data, for the console.
      how_scored: sentences about the metrics, for results.md.
    """

    task: Task
    train_batches: Any
    evaluators: Sequence[Evaluator]
    derived: Mapping[str, Any]
    num_programs: int
    statistics: str
    lines: Sequence[str]
    how_scored: Sequence[str]


class Classes(NamedTuple):
    """The classes of a dataset.

    Attributes:
      names: by class id.
      file: the file of the dataset that names them.
      verb_nouns: what they are made of, if they are pairs of a verb and a noun.
    """

    names: Sequence[str]
    file: str
    verb_nouns: VerbNouns | None = None


class OpenedPrediction(NamedTuple):
    """What `inference.run.predict_videos` takes beside a predictor, see there."""

    source: Any
    make_batches: Callable
    output: Any


def origin(config, predictor) -> dict[str, Any]:
    """What makes the predictions of a run, for their files."""
    return {
        "name": config.name,
        "system": config.model.name,
        "dataset": config.data.dataset,
        "sample_rate": config.data.sample_rate,
        "checkpoint": {"step": predictor.step, "sha256": predictor.checksum},
    }


def piece_size(train) -> int:
    """Videos that are on the devices at once, by `config.train`."""
    return min(train.micro_batch_size or train.batch_size, train.batch_size)
