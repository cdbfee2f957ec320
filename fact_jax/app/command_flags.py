"""The flags of `main.py` beside --config, and which of them go with which mode."""

import dataclasses
import re

from absl import flags

from fact_jax.app import config_flags
from fact_jax.types import UserError, check_choice

# The flags belong to main.py, which then lists them under --help.
flags.disclaim_key_flags()

# What tells a process that it is one of several.
PROCESS = ("coordinator_address", "num_processes", "process_id")
# Mode -> (flags it needs, flags it may have).
MODES = {
    "train": (("workdir",), ("config", *PROCESS, "distributed")),
    "eval": (("workdir",), ("config", "step", *PROCESS, "distributed")),
    "predict": (
        ("workdir", "input"),
        ("config", "step", "output", "transcripts", "fps", "durations", "class_scores", "probabilities", "figures"),
    ),
    "convert": (("workdir", "checkpoint"), ("config", "reference_config")),
    "export": (("workdir", "output"), ("step",)),
    "report": (("workdirs",), ("output",)),
}


@dataclasses.dataclass(frozen=True)
class Options:
    """Values of the flags; None or () where a flag is not given.

    Attributes:
      mode: key of MODES.
      settings: ConfigDict of --config, or of what takes its place.
      config: the parts of the command line that concern the config: --config itself and --config.a.b=value.
      overridden: dotted names of the settings that the command line overrides.
      others: as their flags.
    """

    mode: str
    settings: object = None
    config: tuple[str, ...] = ()
    overridden: tuple[str, ...] = ()
    workdir: str | None = None
    step: int | None = None
    input: tuple[str, ...] = ()
    transcripts: str | None = None
    fps: float | None = None
    durations: str | None = None
    class_scores: str | None = None
    probabilities: bool | None = None
    figures: bool | None = None
    output: str | None = None
    checkpoint: str | None = None
    reference_config: str | None = None
    workdirs: tuple[str, ...] = ()
    coordinator_address: str | None = None
    num_processes: int | None = None
    process_id: int | None = None
    distributed: bool | None = None


def define():
    """Defines all flags; returns a function that gives the Options once they are parsed."""
    text, lists, switch = flags.DEFINE_string, flags.DEFINE_multi_string, flags.DEFINE_bool
    settings = config_flags.define_config()
    holders = {
        "workdir": text("workdir", None, "Folder of the run: checkpoints, metrics, figures."),
        "mode": flags.DEFINE_enum(
            "mode",
            "train",
            list(MODES),
            "train: start or resume, and report a finished run; eval: evaluate a checkpoint of the workdir; predict: "
            "label videos that have no labels; convert: make a workdir from published PyTorch weights; export: write "
            "such weights; report: compare finished runs.",
        ),
        "step": flags.DEFINE_integer("step", None, "eval, predict, export: which checkpoint; the best by default."),
        "input": lists("input", [], "predict: feature files (.npy), folders of them, patterns."),
        "transcripts": text("transcripts", None, "predict: folder of VIDEO.txt with the actions in order."),
        "fps": flags.DEFINE_float("fps", None, "predict: frames per second of the features, for times in seconds."),
        "durations": text(
            "durations", None, "predict, finding actions: JSON with the seconds of every video, or annotations."
        ),
        "class_scores": text(
            "class_scores", None, "predict, finding actions: a classifier's scores of every video, .json or .npz."
        ),
        "probabilities": switch("probabilities", None, "predict: also write every frame's class probabilities."),
        "figures": switch("figures", None, "predict: draw a timeline of every video (default: yes)."),
        "output": text(
            "output",
            None,
            "predict: folder of the results (default: the workdir); report: folder of the report (default: report); "
            "export: file to write, .pth, .net or .safetensors.",
        ),
        "checkpoint": text("checkpoint", None, "convert: published weights, .pth, .net, .prm or .safetensors."),
        "reference_config": text("reference_config", None, "convert: YAML config of the published code."),
        "workdirs": lists("workdirs", [], "report: folders of the finished runs to compare."),
        "coordinator_address": text(
            "coordinator_address", None, "train, eval with several processes: HOST:PORT of process 0, a free port."
        ),
        "num_processes": flags.DEFINE_integer("num_processes", None, "train, eval: how many processes there are."),
        "process_id": flags.DEFINE_integer("process_id", None, "train, eval: which of them this is, from 0."),
        "distributed": switch(
            "distributed",
            None,
            "train, eval: this is one of several processes, as SLURM, Open MPI or a cloud TPU knows best.",
        ),
    }

    def options():
        values = {name: holder.value for name, holder in holders.items()}
        values = {name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}
        return Options(
            settings=settings.value, config=config_flags.given(), overridden=config_flags.overridden(), **values
        )

    return options


def check(options: Options) -> None:
    """Raises UserError if a flag is missing or belongs to another mode; names all of them."""
    check_choice("--mode", options.mode, tuple(MODES))
    needed, optional = MODES[options.mode]
    problems = [f"--{name} is missing." for name in needed if not getattr(options, name)]
    for field in dataclasses.fields(options):
        name = field.name
        owners = [mode for mode, (must, may) in MODES.items() if name in must + may]
        if owners and options.mode not in owners and getattr(options, name) not in (None, ()):
            problems.append(f"--{name} has no meaning with --mode {options.mode}; it belongs to {', '.join(owners)}.")
    if options.mode == "convert" and not (options.config or options.reference_config):
        problems.append(
            "--config or --reference_config is missing: a weight file tells neither the names nor the number of "
            "classes, nor whatever else the dataset decides."
        )
    problems += _process_problems(options)
    if problems:
        raise UserError("\n".join(problems))


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
