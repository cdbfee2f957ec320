"""Augmented clips: the published path and ours, what is drawn, random erasing, settings that cannot be."""

import dataclasses

import numpy as np
import pytest

from data_pipelines.recognition.augmentation import ClipAugmentationConfig, augment, augment_as_published, draw_clip
from data_pipelines.recognition.erasing import draw_erasing
from data_pipelines.video import pixels
from fact_jax.types import UserError

CONFIG = ClipAugmentationConfig(size=24)
ATOL = 2e-6  # of normalised values, up to 2.7
FRAMES = np.random.default_rng(0).integers(0, 256, (3, 40, 56, 3), np.uint8)


def drawn(config, count=400):
    rng = np.random.default_rng(1)
    return [draw_clip(config, *FRAMES.shape[1:3], rng) for _ in range(count)]


@pytest.mark.parametrize("erase", [0.0, 1.0])
def test_the_published_path_gives_the_same_frames(erase):
    config = dataclasses.replace(CONFIG, erase=erase)
    views = drawn(config, 25)
    assert {view.flipped for view in views} == {True, False}
    for view in views:
        wanted = augment_as_published(FRAMES, view, config)
        np.testing.assert_allclose(augment(FRAMES, view, config), wanted, atol=ATOL)


def test_a_clip_without_changes_is_cut_resized_and_normalised():
    config = dataclasses.replace(CONFIG, rand_augment="", flip=1.0)
    view = drawn(config, 1)[0]
    assert view.changes == () and view.flipped and view.erasing is None
    part = pixels.normalize(pixels.crop(FRAMES, view.box))
    wanted = pixels.resize(part, 24, 24)[:, :, ::-1]
    out = np.empty((3, 24, 24, 3), np.float32)
    assert augment(FRAMES, view, config, out) is out
    np.testing.assert_allclose(out, wanted, atol=ATOL)
    assert augment(FRAMES[:0], view, config).shape == (0, 24, 24, 3)


def test_crops_and_flips_that_are_drawn():
    views = drawn(CONFIG, 2000)
    boxes = np.array([view.box for view in views])
    assert (
        (boxes[:, :2] >= 0).all()
        and (boxes[:, 0] + boxes[:, 2] <= 40).all()
        and (boxes[:, 1] + boxes[:, 3] <= 56).all()
    )
    shares, ratios = boxes[:, 2] * boxes[:, 3] / (40 * 56), boxes[:, 3] / boxes[:, 2]
    assert 0.07 < shares.min() < 0.1 and 0.9 < shares.max() <= 1 and 0.68 < ratios.min() and ratios.max() < 1.45
    assert abs(np.mean([view.flipped for view in views]) - 0.5) < 0.04
    assert not any(view.flipped for view in drawn(dataclasses.replace(CONFIG, flip=0.0)))


def test_a_crop_that_never_fits_is_the_middle():
    view = draw_clip(CONFIG, 10, 200, np.random.default_rng(0))
    assert view.box == (0, 93, 10, 13)
    view = draw_clip(CONFIG, 200, 10, np.random.default_rng(0))
    assert view.box == (93, 0, 13, 10)


def test_a_view_is_the_same_for_its_seed():
    one, other = (draw_clip(CONFIG, 40, 56, np.random.default_rng([7, 3, 2])) for _ in range(2))
    assert one == other


def test_erasing_is_one_rectangle_of_noise_that_differs_by_frame():
    config = dataclasses.replace(CONFIG, rand_augment="", erase=1.0)
    view = next(view for view in drawn(config) if view.erasing.box[2] * view.erasing.box[3] > 150)
    plain = augment(FRAMES, dataclasses.replace(view, erasing=None), config)
    found = augment(FRAMES, view, config)
    top, left, height, width = view.erasing.box
    changed = np.zeros(found.shape[:3], bool)
    changed[:, top : top + height, left : left + width] = True
    np.testing.assert_array_equal((found != plain).any(-1), changed)
    noise = found[changed]
    assert abs(noise.mean()) < 0.1 and abs(noise.std() - 1) < 0.1
    assert len(np.unique(found[:, top, left, 0])) == len(found)
    # Frames that are changed in parts have the same noise.
    parts = [augment(FRAMES[:2], view, config), augment(FRAMES[2:], view, config, first=2)]
    np.testing.assert_array_equal(np.concatenate(parts), found)


def test_rectangles_that_are_erased():
    rng = np.random.default_rng(0)
    boxes = np.array([draw_erasing(224, rng).box for _ in range(1500)])
    assert (boxes[:, :2] >= 0).all() and (boxes[:, :2] + boxes[:, 2:] <= 224).all()
    shares, ratios = boxes[:, 2] * boxes[:, 3] / 224**2, boxes[:, 2] / boxes[:, 3]
    assert 0.019 < shares.min() < 0.03 and 0.3 < shares.max() < 0.34
    assert 0.28 < ratios.min() < 0.35 and 2.9 < ratios.max() < 3.6
    assert draw_erasing(0, rng) is None
    share = np.mean([view.erasing is not None for view in drawn(dataclasses.replace(CONFIG, erase=0.25), 2000)])
    assert abs(share - 0.25) < 0.03


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"size": 0}, "size is 0, expected 1 or more"),
        ({"area": (0.5, 0.2)}, r"area is \(0.5, 0.2\)"),
        ({"area": (0.1, 1.5)}, "area"),
        ({"ratio": (1.0,)}, "ratio"),
        ({"flip": 1.5, "erase": -0.1}, "flip is 1.5.*\n.*erase is -0.1"),
        ({"single_crop": "centre"}, "did you mean 'center'|center"),
        ({"rand_augment": "rand-x3"}, "rand_augment is 'rand-x3'"),
    ],
)
def test_settings_that_cannot_be(wrong, message):
    with pytest.raises(UserError, match=message):
        dataclasses.replace(CONFIG, **wrong)
