"""Drawn clips: what tells their labels, and what cannot."""

import numpy as np
import pytest

from data_pipelines.recognition import synthetic
from data_pipelines.recognition.config import RecognitionDataConfig, SyntheticClipsConfig
from data_pipelines.recognition.opening import open_recognition
from fact_jax.types import UserError

SPEC = SyntheticClipsConfig(num_train_videos=16, num_test_videos=4)


def clips(**changes):
    spec = SyntheticClipsConfig(**({"num_train_videos": 16, "num_test_videos": 4} | changes))
    return open_recognition(RecognitionDataConfig(reader="synthetic", synthetic=spec))


def test_labels_are_pairs_or_one_for_both():
    single, pairs = clips(), clips(pairs=True)
    assert [head.name for head in single.heads] == ["label"] and len(single.heads[0].class_names) == 16
    assert [head.name for head in pairs.heads] == ["noun", "verb"]
    assert sorted(int(clip.labels[0]) for clip in single.train) == list(range(16))
    for one, other in zip(single.train, pairs.train, strict=True):
        noun, verb = (head.class_names[k] for head, k in zip(pairs.heads, other.labels, strict=True))
        assert single.heads[0].class_names[one.labels[0]] == f"{noun} {verb}"
        np.testing.assert_array_equal(one.video.frames([0, 7]), other.video.frames([0, 7]))


def test_a_clip_depends_on_its_number_its_subset_and_the_seed_alone():
    whose = (("train", 1, 0), ("train", 1, 0), ("train", 17, 0), ("test", 1, 0), ("train", 1, 5))
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


def test_a_shape_on_its_own_does_not_tell_the_noun():
    for noun in range(4):
        colors = synthetic._colors(8, noun, np.random.default_rng(noun))
        assert colors.mean(axis=0).tolist() == [0.5, 0.5, 0.5]
        # The odd one of three, by its place in (disc, cross, square).
        odd = [int(np.flatnonzero(row == (row.sum() < 2))[0]) if 0 < row.sum() < 3 else None for row in colors]
        assert set(odd) == {{"none": None, "disc": 0, "cross": 1, "square": 2}[synthetic.NOUNS[noun]]}


def test_shapes_differ_and_do_not_overlap():
    rng = np.random.default_rng(1)
    for _ in range(50):
        shapes = [synthetic._inside(32, shape, place) for shape, place in enumerate(synthetic._places(32, rng))]
        assert np.sum(shapes, axis=0).max() == 1 and min(shape.sum() for shape in shapes) > 5
    one = [synthetic._inside(8, shape, (4.0, 4.0)) for shape in range(3)]
    assert [int(shape.sum()) for shape in one] == [29, 13, 40]


def test_wrong_settings_are_told_together():
    with pytest.raises(UserError, match="size is 8, expected 16 or more; num_frames is 7, expected an even number"):
        SyntheticClipsConfig(size=8, num_frames=7)
