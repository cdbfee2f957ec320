"""The flags of `main.py` beside --config, and which of them go with which mode."""

import dataclasses
import math
import re
import types
import typing
from collections.abc import Mapping
from typing import Any

from absl import flags

from fact_jax.app import config_flags, kinds
from fact_jax.app.kinds.base import ExtractConfig, PredictConfig, flag, flags_of
from fact_jax.types import UserError, check_choice, nearest

# The flags belong to main.py, which then lists them under --help.
flags.disclaim_key_flags()

# What tells a process that it is one of several.
PROCESS = ("coordinator_address", "num_processes", "process_id")
MAX_FOLDS = 100  # of make_splits as well
# What --mode export writes.
FORMATS = ("published", "jax")
# Flags of predictions that --mode extract has as well.
EXTRACT_TOO = ("window", "every")
# How videos come to the page of predictions, see `runs.review_media`.
PAGE_VIDEOS = ("link", "copy", "transcode")
# Mode -> (flags it needs, flags it may have); predict has those of the kinds as well.
MODES = {
    "train": (("workdir",), ("config", "init_from", "accept_new_features", *PROCESS, "distributed")),
    "eval": (("workdir",), ("config", "step", "split", "videos", "accept_new_features", *PROCESS, "distributed")),
    "predict": (("workdir", "input"), ("config", "step", "output", "videos", "page_videos")),
    "extract": (("input", "output"), ("workdir", "config", "step", "extractor", "overwrite", "distributed")),
    "convert": (("workdir", "checkpoint"), ("config", "reference_config")),
    "export": (("workdir", "output"), ("step", "format", "longest")),
    "report": (("workdirs",), ("output",)),
    "compare": (("workdir", "systems"), ("config", "folds", "seeds", "budget", "group_by")),
    "review": (("input",), ("workdir", "videos", "page_videos")),
}


@dataclasses.dataclass(frozen=True)
class Options:
    """Values of the flags; None or () where a flag is not given."""

    mode: str  # key of MODES
    settings: Any = None  # ConfigDict of --config, or of what takes its place
    config: tuple[str, ...] = ()  # what the command line says of the config: --config itself, --config.a.b=value
    overridden: tuple[str, ...] = ()  # dotted names of the settings that the command line overrides
    prediction: Mapping[str, Any] = dataclasses.field(default_factory=dict)  # given flags of the kinds of work
    workdir: str | None = flag(
        "Folder of the run: checkpoints, metrics, figures. predict, eval: several, A,B,C, predict together."
    )
    init_from: tuple[str, ...] = flag(
        "train: begin a new run with these weights: a workdir (its best checkpoint) or a weight file as of convert; "
        "given several times, files of different parts. What does not fit, such as other classes, starts anew.",
        (),
    )
    accept_new_features: bool | None = flag(
        "train, eval: go on where the features, or the files of videos, are not those that the run was trained with."
    )
    step: int | None = flag("eval, predict, extract, export: which checkpoint; the best by default.")
    split: str | None = flag(
        "eval: score these videos, train, test or validation, instead of the run's own evaluations."
    )
    videos: tuple[str, ...] = flag(
        "eval: score these videos: names, or files with a name in every line; predict, review: video files, or folders "
        "of them, that the page shows beside their timelines (default: those that VIDEO.json beside the features "
        "names).",
        (),
    )
    page_videos: str | None = flag(
        "predict, review: link: the page names the video files where they lie; copy: they are laid beside it; "
        "transcode: those that some browser does not play are written anew beside it, as H.264 (default: link)."
    )
    input: tuple[str, ...] = flag(
        "predict: feature files (.npy) or videos, folders of them, patterns; extract: videos, folders of them; review: "
        "the folder of predictions, or a workdir that was evaluated.",
        (),
    )
    output: str | None = flag(
        "predict: folder of the results (default: the workdir); extract: folder of the feature files; report: folder "
        "of the report (default: report); export: file to write, .pth, .net or .safetensors; with --format jax a "
        "folder."
    )
    extractor: str | None = flag("extract: MODULE:FUNCTION of your own, in place of the network of a --workdir.")
    overwrite: bool | None = flag("extract: make features anew that something else has made.")
    format: str | None = flag(
        "export: published (default), weights as the published code has them, or jax, a folder that predicts with jax "
        "and NumPy alone."
    )
    longest: int | None = flag(
        "export --format jax: rows of the longest video to come (default: as long as in the training run)."
    )
    checkpoint: str | None = flag("convert: published weights, .pth, .net, .prm or .safetensors.")
    reference_config: str | None = flag("convert: YAML config of the published code.")
    workdirs: tuple[str, ...] = flag("report: folders of the finished runs to compare.", ())
    systems: str | None = flag("compare: systems, with commas between: fact,asformer,mstcn.")
    folds: int | None = flag("compare: number of folds (default: the splits that the dataset has, or else 5).")
    seeds: int | None = flag("compare: runs of every system and fold (default: 1).")
    budget: float | None = flag("compare: hours for all of it (default: every system as long as its config says).")
    group_by: str | None = flag("compare: keeps videos together in a fold, as make_splits does: a pattern or a table.")
    coordinator_address: str | None = flag("train, eval with several processes: HOST:PORT of process 0, a free port.")
    num_processes: int | None = flag("train, eval: how many processes there are.")
    process_id: int | None = flag("train, eval: which of them this is, from 0.")
    distributed: bool | None = flag(
        "train, eval, extract: this is one of several processes, as SLURM, Open MPI or a cloud TPU knows best."
    )


