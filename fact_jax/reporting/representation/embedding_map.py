"""All embeddings on a plane: their first two principal components."""

import numpy as np

from fact_jax.reporting import pictures
from fact_jax.reporting.representation.shown import add_phase_legend, phase_color, present_phases

MOST_POINTS = 6000  # of all videos together; of more, every so many frames are drawn
MOST_LINES = 20  # videos that get a line


def principal_plane(embeddings):
    """(float64 [N, 2], share of the variance on each axis) of embeddings float [N, D], which may be equal.

    The direction of an axis is that in which its largest weight is positive.
    """
    centred = np.asarray(embeddings, np.float64)
    centred = centred - centred.mean(axis=0)
    values, vectors = np.linalg.eigh(centred.T @ centred)
    axes = vectors[:, : -3 if vectors.shape[1] > 2 else None : -1]
    axes = axes * np.sign(axes[np.abs(axes).argmax(axis=0), np.arange(axes.shape[1])])
    shares = values[::-1][:2] / max(float(values.sum()), np.finfo(np.float64).tiny)
    plane, shares = centred @ axes, np.clip(shares, 0, 1)
    missing = 2 - plane.shape[1]
    return np.pad(plane, ((0, 0), (0, missing))), np.pad(shares, (0, missing))


@pictures.fallback_fonts()
def plot_map(videos, phase_names=(), *, title=""):
    """A matplotlib Figure of the embeddings of ShownVideos on their two main axes.

    Coloured by the share of the video that has gone by and, where there are labels, by phase. Thin lines follow up to
    20 videos through time. The axes are those of all frames, also where not all of them are drawn.
    """
    plane, shares = principal_plane(np.concatenate([video.embeddings for video in videos]))
    ends = np.cumsum([len(video) for video in videos])
    parts = np.split(plane, ends[:-1])
    stride = -(-len(plane) // MOST_POINTS)
    phases = present_phases(videos)
    columns = 2 if phases else 1
    figure = pictures.new_figure(6.2 * columns + 0.8, 5.6)
    panels = figure.subplots(1, columns, squeeze=False, sharex=True, sharey=True)[0]
    for axes in panels:
        for part in parts[:MOST_LINES]:
            axes.plot(*part.T, color="#9AA5B1", linewidth=0.5, alpha=0.6, zorder=1)
        axes.set_xlabel(f"first axis, {100 * shares[0]:.0f} % of the variance", fontsize=10)
        axes.grid(alpha=0.25)
    panels[0].set_ylabel(f"second axis, {100 * shares[1]:.0f} % of the variance", fontsize=10)
    points = np.concatenate([part[::stride] for part in parts])
    look = {"s": 9, "linewidths": 0, "zorder": 2}
    if phases:
        kinds = np.concatenate([[video.phase(row) for row in range(0, len(video), stride)] for video in videos])
        # In an order of their own, so that no video hides the others.
        order = np.random.default_rng(0).permutation(len(points))
        panels[0].scatter(*points[order].T, c=[phase_color(int(phase)) for phase in kinds[order]], **look)
        panels[0].set_title("by phase", fontsize=10, loc="left")
        add_phase_legend(figure, phases, phase_names)
    gone = np.concatenate([np.arange(0, len(video), stride) / max(len(video) - 1, 1) for video in videos])
    dots = panels[-1].scatter(*points.T, c=100 * gone, cmap="viridis", vmin=0, vmax=100, **look)
    panels[-1].set_title("by time", fontsize=10, loc="left")
    bar = figure.colorbar(dots, ax=panels[-1], fraction=0.05, pad=0.02)
    bar.set_label("of the video that has gone by (%)", fontsize=9)
    if title:
        pictures.write_title(figure, title, 12)
    return figure
