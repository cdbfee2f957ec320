"""The most frequent confusions of classes as bars: what a matrix of hundreds of classes is too small to show."""

import numpy as np

from fact_jax.reporting import pictures

MOST_BARS = 25
_MAX_NAME = 34
_COLOR = "#0F69A5"


@pictures.fallback_fonts()
def plot_confusions(confusions, class_names, *, title=""):
    """A matplotlib Figure of `tables.Confusion`s, at least one, the most frequent on top.

    The length of a bar is the share of the clips of the true class; beside it stand the numbers of clips.
    """
    shown = confusions[:MOST_BARS]
    names = pictures.shorten_names(class_names, _MAX_NAME)
    figure = pictures.new_figure(11.0, 0.3 * len(shown) + 1.7)
    axes = figure.add_subplot()
    places = np.arange(len(shown))
    axes.barh(places, [100.0 * one.clips / one.total for one in shown], color=_COLOR, height=0.7)
    for place, one in zip(places, shown, strict=True):
        text = f" {one.clips} of {one.total}"
        axes.text(100.0 * one.clips / one.total, place, text, va="center", fontsize=9, parse_math=False)
    lines = [f"{names[one.true]} → {names[one.predicted]}" for one in shown]
    axes.set_yticks(places, lines, fontsize=9, parse_math=False)
    axes.set_ylim(len(shown) - 0.5, -0.5)
    axes.set_xlim(0, 112)
    axes.set_xticks(range(0, 101, 20))
    axes.set_xlabel("percent of the clips of the true class (left), taken for the class behind the arrow", fontsize=10)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    if title:
        pictures.write_title(figure, title, 13)
    return figure
