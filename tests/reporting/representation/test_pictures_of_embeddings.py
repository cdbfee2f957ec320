"""Similarity, retrieval and the map of embeddings show what they are given."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.colors import to_hex

from fact_jax.metrics.alignment import frame_distances, warp
from fact_jax.reporting.representation.embedding_map import plot_map, principal_plane
from fact_jax.reporting.representation.retrieval import choose_queries, nearest_of_others, plot_retrieval
from fact_jax.reporting.representation.shown import ShownVideo, format_seconds, phase_color
from fact_jax.reporting.representation.similarity import plot_similarity, time_ticks
from tests.reporting.representation.shown_videos import NAMES, shown

PROPERTY = settings(derandomize=True, max_examples=50, deadline=None)


def test_similarity_has_the_distances_and_the_path():
    query, key = shown("a", np.linspace(0, 1, 9)), shown("b", np.linspace(0, 1, 14))
    figure = plot_similarity(query, key, NAMES, title="a $title$")
    axes = figure.axes[0]
    distances = frame_distances(query.embeddings, key.embeddings)
    assert np.array_equal(axes.images[0].get_array(), distances)
    assert np.array_equal(axes.lines[0].get_xydata()[:, ::-1], warp(distances)[1])
    strips = [other.images[0].get_array() for other in figure.axes[1:] if other.images and other is not axes]
    sizes = {strip.shape[:2] for strip in strips}
    assert {(9, 1), (1, 14)} <= sizes
    assert [text.get_text() for text in figure.legends[0].get_texts()] == list(NAMES)
    figure.draw_without_rendering()


def test_a_video_beside_itself_has_no_path():
    video = shown("a", np.linspace(0, 1, 9), labelled=False)
    figure = plot_similarity(video, video)
    axes = figure.axes[0]
    assert not axes.lines and not figure.legends
    # Without phases there are no strips: names and times stand at the matrix itself.
    assert axes.get_xlabel() == axes.get_ylabel() == "a"
    assert len(axes.get_xticks()) == len(axes.get_yticks()) >= 2
    assert sum(bool(other.images) for other in figure.axes) == 1


@PROPERTY
@given(st.floats(0, 4), st.floats(0.02, 9000), st.integers(2, 40))
def test_ticks_are_round_times_inside_of_the_video(first, span, count):
    times = first + np.linspace(0, span, count)
    places, texts = time_ticks(times)
    assert np.all((places >= 0) & (places <= count - 1)) and len(places) == len(texts) <= 10
    assert len(set(texts)) == len(texts) and not any(text.startswith("-") for text in texts)


def test_times_are_written_by_the_length_of_the_video():
    assert [format_seconds(3.236, 59), format_seconds(3.26, 60), format_seconds(3725.0, 7200)] == [
        "3.24 s", "0:03.2", "1:02:05"
    ]  # fmt: skip


@PROPERTY
@given(st.integers(0, 2**32 - 1), st.integers(2, 6), st.integers(2, 30))
def test_two_axes_hold_what_has_two_directions(seed, dim, count):
    rng = np.random.default_rng(seed)
    flat, basis = rng.normal(size=(count, 2)), np.linalg.qr(rng.normal(size=(dim, 2)))[0]
    plane, shares = principal_plane(flat @ basis.T + rng.normal(size=dim))
    assert shares.sum() == pytest.approx(1) and shares[0] >= shares[1]
    assert np.allclose(frame_distances(plane, plane), frame_distances(flat, flat))


def test_the_plane_of_equal_or_single_numbers():
    assert np.array_equal(principal_plane(np.ones((4, 3)))[0], np.zeros((4, 2)))
    plane, shares = principal_plane(np.array([[1.0], [3.0]]))
    assert plane.tolist() == [[-1, 0], [1, 0]] and shares.tolist() == [1, 0]


def test_the_map_is_coloured_by_phase_and_time():
    videos = [shown("a", np.linspace(0, 1, 9)), shown("b", np.linspace(0, 1, 14), labelled=False)]
    figure = plot_map(videos, NAMES, title="demo")
    by_phase, by_time = (next(axes for axes in figure.axes if axes.get_title("left") == f"by {word}")
                         for word in ("phase", "time"))  # fmt: skip
    found = sorted(to_hex(color) for color in by_phase.collections[0].get_facecolors())
    labels = [*videos[0].labels.tolist(), *[-1] * 14]
    assert found == sorted(phase_color(label).lower() for label in labels)
    gone = by_time.collections[0].get_array()
    assert gone[[0, 8, 9, 22]].tolist() == [0, 100, 0, 100]
    assert len(plot_map(videos[1:]).axes) == 2  # one panel and its bar


@PROPERTY
@given(st.lists(st.integers(1, 9), min_size=1, max_size=9), st.integers(1, 8))
def test_queries_are_frames_of_different_videos(lengths, count):
    queries = choose_queries([range(length) for length in lengths], count)
    assert len(queries) == min(count, sum(lengths))
    assert all(0 <= row < lengths[video] for video, row in queries)
    assert len({video for video, _ in queries}) == min(count, len(lengths), len(queries))


def test_neighbours_are_the_nearest_frame_of_each_other_video():
    videos = [shown("a", [0.1, 0.5]), shown("b", [0.3, 0.48, 1.0]), shown("c", [0.9, 0.52]), shown("d", [0.34])]
    found = nearest_of_others(videos, (0, 1), 2)
    assert [(one.video, one.row) for one in found] == [(1, 1), (2, 1)]
    figure = plot_retrieval(videos, NAMES, num_rows=2, num_neighbours=2)
    assert len(figure.axes) == 6
    first = figure.axes[1]
    assert first.get_title() == "nearest\nb\n0.00 s" and first.get_xlabel() == "reach"
    edges = {to_hex(axes.spines["left"].get_edgecolor()) for axes in figure.axes[1:3]}
    assert edges == {"#008a3e", "#d00000"}


def test_as_many_of_everything():
    with pytest.raises(ValueError, match=r"a: \[2, 3\] embeddings, times"):
        ShownVideo("a", np.ones((3, 4), np.float32), np.arange(2.0))
