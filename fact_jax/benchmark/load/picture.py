"""Memory against videos, as a picture."""

from collections.abc import Sequence

import numpy as np

from fact_jax.benchmark.load.recorder import Sample
from fact_jax.reporting import pictures

COLORS = {"other": "0.6", "train": "#0072b2", "evaluate": "#d55e00", "predict": "#009e73"}


def draw(samples: Sequence[Sample], title: str):
    """A matplotlib Figure: memory against videos gone through, and against time; phases in colours."""
    figure = pictures.new_figure(11.0, 7.0)
    figure.suptitle(title)
    places = {
        "videos gone through, training and evaluation together": [sample.videos for sample in samples],
        "seconds": [sample.seconds for sample in samples],
    }
    mebibytes = np.array([(sample.resident, sample.own) for sample in samples]) / 2**20
    for axes, (label, place) in zip(figure.subplots(2, 1), places.items(), strict=True):
        place = np.array(place)
        for phase, color in COLORS.items():
            chosen = np.array([sample.phase == phase for sample in samples])
            if chosen.any():
                axes.plot(place[chosen], mebibytes[chosen, 0], ".", ms=3, color=color, label=f"resident, {phase}")
        axes.plot(place, mebibytes[:, 1], "-", lw=0.8, color="0.3", label="without file pages")
        axes.set(xlabel=label, ylabel="memory (MiB)", ylim=(0, None))
        axes.grid(alpha=0.3)
    axes.legend(markerscale=3)
    return figure
