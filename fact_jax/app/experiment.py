"""Runs of the command line: puts data, task and loop together, whatever kind of dataset a system works on."""

import contextlib
import dataclasses
import functools
from collections.abc import Sequence
from pathlib import Path

import jax

from fact_jax import files, inference, run_record
from fact_jax.app import feature_record, kinds, modes, starting_weights, unread_settings
from fact_jax.app import finished as finished_run
from fact_jax.app.kinds.base import PredictConfig
from fact_jax.app.modes import Setup
from fact_jax.app.runs.base import piece_size
from fact_jax.app.video_choice import VideoChoice
from fact_jax.inference import run as prediction
from fact_jax.reporting import results
from fact_jax.runtime import compilation, host_memory
from fact_jax.runtime import devices as device_layout
from fact_jax.runtime.processes.agreement import SharedStop
from fact_jax.runtime.processes.group import Processes
from fact_jax.runtime.signals import StopRequest
from fact_jax.training.logging import writers
from fact_jax.training.ownership import own
from fact_jax.training.steps import EvalStep
from fact_jax.types import UserError, check_choice

MODES = ("train", "eval")
# Settings that may change between training and --mode eval: how detections are scored.
SCORING = "data.published_classes"
EVALUATION_NEUTRAL = (*run_record.NEUTRAL, SCORING)
# Settings that may change between training and prediction: other videos may have to be read in another way.
_READING = (
    "data.max_buckets",
    "data.max_padding",
    "data.video",
    "data.sampling.test_chunks",
    "data.sampling.test_crops",
)
PREDICTION_NEUTRAL = (*EVALUATION_NEUTRAL, "eval", "train", *_READING)


def run(
    config,
    workdir,
    mode: str = "train",
    *,
    step: int | None = None,
    videos: VideoChoice | None = None,
    init_from: str | Sequence[str] | None = None,
    accept_new_features: bool = False,
    overridden: Sequence[str] = (),
    console=None,
    processes: Processes = Processes(),
) -> int:
    """Trains or evaluates; returns the exit code: 0, or 130 after Ctrl-C.

    Args:
      config: locked ConfigDict of a file in configs/.
      workdir: created by "train".
      mode: "train" starts or resumes, and reports a finished run; "eval" evaluates a checkpoint of the workdir.
      step: for "eval": which checkpoint; None = the best.
      videos: for "eval": which videos; by default those of the run's own evaluations.
      init_from: for "train": a workdir or weight files with which a new run begins, see `starting_weights`.
      accept_new_features: go on where the features are others than those that the run was trained with.
      overridden: settings that the user gave one by one, by their dotted names: those without effect are told.
      console: where lines go; standard output by default, of a process that is not the first warnings only.
      processes: that make the run together; every one of them calls this, and the first has the workdir.

    Raises:
      UserError: something the user can put right.
    """
    check_choice("--mode", mode, MODES)
    console = console or (writers.Console() if processes.is_main else writers.WarningsOnly(processes.index))
    workdir = Path(workdir)
    asked = {"mode": mode, "step": step, "videos": dataclasses.asdict(videos or VideoChoice()), "init_from": init_from}
    processes.insist_on_equal("settings", config.to_dict() | asked | {"jax": jax.__version__})
    kinds.of_system(config.model.name).runs().check_settings(config)
    finished = processes.from_main(lambda: _look_at(config, workdir, mode, step, videos))
    if init_from and mode != "train":
        raise UserError("--init_from gives the weights that training begins with; --mode eval has its own.")
    for line in unread_settings.lines(config, overridden):
        console.say(line)
    if finished:
        if init_from:
            console.say(f"{workdir} holds a finished run: --init_from is not read")
        if processes.count == 1:
            # The devices of several processes are those of a run that goes on.
            finished_run.say_other_data(config, workdir, console.say)
        console.say(results.summary(workdir, finished))
        return 0
    stop_request = StopRequest if processes.count == 1 else SharedStop
    owned = own(workdir, f"--mode {mode}") if processes.is_main else contextlib.nullcontext()
    with stop_request(console.say) as stop, owned:
        if processes.is_main:
            _check_settings(config, workdir, mode)  # again: another process may just have made its run here
        set_up_jax(config, console)
        setup = prepare(config, workdir, mode, console, stop, processes, init_from, accept_new_features)
        finished = modes.train(setup) if mode == "train" else modes.evaluate(setup, step, videos)
        return 0 if finished else stop.exit_code


