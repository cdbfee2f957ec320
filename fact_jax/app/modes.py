"""What the modes of the command line do with a run whose data is open: train it, or evaluate one of its checkpoints."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from fact_jax import files
from fact_jax.app import video_choice
from fact_jax.app.runs.base import OtherVideos
from fact_jax.app.video_choice import ChosenVideos, VideoChoice
from fact_jax.inference.output import remove_replaced
from fact_jax.reporting import evaluation_record, results
from fact_jax.training import loop, scoring
from fact_jax.training.checkpoints.manager import CheckpointError
from fact_jax.training.checkpoints.weights import choose_step, others
from fact_jax.training.evaluator import selecting
from fact_jax.training.logging import writers
from fact_jax.types import UserError

MAX_NAMED = 5


@dataclasses.dataclass(frozen=True, kw_only=True)
class Setup(loop.Setup):
    """A run with its data opened, and what its results say; see `app.runs.base.Parts`."""

    derived: Mapping[str, Any]
    write_evaluation: Callable[..., Sequence[str]]  # of the kind, see `reporting.segmentation.writer`
    how_scored: Sequence[str] = ()
    other_videos: OtherVideos | None = None
    about_features: Sequence[str] = ()  # of `how_scored`, what is to be said of features that changed
    other_features: bool = False  # whether an evaluation has others than those of the training
    other_scoring: str = ""  # part of a folder's name, where an evaluation scores otherwise than the training did


def train(setup: Setup) -> bool:
    """Trains, then reports the best and the final step; False if it was asked to stop."""
    if not loop.train(setup).finished:
        return False
    with _checkpoints(setup) as checkpoints:
        try:
            steps = {"best": checkpoints.best_step(setup.console.say), "final": checkpoints.steps()[-1]}
            evaluated = _evaluate_at_end(setup, checkpoints, steps)
            metas = {step: checkpoints.meta(step) for step in steps.values()}
        except CheckpointError as error:
            way_out = f"--mode eval scores another one: {others(checkpoints)}"
            raise UserError(f"the run is complete, but {error}. {way_out}") from error
    if None in evaluated.values():
        return False
    best = evaluated.get(steps["best"], {})
    _, verdict = scoring.compare_with_stored(best, metas[steps["best"]])
    if verdict:
        setup.console.say(f"evaluated step {steps['best']} again: {verdict}")
    if setup.processes.is_main:
        if (first := setup.evaluators[0].name) in best:
            _write_evaluation(setup, best[first], setup.workdir)
        else:
            setup.console.say("config.eval.again is off: --mode eval writes predictions and tables")
        means = best[first].means() if first in best else []
        _write_results(setup, steps, {step: _scores(metas[step], evaluated.get(step, {})) for step in metas}, means)
    return True


def _evaluate_at_end(setup, checkpoints, steps):
    """{step: {name: Evaluation}, or None if asked to stop} of what is evaluated after the last update.

    All evaluators at the best and the final step; without `config.eval.again`, which older configs lack, those at the
    best one that training left out.
    """
    if setup.config.eval.get("again", True):
        wanted = dict.fromkeys(sorted(set(steps.values())), tuple(setup.evaluators))
    else:
        left_out = tuple(evaluator for evaluator in setup.evaluators if not evaluator.every)
        wanted = {steps["best"]: left_out} if left_out else {}
    return {step: scoring.evaluate_checkpoint(setup, checkpoints, step, chosen) for step, chosen in wanted.items()}


def _scores(meta, evaluated):
    """{name: metrics} of a step: as evaluated now or, where that was not done, as training stored them."""
    return scoring.stored_metrics(meta) | {name: evaluation.metrics() for name, evaluation in evaluated.items()}


def _checkpoints(setup):
    return loop.open_checkpoints(setup.config, setup.workdir, read_only=True, processes=setup.processes)


def _write_evaluation(setup, evaluation, folder):
    told = setup.config, setup.derived.get("class_names") or ()
    write_evaluation(setup.write_evaluation, evaluation, folder, *told, setup.console.say)


def write_evaluation(
    write: Callable[..., Sequence[str]], evaluation, folder: Path, config, class_names: Sequence[str], say
) -> None:
    """Writes predictions, tables, figures and a page to look at, while no --mode predict writes to the same folder.

    `write` is that of the kind, see `reporting.segmentation.writer`; `config` and `class_names` are those of the run.
    """
    from fact_jax.app import review  # here, because it brings FFmpeg

    predictions = folder / "predictions"
    with files.lock_folder(predictions, wait=True):
        for place in (folder, predictions, folder / "tables", folder / "figures"):
            files.remove_leftovers(place)
        for line in write(evaluation, folder, figures=config.eval.figures):
            say(line)
        if replaced := remove_replaced(folder):
            named = ", ".join(replaced[:MAX_NAMED]) + ", ..." * (len(replaced) > MAX_NAMED)
            say(
                f"evaluated videos took the place of {len(replaced)} predictions of the same names in {predictions}, "
                f"whose other files are removed: {named}. --mode predict has --output for another folder"
            )
        features = review.features_of(config.data.to_dict())
        review.write_review(folder, review.ReviewConfig(features=features, class_names=class_names), say)


def _write_results(setup, steps, scores, means):
    """Writes the result of a finished run and prints it.

    `scores`: {step: {name: metrics}}; `means`: rows of the first evaluator at the best step, see `Evaluation.means`.
    """
    metrics = {
        name: {which: scores[step][name] for which, step in steps.items() if name in scores[step]}
        for name in (evaluator.name for evaluator in setup.evaluators)
    }
    config, select_metric = setup.config, setup.config.eval.select_metric
    selected_on = selecting(setup.evaluators, select_metric).name
    result = {"name": config.name, "dataset": config.data.dataset, "split": config.data.split, "seed": config.seed}
    result |= {"select_metric": select_metric, "selected_on": selected_on}
    result |= {"best_step": steps["best"], "final_step": steps["final"]}
    counts = setup.derived["num_videos"] | {evaluator.name: evaluator.num_videos for evaluator in setup.evaluators}
    result |= {"num_videos": counts, "metrics": metrics, "means": means}
    rows = writers.read_rows(setup.workdir / "metrics.jsonl", setup.console.say)
    results.write_results(setup.workdir, result, how_scored=setup.how_scored, rows=rows, figures=config.eval.figures)
    setup.console.say(results.summary(setup.workdir, result))


def check_checkpoint(config, workdir: Path, step: int | None) -> None:
    """Raises UserError if there is no checkpoint to evaluate, or not this one; opens no data."""
    if not (workdir / "checkpoints").is_dir():
        raise UserError(f"{workdir} has no checkpoint yet.")
    with loop.open_checkpoints(config, workdir, read_only=True) as checkpoints:
        choose_step(checkpoints, step, lambda line: None)


def evaluate(setup: Setup, step: int | None, choice: VideoChoice | None = None) -> bool:
    """Evaluates one checkpoint and writes its predictions, tables and figures; False if it was asked to stop.

    Videos that were chosen are scored instead of those of the run's own evaluations, into a folder of their own.
    """
    chosen, own = None, setup.evaluators[0].name
    if choice:
        chosen, setup = _choose(setup, choice)
    evaluators = setup.evaluators
    with _checkpoints(setup) as checkpoints:
        scored = choose_step(checkpoints, step, setup.console.say)
        try:
            evaluated = scoring.evaluate_checkpoint(setup, checkpoints, scored, evaluators)
            meta = checkpoints.meta(scored)
        except CheckpointError as error:
            raise UserError(f"{error}. {others(checkpoints, scored)}") from error
    if evaluated is None:
        return False
    for name, evaluation in evaluated.items():
        setup.console.say(f"step {scored}  {name}:  {results.one_line(evaluation.metrics())}")
    _, verdict = scoring.compare_with_stored(evaluated, meta)
    if meta.get("converted"):
        verdict = "converted weights: no stored metrics to compare with"
    setup.console.say(verdict or f"training stored no scores of these videos with step {scored}")
    if not setup.processes.is_main:
        return True
    # Files directly in the workdir are those of the best checkpoint, which results.md describes.
    first = evaluators[0].name
    parts = [chosen.folder if chosen else "eval"] + ["other_features"] * setup.other_features
    parts += [setup.other_scoring] * bool(setup.other_scoring)
    parts += [] if step is None else [f"step_{step}"]
    folder = setup.workdir if parts == ["eval"] else setup.workdir / "_".join(parts)
    _write_evaluation(setup, evaluated[first], folder)
    if folder != setup.workdir:
        _record_evaluation(setup, scored, evaluated[first], chosen, folder, is_own=first == own)
    setup.console.say(f"wrote predictions and tables of step {scored} to {folder}")
    return True


def _choose(setup, choice) -> tuple[ChosenVideos, Setup]:
    """What was chosen, and the run with an evaluator of that instead of its own ones."""
    if setup.other_videos is None:
        raise UserError("--split and --videos: this kind of run scores the videos of its own evaluations only.")
    chosen = video_choice.choose(choice, setup.other_videos.subsets, setup.other_videos.unlike)
    setup.processes.insist_on_equal("evaluated videos", dict(chosen.by_subset))
    opened = setup.other_videos.open(chosen.name, chosen.by_subset)
    for line in (f"evaluating {chosen.title}", *chosen.notes, *opened.lines):
        setup.console.say(line)
    setup.eval_step.programs.expected = opened.num_programs
    return chosen, dataclasses.replace(
        setup, evaluators=(opened.evaluator,), how_scored=(*opened.how_scored, *setup.about_features)
    )


def _record_evaluation(setup, step, evaluation, chosen, folder, *, is_own):
    """Writes which videos and which step an evaluation in a folder of its own is of; `is_own`: the run's first ones."""
    config, evaluator = setup.config, setup.evaluators[0]
    title = chosen.title if chosen else f"the {evaluator.num_videos} {evaluator.name} videos"
    record = {"name": config.name, "dataset": config.data.dataset, "split": config.data.split, "step": step}
    record |= {"videos": evaluator.name, "own": is_own, "title": title}
    record |= {"video_ids": chosen.video_ids if chosen else None}
    scores, means = evaluation.metrics(), evaluation.means()
    evaluation_record.write(folder, record, scores, how_scored=setup.how_scored, means=means)
