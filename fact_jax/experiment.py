"""Runs of the command line: the only module that knows both the data and the tasks."""

import dataclasses
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax
import numpy as np

from data_pipelines.batching import EvalBatches, TrainBatches
from data_pipelines.buckets import check_buckets, choose_buckets
from data_pipelines.sources import open_sources
from data_pipelines.statistics import compute_statistics
from fact_jax.reporting import results
from fact_jax.tasks import segmentation
from fact_jax.tasks.base import Task
from fact_jax.training import compilation, loop, run_record, scoring, writers
from fact_jax.training import devices as device_layout
from fact_jax.training.checkpoints import CheckpointError
from fact_jax.training.signals import StopRequest
from fact_jax.training.steps import EvalStep
from fact_jax.types import UserError, check_choice

TASKS = {"fact": segmentation.build}
MODES = ("train", "eval")


@dataclasses.dataclass(frozen=True)
class Setup:
    """A run with its data opened.

    Attributes:
      config: as given.
      workdir: folder of the run.
      task: built for the data.
      train_batches: of the training videos.
      eval_batches: of the evaluated videos by name: "test", and "validation" if there is one.
      selection: the one that evaluation during training and the choice of the best step use.
      eval_step: compiled prediction.
      devices: where to run.
      derived: what follows from data and config, for config.json.
      console: where lines go.
      stop: set by signals.
    """

    config: Any
    workdir: Path
    task: Task
    train_batches: TrainBatches
    eval_batches: Mapping[str, EvalBatches]
    selection: str
    eval_step: EvalStep
    devices: list[jax.Device]
    derived: dict[str, Any]
    console: writers.Console
    stop: StopRequest


def run(config, workdir, mode: str = "train", *, step: int | None = None, console=None) -> int:
    """Does what the command line asks for.

    Args:
      config: locked ConfigDict of a file in configs/.
      workdir: folder of the run; created by "train".
      mode: "train" starts or resumes, and reports a finished run; "eval" evaluates a checkpoint of the workdir.
      step: for "eval": which checkpoint; None = the best.
      console: where lines go; standard output by default.

    Returns:
      The exit code: 0, or 130 after Ctrl-C.

    Raises:
      UserError: something the user can put right.
    """
    check_choice("--mode", mode, MODES)
    console = console or writers.Console()
    workdir = Path(workdir)
    if workdir.exists() and not workdir.is_dir():
        raise UserError(f"--workdir {workdir} is a file, expected a folder.")
    exists = run_record.check(workdir, config=config.to_dict())
    if mode == "eval" and not exists:
        raise UserError(f"{workdir} holds no run to evaluate. Train first: the same command with --mode train.")
    if mode == "train" and step is not None:
        raise UserError("--step chooses the checkpoint of --mode eval; training goes on from the latest by itself.")
    if mode == "train" and exists and (finished := results.read_results(workdir)):
        console.say(results.summary(workdir, finished))
        return 0
    if config.compilation_cache:
        compilation.use_cache(console.say)
    if config.matmul_precision:
        jax.config.update("jax_default_matmul_precision", config.matmul_precision)
    with StopRequest() as stop:
        setup = prepare(config, workdir, console, stop)
        finished = _train(setup) if mode == "train" else _evaluate(setup, step)
        return 0 if finished else stop.exit_code


def prepare(config, workdir: Path, console: writers.Console, stop: StopRequest) -> Setup:
    """Opens and checks the data, builds the task and writes config.json.

    Raises:
      UserError: a problem of the data or the settings, or a workdir of another run.
    """
    check_choice("config.model.name", config.model.name, tuple(TASKS))
    sources = open_sources(config.data, workdir)
    evaluations = {"test": sources.test}
    if sources.validation is not None:
        evaluations["validation"] = sources.validation
    everything = {"train": sources.train, **evaluations}
    statistics = compute_statistics(sources.train)
    labels = _label_reader(evaluations.values())
    build = TASKS[config.model.name]
    task = build(config, class_names=sources.class_names, statistics=statistics, full_labels=labels)
    buckets = _buckets(config.data, everything)
    devices = device_layout.choose(config.train.batch_size)
    train_batches = TrainBatches(
        sources.train,
        batch_size=config.train.batch_size,
        buckets=buckets,
        max_segments=statistics.max_segments[0],
        seed=config.seed,
        num_rows=device_layout.num_rows(config.train.batch_size, len(devices)),
    )
    derived = _derive(config, sources, everything, statistics, train_batches, task)
    run_record.check(workdir, derived=derived)
    run_record.write(workdir, config=config.to_dict(), derived=derived)
    _describe(config, derived, console)
    return Setup(
        config=config,
        workdir=workdir,
        task=task,
        train_batches=train_batches,
        eval_batches={name: _eval_batches(config, source, buckets, devices) for name, source in evaluations.items()},
        selection="validation" if "validation" in evaluations else "test",
        eval_step=EvalStep(task, devices, num_buckets=len(buckets), say=console.say),
        devices=devices,
        derived=derived,
        console=console,
        stop=stop,
    )


def _derive(config, sources, everything, statistics, train_batches, task):
    """What follows from data and settings, for config.json; a run with other values is another run."""
    return {
        "class_names": list(sources.class_names),
        "feature_dim": sources.feature_dim,
        "num_videos": {name: len(source) for name, source in everything.items()},
        "average_transcript_length": statistics.average_transcript_length(config.loss.match),
        "buckets": list(train_batches.buckets),
        "steps_per_epoch": train_batches.steps_per_epoch,
        "total_steps": loop.total_steps(config, train_batches.steps_per_epoch),
        "labels_sha256": _fingerprint(everything.values()),
        "model": dataclasses.asdict(task.model),
        "loss": dataclasses.asdict(task.loss_config),
    }


