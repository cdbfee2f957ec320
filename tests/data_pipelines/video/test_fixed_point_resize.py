"""Resizing to the pixels of OpenCV, of which checksums were recorded."""

import zlib

import numpy as np
import pytest

from data_pipelines.video import pixels
from data_pipelines.video.fixed_point_resize import resize_part


def picture(height, width):
    """A formula, so that the recordings need no file."""
    down, right, channel = np.ogrid[:height, :width, :3]
    return ((right * right * 7 + down * down * 5 + right * down * 3 + channel * 90) % 256).astype(np.uint8)


@pytest.mark.parametrize(
    ("size", "wanted", "checksum"),
    # zlib.crc32 of cv2.resize(picture, (width, height), interpolation=cv2.INTER_LINEAR), OpenCV 5.0.0, x86-64.
    [
        ((240, 320), (224, 298), 728132475),
        ((256, 454), (224, 397), 1438574141),
        ((120, 90), (298, 224), 875494336),
        ((448, 600), (224, 300), 2436405312),
        ((7, 9), (32, 41), 1724306308),
    ],
)
def test_pixels_are_those_of_opencv(size, wanted, checksum):
    frames = picture(*size)[None]
    found = resize_part(frames, *wanted, (0, 0, *wanted))
    assert zlib.crc32(found.tobytes()) == checksum
    part = resize_part(frames, *wanted, (3, 5, 20, 30))
    np.testing.assert_array_equal(part, found[:, 3:23, 5:35])
    exact = pixels.resize(pixels.as_float(frames), *wanted) * 255
    assert np.abs(found - exact).max() < 1
