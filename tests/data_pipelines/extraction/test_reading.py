"""Steps that are read ahead are those that are read one after the other, whatever the threads do."""

import threading
import time

import numpy as np
import pytest

from data_pipelines.extraction import reading
from data_pipelines.extraction.pixels import FramePixels
from data_pipelines.extraction.plans import FramePlan, WindowPlan
from data_pipelines.extraction.reading import ReadAhead, Reading, read_steps
from data_pipelines.representation.unlabelled import GivenFrames
from data_pipelines.video.errors import VideoError
from data_pipelines.video.opening import open_video
from tests.data_pipelines.video.written import numbers_of, write_video


def _video(num_frames, seed=0):
    rng = np.random.default_rng(seed)
    return GivenFrames(rng.integers(0, 256, (num_frames, 3, 4, 3), np.uint8), f"video {seed}")


class _Broken(GivenFrames):
    """A video of which nothing comes behind a frame."""

    def __init__(self, num_frames, last):
        super().__init__(np.zeros((num_frames, 3, 4, 3), np.uint8), "broken")
        self._last = last

    def _decode(self, numbers):
        for place, write in super()._decode(numbers):
            if numbers[place] > self._last:
                raise VideoError("broken", "it ends", "copy it again")
            yield place, write


def _plans(video):
    yield FramePlan(video=video, chunk=7)
    yield FramePlan(video=video, chunk=3, length=5, chunks_at_once=2, contexts=2, context_stride=3)
    yield WindowPlan(video=video, seconds=0.7, every=0.3, num_frames=5, rows_at_once=4)
    yield WindowPlan(video=video, seconds=0.7, every=0.3, rows_at_once=1)


def test_a_step_holds_the_frames_it_asks_for():
    video = _video(50)
    for plan in _plans(video):
        for step, array in read_steps(plan, FramePixels(), range(plan.num_steps)):
            numbers, places = plan.read(step)
            expected = np.zeros((plan.num_places(step), 3, 4, 3), np.uint8)
            expected[places] = video.frames(numbers)
            np.testing.assert_array_equal(array, expected)


@pytest.mark.parametrize("threads", [1, 3])
def test_all_steps_of_all_videos_come_in_order(monkeypatch, threads):
    monkeypatch.setattr(reading, "_SPAN_FRAMES", 10)
    readings = [Reading(plan, FramePixels(), first=seed % 2) for seed in range(3) for plan in _plans(_video(40, seed))]
    with ReadAhead(readings, threads) as steps:
        found = [(step_of, step, array) for step_of, step, array in steps]
    expected = [(one, step) for one in readings for step in range(one.first, one.plan.num_steps)]
    assert [(one, step) for one, step, _ in found] == expected
    for one, step, array in found:
        np.testing.assert_array_equal(array, next(read_steps(one.plan, FramePixels(), range(step, step + 1)))[1])


def test_a_video_that_breaks_off_is_told_once_and_the_others_come(monkeypatch):
    monkeypatch.setattr(reading, "_SPAN_FRAMES", 10)
    plans = [FramePlan(video=video, chunk=5) for video in (_video(20), _Broken(60, 22), _video(15))]
    with ReadAhead([Reading(plan, FramePixels()) for plan in plans], 3) as steps:
        found = [(plans.index(one.plan), step, array) for one, step, array in steps]
    errors = [(number, step) for number, step, array in found if isinstance(array, VideoError)]
    assert errors == [(1, 4)]
    assert [(number, step) for number, step, array in found if not isinstance(array, VideoError)] == [
        *((0, step) for step in range(4)),
        *((1, step) for step in range(4)),
        *((2, step) for step in range(3)),
    ]


def test_no_more_is_read_than_is_ahead_and_leaving_early_ends_the_threads():
    asked = []

    def readings():
        for seed in range(100):
            asked.append(seed)
            yield Reading(FramePlan(video=_video(5, seed), chunk=5), FramePixels())

    before = threading.active_count()
    with ReadAhead(readings(), 2) as steps:
        for _ in zip(range(3), steps, strict=False):
            time.sleep(0.05)
        assert len(asked) <= 3 + 3
    assert threading.active_count() == before


def test_what_goes_wrong_in_the_list_of_videos_is_raised():
    def readings():
        yield Reading(FramePlan(video=_video(5), chunk=5), FramePixels())
        raise ValueError("no more")

    with pytest.raises(ValueError, match="no more"), ReadAhead(readings(), 2) as steps:
        assert len([step for _, step, _ in steps]) == 1


@pytest.mark.parametrize("name", ["a.mp4", "a.avi"])
def test_files_are_read_in_spans_where_seeking_is_right(tmp_path, monkeypatch, name):
    monkeypatch.setattr(reading, "_SPAN_FRAMES", 20)
    video = open_video(write_video(tmp_path / name, range(60), gop=8))
    plan = FramePlan(video=video, chunk=7)
    with ReadAhead([Reading(plan, FramePixels())], 2) as steps:
        frames = np.concatenate([array for _, _, array in steps])
    assert numbers_of(frames) == list(range(60))
