"""What the modes of the command line do with a run whose data is open: train it, or evaluate one of its checkpoints."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import jax

from fact_jax import files
from fact_jax.reporting import results
from fact_jax.runtime.processes.group import Processes
from fact_jax.runtime.signals import StopRequest
from fact_jax.tasks.base import Task
from fact_jax.training import loop, scoring
from fact_jax.training.checkpoints.manager import CheckpointError
from fact_jax.training.checkpoints.weights import choose_step, others
from fact_jax.training.logging import writers
from fact_jax.training.steps import EvalStep
from fact_jax.types import UserError


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
      devices: where to run, of all processes.
      derived: what follows from data and config, for config.json.
      console: where lines go.
      stop: set by signals.
      write_evaluation: of the kind, see `reporting.segmentation.writer`.
      how_scored: sentences about the metrics, for results.md.
      processes: of the run.
    """

    config: Any
    workdir: Path
    task: Task
    train_batches: Any
    eval_batches: Mapping[str, Sequence]
    selection: str
    eval_step: EvalStep
    devices: list[jax.Device]
    derived: dict[str, Any]
    console: writers.Console
    stop: StopRequest
    write_evaluation: Callable[..., Sequence[str]]
    how_scored: Sequence[str] = ()
    processes: Processes = Processes()


def train(setup: Setup) -> bool:
    """Trains, then reports the best and the final step; False if it was asked to stop."""
    settings = loop.Settings(
        workdir=setup.workdir,
        split=setup.selection,
        num_buckets=len(setup.train_batches.buckets),
        devices=setup.devices,
        eval_step=setup.eval_step,
        console=setup.console,
        stop=setup.stop,
        processes=setup.processes,
    )
    batches = setup.eval_batches[setup.selection]
    if not loop.train(setup.task, setup.config, setup.train_batches, batches, settings).finished:
        return False
    with _checkpoints(setup) as checkpoints:
        try:
            steps = {"best": checkpoints.best_step(setup.console.say), "final": checkpoints.steps()[-1]}
            evaluated = {step: _evaluate_step(setup, checkpoints, step) for step in sorted(set(steps.values()))}
            meta = checkpoints.meta(steps["best"])
        except CheckpointError as error:
            way_out = f"--mode eval scores another one: {others(checkpoints)}"
            raise UserError(f"the run is complete, but {error}. {way_out}") from error
    if None in evaluated.values():
        return False
    _, verdict = scoring.compare_with_stored(evaluated[steps["best"]], meta)
    setup.console.say(f"evaluated step {steps['best']} again: {verdict}")
    if setup.processes.is_main:
        _write_results(setup, steps, evaluated)
    return True


def _checkpoints(setup):
    return loop.open_checkpoints(setup.config, setup.workdir, read_only=True, processes=setup.processes)


def _write_evaluation(setup, evaluation, folder):
    """Writes predictions, tables and figures, while no --mode predict writes to the same folder."""
    predictions = folder / "predictions"
    with files.lock_folder(predictions, wait=True):
        for place in (folder, predictions, folder / "tables", folder / "figures"):
            files.remove_leftovers(place)
        for line in setup.write_evaluation(evaluation, folder, figures=setup.config.eval.figures):
            setup.console.say(line)


def _write_results(setup, steps, evaluated):
    """Writes the result of a finished run and prints it."""
    _write_evaluation(setup, evaluated[steps["best"]]["test"], setup.workdir)
    metrics = {
        subset: {which: evaluated[step][subset].metrics() for which, step in steps.items()}
        for subset in setup.eval_batches
    }
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
    results.write_results(
        setup.workdir,
        result,
        how_scored=setup.how_scored,
        rows=writers.read_rows(setup.workdir / "metrics.jsonl"),
        figures=setup.config.eval.figures,
    )
    setup.console.say(results.summary(setup.workdir, result))


def evaluate(setup: Setup, step: int | None) -> bool:
    """Evaluates one checkpoint and writes its predictions, tables and figures; False if it was asked to stop."""
    if setup.processes.is_main and not (setup.workdir / "checkpoints").is_dir():
        raise UserError(f"{setup.workdir} has no checkpoint yet.")
    with _checkpoints(setup) as checkpoints:
        chosen = choose_step(checkpoints, step, setup.console.say)
        try:
            evaluated = _evaluate_step(setup, checkpoints, chosen)
            meta = checkpoints.meta(chosen)
        except CheckpointError as error:
            raise UserError(f"{error}. {others(checkpoints, chosen)}") from error
    if evaluated is None:
        return False
    for name, evaluation in evaluated.items():
        setup.console.say(f"step {chosen}  {name}:  {results.one_line(evaluation.metrics())}")
    _, verdict = scoring.compare_with_stored(evaluated, meta)
    if meta.get("converted"):
        verdict = "converted weights: no stored metrics to compare with"
    setup.console.say(verdict or f"training did not evaluate step {chosen}")
    if not setup.processes.is_main:
        return True
    # Files directly in the workdir are those of the best checkpoint, which results.md describes.
    folder = setup.workdir if step is None else setup.workdir / f"eval_step_{step}"
    _write_evaluation(setup, evaluated["test"], folder)
    setup.console.say(f"wrote predictions and tables of step {chosen} to {folder}")
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
