"""What a kind of work brings to the library: names, rules of its settings, and where the rest of it lies.

What takes long to import stands here as `Lazy`. So a mistake on the command line is answered at once, and the table of
kinds lies below everything that it names.
"""

import dataclasses
import importlib
import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from fact_jax.types import UserError


@dataclasses.dataclass(frozen=True)
class Lazy:
    """A module, "package.module", or a name in one, "package.module:name"; a call imports and returns it."""

    path: str

    def __call__(self) -> Any:
        module, _, name = self.path.partition(":")
        found = importlib.import_module(module)
        return getattr(found, name) if name else found


def flag(help_text: str, default=None):
    """A field of a dataclass that is a flag of the command line as well; `default`: where it is not given."""
    return dataclasses.field(default=default, metadata={"help": help_text})


def flags_of(form: type) -> dict[str, dataclasses.Field]:
    """The fields of a dataclass that are flags, by name."""
    return {field.name: field for field in dataclasses.fields(form) if "help" in field.metadata}


@dataclasses.dataclass(frozen=True, kw_only=True)
class PredictConfig:
    """What --mode predict is told; a kind adds its own flags as fields of a subclass, made with `flag`."""

    input: tuple[str, ...]  # files to predict, folders of them, patterns
    output: str | None = None  # where the files go; None = the workdir
    step: int | None = None  # which checkpoint; None = the best
    videos: tuple[str, ...] = ()  # video files, or folders of them, that the page of the predictions shows
    page_videos: str = "link"  # how they come to it, see `runs.review_media`
    figures: bool = flag("predict: draw pictures of the videos (default: yes).", True)


@dataclasses.dataclass(frozen=True, kw_only=True)
class PredictFeaturesConfig(PredictConfig):
    """The same for files of features."""

    # At the full rate; None = as the run says.
    fps: float | None = flag("predict: frames per second of the features, for times in seconds.")
    extractor_workdir: str | None = flag(
        "predict, of videos: the run that made the features trained with, where it is no longer where it was."
    )

    def __post_init__(self):
        if self.fps is not None and not (math.isfinite(self.fps) and self.fps > 0):
            raise UserError(f"--fps is {self.fps}; expected frames per second, more than 0.")


@dataclasses.dataclass(frozen=True, kw_only=True)
class ExtractConfig:
    """What --mode extract is told."""

    input: tuple[str, ...]  # videos, folders of them, patterns
    output: str  # folder of the feature files
    step: int | None = None  # which checkpoint; None = the best
    window: float | None = None  # seconds that a row sees, of networks that see windows; None = DEFAULT_WINDOW
    every: float | None = None  # seconds from a row to the next; None = every frame, or DEFAULT_EVERY of windows
    overwrite: bool = False  # make features anew that something else has made

    def __post_init__(self):
        wrong = [
            f"--{name} is {value}; expected seconds, more than 0."
            for name, value in (("window", self.window), ("every", self.every))
            if value is not None and not (math.isfinite(value) and value > 0)
        ]
        if wrong:
            raise UserError("\n".join(wrong))


# Seconds of a window, and from one to the next, where nobody says.
DEFAULT_WINDOW, DEFAULT_EVERY = 2.0, 0.5

# Of `ReadWhere.values`: whatever is neither 0 nor False nor empty.
SET = None


class ReadWhere(NamedTuple):
    """Settings `keys` are read only where the setting `other` has one of `values`.

    A key that ends with a dot stands for all settings below it.
    """

    keys: tuple[str, ...]
    other: str
    values: tuple | None

    def concerns(self, key: str) -> bool:
        """Whether it is about a setting, given by its dotted name."""
        return any(key.startswith(own) if own.endswith(".") else key == own for own in self.keys)

    def holds(self, value: Any) -> bool:
        """Whether the settings are read where `other` is `value`."""
        return bool(value) if self.values is SET else value in self.values


class Folds(NamedTuple):
    """Splits over which systems are compared.

    Attributes:
      names: values of config.data.split, a fold each.
      texts: split lists that have to be written, by name of a file; {} where the dataset has them.
      all_videos: text of the list of all videos, file `all.bundle`.
      everything: settings of config.data of a run that is trained on all videos.
      notes: lines for the user.
      settings: of config.data of the folds.
    """

    names: tuple[str, ...]
    texts: Mapping[str, str]
    all_videos: str
    everything: Mapping[str, str]
    notes: tuple[str, ...]
    settings: Mapping[str, str] = {}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Kind:
    """One kind of work. Callables without arguments import what they return.

    `values` is the dict from dotted key to value of all settings of a config.
    """

    name: str  # as of its folders
    systems: tuple[str, ...]  # values of config.model.name
    predict_config: type[PredictConfig]  # its fields are the flags of --mode predict that the runs take
    base_config: Callable[[], Callable]  # from the name of a run and its config.model, a dict, to a whole config
    tasks: Callable[
        [], Any
    ]  # `restore`, `example_arrays`, `recognise`, `publish`, `class_axes`, see `tasks.segmentation.systems`
    runs: Callable[
        [], Any
    ]  # `check_settings`, `open_sources`, `prepare`, `read_classes`, `open_prediction`, see `runs.segmentation`
    predictor: Callable[[], type]  # subclass of `inference.predictor.Predictor`
    write_evaluation: Callable[[], Callable]  # writes what an evaluation scored, see `reporting.segmentation.writer`
    report: Callable[[], type]  # subclass of `reporting.report.kind.ReportKind`
    # Reads a YAML config of the published code, for --reference_config; None: that has none.
    read_published: Callable[[], Callable] | None = None
    # Has `ensemble` and `joint_record`, see `tasks.segmentation.ensemble`; None: its networks cannot predict together.
    ensembles: Callable[[], Any] | None = None
    # Gives the Folds of a dataset, see `runs.segmentation_folds`; None: its systems are not compared over folds.
    folds: Callable[[], Callable[..., Folds]] | None = None
    choices: Callable[[Mapping[str, Any]], Mapping[str, tuple]] = lambda values: {}  # {dotted key: valid values}
    ranges: tuple = ()  # (dotted keys, test of a number, the words of the message) each
    # Messages about settings that cannot be, for the rules of no other form.
    problems: Callable[[Mapping[str, Any]], list[str]] = lambda values: []
    reads: tuple[ReadWhere, ...] = ()  # settings that are read only where another one asks for them
