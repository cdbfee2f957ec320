"""What is read of a video for its features, and where the rows lie in time."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_pipelines.extraction.plans import FramePlan, WindowPlan, frames_shown, span_of
from data_pipelines.video.raw_video import RawVideo


class _Times(RawVideo):
    """A video of which nothing but times is known."""

    def __init__(self, times, rate=None):
        self.path, self.size = "made.mp4", (4, 4)
        self.times = np.asarray(times, np.float64)
        self.rate = rate or (len(times) - 1) / (times[-1] - times[0])


@st.composite
def _videos(draw):
    gaps = draw(st.lists(st.sampled_from([1 / 30, 1 / 15, 0.4]), min_size=1, max_size=40))
    return _Times(draw(st.sampled_from([0.0, 1.0])) + np.concatenate([[0.0], np.cumsum(gaps)]))


def _told(plan):
    return plan.feature_times(3, "made.mp4", "", {})


@given(_videos(), st.integers(1, 9), st.integers(0, 4), st.integers(1, 3), st.integers(1, 3))
def test_every_frame_comes_once_in_order_and_its_row_holds_the_time_it_is_shown(video, chunk, more, together, contexts):
    plan = FramePlan(
        video=video, chunk=chunk, length=chunk + more, chunks_at_once=together, contexts=contexts, context_stride=2
    )
    own = []
    for step in range(plan.num_steps):
        numbers, places = plan.read(step)
        found = np.full(plan.num_places(step), -1)
        found[places] = numbers
        by_chunk = found.reshape(together, chunk + more, contexts)
        for row, size in zip(by_chunk, plan.chunk_sizes(step), strict=False):
            own += row[:size, -1].tolist()
            assert (row[size:] == -1).all()
    assert own == list(range(len(video)))
    np.testing.assert_array_equal(_told(plan).rows_of(video.times), np.arange(len(video)))
    assert (_told(plan).start, _told(plan).duration) == pytest.approx(span_of(video))


@given(_videos(), st.sampled_from([0.1, 0.25, 1.0, 30.0]), st.sampled_from([0.05, 0.5, 2.0]), st.integers(1, 5))
def test_windows_cover_the_video_and_see_what_a_player_shows_then(video, every, seconds, at_once):
    plan = WindowPlan(video=video, seconds=seconds, every=every, num_frames=4, rows_at_once=at_once)
    begin, end = span_of(video)
    edges = _told(plan).edges
    assert edges[0] == pytest.approx(begin)
    assert edges[-1] == pytest.approx(end)
    np.testing.assert_allclose(np.diff(edges)[:-1], every, atol=1e-6)
    numbers = np.concatenate([plan.read(step)[0] for step in range(plan.num_steps)]).reshape(-1, 4)
    assert len(numbers) == plan.num_rows
    for centre, seen in zip(plan.centres, numbers, strict=True):
        low, high = max(begin, centre - seconds / 2), min(end, centre + seconds / 2)
        moments = low + (high - low) * (np.arange(4) + 0.5) / 4
        np.testing.assert_array_equal(seen, frames_shown(video, moments))


def test_a_window_for_a_function_has_all_frames_that_are_shown_in_it():
    video = _Times(np.arange(10) / 10)
    plan = WindowPlan(video=video, seconds=0.5, every=0.25, rows_at_once=1)
    seen = [plan.read(step)[0].tolist() for step in range(plan.num_steps)]
    assert seen == [[0, 1, 2, 3], [1, 2, 3, 4, 5, 6], [3, 4, 5, 6, 7, 8], [6, 7, 8, 9]]


def test_frames_in_groups_repeat_the_last_one_and_one_in_so_many_seconds_is_the_middle_one():
    video = _Times(np.arange(10) / 10)
    plan = FramePlan(video=video, chunk=4, length=4, chunks_at_once=2, repeats_last=True)
    assert [plan.read(step)[0].tolist() for step in range(2)] == [[*range(8)], [8, 9, 9, 9]]
    sparse = FramePlan(video=video, every=0.4, chunk=4)
    assert sparse.frames.tolist() == [2, 6, 9]
    np.testing.assert_allclose(_told(sparse).edges, [0, 0.4, 0.8, 1.0])
    assert FramePlan(video=video, stride=3, chunk=4).frames.tolist() == [0, 3, 6, 9]


def test_a_window_longer_than_the_video_is_all_of_it():
    video = _Times([0.0, 0.1, 0.2])
    plan = WindowPlan(video=video, seconds=9.0, every=9.0, num_frames=3, rows_at_once=2)
    assert plan.read(0)[0].tolist() == [0, 1, 2]
    np.testing.assert_allclose(_told(plan).edges, [0.0, 0.3])
