"""--mode predict and --mode eval of several workdirs, whose runs predict together."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fact_jax import run_record
from fact_jax.app import experiment, kinds, modes, video_choice
from fact_jax.app.kinds.base import PredictConfig
from fact_jax.app.video_choice import VideoChoice
from fact_jax.inference.ensemble import load_ensemble
from fact_jax.inference.predictor import Predictor
from fact_jax.reporting import evaluation_record, results
from fact_jax.runtime import devices as device_layout
from fact_jax.runtime.signals import StopRequest
from fact_jax.tasks.base import Evaluation
from fact_jax.training.logging import writers
from fact_jax.types import UserError


def predict(config, workdirs: Sequence[str], told: PredictConfig, console: writers.Console) -> int:
    """As `experiment.predict`, by several runs together; `config` is that of the first one."""
    if told.step is not None:
        raise UserError("--step goes with one workdir; of several ones the best checkpoints predict together.")
    if told.output is None:
        raise UserError("--output is missing: predictions of several runs belong into the workdir of none of them.")
    config, predictor, devices = _open(config, workdirs, console)
    return experiment.predict_with(predictor, config, Path(workdirs[0]), told, devices, console)


def evaluate(config, workdirs: Sequence[str], output: str, choice: VideoChoice, console: writers.Console) -> int:
    """Scores several runs together, on the videos of the first one's evaluations or on chosen ones; see `predict`.

    Predictions, tables and figures go to the folder `output`; returns the exit code.
    """
    config, predictor, devices = _open(config, workdirs, console)
    kind, folder = kinds.of_system(config.model.name), Path(output)
    if folder.exists() and not folder.is_dir() or run_record.read(folder) is not None:
        raise UserError(f"--output {folder} is a file or a run, expected a folder of its own.")
    runs = kind.runs()
    parts = runs.prepare(config, runs.open_sources(config, None), devices)
    if tuple(parts.derived["class_names"]) != predictor.class_names:
        raise UserError(f"The dataset of {workdirs[0]} has other classes now than the runs were trained with.")
    for line in parts.lines:
        console.say(line)
    evaluators, title, how_scored, videos = list(parts.evaluators), "", parts.how_scored, None
    if choice:
        if parts.other_videos is None:
            raise UserError("--split and --videos: this kind of run scores the videos of its own evaluations only.")
        chosen = video_choice.choose(choice, parts.other_videos.subsets, parts.other_videos.unlike)
        opened = parts.other_videos.open(chosen.name, chosen.by_subset)
        evaluators, title, how_scored, videos = [opened.evaluator], chosen.title, opened.how_scored, chosen.video_ids
        for line in (*chosen.notes, *opened.lines):
            console.say(line)
    with StopRequest(console.say) as stop:
        evaluated: dict[str, Evaluation] = {}
        for evaluator in evaluators:
            console.begin(f"evaluate {evaluator.name}", sum(map(len, evaluator.sets.values())))
            evaluation = predictor.evaluate(evaluator, console.progress, stop.poll)
            console.end()
            if evaluation is None:
                return stop.exit_code
            evaluated[evaluator.name] = evaluation
    for name, evaluation in evaluated.items():
        console.say(f"{len(workdirs)} runs together  {name}:  {results.one_line(evaluation.metrics())}")
    first = evaluators[0]
    evaluation = evaluated[first.name]
    write = kind.write_evaluation()
    modes.write_evaluation(write, evaluation, folder, config, predictor.class_names, console.say)
    record = {"name": config.name, "dataset": config.data.dataset, "split": config.data.split, "step": predictor.step}
    record |= {"videos": first.name, "own": not choice, "title": title or f"the {first.num_videos} {first.name} videos"}
    record |= {"video_ids": videos, "members": list(predictor.members)}
    evaluation_record.write(
        folder, record, evaluation.metrics(), how_scored=(*how_scored, _sentence(predictor)), means=evaluation.means()
    )
    console.say(f"wrote predictions and tables to {folder}")
    return 0


def _sentence(predictor):
    told = ", ".join(
        f"{one['workdir']} ({one['system']}, step {one['checkpoint']['step']})" for one in predictor.members
    )
    return f"The predictions of {len(predictor.members)} runs are averaged: {told}."


def _open(config, workdirs: Sequence[str], console) -> tuple[Any, Predictor, list]:
    """(the config of the ensemble, its predictor, the devices)."""
    first = Path(workdirs[0])
    if not run_record.check(first, config=config.to_dict(), neutral=experiment.PREDICTION_NEUTRAL):
        raise UserError(f"{first} holds no run to predict with. Train first, or convert published weights.")
    experiment.set_up_jax(config, console)
    devices = device_layout.choose(config.eval.batch_size)
    predictor = load_ensemble(workdirs, devices=devices, say=console.say)
    config = config.copy_and_resolve_references()
    with config.unlocked():
        config.name = predictor.config.name
        for name in ("sample_rate", "buckets"):
            if name in config.data:
                config.data[name] = predictor.config.data[name]
    for one in predictor.members:
        console.say(f"{one['workdir']}: {one['system']}, step {one['checkpoint']['step']}")
    return config.lock(), predictor, devices