def define():
    """Defines all flags; returns a function that gives the Options once they are parsed."""
    settings = config_flags.define_config()
    mode = flags.DEFINE_enum(
        "mode",
        "train",
        list(MODES),
        "train: start or resume, and report a finished run; eval: evaluate a checkpoint of the workdir; predict: "
        "label or embed videos that have no labels; extract: write features of videos; convert: make a workdir from "
        "published PyTorch weights; export: write such weights, or a folder for jax alone; report: compare finished "
        "runs; compare: train and evaluate several systems over folds, and the best one on everything; "
        "review: write the page to look at predictions and to correct them.",
    )
    own, of_kinds = _define(Options), {}
    for kind in kinds.KINDS:
        of_kinds |= _define(kind.predict_config, known=of_kinds)

    def parsed():
        of_config = (settings.value, config_flags.given(), config_flags.overridden())
        return Options(mode.value, *of_config, _given(of_kinds), **_given(own))

    return parsed


def _define(form, known=()):
    """Defines the flags that are fields of a dataclass, apart from those in `known`; returns their holders by name."""
    kinds_of_flags = {str: flags.DEFINE_string, int: flags.DEFINE_integer, float: flags.DEFINE_float}
    kinds_of_flags |= {bool: flags.DEFINE_bool, tuple: flags.DEFINE_multi_string}
    holders = {}
    for name, field in flags_of(form).items():
        if name not in known:
            hint = typing.get_type_hints(form)[name]
            # Of "int | None" the first; of "tuple[str, ...]" the tuple.
            first = typing.get_args(hint)[0] if isinstance(hint, types.UnionType) else typing.get_origin(hint) or hint
            holders[name] = kinds_of_flags[first](name, None, field.metadata["help"])
    return holders


def _given(holders):
    """Values of the flags that are given."""
    values = {name: holder.value for name, holder in holders.items() if holder.value is not None}
    return {name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}


def predict_config(options: Options) -> PredictConfig:
    """What --mode predict is told, as its kind of work wants it; UserError: a flag has a value that cannot be."""
    kind = kinds.of_system(options.settings.model.name)
    told = {"input": options.input, "output": options.output, "step": options.step, "videos": options.videos}
    return kind.predict_config(**told, page_videos=options.page_videos or "link", **options.prediction)


def extract_config(options: Options) -> ExtractConfig:
    """What --mode extract is told; UserError: a flag has a value that cannot be."""
    told = {name: options.prediction.get(name) for name in EXTRACT_TOO}
    return ExtractConfig(
        input=options.input, output=options.output or "", step=options.step, overwrite=bool(options.overwrite), **told
    )


