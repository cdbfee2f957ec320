"""Colour jitter pixel for pixel as Pillow's, and what is drawn for a view."""

import dataclasses
import itertools

import numpy as np
import pytest
from PIL import Image, ImageFilter

from data_pipelines.video import box_blur, color_jitter, hue, pixels, views
from data_pipelines.video.color_jitter import OPERATIONS, Jitter
from fact_jax.types import UserError

CONFIG = views.AugmentationConfig(size=24)


def pictures(count, height, width, seed=0):
    """Noise, few colours, and greys."""
    found = np.random.default_rng(seed).integers(0, 256, (count, height, width, 3), np.uint8)
    found[:, : height // 3] //= 64
    found[:, : height // 3] *= 64
    found[:, -height // 5 :] = found[:, -height // 5 :, :, :1]
    return found


@pytest.mark.parametrize("radius", [0.1, 0.7, 1.41, 1.42, 2.0, 5.3])
@pytest.mark.parametrize("shape", [(37, 21), (4, 3), (1, 1)])
def test_blur_is_that_of_pillow(radius, shape):
    (picture,) = pictures(1, *shape)
    wanted = np.asarray(Image.fromarray(picture).filter(ImageFilter.GaussianBlur(radius)))
    reach, *weights = box_blur.box_of(radius)
    edge = reach + 1
    planes = np.random.default_rng(1).integers(0, 256, (3, *(side + 2 * edge for side in shape)), np.uint8)
    inside = planes[:, edge:-edge, edge:-edge]
    inside[...] = picture.transpose(2, 0, 1)
    box_blur.blur(planes, np.zeros_like(planes), np.zeros(box_blur.BLOCK, np.uint16), reach, *weights)
    np.testing.assert_array_equal(inside.transpose(1, 2, 0), wanted)


def by_pillow(picture, shift):
    parts = Image.fromarray(picture).convert("HSV").split()
    turned = Image.fromarray(np.asarray(parts[0]) + np.uint8(shift))
    return np.asarray(Image.merge("HSV", (turned, *parts[1:])).convert("RGB"))


def turned(picture, shift):
    planes = np.ascontiguousarray(picture.reshape(-1, 3).T)
    hue.turn_hue(planes, shift)
    return planes.T.reshape(picture.shape)


@pytest.mark.parametrize("shift", [0, 1, 51, 205])
def test_hue_is_that_of_pillow(shift):
    (picture,) = pictures(1, 120, 100)
    np.testing.assert_array_equal(turned(picture, shift), by_pillow(picture, shift))


@pytest.mark.slow
@pytest.mark.parametrize("shift", [0, 37])
def test_hue_of_every_color_is_that_of_pillow(shift):
    for red in range(256):
        green, blue = np.meshgrid(*[np.arange(256, dtype=np.uint8)] * 2)
        picture = np.stack([np.full_like(green, red), green, blue], axis=-1)
        np.testing.assert_array_equal(turned(picture, shift), by_pillow(picture, shift))


@pytest.mark.parametrize("radius", [None, 0.9, 1.8])
def test_both_ways_give_the_same_pixels(radius):
    frames = pictures(2, 30, 25)
    for number, order in enumerate(itertools.permutations(OPERATIONS)):
        drawn = Jitter(order, 0.4 + number / 20, 1.7 - number / 20, number / 12, (number - 12) / 60, radius)
        found = color_jitter.jitter(frames, drawn)
        np.testing.assert_array_equal(found, color_jitter.jitter_by_pillow(frames, drawn))
    # Parts of pictures, and none at all.
    part = frames[:, 3:20, 2:9]
    np.testing.assert_array_equal(color_jitter.jitter(part, drawn), color_jitter.jitter_by_pillow(part, drawn))
    assert color_jitter.jitter(frames[:0], drawn).shape == frames[:0].shape


def drawn_views(config, count=400):
    rng = np.random.default_rng(1)
    return [views.draw_view(config, 60, 80, rng) for _ in range(count)]


def test_probabilities_and_ranges():
    found = drawn_views(CONFIG)
    jitters = [view.jitter for view in found if view.jitter]
    shares = [np.mean([view.flipped for view in found]), len(jitters) / 400, np.mean([view.grey for view in found])]
    np.testing.assert_allclose(shares, [0.5, 0.8, 0.2], atol=0.06)
    assert len({one.order for one in jitters}) == 24
    for name, low, high in (("brightness", 0.2, 1.8), ("contrast", 0.2, 1.8), ("hue", -0.2, 0.2)):
        values = [getattr(one, name) for one in jitters]
        assert low <= min(values) < low + 0.03 * (high - low) and high - 0.03 * (high - low) < max(values) <= high
    radii = [one.blur_radius for one in jitters if one.blur_radius is not None]
    assert 0.4 < len(radii) / len(jitters) < 0.6 and 0.1 <= min(radii) and max(radii) <= 2.0
    assert not any(v.jitter.blur_radius for v in drawn_views(dataclasses.replace(CONFIG, blur=False)) if v.jitter)
    labelled = drawn_views(dataclasses.replace(CONFIG, self_supervised=False, random_crop=False))
    assert {(view.box, view.grey, view.jitter.order) for view in labelled} == {
        (None, False, ("brightness", "contrast"))
    }
    assert 1.1 < max(view.jitter.brightness for view in labelled) <= 1 + 32 / 255


def test_a_view_is_the_same_for_all_frames_and_its_seed():
    frames = np.repeat(pictures(1, 60, 80), 3, axis=0)
    one, other = (views.draw_view(CONFIG, 60, 80, np.random.default_rng([7, 3, 2])) for _ in range(2))
    assert one == other
    found = views.augment(frames, one, CONFIG)
    assert found.shape == (3, 24, 24, 3) and found.dtype == np.float32
    np.testing.assert_array_equal(found[0], found[2])


@pytest.mark.parametrize("self_supervised", [True, False])
def test_the_published_path_gives_the_same_frames(self_supervised):
    frames = pictures(2, 60, 80)
    config = dataclasses.replace(CONFIG, self_supervised=self_supervised)
    for view in drawn_views(config, 12):
        by_frame = views.augment_as_published(frames, view, config)
        np.testing.assert_array_equal(views.augment(frames, view, config), by_frame)


def test_an_evaluation_sees_the_middle_or_the_whole():
    frames = pictures(2, 60, 80)
    found = views.augment(frames, views.evaluation_view(CONFIG, 60, 80), CONFIG)
    np.testing.assert_array_equal(found, pixels.normalize(frames[:, 18:42, 28:52]))
    whole = dataclasses.replace(CONFIG, evaluation_crop="whole")
    found = views.augment(frames, views.evaluation_view(whole, 60, 80), whole)
    np.testing.assert_array_equal(found, pixels.normalize(pixels.resize(pixels.as_float(frames), 24, 24)))


@pytest.mark.parametrize("wrong", [{"size": 0}, {"strength": 1.5}, {"evaluation_crop": "centre"}])
def test_settings_that_cannot_be(wrong):
    with pytest.raises(UserError, match=next(iter(wrong))):
        dataclasses.replace(CONFIG, **wrong)
