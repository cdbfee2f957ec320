"""Pictures of a dataset, for inspect_dataset.py. Imports matplotlib, which nothing else in this package does."""

import numpy as np
from matplotlib import colormaps
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from fact_jax.files import save_figure

_MAX_CLASSES = 40  # rows of a chart that still can be read
_MAX_BANDS = 12  # colours that still can be told apart
_MAX_NAME = 28
_GREY = "0.6"
_SUBSETS = ("#2f6f9f", "#e08a3c", "#6a9f4b")
_BLUE, _OTHERS = "#2f6f9f", "#ececec"


def plot_counts(path, values, label, noun="videos"):
    """Histogram of a number that every video has; `values` are arrays by subset, `label` is what the number is.

    `noun` says what has the number.
    """
    figure = Figure(figsize=(7, 3.6), layout="constrained")
    axes = figure.add_subplot()
    everything = np.concatenate(list(values.values()))
    bins = _bin_edges(everything)
    names = [f"{subset} ({len(numbers)} {noun})" for subset, numbers in values.items()]
    axes.hist(list(values.values()), bins, stacked=True, label=names, color=_SUBSETS[: len(values)])
    median = float(np.median(everything))
    axes.axvline(median, color="0.2", linestyle="--", linewidth=1, label=f"median {median:.4g}")
    axes.set(xlabel=label, ylabel=noun)
    axes.set_xlim(left=0)
    axes.legend(frameon=False)
    _tidy(axes)
    save_figure(path, figure)


def plot_classes(path, statistics, background):
    """Share of every class in all frames, the most frequent on top."""
    shares = 100 * statistics.class_frames / statistics.class_frames.sum()
    order, title = _rows(np.argsort(-shares, kind="stable"), len(shares), "most frequent")
    figure, axes = _row_chart(len(order))
    places = np.arange(len(order))
    colours = [_GREY if class_id in background else _BLUE for class_id in order]
    axes.barh(places, shares[order], color=colours)
    for place, class_id in zip(places, order, strict=True):
        note = f" {shares[class_id]:.2g} %, {statistics.class_segments[class_id]} segments"
        axes.text(shares[class_id], place, note, va="center", fontsize=7)
    axes.set_xlim(0, 1.3 * shares.max())
    _name_rows(axes, order, statistics.class_names)
    axes.set(xlabel="% of all frames" + _background_note(background), title=title)
    _tidy(axes)
    save_figure(path, figure)


def plot_members(path, class_names, counts):
    """How many clips every class has, the most frequent on top; `counts` are int [K] by subset, stacked."""
    total = np.sum(list(counts.values()), axis=0)
    order, title = _rows(np.argsort(-total, kind="stable"), len(total), "most frequent")
    figure, axes = _row_chart(len(order))
    places, start = np.arange(len(order)), np.zeros(len(order))
    for (subset, numbers), color in zip(counts.items(), _SUBSETS, strict=False):
        axes.barh(places, numbers[order], left=start, color=color, label=f"{subset} ({numbers.sum()} clips)")
        start = start + numbers[order]
    for place, class_id in zip(places, order, strict=True):
        axes.text(total[class_id], place, f" {total[class_id]}", va="center", fontsize=7)
    axes.set_xlim(0, 1.15 * total.max())
    _name_rows(axes, order, class_names)
    axes.set(xlabel="clips", title=title)
    axes.legend(frameon=False, loc="lower right")
    _tidy(axes)
    save_figure(path, figure)


