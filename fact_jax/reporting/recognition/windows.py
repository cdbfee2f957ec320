"""The picture of what is recognised in one video: likely labels as bars, of several windows over time."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from fact_jax.reporting import pictures

_MAX_NAME = 34
_COLOR = "#0F69A5"


@pictures.fallback_fonts()
def plot_windows(
    times: Float[np.ndarray, "W 2"], labels: Sequence[str], chances: Float[np.ndarray, "W n"], *, title="", note=""
):
    """A matplotlib Figure of the likely labels of every window.

    Args:
      times: seconds at which windows start and end; there is one at least.
      labels: from the top to the bottom.
      chances: how probable they are in every window, in [0, 1].
      title, note: above it.
    """
    names = pictures.shorten_names(labels, _MAX_NAME)
    figure = pictures.new_figure(11.0, 0.32 * len(labels) + 1.6)
    axes = figure.add_subplot()
    if len(times) == 1:
        _draw_bars(axes, 100.0 * chances[0])
    else:
        _draw_times(figure, axes, times, 100.0 * chances)
    axes.set_yticks(range(len(labels)), names, fontsize=10, parse_math=False)
    axes.set_ylim(len(labels) - 0.5, -0.5)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    pictures.write_header(axes, title, note, 13)
    return figure


def _draw_bars(axes, percent):
    """The labels of a single window."""
    axes.barh(range(len(percent)), percent, color=_COLOR, height=0.7)
    for place, value in enumerate(percent):
        axes.text(value, place, f" {value:.1f} %", va="center", fontsize=9)
    axes.set_xlim(0, 112)
    axes.set_xticks(range(0, 101, 20))
    axes.set_xlabel("probability in percent", fontsize=10)


def _draw_times(figure, axes, times, percent):
    """A line per label, in which every window is as dark as the label is likely."""
    # Windows that overlap share the time between their middles.
    middles = times.mean(axis=1)
    edges = np.concatenate([times[:1, 0], (middles[1:] + middles[:-1]) / 2, times[-1:, 1]])
    lines = np.arange(percent.shape[1] + 1) - 0.5
    mesh = axes.pcolormesh(edges, lines, percent.T, cmap="Blues", vmin=0, vmax=100)
    bar = figure.colorbar(mesh, ax=axes, fraction=0.03, pad=0.01, aspect=15)
    bar.set_label("percent", fontsize=9)
    axes.set_xlabel("seconds", fontsize=10)
