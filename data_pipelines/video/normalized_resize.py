"""8-bit frames resized and normalised at once, in two thirds of the time of both functions of pixels.py.

The mean and the standard deviation are in the weights of the columns, and memory is used again from frame to frame.
Results differ from those of `pixels.resize` and `pixels.normalize` by rounding, at most 2e-6.
"""

import numpy as np
from jaxtyping import Float, UInt8

from data_pipelines.video.pixels import MEAN, STD, resize_plan


def resize_and_normalize(
    frames: UInt8[np.ndarray, "T H W 3"], out: Float[np.ndarray, "T _ _ 3"], flipped=False
) -> Float[np.ndarray, "T _ _ 3"]:
    """Frames in the size of `out`, a contiguous float32 array that is filled and returned; see `pixels.resize`."""
    old_height, old_width, height, width = *frames.shape[1:3], *out.shape[1:3]
    (top, bottom, lower), (left, right, higher) = resize_plan(old_height, old_width, height, width, flipped)
    mean, deviation = (np.tile(values, width) for values in (MEAN, STD))
    near, far = (((weights / (255 * deviation)).astype(np.float32)) for weights in (1 - higher, higher))
    upper, shift = 1 - lower, mean / deviation
    whole = np.empty(frames.shape[1:], np.float32)
    lines = whole.reshape(old_height, -1)
    columns, others = (np.empty((old_height, 3 * width), np.float32) for _ in range(2))
    below = np.empty((height, 3 * width), np.float32)
    for frame, place in zip(frames, out.reshape(len(out), height, 3 * width), strict=True):
        np.copyto(whole, frame)
        _mix(_take(lines, left, 1, columns), near, _take(lines, right, 1, others), far)
        columns -= shift
        _mix(_take(columns, top, 0, place), upper, _take(columns, bottom, 0, below), lower)
    return out


def _take(values, places, axis, out):
    """Values along an axis. Places are never outside, but only "clip" writes to `out` without a copy."""
    return np.take(values, places, axis, out=out, mode="clip")


def _mix(one, weight, other, weight_of_other):
    """The weighted sum, in place of `one`."""
    one *= weight
    other *= weight_of_other
    one += other
