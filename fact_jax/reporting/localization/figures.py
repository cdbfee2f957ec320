"""Pictures of localization: precision against recall, mAP against tIoU, detections of a video over its truth."""

import numpy as np

from fact_jax.metrics.localization import precision_recall
from fact_jax.reporting import colors, pictures
from fact_jax.reporting.curves import CURVE_COLORS
from fact_jax.reporting.localization import detection_layout
from fact_jax.reporting.segmentation.timelines import format_time_axis

WIDTH = 12.0  # inches
ROW_HEIGHT = 0.32  # of the truth, and of every lane of detections
# Levels of recall at which the curves of the classes are averaged.
_RECALLS = np.linspace(0.0, 1.0, 101)
MAX_CLASS_NAME = 28
# Detections of a video that are drawn, the best ones, as far as they fit into the lanes of their class side by side.
MAX_DRAWN = 40
MAX_LANES = 3
# Classes of which rows are drawn, those with the best detections or true segments.
MAX_ROWS = 14


@pictures.fallback_fonts()
def plot_precision_recall(metric, found, *, title=""):
    """A matplotlib Figure of precision against recall, the mean over the classes, a line per tIoU.

    The precision at a recall is the best one at this or a higher recall, as in average precision; a class that never
    gets there counts as 0. Takes a LocalizationMetric and ClassScores.
    """
    figure = pictures.new_figure(7.5, 5.6)
    axes = figure.add_subplot()
    for place, threshold in enumerate(metric.thresholds):
        pairs = zip(found.curves, found.num_true, strict=True)
        curves = [_interpolated(hits[:, place], count) for (_, hits), count in pairs]
        mean = np.mean(curves, axis=0) if curves else np.zeros_like(_RECALLS)
        score = 100 * found.precision[place].mean() if curves else 0.0
        look = pictures.line_look(place, len(metric.thresholds))
        color = CURVE_COLORS[place % len(CURVE_COLORS)]
        axes.plot(_RECALLS, mean, color=color, label=f"tIoU {threshold:.2f}: mAP {score:.1f}", **look)
    axes.set(xlim=(0, 1), ylim=(0, 1.02))
    axes.legend(fontsize=9, loc="lower left", framealpha=0.9)
    _label(figure, axes, "recall", f"precision, mean over {len(found.class_ids)} classes", title)
    return figure


def _label(figure, axes, x_label, y_label, title):
    axes.set_xlabel(x_label, fontsize=11)
    axes.set_ylabel(y_label, fontsize=11)
    axes.grid(alpha=0.3)
    pictures.write_header(axes, pictures.fit_text(figure, title, 6.5, 12, "bold"), "", 12)


def _interpolated(hits, num_true):
    """Precision at `_RECALLS`."""
    if not len(hits):
        return np.zeros_like(_RECALLS)
    recall, precision = (values[:, 0] for values in precision_recall(hits[:, None], num_true))
    best = np.append(np.maximum.accumulate(precision[::-1])[::-1], 0.0)
    return best[np.searchsorted(recall, _RECALLS, side="left")]


@pictures.fallback_fonts()
def plot_map(metric, found, class_names, *, title=""):
    """A matplotlib Figure of mAP against tIoU, with every class as a thin line and the best and worst ones named."""
    figure = pictures.new_figure(7.5, 5.2)
    axes = figure.add_subplot()
    levels = np.array(metric.thresholds)
    precision = 100 * found.precision
    axes.plot(levels, precision, color="#9AA5B1", linewidth=0.8, alpha=0.7)
    if precision.shape[1]:
        axes.plot([], [], color="#9AA5B1", linewidth=0.8, label="single classes")
        mean, order = precision.mean(axis=1), np.argsort(precision.mean(axis=0), kind="stable")
        lines = [(f"mAP, average {mean.mean():.1f}", mean, "o")]
        for word, place in (("lowest", order[0]), ("highest", order[-1])) if len(order) > 1 else ():
            name = pictures.shorten(class_names[int(found.class_ids[place])], MAX_CLASS_NAME)
            lines.append((f"{word}: {name}", precision[:, place], ""))
        for place, (label, values, marker) in enumerate(lines):
            look = pictures.line_look(place, len(lines)) | {"markersize": 6, "marker": marker}
            axes.plot(levels, values, color=CURVE_COLORS[place], label=label, **look)
        for level, value in zip(levels, mean, strict=True):
            place = {"xytext": (0, 7), "textcoords": "offset points", "ha": "center"}
            box = {"facecolor": "white", "edgecolor": "none", "pad": 0.8, "alpha": 0.7}
            axes.annotate(f"{value:.1f}", (level, value), **place, fontsize=9, color="#00486F", bbox=box)
    axes.set_xticks(levels)
    axes.set_ylim(0, 104)
    if precision.shape[1]:
        for text in axes.legend(fontsize=9, loc="best", framealpha=0.9).get_texts():
            text.set_parse_math(False)
    _label(figure, axes, "temporal intersection over union", "average precision (%)", title)
    return figure


