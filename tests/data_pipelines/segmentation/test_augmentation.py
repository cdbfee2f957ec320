"""Random changes of training videos: what is drawn, what is kept, and the batches made of them."""

import numpy as np
import pytest

from data_pipelines.core.batching import TrainBatches, assemble
from data_pipelines.segmentation.augmentation import (
    AugmentationConfig,
    Piece,
    augment,
    draw_piece,
    resample,
    vary_channels,
)
from data_pipelines.segmentation.batching import FrameExamples
from fact_jax.types import UserError, Video


class OneVideo:
    """A VideoSource of a video whose only channel counts its frames, ten of a label."""

    video_ids, feature_dim = ("one",), 1

    def __init__(self, length):
        self.lengths = np.array([length])

    def __getitem__(self, index):
        frames = np.arange(self.lengths[index])
        return Video("one", frames[:, None].astype(np.float32), frames // 10, frames // 10)


@pytest.mark.parametrize("length", [1, 10, 40, 1000])
def test_drawn_pieces_stay_within_their_bounds(length):
    rng, config = np.random.default_rng(0), AugmentationConfig(crop_share=0.5, max_speed=1.5)
    pieces = [draw_piece(length, config, rng) for _ in range(300)]
    sizes = np.array([piece.end - piece.start for piece in pieces])
    stretches = np.array([piece.num_frames for piece in pieces]) / sizes
    assert min(piece.start for piece in pieces) == 0 and max(piece.end for piece in pieces) == length
    assert sizes.max() <= length and max(piece.num_frames for piece in pieces) <= length
    if length < 16:
        assert {*pieces} == {Piece(0, length, length)}
    if length == 1000:
        assert 500 <= sizes.min() < 520 and sizes.max() > 980
        assert 1 / 1.51 < stretches.min() < 0.7 and 1.45 < stretches.max() < 1.51


def test_nothing_changes_by_default():
    assert not AugmentationConfig().changes and not AugmentationConfig(1.0, 1.0).changes
    for name, value in (("crop_share", 0.9), ("max_speed", 1.1), ("gain_deviation", 0.1), ("offset_deviation", 0.1)):
        assert AugmentationConfig(**{name: value}).changes
    rng = np.random.default_rng(0)
    assert draw_piece(50, AugmentationConfig(), rng) == Piece(0, 50, 50)


def test_features_and_labels_are_those_of_the_same_time():
    features = np.arange(100, dtype=np.float32)[:, None]
    for num_frames in (7, 20, 33, 60, 80):
        found, labels = resample(features, np.arange(100) // 10, Piece(20, 60, num_frames))
        assert found.shape == (num_frames, 1) and found.dtype == np.float32
        assert 20 <= found[0, 0] < 24 and 56 < found[-1, 0] <= 59
        assert np.all(np.abs(labels - found[:, 0] / 10 + 0.5) <= 0.5 + 0.05)  # half a frame beside the border
    same, labels = resample(features, np.arange(100), Piece(20, 60, 40))
    np.testing.assert_array_equal(same[:, 0], labels)


def test_batches_of_pieces():
    """The same numbers for a step whenever it is made and however it is padded; evaluations see whole videos."""
    examples = FrameExamples(OneVideo(200), 20, augmentation=AugmentationConfig(crop_share=0.5, max_speed=1.3))
    steps = (200, 1), (256, 1), (256, 2)
    made = [assemble(examples, [0], length, 1, seed=(3, step)).arrays for length, step in steps]
    frames = [arrays["mask"].sum() for arrays in made]
    assert frames[0] == frames[1] != frames[2]
    for name in ("features", "labels"):
        np.testing.assert_array_equal(made[0][name], made[1][name][:, :200])
    count = int(made[0]["segment_mask"].sum())
    np.testing.assert_array_equal(made[0]["segment_labels"][0, :count], np.unique(made[0]["labels"][0, : frames[0]]))
    whole = assemble(examples, [0], 200, 1).arrays
    assert whole["mask"].all() and whole["segment_mask"].all()


def test_channels_keep_their_course():
    """Every channel is an affine map of what it was, with the deviations that were asked for."""
    rng = np.random.default_rng(0)
    features = rng.normal(3, 2, (50, 4000)).astype(np.float32)
    changed = vary_channels(features, AugmentationConfig(gain_deviation=0.5, offset_deviation=0.3), rng)
    assert changed.dtype == np.float32
    gain = changed.std(axis=0, dtype=float) / features.std(axis=0, dtype=float)
    offset = changed.mean(axis=0, dtype=float) - gain * features.mean(axis=0, dtype=float)
    np.testing.assert_allclose(changed, gain * features + offset, atol=2e-4)
    np.testing.assert_allclose([np.log(gain).mean(), np.log(gain).std()], [0, 0.5], atol=0.03)
    offset /= changed.std(axis=0, dtype=float)
    np.testing.assert_allclose([offset.mean(), offset.std()], [0, 0.3], atol=0.02)


def test_channels_that_do_not_move_get_no_offset():
    still = np.full((20, 3), 7, np.float32)
    config = AugmentationConfig(offset_deviation=2.0)
    np.testing.assert_array_equal(vary_channels(still, config, np.random.default_rng(0)), still)


def test_gains_alone_leave_labels_and_length():
    labels = np.arange(30) // 10
    features, found = augment(np.ones((30, 2), np.float32), labels, AugmentationConfig(gain_deviation=0.5), (1, 2, 3))
    np.testing.assert_array_equal(found, labels)
    assert features.shape == (30, 2) and len(np.unique(features)) == 2
    again, _ = augment(np.ones((30, 2), np.float32), labels, AugmentationConfig(gain_deviation=0.5), (1, 2, 3))
    np.testing.assert_array_equal(features, again)


@pytest.mark.parametrize("micro_batch_size", [0, 1])
def test_batches_are_padded_to_the_pieces_of_their_videos(micro_batch_size):
    """Not to their videos; the numbers are those of the longer padding, and all lengths are foreseen."""
    config = AugmentationConfig(crop_share=0.2, gain_deviation=0.5)
    examples = FrameExamples(OneVideo(200), 20, augmentation=config)
    options = {"batch_size": 1, "seed": 3, "num_rows": 1, "micro_batch_size": micro_batch_size}
    batches = TrainBatches(examples, buckets=(80, 120, 200), drawn_length=examples.drawn_length, **options)
    longest = TrainBatches(examples, buckets=(200,), drawn_length=examples.drawn_length, **options)
    seen = set()
    for step in range(40):
        (batch,), (whole,) = batches.batches(step), longest.batches(step)
        frames = int(batch.arrays["mask"].sum())
        assert batches.padded_lengths(step) == (batch.length,) and frames <= batch.length
        assert batch.length == min(length for length in (80, 120, 200) if length >= frames)
        np.testing.assert_array_equal(batch.arrays["features"], whole.arrays["features"][:, : batch.length])
        seen.add(batch.length)
    assert seen == {80, 120, 200}
    assert sorted(batch.length for (batch,) in batches.outlines(0, 40)) == [80, 120]  # one step an epoch, few epochs
    assert batches.padding(40).frames == sum(int(b.arrays["mask"].sum()) for s in range(40) for b in batches.batches(s))
    whole = FrameExamples(OneVideo(200), 20, augmentation=AugmentationConfig(gain_deviation=1.0))
    assert {whole.drawn_length(0, (3, step, 0)) for step in range(9)} == {200}


WRONG = [
    {"crop_share": 1.5},
    {"crop_share": -0.1},
    {"max_speed": 0.5},
    {"gain_deviation": -1.0},
    {"offset_deviation": -1.0},
]


@pytest.mark.parametrize("settings", WRONG)
def test_values_out_of_range(settings):
    with pytest.raises(UserError, match=f"config.data.{next(iter(settings))} is"):
        AugmentationConfig(**settings)