def plot_durations(path, class_names, durations, background, fps):
    """How long segments of every class last: boxes of the middle half, whiskers from the 5th to the 95th percentile.

    `durations` are one array of frames per class; `fps` of 0 shows frames.
    """
    present = np.array([class_id for class_id, values in enumerate(durations) if values.size])
    medians = np.array([np.median(durations[class_id]) for class_id in present])
    counts = np.array([durations[class_id].size for class_id in present])
    # Of many classes those with most segments are kept; they are shown by duration.
    kept = np.sort(np.argsort(-counts, kind="stable")[:_MAX_CLASSES])
    order = present[kept][np.argsort(-medians[kept], kind="stable")]
    _, title = _rows(order, len(present), "with most segments,")
    figure, axes = _row_chart(len(order))
    values = [durations[class_id] / (fps or 1) for class_id in order]
    boxes = axes.boxplot(
        values,
        orientation="horizontal",
        positions=np.arange(len(order)),
        whis=(5, 95),
        widths=0.6,
        patch_artist=True,
        flierprops={"markersize": 2, "alpha": 0.4},
        medianprops={"color": "black"},
    )
    for class_id, box in zip(order, boxes["boxes"], strict=True):
        box.set_facecolor(_GREY if class_id in background else "#9cc3de")
    largest, smallest = max(map(np.max, values)), min(map(np.min, values))
    if largest > 50 * smallest:
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    _name_rows(axes, order, class_names)
    axes.set(xlabel=f"duration of a segment in {'s' if fps else 'frames'}" + _background_note(background), title=title)
    _tidy(axes)
    save_figure(path, figure)


def plot_shares(path, class_names, shares, background):
    """Which classes come when: their shares, float [bins, C], rows of sum 1, over the relative time of a video.

    Background classes are drawn grey at the bottom. The others lie on them by id, the first one on top, since phases
    are numbered in the order in which they come.
    """
    order = [int(class_id) for class_id in np.argsort(-shares.sum(axis=0), kind="stable") if shares[:, class_id].any()]
    shown = sorted(order[:_MAX_BANDS], key=lambda class_id: (class_id not in background, -class_id))
    rest = order[_MAX_BANDS:]
    bands = [shares[:, class_id] for class_id in shown]
    names = [_short(class_names[class_id]) for class_id in shown]
    # The strong colours first, so that neighbours are no two shades of one.
    strong_and_pale = [colormaps["tab20"](number) for number in (*range(0, 20, 2), *range(1, 20, 2))]
    coloured = [class_id for class_id in reversed(shown) if class_id not in background]
    palette = dict(zip(coloured, strong_and_pale, strict=False))
    colours = [palette.get(class_id, _GREY) for class_id in shown]
    if rest:
        bands.append(shares[:, rest].sum(axis=1))
        names.append(f"{len(rest)} other classes")
        colours.append(_OTHERS)
    figure = Figure(figsize=(8, 4.2), layout="constrained")
    axes = figure.add_subplot()
    centres = 100 * (np.arange(len(shares)) + 0.5) / len(shares)
    axes.stackplot(centres, 100 * np.array(bands), labels=names, colors=colours, edgecolor="white", linewidth=0.3)
    axes.set(
        xlim=(centres[0], centres[-1]),
        ylim=(0, 100),
        xlabel="% of the video that has passed",
        ylabel="% of the videos that show the class",
    )
    handles, labels = axes.get_legend_handles_labels()
    # From top to bottom as in the picture.
    figure.legend(handles[::-1], labels[::-1], loc="outside right center", frameon=False, fontsize=8)
    _tidy(axes)
    save_figure(path, figure)


def _bin_edges(values):
    """Edges of a histogram; whole numbers get bins of as many of them each."""
    num_bins = min(40, max(8, int(2 * np.sqrt(values.size))))
    if (values % 1).any():
        return np.histogram_bin_edges(values, num_bins)
    width = -(-(values.max() + 1 - values.min()) // num_bins)
    return np.arange(values.min(), values.max() + 1 + width, width) - 0.5


def _rows(order, total, which):
    """The classes that fit, and a title if they are not all."""
    title = f"the {_MAX_CLASSES} {which} of {total} classes" if total > _MAX_CLASSES else ""
    return order[:_MAX_CLASSES], title


def _row_chart(num_rows):
    figure = Figure(figsize=(8, 1.2 + 0.24 * num_rows), layout="constrained")
    return figure, figure.add_subplot()


def _name_rows(axes, order, class_names):
    axes.set_yticks(np.arange(len(order)), [_short(class_names[class_id]) for class_id in order], fontsize=8)
    axes.set_ylim(len(order) - 0.4, -0.6)


def _background_note(background):
    return " (grey: background)" if background else ""


def _short(name):
    """`name`, its middle left out if it takes too much room; "$" would start a formula."""
    half = _MAX_NAME // 2 - 2
    name = name if len(name) <= _MAX_NAME else f"{name[:half]} .. {name[-half:]}"
    return name.replace("$", r"\$")


def _tidy(axes):
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
