"""Frames and what is nearest to them in other videos, as rows of pictures."""

import dataclasses

import numpy as np

from fact_jax.metrics.alignment import frame_distances
from fact_jax.reporting import pictures
from fact_jax.reporting.representation.shown import NO_PHASE, ShownVideo, format_seconds, phase_color, phase_name

CELL = 1.45  # inches of a picture
NUM_ROWS, NUM_NEIGHBOURS = 6, 5
_RIGHT, _WRONG = "#008A3E", "#D00000"
MAX_NAME = 20


@dataclasses.dataclass(frozen=True)
class Neighbour:
    """Row `row` of video number `video`, at a squared distance."""

    video: int
    row: int
    distance: float


def choose_queries(videos, count=NUM_ROWS) -> list[tuple[int, int]]:
    """[(video, row)]: frames spread over the videos and over their course."""
    count = min(count, sum(map(len, videos)))
    numbers = np.linspace(0, len(videos) - 1, min(count, len(videos))).round().astype(int)
    numbers = np.sort(np.resize(numbers, count))
    return [(int(v), int((place + 0.5) / count * len(videos[v]))) for place, v in enumerate(numbers)]


def nearest_of_others(videos, query: tuple[int, int], count=NUM_NEIGHBOURS) -> list[Neighbour]:
    """The frame nearest to a query of each other video, the nearest first; those of `count` videos at most."""
    number, row = query
    wanted = videos[number].embeddings[row : row + 1]
    found = []
    for other, video in enumerate(videos):
        if other != number:
            distances = frame_distances(wanted, video.embeddings)[0]
            best = int(np.argmin(distances))
            found.append(Neighbour(other, best, float(distances[best])))
    return sorted(found, key=lambda neighbour: neighbour.distance)[:count]


@pictures.fallback_fonts()
def plot_retrieval(videos: list[ShownVideo], phase_names=(), *, num_rows=NUM_ROWS, num_neighbours=NUM_NEIGHBOURS,
                   title=""):  # fmt: skip
    """A matplotlib Figure: in each row a frame, and the nearest frame of each of the videos that come nearest to it.

    All of at least two ShownVideos need pixels. Where both frames have a phase, the frame of a picture is green if they
    have the same one, otherwise red and dashed.
    """
    queries = choose_queries(videos, num_rows)
    columns = 1 + min(num_neighbours, len(videos) - 1)
    figure = pictures.new_figure(CELL * columns + 0.4, (CELL + 0.65) * len(queries) + 0.7)
    # The phase below a picture keeps away from the name above the next one.
    figure.get_layout_engine().set(h_pad=0.1)
    grid = figure.subplots(len(queries), columns, squeeze=False)
    for cells, query in zip(grid, queries, strict=True):
        number, row = query
        _draw(cells[0], videos[number], row, phase_names, "black", "-")
        for axes, neighbour in zip(cells[1:], nearest_of_others(videos, query, num_neighbours), strict=True):
            shown = videos[neighbour.video]
            edge = _edge(videos[number].phase(row), shown.phase(neighbour.row))
            _draw(axes, shown, neighbour.row, phase_names, *edge)
    for column, axes in enumerate(grid[0]):
        head = "query" if not column else "nearest" if column == 1 else f"{column}."
        axes.set_title(f"{head}\n{axes.get_title()}", fontsize=8, parse_math=False)
    if title:
        pictures.write_title(figure, title, 12)
    return figure


def _edge(phase, other):
    """Colour and dashes around a neighbour."""
    if NO_PHASE in (phase, other):
        return "#9AA5B1", "-"
    return (_RIGHT, "-") if phase == other else (_WRONG, "--")


def _draw(axes, shown, row, phase_names, color, dashes):
    axes.imshow(shown.pixels.frames([int(shown.steps[row])])[0])
    axes.set(xticks=[], yticks=[])
    for spine in axes.spines.values():
        spine.set(color=color, linewidth=3, linestyle=dashes)
    time = format_seconds(float(shown.times[row]), float(shown.times[-1]))
    axes.set_title(f"{pictures.shorten(shown.name, MAX_NAME)}\n{time}", fontsize=8, parse_math=False)
    if (phase := shown.phase(row)) >= 0:
        name = pictures.shorten(phase_name(phase, phase_names), MAX_NAME)
        axes.set_xlabel(name, fontsize=8, parse_math=False, labelpad=2)
        axes.axhspan(*_last_rows(axes), color=phase_color(phase), zorder=3)


def _last_rows(axes):
    """A band at the lower edge of a picture."""
    bottom, top = axes.get_ylim()
    return bottom, bottom - 0.06 * (bottom - top)