@pictures.fallback_fonts()
def plot_detections(found, class_names, duration, *, truth=None, title="", note=""):
    """A matplotlib Figure of the best detections of a video, a row per class, below its true segments where known.

    The stronger the colour of a detection, the higher its score, which is written on it where there is room. Detections
    that overlap better ones of their class lie in further lanes, of which there are few.

    Args:
      found: Detections in seconds, as is `duration`, that of the video.
      class_names: name of every class, by id; a mapping or sequence.
      truth: (segments float [N, 2] in seconds, labels int [N]), or None.
      note: a smaller line below the title.
    """
    drawn, _ = detection_layout.best_detections(found, MAX_DRAWN)
    true_segments, true_labels = (np.zeros((0, 2)), np.zeros(0, np.int64)) if truth is None else map(np.asarray, truth)
    # The classes of the truth before those of the best detections.
    classes = dict.fromkeys([*np.asarray(true_labels).tolist(), *drawn.labels.tolist()])
    rows = sorted(list(classes)[:MAX_ROWS])
    lanes = [detection_layout.lanes(drawn.segments[drawn.labels == class_id], MAX_LANES) for class_id in rows]
    heights = [(truth is not None) + max(1, 1 + int(lane.max(initial=0))) for lane in lanes]
    tops = np.concatenate([[0], np.cumsum(heights)])
    figure = pictures.new_figure(WIDTH, 1.6 + ROW_HEIGHT * max(tops[-1], 1))
    axes = figure.add_subplot()
    for class_id, lane, top in zip(rows, lanes, tops, strict=False):
        color, _ = colors.class_style(class_id)
        for start, end in true_segments[true_labels == class_id]:
            bar = {"facecolors": color, "edgecolor": "black", "linewidth": 1.2}
            axes.broken_barh([(start, max(end - start, 0.002 * duration))], (top + 0.2, 0.7), **bar)
        chosen = drawn.at(drawn.labels == class_id)
        _draw_found(axes, top + (truth is not None) + lane, chosen.at(lane >= 0), lane >= 0, color, duration)
    names = [pictures.shorten(class_names[class_id], MAX_CLASS_NAME) for class_id in rows]
    axes.set_yticks((tops[:-1] + tops[1:]) / 2, names, parse_math=False)
    axes.set_ylim(max(tops[-1], 1) + 0.1, 0)
    axes.tick_params(axis="y", length=0, labelsize=10)
    axes.spines[["top", "right", "left"]].set_visible(False)
    for top in tops[1:-1]:
        axes.axhline(top + 0.05, color="#D0D0D0", linewidth=0.6)
    format_time_axis(axes, duration, 1.0)
    if not rows:
        axes.text(0.5, 0.5, "no detection", transform=axes.transAxes, ha="center", va="center", fontsize=11)
    _legend(figure, truth is not None)
    title = pictures.fit_text(figure, title, WIDTH - 2.5, 12, "bold")
    pictures.write_header(axes, title, note, 12)
    return figure


def _draw_found(axes, tops, found, chosen, color, duration):
    from matplotlib.colors import to_rgb

    for (start, end), score, top in zip(found.segments.tolist(), found.scores.tolist(), tops[chosen], strict=True):
        strength = 0.1 + 0.9 * float(np.clip(score, 0, 1))
        face = tuple(1 - strength * (1 - channel) for channel in to_rgb(color))
        bar = {"facecolors": [face], "edgecolor": "#555555", "linewidth": 0.5}
        axes.broken_barh([(start, max(end - start, 0.002 * duration))], (top + 0.15, 0.75), **bar)
        if (end - start) > 0.035 * duration:
            shade = "#" + "".join(f"{round(255 * channel):02X}" for channel in face)
            place = (start + 0.004 * duration, top + 0.55)
            axes.text(*place, f"{score:.2f}", fontsize=7, va="center", color=colors.text_color(shade))


def _legend(figure, has_truth):
    from matplotlib.patches import Patch

    handles = [Patch(facecolor="#777777", edgecolor="#555555"), Patch(facecolor="#E3E3E3", edgecolor="#555555")]
    labels = ["detection, high score", "detection, low score"]
    if has_truth:
        handles.insert(0, Patch(facecolor="#777777", edgecolor="black", linewidth=1.2))
        labels.insert(0, "truth, above the detections")
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels), fontsize=9, frameon=False)
