"""The flags of `python -m fact_jax.benchmark` beside --config."""

import dataclasses
import importlib.util

from absl import flags

from fact_jax.app import config_flags
from fact_jax.types import UserError, check_choice

# The flags belong to __main__, which then lists them under --help.
flags.disclaim_key_flags()

PARTS = ("step", "memory", "compile", "data", "lengths", "batches")
DEFAULT_PARTS = ("step", "memory")
WORKERS = ("ours", "torch")
# Systems that are measured, all of which are rendered in PyTorch, see `torch_subject`.
MEASURED = ("fact", "faformer", "mstcn", "mstcn++", "asformer", "actionformer")


@dataclasses.dataclass(frozen=True)
class Options:
    """Values of the flags.

    Attributes:
      settings: ConfigDict of --config.
      parts: what to measure, in the order of PARTS.
      against: "torch" or None.
      frames: lengths of the videos, repeated cyclically; () = usual for the dataset.
      batch, eval_batch, classes, feature_dim: None = those of the config or usual for its dataset.
      segments, repeats, max_frames, max_batch, data_videos, data_steps: as their flags.
      output: folder for the report, None = none.
      worker, folder: set in worker processes only.
    """

    settings: object
    parts: tuple[str, ...]
    against: str | None
    frames: tuple[int, ...]
    batch: int | None
    eval_batch: int | None
    classes: int | None
    feature_dim: int | None
    segments: int
    repeats: int
    max_frames: int
    max_batch: int
    data_videos: int
    data_steps: int
    output: str | None
    worker: str | None
    folder: str | None


def define():
    """Defines all flags; returns a function that gives the Options once they are parsed."""
    text, whole = flags.DEFINE_string, flags.DEFINE_integer
    settings = config_flags.define_config()
    holders = {
        "parts": text(
            "parts",
            ",".join(DEFAULT_PARTS),
            f"What to measure, divided by commas: {', '.join(PARTS)}; or full for all of them.",
        ),
        "against": flags.DEFINE_enum(
            "against", None, ["torch"], "Also measure the same network in plain PyTorch, in turns with ours."
        ),
        "frames": text(
            "frames",
            "",
            "Frames of a video, or of every video of the batch divided by commas, repeated as needed "
            "(default: usual for the dataset).",
        ),
        "batch": whole("batch", None, "Videos of a batch (default: train.batch_size)."),
        "eval_batch": whole("eval_batch", None, "Videos of an evaluation batch (default: --batch or eval.batch_size)."),
        "classes": whole("classes", None, "Number of classes (default: those of the config's dataset)."),
        "feature_dim": whole("feature_dim", None, "Feature channels (default: usual for the dataset, 2048 mostly)."),
        "segments": whole(
            "segments",
            0,
            "The features are constant over this many pieces of every video, so that an untrained "
            "network predicts few segments, as a trained one does; 0: white noise.",
        ),
        "repeats": whole("repeats", 5, "Repeats of every measurement, in turns.", lower_bound=1),
        "max_frames": whole("max_frames", 65536, "lengths: the longest video.", lower_bound=256),
        "max_batch": whole("max_batch", 8, "batches: the largest batch.", lower_bound=1),
        "data_videos": whole("data_videos", 16, "data: videos written to disk.", lower_bound=1),
        "data_steps": whole("data_steps", 24, "data: training steps.", lower_bound=1),
        "output": text("output", None, "Folder for benchmark.json, benchmark.md and the pictures."),
        # Of the processes that the benchmark starts.
        "worker": flags.DEFINE_enum("worker", None, list(WORKERS), "For the benchmark's own use."),
        "folder": text("folder", None, "For the benchmark's own use."),
    }

    def options():
        values = {name: holder.value for name, holder in holders.items()}
        values["parts"], values["frames"] = _parts(values["parts"]), _frames(values["frames"])
        return Options(settings=settings.value, **values)

    return options


def check(options: Options) -> None:
    """Raises UserError for systems that cannot be measured or compared with PyTorch, and where PyTorch is missing."""
    model, reasons = options.settings.model, []
    if model.name not in MEASURED:
        raise UserError(
            f"the benchmark measures {', '.join(MEASURED)}; config.model.name is {model.name!r}. Give a config of one "
            "of these."
        )
    if options.against != "torch":
        return
    if importlib.util.find_spec("torch") is None:
        raise UserError("--against torch needs PyTorch: pip install torch (the CPU version is enough).")
    if model.get("use_transcript"):
        reasons.append("tokens from transcripts")
    if "I" in model.get("blocks", ""):
        reasons.append("classes of verbs and nouns")
    if reasons:
        raise UserError(
            f"--against torch knows {', '.join(MEASURED)}, the first two with plain classes and learned tokens only; "
            f"this config has {' and '.join(reasons)}. Leave --against out to measure it alone."
        )


def _parts(text):
    names = [name.strip() for name in text.split(",") if name.strip()]
    if "full" in names:
        return PARTS
    for name in names:
        check_choice("--parts", name, (*PARTS, "full"))
    if not names:
        raise UserError(f"--parts is empty; expected some of {', '.join(PARTS)}, or full.")
    return tuple(part for part in PARTS if part in names)


def _frames(text):
    numbers = [number.strip() for number in text.split(",")] if text else []
    if not all(number.isdecimal() for number in numbers):
        raise UserError(f"--frames is {text!r}; expected whole numbers divided by commas, such as 200,230.")
    return tuple(map(int, numbers))
