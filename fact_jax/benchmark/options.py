"""The flags of `python -m fact_jax.benchmark` beside --config."""

import dataclasses
import importlib.util
from typing import Any

from absl import flags

from fact_jax.app import config_flags
from fact_jax.benchmark.clocks import CLOCKS
from fact_jax.benchmark.kinds import MEASURED, kind_of
from fact_jax.types import UserError, check_choice

# The flags belong to __main__, which then lists them under --help.
flags.disclaim_key_flags()

PARTS = ("step", "memory", "compile", "data", "lengths", "batches", "dataset", "augmentation", "reading", "extraction")
CLOCK_HELP = "wall; or processor: seconds of all threads of a process together, for a machine that is not left alone."
# Flags with whole numbers: (the least one or None, help).
_WHOLE = {
    "batch": (None, "Videos of a batch (default: train.batch_size; of labelled clips 2)."),
    "eval_batch": (None, "Videos of an evaluation batch (default: --batch or eval.batch_size)."),
    "classes": (None, "Number of classes (default: those of the config's dataset)."),
    "feature_dim": (None, "Feature channels (default: usual for the dataset, 2048 mostly)."),
    "segments": (
        None,
        "The features are constant over this many pieces of every video, so that an untrained "
        "network predicts few segments, as a trained one does; 0: white noise.",
    ),
    "repeats": (1, "Repeats of every measurement, in turns."),
    "max_frames": (256, "lengths: the longest video."),
    "max_batch": (1, "batches: the largest batch."),
    "data_videos": (1, "data: videos written to disk."),
    "data_steps": (1, "data: training steps."),
    "opened_videos": (1, "reading: videos that are opened one after the other, for the memory that stays."),
    "minutes": (1, "extraction: length of the video, of 10 frames a second."),
    "hours": (1, "reading: length of the video that is read as a whole, for the memory that it takes."),
}


@dataclasses.dataclass(frozen=True)
class BenchmarkConfig:
    """Values of the flags; None = those of the config or usual for its dataset."""

    settings: Any  # ConfigDict of --config
    parts: tuple[str, ...] = ("step", "memory")  # in the order of PARTS
    frames: tuple[int, ...] = ()  # repeated cyclically
    against: str | None = None  # or "torch"
    output: str | None = None  # no report
    batch: int | None = None
    eval_batch: int | None = None
    classes: int | None = None
    feature_dim: int | None = None
    segments: int = 0
    repeats: int = 5
    max_frames: int = 65536
    max_batch: int = 8
    data_videos: int = 16
    data_steps: int = 24
    opened_videos: int = 2000
    hours: int = 3
    minutes: int = 5
    video: str | None = None  # one is written
    clock: str = "wall"  # one of CLOCKS


def define():
    """Defines all flags; returns a function that gives the BenchmarkConfig once they are parsed."""
    settings = config_flags.define_config()
    text = f"What to measure, divided by commas: {', '.join(PARTS)}; or full for all of them."
    parts = flags.DEFINE_string("parts", ",".join(BenchmarkConfig.parts), text)
    text = "Frames of a video, or of every video of the batch divided by commas, repeated as needed"
    frames = flags.DEFINE_string("frames", "", f"{text} (default: usual for the dataset).")
    text = "Also measure the same network in plain PyTorch, in turns with ours."
    others = {
        "against": flags.DEFINE_enum("against", None, ["torch"], text),
        "video": flags.DEFINE_string("video", None, "reading: a video file to read (default: one is written)."),
        "clock": flags.DEFINE_enum("clock", BenchmarkConfig.clock, list(CLOCKS), CLOCK_HELP),
        "output": flags.DEFINE_string("output", None, "Folder for benchmark.json, benchmark.md and the pictures."),
    }
    for name, (least, text) in _WHOLE.items():
        others[name] = flags.DEFINE_integer(name, getattr(BenchmarkConfig, name), text, lower_bound=least)

    def options():
        values = {name: holder.value for name, holder in others.items()}
        return BenchmarkConfig(settings.value, _parts(parts.value, settings.value), _frames(frames.value), **values)

    return options


def check(options: BenchmarkConfig) -> None:
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
    if model.get("embedder", "transformer") != "transformer" or options.settings.loss.get("objective", "scl") != "scl":
        reasons.append("CARL without its transformer or its contrastive loss")
    if 0 in model.get("stage_blocks", ()):
        reasons.append("a ResNet without some of its stages")
    if model.get("experts", "both") != "both" or model.get("train_experts"):
        reasons.append("CAST with one expert, or with experts that are trained")
    if reasons:
        raise UserError(
            f"--against torch knows {', '.join(MEASURED)}, the first two with plain classes and learned tokens only; "
            f"this config has {' and '.join(reasons)}. Leave --against out to measure it alone."
        )


def _parts(text, settings):
    names = [name.strip() for name in text.split(",") if name.strip()]
    # A system that cannot be measured is refused by `check`.
    known = kind_of(settings.model.name).parts if settings.model.name in MEASURED else PARTS
    if "full" in names:
        return known
    for name in names:
        check_choice("--parts", name, (*PARTS, "full"))
        check_choice(f"--parts for {settings.model.name}", name, (*known, "full"))
    if not names:
        raise UserError(f"--parts is empty; expected some of {', '.join(PARTS)}, or full.")
    return tuple(part for part in PARTS if part in names)


def _frames(text):
    numbers = [number.strip() for number in text.split(",")] if text else []
    if not all(number.isdecimal() for number in numbers):
        raise UserError(f"--frames is {text!r}; expected whole numbers divided by commas, such as 200,230.")
    return tuple(map(int, numbers))
