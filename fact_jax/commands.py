"""What `main.py` does in each mode: checks that the flags go together and calls the part that does the work."""

import dataclasses
from pathlib import Path

from data_pipelines import unlabelled
from data_pipelines.batching import EvalBatches
from data_pipelines.sources import read_classes
from fact_jax import conversion, experiment, inference
from fact_jax.inference import mode as prediction
from fact_jax.models.fact import published_config
from fact_jax.reporting.report import write_report
from fact_jax.training import devices as device_layout
from fact_jax.training import run_record, writers
from fact_jax.training.signals import StopRequest
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
    if options.mode == "predict":
        return predict(options, console)
    if options.mode == "convert":
        convert(options, console)
        return 0
    if options.mode == "export":
        conversion.export(options.workdir, options.output, step=options.step, console=console)
        return 0
    if options.mode == "report":
        write_report(options.workdirs, options.output or "report", console.say)
        return 0
    return experiment.run(options.config, options.workdir, options.mode, step=options.step, console=console)


def convert(options: Options, console: writers.Console) -> None:
    """Makes a workdir from published weights; the dataset gives the names of the classes."""
    explicit = set(options.overridden)
    if options.reference_config:
        reference = published_config.read(options.reference_config)
        explicit |= set(reference.given)
        if reference.ignored:
            console.say(f"{options.reference_config}: without meaning here: {', '.join(reference.ignored)}")
    config = options.config
    conversion.convert(
        config, options.workdir, options.checkpoint, read_classes=lambda: read_classes(config.data),
        explicit=explicit, console=console,
    )


def predict(options: Options, console: writers.Console) -> int:
    """Labels videos that have no labels; returns the exit code."""
    config, workdir = options.config, Path(options.workdir)
    if not run_record.check(workdir, config=config.to_dict()):
        raise UserError(f"{workdir} holds no run to predict with. Train first, or convert published weights.")
    wanted = prediction.Options(
        inputs=options.input,
        output=options.output and Path(options.output),
        step=options.step,
        fps=options.fps or 0.0,
        probabilities=bool(options.probabilities),
        transcripts=options.transcripts,
        figures=options.figures is not False,
    )
    experiment.set_up_jax(config, console)
    batch_size = config.eval.batch_size
    devices = device_layout.choose(batch_size)
    predictor = inference.load(workdir, options.step, devices=devices, say=console.say)
    wanted.check(predictor.uses_transcript)
    form = unlabelled.Form(predictor.feature_dim, config.data.time_axis, predictor.sample_rate, predictor.class_names)
    source = unlabelled.open_inputs(options.input, form, transcript_dir=options.transcripts)
    buckets = unlabelled.prediction_buckets(source.lengths, predictor.buckets, config.data.max_buckets)

    def make_batches(videos):
        return EvalBatches(
            videos,
            batch_size=batch_size,
            buckets=buckets,
            max_segments=source.max_segments,
            num_rows=device_layout.num_rows(batch_size, len(devices)),
            transcripts=source.transcripts,
        )

    output = prediction.open_output(predictor, config, workdir, wanted)
    with StopRequest() as stop:
        return prediction.predict_videos(predictor, source, make_batches, output, console=console, stop=stop)
