"""What a kind of dataset brings to a run.

A kind is a module with `SYSTEMS`, the names of the systems that work on it, and `open_sources`, `prepare`,
`read_classes` and `open_prediction`; `segmentation_parts` has what each of them does.
"""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from fact_jax.tasks.base import Task
from fact_jax.training.evaluator import Evaluator


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


class Prediction(NamedTuple):
    """What `inference.mode.predict_videos` takes, see there."""

    predictor: Any
    source: Any
    make_batches: Callable
    output: Any


def piece_size(train) -> int:
    """Videos that are on the devices at once, by `config.train`."""
    return min(train.micro_batch_size or train.batch_size, train.batch_size)
