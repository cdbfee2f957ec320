"""Drawn clips: what tells their labels, and what cannot."""

import numpy as np
import pytest

from data_pipelines.recognition import synthetic
from data_pipelines.recognition.config import RecognitionDataConfig, SyntheticClipsConfig
from data_pipelines.recognition.opening import open_recognition
from fact_jax.types import UserError

SPEC = SyntheticClipsConfig(num_train_videos=12, num_test_videos=4)


def clips(**changes):
    spec = SyntheticClipsConfig(**({"num_train_videos": 12, "num_test_videos": 4} | changes))
    return open_recognition(RecognitionDataConfig(reader="synthetic", synthetic=spec))


def test_labels_are_pairs_or_one_for_both():
    single, pairs = clips(), clips(pairs=True)
    assert [head.name for head in single.heads] == ["label"] and len(single.heads[0].class_names) == 12
    assert [head.name for head in pairs.heads] == ["noun", "verb"]
    assert sorted(int(clip.labels[0]) for clip in single.train) == list(range(12))
    for one, other in zip(single.train, pairs.train, strict=True):
        noun, verb = (head.class_names[k] for head, k in zip(pairs.heads, other.labels, strict=True))
        assert single.heads[0].class_names[one.labels[0]] == f"{noun} {verb}"
        np.testing.assert_array_equal(one.video.frames([0, 7]), other.video.frames([0, 7]))


def test_a_clip_depends_on_its_number_its_subset_and_the_seed_alone():
    whose = (("train", 1, 0), ("train", 1, 0), ("train", 13, 0), ("test", 1, 0), ("train", 1, 5))
    drawn = [synthetic.SyntheticClip(SPEC, *which).frames(range(8)) for which in whose]
    assert drawn[0].shape == (8, 32, 32, 3) and drawn[0].dtype == np.uint8
    assert np.array_equal(drawn[0], drawn[1])
    assert not any(np.array_equal(drawn[0], other) for other in drawn[2:])
    with pytest.raises(UserError, match="seed of the synthetic data set is -1"):
        synthetic.SyntheticClip(SPEC, "train", 0, -1)


def test_a_pattern_that_drifts_left_is_one_that_drifts_right_played_backwards():
    for verb, steps in enumerate(((0, 2), (0, -2), (2, 0), (-2, 0))):
        frames = synthetic._drift(32, 6, verb, np.random.default_rng(3))
        for frame, following in zip(frames, frames[1:], strict=False):
            np.testing.assert_array_equal(np.roll(frame, steps, (0, 1)), following)


def test_noun_is_the_channel_in_which_cells_of_a_frame_differ_and_one_cell_does_not_tell_it():
    rng = np.random.default_rng(0)
    drawn = {noun: np.concatenate([synthetic._cells(4, 8, noun, 0.12, rng) for _ in range(300)]) for noun in range(3)}
    for noun, cells in drawn.items():
        spread = np.ptp(cells, axis=(1, 2))
        wanted = np.where(np.arange(3) == noun, 0.12, 0)
        np.testing.assert_allclose(spread, np.broadcast_to(wanted, spread.shape), atol=1e-12)
    # The values of a cell have one distribution in all channels of all nouns: means and spreads are as near as chance
    # makes them, of 2,400 frames.
    values = np.stack([cells[:, 0, 0] for cells in drawn.values()])
    assert np.abs(values.mean(axis=1) - 0.5).max() < 0.02
    assert np.ptp(values.std(axis=1)) < 0.01


def test_wrong_settings_are_told_together():
    with pytest.raises(UserError, match="size is 8, expected 16 or more; contrast is 0"):
        SyntheticClipsConfig(size=8, contrast=0.0)
