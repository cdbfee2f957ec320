"""What `main.py` does in each mode: checks that the flags go together and calls the part that does the work."""

import dataclasses

from fact_jax import experiment
from fact_jax.training import writers
from fact_jax.types import UserError, check_choice

# Mode -> (flags it needs, flags it may have beside --config, which every mode takes).
MODES = {
    "train": (("workdir",), ()),
    "eval": (("workdir",), ("step",)),
    "predict": (("workdir", "input"), ("step", "output", "transcripts", "fps", "probabilities", "figures")),
    "convert": (("workdir", "checkpoint"), ("reference_config",)),
    "export": (("workdir", "output"), ("step",)),
    "report": (("workdirs",), ("output",)),
}


@dataclasses.dataclass(frozen=True)
class Options:
    """Values of the flags; None or () where a flag is not given.

    Attributes:
      mode: key of MODES.
      config: ConfigDict of --config.
      overridden: dotted names of the settings that the command line overrides.
      others: as their flags in main.py.
    """

    mode: str
    config: object = None
    overridden: tuple[str, ...] = ()
    workdir: str | None = None
    step: int | None = None
    input: tuple[str, ...] = ()
    transcripts: str | None = None
    fps: float | None = None
    probabilities: bool | None = None
    figures: bool | None = None
    output: str | None = None
    checkpoint: str | None = None
    reference_config: str | None = None
    workdirs: tuple[str, ...] = ()


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
    if problems:
        raise UserError("\n".join(problems))


def run(options: Options, console: writers.Console | None = None) -> int:
    """Does what the command line asks for; returns the exit code.

    Raises:
      UserError: something the user can put right.
    """
    check(options)
    console = console or writers.Console()
    if options.mode in ("train", "eval"):
        return experiment.run(options.config, options.workdir, options.mode, step=options.step, console=console)
    raise AssertionError(options.mode)
