"""What an evaluation sees: places of the published code, pixels of the published resizing."""

import numpy as np
import pytest

from data_pipelines.recognition.augmentation import ClipAugmentationConfig
from data_pipelines.recognition.evaluation_views import evaluate, resized, view_of_test, view_of_validation
from data_pipelines.video import pixels
from data_pipelines.video.fixed_point_resize import resize_part

CONFIG = ClipAugmentationConfig()


def test_the_long_side_is_rounded_down():
    assert resized(256, 454, 224) == (224, 397) and resized(454, 256, 224) == (397, 224)
    assert resized(100, 333, 224) == (224, 745) and resized(224, 224, 224) == (224, 224)


def test_three_crops_lie_along_the_long_side():
    boxes = [view_of_test(CONFIG, 256, 454, crop, 3).box for crop in range(3)]
    assert boxes == [(0, 0, 224, 224), (0, 86, 224, 224), (0, 173, 224, 224)]
    boxes = [view_of_test(CONFIG, 454, 256, crop, 3).box for crop in range(3)]
    assert boxes == [(0, 0, 224, 224), (86, 0, 224, 224), (173, 0, 224, 224)]
    assert {view_of_test(CONFIG, 300, 300, crop, 3).box for crop in range(3)} == {(0, 0, 224, 224)}


def test_one_crop_is_the_middle_or_the_start_as_published():
    # (397 - 224) / 2 is 86.5, which goes to the even number.
    assert view_of_validation(CONFIG, 256, 454).box == (0, 86, 224, 224)
    assert view_of_test(CONFIG, 256, 454, 0, 1) == view_of_validation(CONFIG, 256, 454)
    start = ClipAugmentationConfig(single_crop="start")
    assert view_of_test(start, 256, 454, 0, 1).box == (0, 0, 224, 224)
    assert view_of_test(start, 256, 454, 1, 3) == view_of_test(CONFIG, 256, 454, 1, 3)


@pytest.mark.parametrize("size", [(40, 56), (56, 40), (9, 21), (24, 24)])
def test_an_evaluation_sees_a_part_of_the_resized_frame(size):
    config = ClipAugmentationConfig(size=24)
    frames = np.random.default_rng(0).integers(0, 256, (2, *size, 3), np.uint8)
    for crop in range(3):
        view = view_of_test(config, *size, crop, 3)
        whole = resize_part(frames, view.height, view.width, (0, 0, view.height, view.width))
        out = np.empty((2, 24, 24, 3), np.float32)
        assert evaluate(frames, view, out) is out
        np.testing.assert_array_equal(out, pixels.normalize(pixels.crop(whole, view.box)))
    if size == (24, 24):
        np.testing.assert_array_equal(whole, frames)
