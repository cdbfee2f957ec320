"""Clips: their frames lie in the video, draws repeat, and the bounds are the published ones."""

import dataclasses

import numpy as np
import pytest

from data_pipelines.video import clips
from data_pipelines.video.clips import ClipConfig
from fact_jax.types import UserError


def views_of(length, seed=0, **settings):
    return clips.draw_views(ClipConfig(**settings), length, np.random.default_rng(seed))


@pytest.mark.parametrize("length", [1, 7, 40, 41, 300])
@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"local_block": True},
        {"strategy": "offset_uniform", "num_contexts": 2, "context_stride": 15},
        {"strategy": "offset_uniform", "positives": True},
        {"sampling_region": 0.0},
    ],
)
def test_views_lie_in_the_video(length, settings):
    for clip in views_of(length, num_frames=40, **settings):
        contexts = settings.get("num_contexts", 1)
        assert clip.steps.shape == clip.mask.shape == (40,) and clip.frames.shape == (40 * contexts,)
        assert 0 <= clip.frames.min() and clip.frames.max() < length and clip.mask.any()
        np.testing.assert_array_equal(clip.frames[contexts - 1 :: contexts], clip.steps)
        if not settings.get("positives"):
            # Ascending, and frames that count are different ones.
            assert (np.diff(clip.steps) >= 0).all() and len(set(clip.steps[clip.mask])) == clip.mask.sum()
            assert clip.mask.sum() <= min(length, 40)


def test_draws_come_from_the_seed_alone():
    for one, other in zip(views_of(100, 3), views_of(100, 3), strict=True):
        np.testing.assert_array_equal(one.frames, other.frames)
    assert not np.array_equal(views_of(100, 3)[0].frames, views_of(100, 4)[0].frames)
    assert not np.array_equal(*[clip.frames for clip in views_of(100)])


def test_a_block_of_the_video_reaches_past_its_end():
    clips_of = [clip for seed in range(20) for clip in views_of(400, seed, num_frames=80)]
    shares = [clip.mask.mean() for clip in clips_of]
    assert 0.6 < min(shares) < 0.75 and max(shares) > 0.9
    local = [clip for seed in range(20) for clip in views_of(400, seed, num_frames=80, local_block=True)]
    assert all(clip.mask.all() and np.ptp(clip.frames) < 120 for clip in local)


@pytest.mark.parametrize(
    ("consistent", "previous", "expected"),
    [
        (0.2, None, (0, 380)),
        (0.0, 200, (0, 380)),
        (1.0, 200, (200, 201)),
        (0.5, 200, (160, 241)),
        (0.5, 400, (360, 381)),
    ],
)
def test_offset_bounds(consistent, previous, expected):
    assert clips.offset_bounds(500, 80, 120, consistent, previous) == expected
    assert clips.offset_bounds(100, 80, 120, consistent, previous) == (0, 1)


def test_frames_outside_are_masked_and_stand_in():
    clip = clips.make_clip([-2, 0, 3, 5], 4, num_contexts=2, context_stride=3)
    assert clip.steps.tolist() == [0, 0, 3, 3] and clip.mask.tolist() == [False, True, True, False]
    # Contexts are those of the step that was chosen, not of the frame that stands in.
    assert clip.frames.tolist() == [0, 0, 0, 0, 0, 3, 2, 3]


def test_chunks_of_an_evaluation_are_alike():
    assert clips.evaluation_chunks(53, 25) == [slice(0, 18), slice(18, 36), slice(36, 53)]
    assert clips.evaluation_chunks(0, 25) == [] and clips.evaluation_chunks(25, 25) == [slice(0, 25)]
    assert clips.sample_all(7, 3).tolist() == [0, 3, 6]


@pytest.mark.parametrize(
    ("setting", "value"),
    [("num_frames", 0), ("strategy", "uniform"), ("consistent_offset", 1.5), ("sampling_region", -1.0)],
)
def test_settings_that_cannot_be(setting, value):
    with pytest.raises(UserError, match=setting):
        dataclasses.replace(ClipConfig(), **{setting: value})
    with pytest.raises(UserError, match="even number"):
        ClipConfig(num_frames=3, positives=True)


def test_what_a_function_needs():
    with pytest.raises(ValueError, match="permutation"):
        clips.offset_uniform(10, 5)
    with pytest.raises(ValueError, match="1 or more"):
        clips.make_clip([0], 0)
