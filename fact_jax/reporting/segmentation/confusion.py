"""The picture of a confusion matrix."""

import numpy as np

from fact_jax.reporting import pictures

# Beyond this many classes the cells are too small to carry their counts.
MAX_ANNOTATED_CLASSES = 16
# Beyond this many classes their names are too small to read, and the axes count class ids.
MAX_NAMED_CLASSES = 130
# Characters of a class name beside the matrix; longer ones would leave it no room.
MAX_CLASS_NAME = 24


@pictures.fallback_fonts()
def plot_confusion(confusion, class_names, *, title="", unit="frames"):
    """A matplotlib Figure of a confusion matrix, every row divided by its sum and blank where that is 0.

    Args:
      confusion: int [C, C], frames by (true class, predicted class); written into the cells of small matrices.
      class_names: name of every class, by class id; the middle of long ones is left out.
      title: above the matrix, broken into lines or shortened where it is too long.
      unit: what is counted, where it is not frames.
    """
    confusion = np.asarray(confusion)
    count = len(class_names)
    if confusion.shape != (count, count):
        raise ValueError(f"confusion must be [{count}, {count}] for {count} class names, got {confusion.shape}")
    side = max(5.0, 0.24 * count) if count <= MAX_NAMED_CLASSES else 12.0
    large = min(max(12.0, side), 24.0)  # points of the writing around the matrix
    figure = pictures.new_figure(side + 3.2, side + 2.2)
    axes = figure.add_subplot()
    totals = confusion.sum(axis=1, keepdims=True)
    shares = np.where(totals > 0, confusion / np.maximum(totals, 1), np.nan)
    image = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    if count <= MAX_NAMED_CLASSES:
        _name_classes(figure, axes, class_names)
    suffix = "" if count <= MAX_NAMED_CLASSES else " id"
    axes.set_xlabel(f"predicted class{suffix}", fontsize=large)
    axes.set_ylabel(f"true class{suffix}", fontsize=large)
    bar = figure.colorbar(image, ax=axes, shrink=0.6, fraction=0.04, pad=0.02, aspect=25)
    bar.set_label(f"share of the {unit} of the true class", fontsize=large)
    bar.ax.tick_params(labelsize=0.8 * large)
    if count <= MAX_ANNOTATED_CLASSES:
        _annotate_cells(axes, confusion, shares)
    if title:
        pictures.write_title(figure, title, large + 1)
    return figure


def _name_classes(figure, axes, class_names):
    """Writes class names beside the matrix and makes the figure larger by the room that they take."""
    count = len(class_names)
    names = pictures.shorten_names(class_names, MAX_CLASS_NAME)
    room = max(pictures.text_width(figure, name, 10) for name in names)
    figure.set_size_inches(figure.get_size_inches() + max(0.0, room - 1.0))
    axes.set_xticks(range(count), names, rotation=90, fontsize=10, parse_math=False)
    axes.set_yticks(range(count), names, fontsize=10, parse_math=False)
    axes.set_xticks(np.arange(count - 1) + 0.5, minor=True)
    axes.set_yticks(np.arange(count - 1) + 0.5, minor=True)
    axes.grid(which="minor", color="#E5E5E5", linewidth=0.5)
    axes.tick_params(which="minor", length=0)


def _annotate_cells(axes, confusion, shares):
    font = 9 if len(confusion) <= 12 else 7
    for (row, column), frames in np.ndenumerate(confusion):
        if frames > 0:
            color = "white" if shares[row, column] > 0.55 else "black"
            axes.text(column, row, _short_count(frames), ha="center", va="center", fontsize=font, color=color)


def _short_count(frames):
    for size, suffix in ((1_000_000, "M"), (1_000, "k")):
        if frames >= 10 * size:
            return f"{frames / size:.0f}{suffix}"
    return str(frames)
