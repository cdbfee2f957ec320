"""What the module of a kind in `app.runs` gives; `app.runs.segmentation` says what its functions do."""

import dataclasses
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, NamedTuple

from data_pipelines.core.dataset_times import read_times
from data_pipelines.core.feature_times import times_path
from data_pipelines.core.feature_values import ValueRange, compare_values
from data_pipelines.core.problems import refuse
from data_pipelines.core.wording import count
from fact_jax.app.feature_record import DataFacts
from fact_jax.inference.predictor import TIMED
from fact_jax.runtime import devices as device_layout
from fact_jax.tasks.base import Task
from fact_jax.training.evaluator import Evaluator
from fact_jax.types import UserError, VerbNouns


class OtherEvaluation(NamedTuple):
    """An evaluation of chosen videos; see `Parts` for what it has in common with a run."""

    evaluator: Evaluator
    num_programs: int
    how_scored: Sequence[str]
    lines: Sequence[str] = ()


class OtherVideos(NamedTuple):
    """What --mode eval can score instead of the evaluations of a run.

    Attributes:
      subsets: "train", "test", ... -> names of all its annotated videos.
      open: (name of an evaluation, {subset: names}) -> the evaluation.
      unlike: names that stand for one video in one subset and for another one in another.
    """

    subsets: Mapping[str, Sequence[str]]
    open: Callable[[str, Mapping[str, Sequence[str]]], "OtherEvaluation"]
    unlike: Collection[str] = ()


@dataclasses.dataclass(frozen=True)
class Parts:
    """A task with its batches."""

    task: Task
    train_batches: Any  # see `training.loop.Setup`, also for the evaluators
    evaluators: Sequence[Evaluator]
    derived: Mapping[str, Any]  # follows from data and settings, for config.json; other values are another run
    num_programs: int  # padded lengths of an evaluation, a compiled program each
    statistics: str  # text of statistics.txt
    lines: Sequence[str]  # about the data, for the console
    how_scored: Sequence[str]  # sentences about the metrics, for results.md
    other_videos: OtherVideos | None = None  # None: this kind has only the evaluators
    facts: DataFacts = DataFacts()  # of the data, for features.json
    # Sentences that take long to find out, for the console and results.md; `lines` say what is done.
    comparisons: Callable[[], Sequence[str]] = tuple
    without_weights: str = ""  # a sentence on a training that begins without --init_from, where it needs it


class Classes(NamedTuple):
    """The classes of a dataset."""

    names: Sequence[str]  # by class id
    file: str  # of the dataset, that names them
    verb_nouns: VerbNouns | None = None  # what they are made of, if they are pairs of a verb and a noun


class OpenedPrediction(NamedTuple):
    """What `inference.run.predict_videos` takes beside a predictor, see there; `lines` are for the user."""

    source: Any
    make_batches: Callable
    output: Any
    lines: Sequence[str] = ()
    # From the values in features.json to lines on features that were read and are unlike those.
    compare: Callable[[Mapping[str, Any]], Sequence[str]] = lambda trained: ()


def data_facts(sources, labels: Mapping[str, str]) -> DataFacts:
    """DataFacts of the sources of a run; `labels` are their checksums."""
    known = sources.feature_values
    trained = {video: known[video] for video in sources.train.video_ids if video in known}
    values = ValueRange.of(trained)
    values = dataclasses.asdict(values) if values else {}
    return DataFacts(sources.feature_checksums, labels, values, made_by=sources.made_by)


def timed_features(sources) -> dict[str, bool]:
    """Of what is derived: whether features say themselves where they lie in time; {} where they do not."""
    return {TIMED: True} if sources.is_timed else {}


def input_times(source, fps: float | None, are_needed: bool) -> dict[str, Any]:
    """FeatureTimes by video of UnlabelledVideos; {} where there are none.

    UserError: some have none, or what they say cannot be; `fps` is given, the rate of --fps, which they say themselves;
    or there are none and `are_needed`, as the run was trained with features that have them.
    """
    paths = {video.video_id: video.path for video in source.inputs}
    shapes = {video.video_id: (video.num_frames, source.feature_dim) for video in source.inputs}
    times, problems = read_times(paths, shapes)
    refuse("--input", problems)
    if times and fps:
        raise UserError(f"--fps is {fps:g}, and the .json files beside the features say the times: leave it out.")
    if are_needed and not times and paths:
        first = next(iter(paths.values()))
        others = f" (nor beside {len(paths) - 1} more)" if len(paths) > 1 else ""
        raise UserError(
            f"{first}: no {times_path(first).name} beside it{others}, which says where rows lie in time, as that of "
            "the features that this run was trained with did. Give --input the video itself, or make its features "
            "with --mode extract."
        )
    return times


def comparison(source) -> Callable[[Mapping[str, Any]], Sequence[str]]:
    """See OpenedPrediction.compare; `source` are UnlabelledVideos."""

    def compare(trained):
        try:
            known = ValueRange.from_record(trained)
        except (ValueError, TypeError) as error:
            return (f'"values" of features.json cannot be read ({error}): the features are compared with no others',)
        return compare_values(source.measured(), known)

    return compare


def check_all(*checks: Callable[[], Any]) -> None:
    """Calls all of them; one UserError has the messages of all that raise one."""
    problems = []
    for check in checks:
        try:
            check()
        except UserError as error:
            problems.append(str(error))
    if problems:
        raise UserError("\n".join(problems))


def origin(config, predictor) -> dict[str, Any]:
    """What makes the predictions of a run that reads features, for their files."""
    found = predictor.origin(config)
    read = {name: found.pop(name) for name in ("name", "system", "dataset")}
    return read | {"sample_rate": config.data.sample_rate} | found


def piece_size(train) -> int:
    """Videos that are on the devices at once, by `config.train`."""
    return min(train.micro_batch_size or train.batch_size, train.batch_size)


def batch_lines(config, num_videos: int) -> list[str]:
    """A line where an update asks for more videos than there are to train with, `num_videos`."""
    size = config.train.batch_size
    if size <= num_videos:
        return []
    least, most = size // num_videos, -(-size // num_videos)
    times = f"{least} times" if least == most else f"{least} to {most} times"
    return [
        f"config.train.batch_size is {size}, with {count(num_videos, 'training video')}: every update has each of them "
        f"{times}"
    ]


def train_options(config, devices, micro_batch_size: int = 0) -> dict[str, Any]:
    """Options of the training batches of every kind; `devices`: of all processes.

    `micro_batch_size` takes the place of the setting, if it is more than 0.
    """
    train, size = config.train, micro_batch_size or config.train.micro_batch_size
    sizes = {"batch_size": train.batch_size, "micro_batch_size": size, "seed": config.seed}
    return sizes | _rows(micro_batch_size or piece_size(train), devices)


def eval_options(config, devices) -> dict[str, Any]:
    """Options of the batches of an evaluation or a prediction."""
    return {"batch_size": config.eval.batch_size} | _rows(config.eval.batch_size, devices)


def _rows(batch_size, devices):
    num_rows = device_layout.num_rows(batch_size, len(devices))
    return {"num_rows": num_rows, "local_rows": device_layout.share(num_rows, devices)}
