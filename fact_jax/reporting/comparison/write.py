"""The files of a comparison: comparison.md, .html, .csv and .json, and comparison_curves.csv.

Times and memory are no property of the systems alone, and other ones when a comparison is run again: they stand behind
all else in the two pages, and in no other file.
"""

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path

from fact_jax import files
from fact_jax.reporting import tables
from fact_jax.reporting.comparison.line_chart import line_chart
from fact_jax.reporting.comparison.scores import LEVEL, Comparison, Interval
from fact_jax.reporting.report.markdown import signed, table
from fact_jax.reporting.report.templates import ASSETS, render
from fact_jax.reporting.results import without_nan

NAME = "comparison"
TIMES = "Time and memory"


def write_comparison(comparison: Comparison, folder: Path, costs: Sequence[Mapping], details: str = "") -> list[str]:
    """Writes the report into a folder; returns its tables as lines for the console.

    Args:
      comparison: what was found.
      folder: of the comparison.
      costs: a row of times and memory per system, for the pages.
      details: a page with the timelines of all videos, relative to the folder; "" = none.
    """
    found = {
        "verdict": verdict(comparison),
        "scores": score_rows(comparison),
        "differences": difference_rows(comparison),
    }
    texts = {
        f"{NAME}.csv": tables.to_csv(csv_rows(comparison)),
        f"{NAME}_curves.csv": tables.to_csv(_curve_rows(comparison)),
        f"{NAME}.json": json.dumps(without_nan(_record(comparison)), indent=2, allow_nan=False) + "\n",
        f"{NAME}.md": _markdown(comparison, found, costs, details),
        f"{NAME}.html": _page(comparison, found, costs, details),
    }
    for name, text in texts.items():
        files.atomic_write_text(Path(folder) / name, text)
    return [*tables.markdown_table(found["scores"]), *found["verdict"]]


def how(comparison: Comparison) -> str:
    """How means and intervals are made, in words."""
    folds = f"{len(comparison.folds)} folds" + f" and {len(comparison.seeds)} seeds" * (len(comparison.seeds) > 1)
    return (
        f"Means over {folds} ({comparison.scored}). Brackets: {LEVEL:.0%} t intervals over the folds, their variance "
        "corrected for training videos that folds share (Nadeau and Bengio, 2003). Differences are taken fold by fold."
    )


def verdict(comparison: Comparison) -> list[str]:
    """Sentences that name the best system, and those that are not told apart from it."""
    best, metric = comparison.best, comparison.metric
    lines = [f"Best: {best.name}, {metric} {interval_text(comparison.interval(best, metric))}."]
    others = [system for system in comparison.systems if system is not best]
    close = [system.name for system in others if not comparison.difference(system, metric).is_clear]
    if close and len(comparison.folds) > 1:
        lines.append(f"Within noise of it, their interval of the difference holds 0: {', '.join(close)}.")
    elif close:
        lines.append("One fold has no interval: whether the others are worse is not known.")
    elif others:
        lines.append("All others are clearly worse: their interval of the difference lies below 0.")
    return lines


def interval_text(found: Interval, number="{:.2f}".format) -> str:
    """An Interval as "80.12 [78.00, 82.24]"."""
    if math.isnan(found.mean):
        return "–"
    return number(found.mean) + ("" if math.isnan(found.low) else f" [{number(found.low)}, {number(found.high)}]")


def score_rows(comparison: Comparison) -> list[dict]:
    """A row per system: its mean scores with their intervals, and how long it was trained."""
    return [
        {"system": system.name}
        | {name: interval_text(comparison.interval(system, name)) for name in comparison.metrics}
        | {"epochs": f"{system.epochs:.1f}", "steps": system.steps}
        for system in comparison.systems
    ]


def difference_rows(comparison: Comparison) -> list[dict]:
    """A row per system but the best: how much it differs."""
    best, rows = comparison.best, []
    for system in comparison.systems:
        if system is not best:
            found = {name: comparison.difference(system, name) for name in comparison.metrics}
            rows.append(
                {"system": system.name, "minus": best.name}
                | {name: interval_text(one, signed) for name, one in found.items()}
                | {comparison.metric + " is": "clear" if found[comparison.metric].is_clear else "within noise"}
            )
    return rows