def _check_settings(config, workdir: Path, mode: str) -> bool:
    """Whether the workdir holds a run; UserError if it has other settings."""
    neutral = EVALUATION_NEUTRAL if mode == "eval" else run_record.NEUTRAL
    return run_record.check(workdir, config=config.to_dict(), neutral=neutral)


def _look_at(config, workdir: Path, mode: str, step: int | None, videos: VideoChoice | None):
    """Raises UserError unless the workdir goes with what is asked for; returns the results of a finished run."""
    if workdir.exists() and not workdir.is_dir():
        raise UserError(f"--workdir {workdir} is a file, expected a folder.")
    exists = _check_settings(config, workdir, mode)
    if mode == "eval" and not exists:
        raise UserError(f"{workdir} holds no run to evaluate. Train first: the same command with --mode train.")
    if mode == "eval":
        modes.check_checkpoint(config, workdir, step)
    record = run_record.read(workdir) if exists else None
    if mode == "train" and record and "converted" in record["derived"]:
        raise UserError(f"{workdir} holds converted weights, for --mode eval and predict. Train in another --workdir.")
    if mode == "train" and step is not None:
        raise UserError("--step chooses the checkpoint of --mode eval; training goes on from the latest by itself.")
    if mode == "train" and videos:
        raise UserError("--split and --videos choose what --mode eval scores; training evaluates what its config says.")
    if mode == "train" and exists and (finished := results.read_results(workdir)):
        return finished
    if mode == "train" and config.log.wandb:
        writers.import_wandb()
    return None


def predict(config, workdir, options: PredictConfig, console: writers.Console) -> int:
    """Labels videos that have no labels; returns the exit code.

    Settings of `config` that change numbers must be those of the workdir. Raises UserError if there is no such run,
    nothing to predict, or options that do not go with the model.
    """
    workdir = Path(workdir)
    if not run_record.check(workdir, config=config.to_dict(), neutral=PREDICTION_NEUTRAL):
        raise UserError(f"{workdir} holds no run to predict with. Train first, or convert published weights.")
    set_up_jax(config, console)
    devices = device_layout.choose(config.eval.batch_size)
    predictor = inference.load(workdir, options.step, devices=devices, say=console.say)
    return predict_with(predictor, config, workdir, options, devices, console)


def predict_with(predictor, config, workdir: Path, options: PredictConfig, devices, console: writers.Console) -> int:
    """As `predict`, with a predictor on these devices, of the run in the workdir or of several together."""
    from fact_jax.app import review  # here, because it brings FFmpeg
    from fact_jax.app.runs.review_media import told_files

    runs = kinds.of_system(config.model.name).runs()
    opened = runs.open_prediction(predictor, config, workdir, options, devices)
    for line in opened.lines:
        console.say(line)
    # What is wrong with them is said before the work begins.
    told_files([video.video_id for video in opened.source.inputs], options.videos)
    trained = feature_record.trained_values(workdir)
    with StopRequest(console.say) as stop:
        code = prediction.predict_videos(
            predictor, opened.source, opened.make_batches, opened.output, console=console, stop=stop
        )
    for line in opened.compare(trained) if trained else ():
        console.say(line)
    told = review.ReviewConfig(videos=options.videos, way=options.page_videos, class_names=predictor.class_names)
    review.write_review(opened.output.path, told, console.say)
    return code


