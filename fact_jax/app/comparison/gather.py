"""From the workdirs of finished runs to a Comparison."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from fact_jax import run_record
from fact_jax.reporting.comparison import Comparison, SystemRuns
from fact_jax.reporting.comparison.scores import Curve
from fact_jax.reporting.results import numbers, read_results
from fact_jax.training.logging import writers
from fact_jax.types import UserError

_TEST = "test"


def gather(runs: Mapping[str, Sequence[Sequence[Path]]], plan: Mapping, notes: Sequence[str]) -> Comparison:
    """The Comparison of workdirs, by system, fold and seed.

    Where the best step was chosen on the test videos themselves, the scores are those of the last step: they would be
    too good otherwise, and the run on all videos has no step to choose either.
    """
    some = next(iter(runs.values()))[0][0]
    first = _results(some)
    which = "best" if first["selected_on"] != _TEST else "final"
    evaluated, metric = next(iter(first["metrics"])), first["select_metric"]
    step = "the best step by validation videos" if which == "best" else "the last step"
    counts = [_results(row[0])["num_videos"] for row in next(iter(runs.values()))]
    return Comparison(
        dataset=first["dataset"],
        metric=metric,
        folds=plan["folds"],
        seeds=plan["seeds"],
        videos=[(count["train"], count[evaluated]) for count in counts],
        scored=f"{evaluated} videos of every fold at {step}",
        protocol=plan["protocol"],
        systems=[_system(name, rows, evaluated, which, metric) for name, rows in runs.items()],
        notes=(*notes, *_shortened(plan)),
    )


def _shortened(plan):
    """A note on systems that train for fewer steps than their configs say."""
    short = [f"{system} {steps}" for system, steps in plan["steps"].items() if steps]
    if short:
        yield (
            f"a budget of {plan['budget_hours']:g} hours; steps of those that train for less than their configs say: "
            f"{', '.join(short)}"
        )


def _system(name, rows, evaluated, which, metric):
    scores = [[numbers(_results(path)["metrics"][evaluated][which]) for path in row] for row in rows]
    record = run_record.read(rows[0][0])
    if record is None:
        raise UserError(f"{rows[0][0]} holds no run any more; run the comparison again in another --workdir.")
    derived = record["derived"]
    logged = [writers.read_rows(path / "metrics.jsonl") for row in rows for path in row]
    return SystemRuns(
        name=name,
        scores={key: np.array([[one[key] for one in row] for row in scores]) for key in scores[0][0]},
        steps=int(derived["total_steps"]),
        epochs=float(derived["total_steps"] / derived["steps_per_epoch"]),
        curves={"loss": _curve(logged, "train/loss"), metric: _curve(logged, f"{evaluated}/{metric}")},
    )


def _curve(logged, key) -> Curve:
    """The mean of a number over runs, at the steps that all of them have logged."""
    found = [{row["step"]: row[key] for row in rows if row.get(key) is not None} for rows in logged]
    steps = sorted(set.intersection(*(set(one) for one in found)))
    values = [float(np.mean([one[step] for one in found])) for step in steps]
    return Curve(np.array(steps, np.int64), np.array(values, np.float64))


def _results(workdir):
    results = read_results(workdir)
    if results is None:
        raise UserError(f"{workdir} holds an unfinished run, and the comparison took it for finished; run it again.")
    return results
