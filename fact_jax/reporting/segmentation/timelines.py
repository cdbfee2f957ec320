"""Pictures of segmentations: one strip of coloured segments per labelling of a video, over a common time axis."""

import functools
import itertools
import math
import re

import numpy as np

from fact_jax.ops import segments
from fact_jax.reporting import colors, pictures

# What a system labels frames with -> the name of its strip, from top to bottom; a system has some of them.
STRIPS = {
    "frame_labels": "frame branch",
    "action_labels": "action branch",
    "first_stage_labels": "first stage",
    "labels": "prediction",
}
WIDTH = 12.0  # inches
STRIP_HEIGHT = 0.52
LEGEND_ROW_HEIGHT = 0.21
TITLE_LINE_HEIGHT = 0.3
# Characters of the name of a class in the legend, and of a strip.
MAX_CLASS_NAME = 40
MAX_STRIP_NAME = 24
# What is written into a segment: the name on one line, on several, or else the class id, by points and most lines.
NAME_SIZES = ((8, 1), (8, 2), (7, 3))
ID_SIZE = 8
# Inches that stay free beside the writing in a segment.
NAME_MARGIN = 0.06
# Segments above this share of the video are set apart by a line.
SEPARATED_SHARE = 0.01
# Videos longer than this get an axis in minutes and seconds.
LONG_VIDEO_SEC = 120.0
TICK_STEPS_SEC = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200)


def strips(labellings):
    """{name of a strip: labels} of those of the keys of `STRIPS` that are there and not None."""
    return {strip: labellings[key] for key, strip in STRIPS.items() if labellings.get(key) is not None}


@pictures.fallback_fonts()
def plot_timeline(rows, class_names, *, fps=0.0, title="", metrics_text="", background_ids=()):
    """A matplotlib Figure of labellings of one video as strips, with a legend of the classes that occur.

    Segments wide enough carry their class, by name or, where that does not fit, by the id that stands in the legend, so
    that no class rests on its colour alone.

    Args:
      rows: dict from the name of a strip to its int labels [N], drawn from top to bottom. All of equal length.
      class_names: name of every class, by class id.
      fps: frames per second of the labels; 0 = unknown, the axis counts frames.
      title: above the strips, broken into two lines or shortened where it is too long.
      metrics_text: the line below it, smaller.
      background_ids: classes drawn in light grey; they carry nothing where there is one of them.

    Raises:
      ValueError: no strips, strips of different length or without frames, or a label that has no name.
    """
    labels = {name: np.asarray(row) for name, row in rows.items()}
    present = _present_classes(labels, class_names)
    names = pictures.shorten_names([class_names[class_id] for class_id in present], MAX_CLASS_NAME)
    entries = [f"{class_id} {name}" for class_id, name in zip(present, names, strict=True)]
    strip_names = pictures.shorten_names(list(labels), MAX_STRIP_NAME)
    figure = pictures.new_figure(WIDTH, 1.0)
    room = WIDTH - 0.6 - max(pictures.text_width(figure, name, 11) for name in strip_names)
    title = pictures.fit_text(figure, title, room, 13, "bold")
    metrics_text = pictures.fit_text(figure, metrics_text, room, 10, max_lines=1)
    columns = _legend_columns(figure, entries)
    legend_height = LEGEND_ROW_HEIGHT * math.ceil(len(entries) / columns)
    header = TITLE_LINE_HEIGHT * len(title.splitlines()) + 0.25 * bool(metrics_text)
    figure.set_figheight(STRIP_HEIGHT * len(labels) + legend_height + header + 1.0)
    figure.get_layout_engine().set(w_pad=0.1, h_pad=0.07)
    axes = figure.add_subplot()
    num_frames = next(iter(labels.values())).size
    unit = 1.0 / fps if fps > 0 else 1.0
    named = zip(present, names, strict=True)
    unnamed = background_ids if len(background_ids) == 1 else ()
    writing = {class_id: _writings(figure, name, class_id) for class_id, name in named if class_id not in unnamed}
    for position, row in enumerate(labels.values()):
        _draw_strip(axes, row, position, unit, num_frames, background_ids)
        _write_classes(axes, row, position, unit, room, writing, background_ids)
    axes.set_yticks(range(len(labels)), strip_names, parse_math=False)
    axes.set_ylim(len(labels) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0, labelsize=11)
    axes.spines[["top", "right", "left"]].set_visible(False)
    format_time_axis(axes, num_frames, fps)
    pictures.write_header(axes, title, metrics_text, 13)
    _add_legend(figure, present, entries, columns, background_ids)
    return figure