def check(options: Options) -> None:
    """Raises UserError if a flag is missing or belongs to another mode; names all of them."""
    check_choice("--mode", options.mode, tuple(MODES))
    needed, optional = MODES[options.mode]
    problems = [f"--{name} is missing." for name in needed if not getattr(options, name)]
    for field in dataclasses.fields(options):
        name = field.name
        owners = [mode for mode, (must, may) in MODES.items() if name in must + may]
        if name == "output" and options.mode == "eval" and len(config_flags.workdirs(options.workdir)) > 1:
            continue
        if owners and options.mode not in owners and getattr(options, name) not in (None, ()):
            problems.append(f"--{name} has no meaning with --mode {options.mode}; it belongs to {', '.join(owners)}.")
    problems += _prediction_problems(options)
    if options.page_videos not in (None, *PAGE_VIDEOS):
        problems.append(f"--page_videos is {options.page_videos!r}; expected {', '.join(PAGE_VIDEOS)}.")
    if options.mode == "review" and len(options.input) > 1:
        problems.append(f"--input names {len(options.input)} folders; a page is of one. Give the others their own.")
    if options.mode == "convert" and not (options.config or options.reference_config):
        untold = "neither the names nor the number of classes, nor whatever else the dataset decides"
        problems.append(f"--config or --reference_config is missing: a weight file tells {untold}.")
    problems += _ensemble_problems(options)
    problems += _export_problems(options) + _compare_problems(options)
    problems += _process_problems(options)
    if problems:
        raise UserError("\n".join(problems))


def _prediction_problems(options):
    """What is wrong with the flags of the kinds of work."""
    problems = []
    for name in options.prediction:
        if options.mode == "extract" and name in EXTRACT_TOO:
            continue
        if options.mode != "predict":
            problems.append(f"--{name} has no meaning with --mode {options.mode}; it belongs to predict.")
            continue
        kind = kinds.of_system(options.settings.model.name)
        owners = [other.name for other in kinds.KINDS if name in flags_of(other.predict_config)]
        if kind.name not in owners:
            owners = " and ".join(owners)
            problems.append(f"--{name}: it goes with {owners}, and this is a run of {kind.name}; leave the flag out.")
    return problems


def _ensemble_problems(options):
    """What is wrong with several workdirs, or with flags that go with several alone."""
    if len(config_flags.workdirs(options.workdir)) < 2:
        return []
    problems = []
    if options.mode not in ("predict", "eval"):
        problems.append(f"--workdir {options.workdir} names several; --mode {options.mode} takes one.")
    if options.mode == "eval":
        problems += ["--output is missing: scores of several runs belong into the workdir of none."] * (
            options.output is None
        )
        told = [name for name in ("step", *PROCESS, "distributed") if getattr(options, name) not in (None, False)]
        problems += [f"--{name} goes with one workdir; leave it out." for name in told]
    return problems


def _export_problems(options):
    """What is wrong with the flags of --mode export alone."""
    problems = []
    if options.format is not None and options.format not in FORMATS:
        guess = nearest(options.format, FORMATS) or " or ".join(FORMATS)
        problems.append(f"--format is {options.format!r}. Did you mean {guess}?")
    if options.longest is not None and options.mode == "export":
        if options.format != "jax":
            problems.append("--longest goes with --format jax: weights alone have no lengths.")
        if options.longest < 1:
            problems.append(f"--longest is {options.longest}, expected a number of rows, 1 or more.")
    return problems


def _compare_problems(options):
    """What is wrong with the numbers of --mode compare."""
    if options.mode != "compare":
        return []
    problems = []
    if options.folds is not None and not 2 <= options.folds <= MAX_FOLDS:
        problems.append(f"--folds is {options.folds}, expected 2 to {MAX_FOLDS}.")
    if options.seeds is not None and options.seeds < 1:
        problems.append(f"--seeds is {options.seeds}, expected a number of runs, 1 or more.")
    if options.budget is not None and not (math.isfinite(options.budget) and options.budget > 0):
        problems.append(f"--budget is {options.budget}, expected hours, more than 0.")
    return problems


def _process_problems(options):
    """What is wrong with the flags that tell a process that it is one of several."""
    given = [name for name in PROCESS if getattr(options, name) is not None]
    if not given:
        return []
    listed = ", ".join(f"--{name}" for name in given)
    if options.distributed:
        return [f"--distributed asks the scheduler for what {listed} says: give one or the other."]
    problems = [f"--{name} is missing: it goes with {listed}." for name in PROCESS if name not in given]
    address, count, index = (getattr(options, name) for name in PROCESS)
    if address is not None and not re.fullmatch(r"([^\s:]+|\[[^\s\]]+\]):\d{1,5}", address):
        problems.append(f"--coordinator_address is {address!r}, expected HOST:PORT, such as node1:12345.")
    if count is not None and count < 1:
        problems.append(f"--num_processes is {count}, expected 1 or more.")
    elif index is not None and not 0 <= index < (index + 1 if count is None else count):
        problems.append(f"--process_id is {index}, expected a number from 0 to --num_processes - 1.")
    return problems
