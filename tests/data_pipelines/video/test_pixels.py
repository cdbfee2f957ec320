"""Crops, resizing and values of frames, against plain loops."""

import math
import random

import numpy as np
import pytest

from data_pipelines.video import pixels


def frames_of(*shape, seed=0):
    return np.random.default_rng(seed).random((2, *shape, 3), np.float32)


def plain_resize(frame, height, width):
    """The definition, pixel by pixel, in float64."""
    found = np.empty((height, width, 3))
    for row in range(height):
        for column in range(width):
            corners, shares = [], []
            for place, size, wanted in ((row, frame.shape[0], height), (column, frame.shape[1], width)):
                position = max((place + 0.5) * size / wanted - 0.5, 0.0)
                low = min(int(position), size - 1)
                corners.append((low, min(low + 1, size - 1)))
                shares.append(position - low)
            (top, bottom), (left, right) = corners
            upper = frame[top, left] * (1 - shares[1]) + frame[top, right] * shares[1]
            lower = frame[bottom, left] * (1 - shares[1]) + frame[bottom, right] * shares[1]
            found[row, column] = upper * (1 - shares[0]) + lower * shares[0]
    return found


@pytest.mark.parametrize(("shape", "size"), [((9, 14), (5, 6)), ((5, 6), (9, 14)), ((1, 3), (4, 4)), ((7, 7), (7, 3))])
def test_resizing_is_that_of_its_definition(shape, size):
    frames = frames_of(*shape)
    for flipped in (False, True):
        found = pixels.resize(frames, *size, flipped)
        assert found.dtype == np.float32 and found.shape == (2, *size, 3)
        wanted = np.stack([plain_resize(frame, *size) for frame in frames])
        np.testing.assert_allclose(found, wanted[:, :, ::-1] if flipped else wanted, atol=2e-6)


def test_resizing_agrees_with_torch():
    torch = pytest.importorskip("torch")
    frames = frames_of(61, 83)
    wanted = torch.nn.functional.interpolate(torch.from_numpy(frames.transpose(0, 3, 1, 2)), (24, 40), mode="bilinear")
    np.testing.assert_allclose(pixels.resize(frames, 24, 40), wanted.numpy().transpose(0, 2, 3, 1), atol=3e-7)


def test_resizing_to_the_same_size_changes_nothing():
    frames = frames_of(6, 8)
    np.testing.assert_array_equal(pixels.resize(frames, 6, 8), frames)
    np.testing.assert_array_equal(pixels.resize(frames, 6, 8, flipped=True), frames[:, :, ::-1])


@pytest.mark.parametrize(("height", "width"), [(224, 224), (360, 640), (100, 40), (1, 1)])
def test_crops_keep_to_the_published_areas_and_ratios(height, width):
    draw, whole = random.Random(0), height * width
    for _ in range(50):
        top, left, crop_height, crop_width = pixels.draw_crop(height, width, draw.uniform, draw.randint)
        assert 0 <= top <= height - crop_height and 0 <= left <= width - crop_width and crop_height * crop_width > 0
        assert 0.73 < crop_width / crop_height < 1.36
        assert crop_height * crop_width > 0.79 * whole or (top, left) == (
            (height - crop_height) // 2,
            (width - crop_width) // 2,
        )


@pytest.mark.parametrize(("height", "width", "place", "box"), [
    (40, 57, 1, (8, 17, 24, 24)), (40, 57, 0, (8, 0, 24, 24)), (40, 57, 2, (8, 33, 24, 24)),
    (57, 40, 2, (33, 8, 24, 24)), (24, 24, 1, (0, 0, 24, 24)), (10, 57, 1, (0, 17, 10, 24)),
])  # fmt: skip
def test_crops_of_an_evaluation(height, width, place, box):
    assert pixels.uniform_crop(height, width, 24, place) == box
    assert pixels.crop(frames_of(height, width), box).shape == (2, *box[2:], 3)


def test_values():
    frames = frames_of(3, 4)
    grey = pixels.to_grey(frames)
    np.testing.assert_allclose(grey, np.repeat(frames @ [[0.299], [0.587], [0.114]], 3, axis=-1), atol=1e-6)
    found = pixels.normalize(frames)
    np.testing.assert_allclose(found * [0.229, 0.224, 0.225] + [0.485, 0.456, 0.406], frames, atol=1e-6)
    bytes_of = np.arange(256, dtype=np.uint8).reshape(1, 8, 32, 1).repeat(3, axis=-1)
    np.testing.assert_array_equal(pixels.normalize(bytes_of), pixels.normalize(pixels.as_float(bytes_of)))
    # There and back without loss, although the published way cuts the fraction off.
    np.testing.assert_array_equal((pixels.as_float(bytes_of) * np.float32(255)).astype(np.uint8), bytes_of)
    assert math.isclose(pixels.as_float(bytes_of).max(), 1.0)
