"""How alike the frames of two videos are, with the way through both that time warping finds."""

import numpy as np

from fact_jax.metrics.alignment import frame_distances, warp
from fact_jax.reporting import pictures
from fact_jax.reporting.representation.shown import (
    ShownVideo,
    add_phase_legend,
    format_seconds,
    phase_color,
    present_phases,
)

MOST_FRAMES = 2000  # of a video; longer ones are thinned
_MAX_TICKS = 8
_STEPS_SEC = (0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200)
_PATH_COLOR = "#FF8C00"
_SIDE = 5.2  # inches of the longer side
MAX_NAME = 40


@pictures.fallback_fonts()
def plot_similarity(query: ShownVideo, key: ShownVideo, phase_names=(), *, title=""):
    """A matplotlib Figure of the squared distances of the embeddings of two videos, dark where frames are alike.

    Time runs downwards in `query` and to the right in `key`. The line is the path of dynamic time warping; it is left
    out where a video is compared with itself. Strips show the phases, where they are known. Of a video of more than
    2000 frames, every so many are compared.
    """
    is_same = key is query
    query = query.thinned(MOST_FRAMES)
    key = query if is_same else key.thinned(MOST_FRAMES)
    distances = frame_distances(query.embeddings, key.embeddings)
    height, width = _sides(len(query), len(key))
    figure = pictures.new_figure(width + 1.9, height + 1.5)
    phases = present_phases([query, key])
    strips = 0.16  # inches across
    grid = figure.add_gridspec(2, 2, width_ratios=(strips, width), height_ratios=(height, strips))
    axes = figure.add_subplot(grid[0, 1] if phases else grid[:, :])
    image = axes.imshow(distances, cmap="viridis", aspect="auto", interpolation="nearest")
    if not is_same:
        _, path = warp(distances)
        axes.plot(path[:, 1], path[:, 0], color=_PATH_COLOR, linewidth=2, label="dynamic time warping")
        axes.legend(loc="upper right", fontsize=8, framealpha=0.85)
    axes.set(xlim=(-0.5, len(key) - 0.5), ylim=(len(query) - 0.5, -0.5), xticks=[], yticks=[])
    bar = figure.colorbar(image, ax=axes, fraction=0.05, pad=0.02)
    bar.set_label("squared distance of the embeddings", fontsize=9)
    bar.ax.tick_params(labelsize=8)
    for shown, place, is_vertical in ((query, (0, 0), True), (key, (1, 1), False)):
        beside = figure.add_subplot(grid[place]) if phases else axes
        if phases:
            _draw_strip(beside, shown, is_vertical=is_vertical)
        _draw_times(beside, shown, is_vertical=is_vertical)
    add_phase_legend(figure, phases, phase_names, columns=max(1, int(width / 1.5)))
    if title:
        pictures.write_title(figure, title, 12)
    return figure


def _sides(rows, columns):
    """Inches of height and width, to scale as far as that stays readable."""
    ratio = np.clip(rows / columns, 0.4, 2.5)
    return (_SIDE, _SIDE / ratio) if ratio > 1 else (_SIDE * ratio, _SIDE)


def _draw_strip(axes, shown, *, is_vertical):
    """The phases of a video."""
    from matplotlib.colors import to_rgb

    row = np.array([to_rgb(phase_color(shown.phase(place))) for place in range(len(shown))])
    axes.imshow(row[:, None] if is_vertical else row[None], aspect="auto", interpolation="nearest")
    axes.set(xticks=[], yticks=[])


def _draw_times(axes, shown, *, is_vertical):
    """The time axis of a video, with its name."""
    places, texts = time_ticks(shown.times)
    name = pictures.shorten(shown.name, MAX_NAME)
    if is_vertical:
        axes.set_yticks(places, texts, fontsize=8)
        axes.set_ylabel(name, fontsize=10, parse_math=False)
    else:
        axes.set_xticks(places, texts, fontsize=8)
        axes.set_xlabel(name, fontsize=10, parse_math=False)


def time_ticks(times):
    """(places among the frames, texts) of round times of a video; `times` float [N] in seconds, rising."""
    last = float(times[-1])
    step = next((step for step in _STEPS_SEC if (last - times[0]) / step <= _MAX_TICKS), _STEPS_SEC[-1])
    first = int(np.ceil(times[0] / step - 1e-9))
    ticks = np.arange(first, int(np.floor(last / step + 1e-9)) + 1) * step
    places = np.interp(ticks, times, np.arange(len(times)))
    if last < 60:
        return places, [f"{tick:.{1 if step < 1 else 0}f} s" for tick in ticks]
    return places, [format_seconds(tick, last).removesuffix(".0") for tick in ticks]