def format_time(seconds, _position=None):
    """Seconds as "m:ss", or "h:mm:ss" from an hour on."""
    minutes, second = divmod(round(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02d}:{second:02d}" if hours else f"{minute}:{second:02d}"


def _present_classes(labels, class_names):
    if not labels:
        raise ValueError("there is no labelling to draw")
    shapes = {row.shape for row in labels.values()}
    if len(shapes) > 1 or any(len(shape) != 1 or shape[0] == 0 for shape in shapes):
        raise ValueError(f"strips must be [N] with one N > 0, got {sorted(shapes)}")
    present = np.unique(np.concatenate(list(labels.values()))).tolist()
    if present[0] < 0 or present[-1] >= len(class_names):
        raise ValueError(f"labels {present[0]}..{present[-1]} for {len(class_names)} class names")
    return present


def _draw_strip(axes, row, position, unit, num_frames, background_ids):
    labels, starts, ends = segments.frames_to_segments(row)
    # A fine line keeps neighbours of similar colour apart; between very short segments it would hide them.
    wide = (ends - starts) > SEPARATED_SHARE * num_frames
    edges = starts[1:][wide[1:] & wide[:-1]] * unit
    axes.vlines(edges, position - 0.42, position + 0.42, colors="white", linewidth=0.8)
    for class_id in np.unique(labels).tolist():
        color, hatch = colors.class_style(class_id, background_ids)
        chosen = labels == class_id
        spans = np.stack([starts[chosen], ends[chosen] - starts[chosen]], axis=1) * unit
        look = {"facecolors": color, "hatch": hatch, "edgecolor": colors.text_color(color), "linewidth": 0}
        bars = axes.broken_barh(spans, (position - 0.42, 0.84), **look)
        bars.set_gid(f"strip {position} class {class_id}")


def _write_classes(axes, row, position, unit, room, writing, background_ids):
    """Writes into every segment the first of the `writing` of its class that fits; `room`: inches of all frames."""
    for label, start, end in zip(*segments.frames_to_segments(row), strict=True):
        width = (end - start) * room / len(row) - NAME_MARGIN
        fitting = (text for needed, *text in writing.get(int(label), ()) if needed <= width)
        if (text := next(fitting, None)) is not None:
            color, hatch = colors.class_style(int(label), background_ids)
            box = {"facecolor": color, "edgecolor": "none", "pad": 0.6} if hatch else None
            look = {"ha": "center", "va": "center_baseline", "color": colors.text_color(color), "bbox": box}
            axes.text(
                (start + end) * unit / 2, position, text[0], fontsize=text[1], parse_math=False, linespacing=1.1, **look
            )


def _writings(figure, name, class_id):
    """[(inches, text, points)] of what a segment of a class may carry, the best first."""
    # Words end behind an underscore, a space or a hyphen, and before a capital inside of one.
    words = [word for word in re.split(r"(?<=[_ \-])|(?<=[a-z])(?=[A-Z])", name) if word.strip()]
    measure = functools.cache(lambda text, size: pictures.text_width(figure, text, size))
    found = []
    for size, most in NAME_SIZES:
        for count in range(1, min(most, len(words)) + 1):
            lines = _narrowest(words, count, lambda text, size=size: measure(text, size))
            found.append((max(measure(line, size) for line in lines), "\n".join(lines), size))
    return [*found, (measure(str(class_id), ID_SIZE), str(class_id), ID_SIZE)]


def _narrowest(words, count, measure):
    """The words on `count` lines, the widest of which is as narrow as can be."""
    options = []
    for cuts in itertools.combinations(range(1, len(words)), count - 1):
        bounds = itertools.pairwise((0, *cuts, len(words)))
        lines = ["".join(words[first:last]).strip() for first, last in bounds]
        options.append((max(map(measure, lines)), lines))
    return min(options)[1]


def format_time_axis(axes, num_frames, fps):
    """Sets limits, ticks and label of a time axis over `num_frames` frames at `fps`; 0 = count frames."""
    from matplotlib.ticker import FuncFormatter, MaxNLocator, MultipleLocator

    axes.tick_params(axis="x", labelsize=10)
    if fps <= 0:
        axes.set_xlim(0, num_frames)
        axes.xaxis.set_major_locator(MaxNLocator(nbins=12, steps=(1, 2, 5, 10), integer=True))
        axes.set_xlabel("time (frames)", fontsize=11)
        return
    duration = num_frames / fps
    axes.set_xlim(0, duration)
    if duration <= LONG_VIDEO_SEC:
        axes.xaxis.set_major_locator(MaxNLocator(nbins=12, steps=(1, 2, 5, 10)))
        axes.set_xlabel("time (seconds)", fontsize=11)
        return
    step = next((step for step in TICK_STEPS_SEC if duration / step <= 14), math.ceil(duration / 10 / 3600) * 3600)
    axes.xaxis.set_major_locator(MultipleLocator(step))
    axes.xaxis.set_major_formatter(FuncFormatter(format_time))
    axes.set_xlabel("time (h:mm:ss)" if duration >= 3600 else "time (m:ss)", fontsize=11)


def _legend_columns(figure, entries):
    # 0.6 inches for the colour patch and the space around an entry.
    widest = 0.6 + max(pictures.text_width(figure, entry, 9) for entry in entries)
    return max(1, min(len(entries), int((WIDTH - 0.4) / widest)))


def _add_legend(figure, present, entries, columns, background_ids):
    from matplotlib.patches import Patch

    handles = []
    for class_id in present:
        color, hatch = colors.class_style(class_id, background_ids)
        handles.append(Patch(facecolor=color, hatch=hatch, edgecolor=colors.text_color(color), linewidth=0))
    legend = figure.legend(handles, entries, loc="outside lower center", ncols=columns, fontsize=9, frameon=False)
    for text in legend.get_texts():
        # A name may hold any character; two dollar signs are no formula.
        text.set_parse_math(False)
