"""Windows of videos without labels: where they lie, and their views put together."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_pipelines.recognition.config import RecognitionDataConfig
from data_pipelines.recognition.sampling import SamplingConfig
from data_pipelines.recognition.unlabelled import (
    UnlabelledViews,
    WindowAssembly,
    WindowBatches,
    WindowConfig,
    read_views,
    unlabelled_clips,
    window_lines,
)
from data_pipelines.representation.input_videos import FoundVideos, VideoInput
from data_pipelines.representation.unlabelled import GivenFrames
from data_pipelines.video.errors import VideoError
from fact_jax.types import UserError

DATA = RecognitionDataConfig.parse(
    {
        "sampling": vars(SamplingConfig(num_frames=2, test_chunks=2, test_crops=2)),
        **{name: vars(getattr(RecognitionDataConfig(), name)) for name in ("video", "synthetic")},
        "augmentation": vars(RecognitionDataConfig().augmentation) | {"size": 8},
    }
)


def video(num_frames, rate=10.0):
    """Frames that are all as bright as their number."""
    frames = np.broadcast_to(np.arange(num_frames, dtype=np.uint8)[:, None, None, None], (num_frames, 8, 12, 3))
    found = GivenFrames(np.ascontiguousarray(frames))
    found.rate = rate
    found.times = np.arange(num_frames) / rate
    return found


@given(st.integers(1, 60), st.sampled_from([0.3, 0.8, 2.0]), st.sampled_from([None, 0.1, 0.4, 3.0]))
def test_windows_lie_in_the_video_and_reach_its_end(num_frames, window, every):
    shown = video(num_frames)
    found = np.array(WindowConfig(DATA, window, every).windows(shown))
    end = num_frames / 10
    assert found[0, 0] == 0 and found[-1, 1] == pytest.approx(end)
    if len(found) == 1:
        assert found[0, 1] == pytest.approx(end)
        return
    np.testing.assert_allclose(found[:, 1] - found[:, 0], window)
    gaps = np.diff(found[:, 0])
    np.testing.assert_allclose(gaps[:-1], every or window)
    assert 0 < gaps[-1] <= (every or window) + 1e-6 and np.all(found[:, 1] <= end + 1e-6)


def test_a_window_has_as_many_frames_wherever_it_starts():
    """0.4 + 0.8 is more than 1.2 in binary fractions."""
    views = unlabelled([video(50, 25.0)], window=0.8, every=0.4)
    assert {clip.num_frames for clip in views._clips} == {20}


@pytest.mark.parametrize(
    ("window", "every", "told"),
    [
        (None, None, ["1 video with windows of fewer than 2 frames, of which some are seen several times: v1"]),
        (0.5, 0.5, ["1 video shorter than --window, 0.5 s, each one window: v1", "1 video with windows of fewer"]),
        (0.5, 2.0, ["--every is 2 and --window 0.5: the 1.5 s between windows", "1 video shorter", "1 video with"]),
        (0.05, 0.05, ["2 videos of which a frame lasts longer than --window, and windows in", "2 videos with windows"]),
    ],
)
def test_odd_windows_have_a_line(window, every, told):
    found = list(window_lines(source_of([video(20), video(1)], window, every)))
    assert len(found) == len(told) and all(map(str.startswith, found, told)), found


def test_sound_windows_have_none():
    assert not list(window_lines(source_of([video(20), video(8)], 0.5, 0.25)))


def source_of(videos, window=None, every=None):
    inputs = tuple(VideoInput(f"v{k}", f"v{k}", 0, 0, 0, len(one), video=one) for k, one in enumerate(videos))
    return unlabelled_clips(FoundVideos(inputs, [], (), ()), WindowConfig(DATA, window, every))


def unlabelled(videos, window=None, every=None):
    return UnlabelledViews(source_of(videos, window, every))


def test_views_come_video_by_video_and_window_by_window():
    views = unlabelled([video(20), video(5)], window=1.0)
    assert [views.owner_of(place) for place in range(len(views.video_ids))] == [0] * 8 + [1] * 4
    first = [views.example(place, None)["frames"][0, 0, 0, 0] for place in (0, 4)]
    # Frames 0 and 10 are the first ones of the two windows.
    assert (first[1] - first[0]) * 0.229 * 255 == pytest.approx(10, rel=1e-4)


def test_the_mean_of_the_views_of_each_window():
    assembly = WindowAssembly(video(20), WindowConfig(DATA, 1.0))
    rng = np.random.default_rng(0)
    logits = rng.standard_normal((8, 3))
    for place in range(7):
        assert assembly.add({"label": logits[place]}) is None
    found = assembly.add({"label": logits[7]})["label"]
    expected = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    np.testing.assert_allclose(found, expected.reshape(2, 4, 3).mean(1), rtol=1e-6)
    np.testing.assert_allclose(assembly.times, [[0, 1], [1, 2]])


class Broken(GivenFrames):
    """A video whose frames cannot be read."""

    def _decode(self, numbers):
        raise VideoError(self.path, "broken", "expected frames")


def test_an_unreadable_video_stops_no_other():
    bad = Broken(np.zeros((5, 8, 12, 3), np.uint8), "bad")
    views = unlabelled([bad, video(5)])
    batches = WindowBatches(views._source, batch_size=3, num_rows=4)
    read = list(batches)
    assert [batch.positions for batch in read] == [(0, 0, 0, -1), (0, 1, 1, -1), (1, 1, -1, -1)]
    assert not read[0].arrays["frames"].any() and read[2].arrays["frames"][:2].any()
    assert [problem.found for problem in views._source.problems] == ["broken"]
    with pytest.raises(UserError, match="broken"):
        list(read_views_of(bad))


def read_views_of(opened):
    views = unlabelled([opened])
    for place in range(len(views.video_ids)):
        views.example(place, None)
        views._source.refuse_problems()
        yield place


def test_what_is_no_video_is_refused():
    with pytest.raises(UserError, match="expected a path, or uint8"):
        read_views(np.zeros((4, 8, 8)), WindowConfig(DATA))