def _eval_batches(config, source, buckets, devices):
    return EvalBatches(
        source,
        batch_size=config.eval.batch_size,
        buckets=buckets,
        max_segments=compute_statistics(source).max_segments[0],
        num_rows=device_layout.num_rows(config.eval.batch_size, len(devices)),
    )


def _buckets(data, sources):
    """The padded lengths that training and evaluation share."""
    lengths = np.concatenate([source.lengths for source in sources.values()])
    video_ids = [video_id for source in sources.values() for video_id in source.video_ids]
    return check_buckets(data.buckets or choose_buckets(lengths, data.max_buckets), lengths, video_ids)


def _label_reader(sources):
    """Returns a function from video id to int32 [N], its labels at the full rate."""
    places = {video_id: (source, index) for source in sources for index, video_id in enumerate(source.video_ids)}

    def full_labels(video_id):
        source, index = places[video_id]
        return source.full_labels(index)

    return full_labels


def _fingerprint(sources):
    """SHA-256 over ids and labels of all videos: tells one dataset from another without reading the features."""
    digest = hashlib.sha256()
    for source in sources:
        for index, video_id in enumerate(source.video_ids):
            digest.update(f"{video_id}\n".encode())
            digest.update(np.ascontiguousarray(source.full_labels(index), np.int32).tobytes())
    return digest.hexdigest()


def _describe(config, derived, console):
    videos = ", ".join(f"{count} {name} videos" for name, count in derived["num_videos"].items())
    console.say(
        f"{config.data.dataset}, {config.data.split}: {videos}, {len(derived['class_names'])} classes, "
        f"{derived['feature_dim']} channels; padded lengths {', '.join(map(str, derived['buckets']))}"
    )


def _train(setup: Setup) -> bool:
    """Trains, then reports the best and the final step; False if it was asked to stop."""
    settings = loop.Settings(
        workdir=setup.workdir,
        split=setup.selection,
        num_buckets=len(setup.train_batches.buckets),
        devices=setup.devices,
        eval_step=setup.eval_step,
        console=setup.console,
        stop=setup.stop,
    )
    batches = setup.eval_batches[setup.selection]
    if not loop.train(setup.task, setup.config, setup.train_batches, batches, settings).finished:
        return False
    with loop.open_checkpoints(setup.config, setup.workdir, read_only=True) as checkpoints:
        steps = {"best": checkpoints.best_step(), "final": checkpoints.steps()[-1]}
        evaluated = {step: _evaluate_step(setup, checkpoints, step) for step in sorted(set(steps.values()))}
        if None in evaluated.values():
            return False
        _, verdict = scoring.compare_with_stored(evaluated[steps["best"]], checkpoints.meta(steps["best"]))
        setup.console.say(f"evaluated step {steps['best']} again: {verdict}")
    evaluated[steps["best"]]["test"].write(setup.workdir, figures=setup.config.eval.figures)
    metrics = {
        subset: {which: evaluated[step][subset].metrics() for which, step in steps.items()}
        for subset in setup.eval_batches
    }
    _write_results(setup, steps, metrics)
    return True


def _write_results(setup, steps, metrics):
    """Writes the result of a finished run and prints it."""
    data = setup.config.data
    result = {
        "name": setup.config.name,
        "dataset": data.dataset,
        "split": data.split,
        "seed": setup.config.seed,
        "select_metric": setup.config.eval.select_metric,
        "selected_on": setup.selection,
        "best_step": steps["best"],
        "final_step": steps["final"],
        "num_videos": setup.derived["num_videos"],
        "metrics": metrics,
    }
    background = () if data.evaluate_background else data.background_ids
    results.write_results(
        setup.workdir,
        result,
        background_names=[setup.derived["class_names"][label] for label in background],
        rows=writers.read_rows(setup.workdir / "metrics.jsonl"),
        figures=setup.config.eval.figures,
    )
    setup.console.say(results.summary(setup.workdir, result))


def _evaluate(setup: Setup, step: int | None) -> bool:
    """Evaluates one checkpoint and writes its predictions, tables and figures; False if it was asked to stop."""
    if not (setup.workdir / "checkpoints").is_dir():
        raise UserError(f"{setup.workdir} has no checkpoint yet.")
    with loop.open_checkpoints(setup.config, setup.workdir, read_only=True) as checkpoints:
        if step is not None and step not in checkpoints.steps():
            steps = ", ".join(map(str, checkpoints.steps())) or "none"
            raise UserError(f"--step {step}: there is no such checkpoint in {setup.workdir}. Steps: {steps}.")
        try:
            chosen = checkpoints.best_step() if step is None else step
            evaluated = _evaluate_step(setup, checkpoints, chosen)
            meta = checkpoints.meta(chosen)
        except CheckpointError as error:
            raise UserError(f"{error}. Another one can be chosen with --step.") from error
    if evaluated is None:
        return False
    for name, evaluation in evaluated.items():
        setup.console.say(f"step {chosen}  {name}:  {results.one_line(evaluation.metrics())}")
    _, verdict = scoring.compare_with_stored(evaluated, meta)
    setup.console.say(verdict or f"training did not evaluate step {chosen}")
    evaluated["test"].write(setup.workdir, figures=setup.config.eval.figures)
    setup.console.say(f"wrote predictions and tables of step {chosen} to {setup.workdir}")
    return True


def _evaluate_step(setup, checkpoints, step):
    """Returns the filled evaluation of every evaluated source at one checkpoint, or None if asked to stop."""
    return scoring.evaluate_checkpoint(
        setup.task,
        setup.config,
        checkpoints,
        step,
        setup.eval_batches,
        eval_step=setup.eval_step,
        devices=setup.devices,
        console=setup.console,
        stop=setup.stop,
    )
