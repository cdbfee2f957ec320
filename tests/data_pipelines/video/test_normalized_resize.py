"""Resizing and normalisation at once against both functions of pixels.py."""

import numpy as np
import pytest

from data_pipelines.video import pixels
from data_pipelines.video.normalized_resize import resize_and_normalize


@pytest.mark.parametrize("size", [(9, 14), (30, 21), (1, 1), (40, 17), (16, 20)])
@pytest.mark.parametrize("flipped", [False, True])
def test_both_ways_agree(size, flipped):
    frames = np.random.default_rng(0).integers(0, 256, (2, *size, 3), np.uint8)
    out = np.empty((2, 16, 20, 3), np.float32)
    assert resize_and_normalize(frames, out, flipped) is out
    wanted = pixels.resize(pixels.normalize(frames), 16, 20)
    np.testing.assert_allclose(out, wanted[:, :, ::-1] if flipped else wanted, atol=2e-6)