def csv_rows(comparison: Comparison) -> list[dict]:
    """A row per system and score, as numbers."""
    rows = []
    for system in comparison.systems:
        for name in comparison.metrics:
            own, difference = comparison.interval(system, name), comparison.difference(system, name)
            row = {"system": system.name, "metric": name, "mean": own.mean, "low": own.low, "high": own.high}
            row |= {"difference_to": comparison.best.name, "difference": difference.mean}
            rows.append(row | {"difference_low": difference.low, "difference_high": difference.high})
    return rows


def _fold_rows(comparison):
    return [
        {"system": system.name, "fold": fold, "seed": seed}
        | {name: float(system.scores[name][place, number]) for name in comparison.metrics}
        for system in comparison.systems
        for place, fold in enumerate(comparison.folds)
        for number, seed in enumerate(comparison.seeds)
    ]


def _video_rows(comparison):
    pairs = zip(comparison.folds, comparison.videos, strict=True)
    return [{"fold": fold, "training videos": trained, "test videos": tested} for fold, (trained, tested) in pairs]


def _curve_rows(comparison):
    return [
        {"system": system.name, "curve": name, "step": int(step), "value": float(value)}
        for system in comparison.systems
        for name, curve in system.curves.items()
        for step, value in zip(curve.steps, curve.values, strict=True)
    ]


def _record(comparison):
    return {
        "dataset": comparison.dataset,
        "metric": comparison.metric,
        "best": comparison.best.name,
        "scored": comparison.scored,
        "protocol": list(comparison.protocol),
        "notes": list(comparison.notes),
        "folds": _video_rows(comparison),
        "seeds": list(comparison.seeds),
        "systems": [
            {"name": system.name, "steps": system.steps, "epochs": system.epochs}
            | {"scores": {name: comparison.interval(system, name)._asdict() for name in comparison.metrics}}
            | {"differences": {name: comparison.difference(system, name)._asdict() for name in comparison.metrics}}
            for system in comparison.systems
        ],
        "runs": _fold_rows(comparison),
    }


def _markdown(comparison, found, costs, details):
    lines = [f"# Comparison: {comparison.dataset}", "", *found["verdict"], ""]
    lines += ["## Scores", "", *table(found["scores"]), "", how(comparison), *comparison.protocol, ""]
    lines += [f"- Note: {note}" for note in comparison.notes] + [""] * bool(comparison.notes)
    if found["differences"]:
        lines += [f"## Differences to {comparison.best.name}", "", *table(found["differences"]), ""]
    lines += ["## Folds", "", *table(_video_rows(comparison)), "", *table(_fold_rows(comparison)), ""]
    lines += [f"[Timelines of all videos]({details})", ""] if details else []
    lines += [f"## {TIMES}", "", *table(list(costs))] if costs else []
    return "\n".join(lines) + "\n"


def _page(comparison, found, costs, details):
    names = {"loss": "loss of training, mean over runs"}
    charts = [
        line_chart(names.get(curve, f"{curve} of the test videos, mean over runs"), [
            (system.name, system.curves[curve].steps, system.curves[curve].values)
            for system in comparison.systems
            if curve in system.curves and len(system.curves[curve].steps)
        ])
        for curve in ("loss", comparison.metric)
    ]  # fmt: skip
    differences = [
        (system.name, comparison.difference(system, comparison.metric))
        for system in comparison.systems
        if system is not comparison.best
    ]
    ends = [abs(end) for _, one in differences for end in one if not math.isnan(end)]
    text = render(
        "comparison.html",
        title=f"Comparison: {comparison.dataset}",
        verdict=found["verdict"],
        notes=comparison.notes,
        best=comparison.best.name,
        metric=comparison.metric,
        scores=found["scores"],
        how=how(comparison),
        protocol=comparison.protocol,
        differences=[(*pair, interval_text(pair[1], signed)) for pair in differences],
        difference_table=found["differences"],
        reach=1.08 * max(ends, default=1.0) or 1.0,
        charts=[chart for chart in charts if chart["lines"]],
        videos=_video_rows(comparison),
        runs=[
            {name: f"{value:.2f}" if isinstance(value, float) else value for name, value in row.items()}
            for row in _fold_rows(comparison)
        ],
        costs=costs,
        times=TIMES,
        details=details,
        style=ASSETS.joined(("page.css", "comparison.css")),
    )
    return str(text)
