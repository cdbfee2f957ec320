"""Pieces of training videos at another speed: what is drawn, what is kept, and the batches made of them."""

import numpy as np
import pytest

from data_pipelines.core.batching import assemble
from data_pipelines.segmentation.batching import FrameExamples
from data_pipelines.segmentation.pieces import Piece, PieceConfig, draw_piece, resample
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
    rng, config = np.random.default_rng(0), PieceConfig(crop_share=0.5, max_speed=1.5)
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
    assert not PieceConfig().changes and not PieceConfig(1.0, 1.0).changes
    assert PieceConfig(crop_share=0.9).changes and PieceConfig(max_speed=1.1).changes
    rng = np.random.default_rng(0)
    assert draw_piece(50, PieceConfig(), rng) == Piece(0, 50, 50)


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
    examples = FrameExamples(OneVideo(200), 20, pieces=PieceConfig(crop_share=0.5, max_speed=1.3))
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


@pytest.mark.parametrize("settings", [{"crop_share": 1.5}, {"crop_share": -0.1}, {"max_speed": 0.5}])
def test_values_out_of_range(settings):
    with pytest.raises(UserError, match=f"config.data.{next(iter(settings))} is"):
        PieceConfig(**settings)