def _other_scoring(config, workdir: Path) -> str:
    """What to call the folder of an evaluation that scores otherwise than the run did; "" where it does not."""
    group, name = SCORING.split(".")
    record = run_record.read(workdir) or {"config": config.to_dict()}
    of_run, now = (values[group].get(name) for values in (record["config"], config.to_dict()))
    return "" if of_run == now else name if now else f"no_{name}"


def set_up_jax(config, console: writers.Console) -> None:
    """Applies the settings that hold for the whole process."""
    host_memory.keep_between_runs()
    if config.compilation_cache:
        compilation.use_cache(console.say)
    if config.matmul_precision:
        jax.config.update("jax_default_matmul_precision", config.matmul_precision)


def prepare(
    config,
    workdir: Path,
    mode: str,
    console: writers.Console,
    stop: StopRequest,
    processes: Processes = Processes(),
    init_from: str | Sequence[str] | None = None,
    accept_new_features: bool = False,
) -> Setup:
    """Opens and checks the data, builds the task and, to train, writes config.json and statistics.txt.

    Of several processes every one opens the data, after the first one has checked it, and the first one writes. Raises
    UserError for a problem of the data or the settings, or a workdir of another run.
    """
    kind = kinds.of_system(config.model.name)
    runs = kind.runs()
    weights, origin = starting_weights.of_run(workdir, init_from, config, processes, console.say)
    with processes.main_first():
        # What the first process notes there, the others need not check again, if they see it.
        notes = workdir if processes.is_main or workdir.is_dir() else None
        sources = runs.open_sources(config, notes)
    devices = device_layout.choose(piece_size(config.train))
    parts = runs.prepare(config, sources, devices)
    if weights:
        weights.check(parts.derived)
    if origin:
        derived = {**parts.derived, starting_weights.ORIGIN: dict(origin)}
        how_scored = (*parts.how_scored, starting_weights.sentence(origin))
        parts = dataclasses.replace(parts, derived=derived, how_scored=how_scored)
    elif parts.without_weights and starting_weights.is_drawn(workdir):
        lines, how_scored = (
            (*parts.lines, f"warning: {parts.without_weights}"),
            (*parts.how_scored, parts.without_weights),
        )
        parts = dataclasses.replace(parts, lines=lines, how_scored=how_scored)
    processes.insist_on_equal("data", parts.derived)
    processes.connect(devices)
    changes, other_features = (), False
    if processes.is_main:
        explain = functools.partial(feature_record.changed_labels, workdir, parts.facts.labels)
        run_record.check(workdir, derived=parts.derived, explain=explain)
        told = {"accept_new": accept_new_features, "training": mode == "train", "say": console.say}
        changes, other_features = feature_record.check(workdir, parts.facts, **told)
        parts = dataclasses.replace(parts, how_scored=(*parts.how_scored, *changes))
    if mode == "train" and processes.is_main:
        run_record.write(workdir, config=config.to_dict(), derived=parts.derived)
        files.atomic_write_text(workdir / "statistics.txt", parts.statistics)
    for line in parts.lines:
        console.say(line)
    compared = tuple(parts.comparisons())
    for line in compared:
        console.say(line)
    parts = dataclasses.replace(parts, how_scored=(*parts.how_scored, *compared))
    first_variables = None
    if weights:
        first_variables = functools.partial(weights.put_into, config=config, derived=parts.derived, say=console.say)
    names = ("task", "train_batches", "evaluators", "derived", "how_scored", "other_videos")
    return Setup(
        config=config,
        workdir=workdir,
        eval_step=EvalStep(parts.task, devices, num_buckets=parts.num_programs, say=console.say),
        devices=devices,
        write_evaluation=kind.write_evaluation(),
        console=console,
        stop=stop,
        processes=processes,
        first_variables=first_variables,
        about_features=changes,
        other_features=other_features,
        other_scoring=_other_scoring(config, workdir) if mode == "eval" else "",
        **{name: getattr(parts, name) for name in names},
    )
