"""The picture of what is recognised in one video: likely labels as bars, of several windows over time."""

import numpy as np

from fact_jax.reporting import pictures

MOST_LABELS = 10
_MAX_NAME = 34
_COLOR = "#0F69A5"


@pictures.fallback_fonts()
def plot_windows(windows, *, title="", note=""):
    """A matplotlib Figure of the likely labels of every window.

    Args:
      windows: of every window, at least one, likely labels as objects with start, end (seconds), label, probability.
      title, note: above it.
    """
    labels = likely_labels(windows)
    names = pictures.shorten_names(labels, _MAX_NAME)
    figure = pictures.new_figure(11.0, 0.32 * len(labels) + 1.6)
    axes = figure.add_subplot()
    (_draw_bars if len(windows) == 1 else _draw_times)(figure, axes, windows, labels)
    axes.set_yticks(range(len(labels)), names, fontsize=10, parse_math=False)
    axes.set_ylim(len(labels) - 0.5, -0.5)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    pictures.write_header(axes, title, note, 13)
    return figure


def likely_labels(windows) -> list[str]:
    """At most MOST_LABELS labels, those that are the most probable in any window first."""
    best: dict[str, float] = {}
    for guess in (guess for guesses in windows for guess in guesses):
        best[guess.label] = max(best.get(guess.label, 0.0), guess.probability)
    return sorted(best, key=lambda label: -best[label])[:MOST_LABELS]


def _draw_bars(figure, axes, windows, labels):
    """The labels of a single window."""
    del figure
    chances = [100.0 * guess.probability for guess in windows[0][: len(labels)]]
    axes.barh(range(len(labels)), chances, color=_COLOR, height=0.7)
    for place, chance in enumerate(chances):
        axes.text(chance, place, f" {chance:.1f} %", va="center", fontsize=9)
    axes.set_xlim(0, 112)
    axes.set_xticks(range(0, 101, 20))
    axes.set_xlabel("probability in percent", fontsize=10)


def _draw_times(figure, axes, windows, labels):
    """A line per label, in which every window is as dark as the label is likely."""
    place_of = {label: place for place, label in enumerate(labels)}
    spans = np.array([[guesses[0].start, guesses[0].end] for guesses in windows])
    # Windows that overlap share the time between their middles.
    middles = spans.mean(axis=1)
    edges = np.concatenate([spans[:1, 0], (middles[1:] + middles[:-1]) / 2, spans[-1:, 1]])
    shades = np.zeros((len(labels), len(windows)))
    for column, guesses in enumerate(windows):
        for guess in guesses:
            if guess.label in place_of:
                shades[place_of[guess.label], column] = 100.0 * guess.probability
    mesh = axes.pcolormesh(edges, np.arange(len(labels) + 1) - 0.5, shades, cmap="Blues", vmin=0, vmax=100)
    bar = figure.colorbar(mesh, ax=axes, fraction=0.03, pad=0.01, aspect=15)
    bar.set_label("percent", fontsize=9)
    axes.set_xlabel("seconds", fontsize=10)
