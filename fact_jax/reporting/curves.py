"""The picture of a training run."""

import math
import numbers

import numpy as np

from fact_jax.reporting import colors, pictures, shares

# The rows of training itself in metrics.jsonl; those of every other group are of an evaluator.
TRAINING = "train"
# A group of curves with more terms than this would hide the ones that matter.
MAX_CURVES = 10
# Those of the classes that are not too pale for a line on white.
CURVE_COLORS = tuple(color for color in colors.CLASS_COLORS if color not in ("#FFF000", "#3CE1FF", "#96F096"))[
    :MAX_CURVES
]


def collect_series(rows):
    """(losses, scores) of a run: dicts from the name of a curve to (steps int64 [K], values float64 [K]), by step.

    Rows are dicts with an int "step" and numbers by name. Values that are no number or not finite are left out. A step
    logged twice (a resumed run) keeps its last value. Losses are the names with "loss" in them, scores all others of an
    evaluator, such as "test/Edit", in percent.
    """
    points = {}
    for row in rows:
        for name, value in row.items():
            if name != "step" and isinstance(value, numbers.Real) and not isinstance(value, bool):
                if math.isfinite(value):
                    points.setdefault(name, {})[int(row["step"])] = float(value)
    losses, scores = {}, {}
    for name, values in points.items():
        steps = sorted(values)
        series = np.array(steps, np.int64), np.array([values[step] for step in steps], np.float64)
        group, slash, _ = name.partition("/")
        if "loss" in name.lower():
            losses[name] = series
        elif slash and group != TRAINING:
            title, values = shares.in_percent(name, series[1])
            scores[title] = series[0], values
    return losses, scores


@pictures.fallback_fonts()
def plot_training_curves(rows, *, best_metric="F1@0.50", title=""):
    """A matplotlib Figure of loss terms and scores over training steps, two Axes; one without curves says so.

    Rows are as in `collect_series`. The largest value of `best_metric`, a score without prefix, is marked.
    """
    losses, scores = collect_series(rows)
    figure = pictures.new_figure(13, 5)
    loss_axes, score_axes = figure.subplots(1, 2)
    _draw_curves(loss_axes, losses, "loss", "no loss was logged")
    present = [values for _, values in losses.values() if len(values)]
    if present and _spans_a_decade(min(map(np.min, present)), max(map(np.max, present))):
        _set_log_scale(loss_axes)
    _draw_curves(score_axes, scores, "score (%)", "no evaluation was logged", marker="o")
    if scores and all(values.max() <= 100 for _, values in scores.values()):
        # Room for the markers of the best and worst scores. R^2 may be far below 0, tau down to -100.
        lowest = min(values.min() for _, values in scores.values())
        score_axes.set_ylim(max(lowest - 4, -104) if lowest < 0 else -2, 104)
    _mark_best(score_axes, scores, best_metric)
    for axes in (loss_axes, score_axes):
        if axes.lines:
            axes.legend(fontsize=9, loc="upper center", bbox_to_anchor=(0.5, -0.13), ncols=3, frameon=False)
    if title:
        pictures.write_title(figure, title, 13)
    return figure


def _spans_a_decade(lowest, highest):
    """Whether a logarithmic axis is of use: within a decade it would have next to no ticks."""
    return 0 < lowest <= highest / 10


def _set_log_scale(axes):
    from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

    axes.set_yscale("log")
    axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0), numticks=20))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))


def _draw_curves(axes, series, label, empty_text, marker=""):
    axes.set_xlabel("step", fontsize=11)
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.set_ylabel(label, fontsize=11)
    axes.grid(alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
    for index, (name, (steps, values)) in enumerate(list(series.items())[:MAX_CURVES]):
        # A single point draws no line.
        points = {"marker": marker or ("o" if len(steps) == 1 else "")}
        look = pictures.line_look(index, min(len(series), MAX_CURVES))
        axes.plot(steps, values, color=CURVE_COLORS[index], label=name, **points, **look)
    if not series:
        axes.text(0.5, 0.5, empty_text, transform=axes.transAxes, ha="center", va="center", fontsize=12, color="gray")


def _mark_best(axes, scores, best_metric):
    best_metric, _ = shares.in_percent(best_metric, 0.0)
    name = next((name for name in scores if name.rsplit("/", 1)[-1] == best_metric), None)
    if name is None:
        return
    steps, values = scores[name]
    steps, values = steps[steps > 0], values[steps > 0]  # the network before training is never the best
    if not len(steps):
        return
    # The last of equal values, as the training loop keeps it.
    best = len(values) - 1 - int(np.argmax(values[::-1]))
    axes.plot(steps[best], values[best], "*", color="black", markersize=14, zorder=5, linestyle="", clip_on=False)
    axes.lines[-1].set_label(f"best {best_metric} {values[best]:.1f} (step {steps[best]})")
