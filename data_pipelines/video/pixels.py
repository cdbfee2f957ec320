"""Geometry and values of frames: crops, bilinear resizing as PyTorch does it, grey, normalisation.

Frames are [T, H, W, 3]: uint8, or float32 in [0, 1]. A Box is (top, left, height, width) in pixels.

Source: CARL's published datasets/data_augment.py and torchvision 0.7.
"""

import functools
import math

import numpy as np
from jaxtyping import Float, Shaped

# Of ImageNet, for RGB in [0, 1].
MEAN = np.array([0.485, 0.456, 0.406], np.float32)
STD = np.array([0.229, 0.224, 0.225], np.float32)
GREY = np.array([0.299, 0.587, 0.114], np.float32)
# Of the random crop of CARL: shares of the area, height to width and width to height.
AREAS, RATIOS = (0.8, 1.0), (3 / 4, 4 / 3)
_TRIES = 10


def draw_crop(height, width, uniform, integer, areas=AREAS, ratios=RATIOS):
    """A Box for a random resized crop of a picture.

    `uniform(low, high)` draws a number, `integer(low, high)` a whole one, both ends included. Ten tries at an area, a
    share of the picture, and a ratio, width to height, that fit, otherwise the middle, as far as the ratios allow.
    """
    for _ in range(_TRIES):
        area = uniform(*areas) * height * width
        ratio = math.exp(uniform(*map(math.log, ratios)))
        crop_width, crop_height = round(math.sqrt(area * ratio)), round(math.sqrt(area / ratio))
        if 0 < crop_width <= width and 0 < crop_height <= height:
            top, left = integer(0, height - crop_height), integer(0, width - crop_width)
            return top, left, crop_height, crop_width
    crop_height = min(height, round(width / ratios[0])) if width < ratios[0] * height else height
    crop_width = round(height * ratios[1]) if width > ratios[1] * height else width
    return (height - crop_height) // 2, (width - crop_width) // 2, crop_height, crop_width


def uniform_crop(height, width, size, place=1):
    """A Box of size x size pixels, or as many as there are: place 0 the start of the longer side, 1 middle, 2 end."""
    box = [max(0, math.ceil((side - size) / 2)) for side in (height, width)]
    if place != 1:
        axis = 0 if height > width else 1
        box[axis] = 0 if place == 0 else max(0, (height, width)[axis] - size)
    return (*box, min(size, height), min(size, width))


def crop(frames, box):
    """The pixels inside of a Box; a view."""
    top, left, height, width = box
    return frames[:, top : top + height, left : left + width]


def as_float(frames) -> Float[np.ndarray, "T H W 3"]:
    """uint8 to float32 in [0, 1]."""
    return frames if frames.dtype == np.float32 else np.divide(frames, np.float32(255), dtype=np.float32)


def resize(frames: Float[np.ndarray, "T H W 3"], height, width, flipped=False) -> Float[np.ndarray, "T _ _ 3"]:
    """Bilinear, of pixel centres (align_corners False), without antialiasing; float32 [T, height, width, 3].

    `flipped`: left and right are exchanged as well, which then costs nothing.
    """
    if frames.shape[1:3] == (height, width) and not flipped:
        return frames
    (top, bottom, lower), (left, right, higher) = resize_plan(*frames.shape[1:3], height, width, flipped)
    found = np.empty((len(frames), height, 3 * width), np.float32)
    for frame, place in zip(frames.reshape(*frames.shape[:2], -1), found, strict=True):
        rows = _mix(np.take(frame, top, 0), np.take(frame, bottom, 0), lower)
        place[...] = _mix(np.take(rows, left, 1), np.take(rows, right, 1), higher)
    return found.reshape(len(frames), height, width, 3)


@functools.lru_cache(maxsize=16)
def resize_plan(old_height, old_width, height, width, flipped):
    """Taps of the rows, and of the numbers of a row: its channels lie beside each other, on which NumPy is fast.

    Both are (lower neighbours, upper neighbours, weights of the upper ones).
    """
    top, bottom, lower = _taps(old_height, height)
    turn = slice(None, None, -1 if flipped else 1)
    left, right, higher = (values[turn] for values in _taps(old_width, width))
    left, right = ((3 * places[:, None] + np.arange(3)).reshape(-1) for places in (left, right))
    return (top, bottom, lower[:, None]), (left, right, np.repeat(higher, 3))


def _taps(size, wanted):
    """(lower neighbours, upper neighbours, weights of the upper ones) of every pixel wanted along an axis."""
    scale = np.float64(np.float32(size) / np.float32(wanted))
    # In float32 but rounded once, as by the fused instruction that PyTorch's is compiled to.
    places = np.maximum(scale * (np.arange(wanted) + 0.5) - 0.5, 0).astype(np.float32)
    low = np.minimum(places.astype(np.int64), size - 1)
    return low, np.minimum(low + 1, size - 1), (places - low).astype(np.float32)


def _mix(one, other, weights):
    """one * (1 - weights) + other * weights, in place of `one`."""
    one *= 1 - weights
    other *= weights
    one += other
    return one


def to_grey(frames: Float[np.ndarray, "T H W 3"]) -> Float[np.ndarray, "T H W 3"]:
    """The luma of ITU-R 601 in all three channels."""
    luma = frames[..., :1] * GREY[0] + frames[..., 1:2] * GREY[1] + frames[..., 2:] * GREY[2]
    return np.repeat(luma, 3, axis=-1)


def normalize(frames: Shaped[np.ndarray, "T H W 3"]) -> Float[np.ndarray, "T H W 3"]:
    """(RGB in [0, 1] - mean) / standard deviation, of ImageNet; takes uint8 as well."""
    # Rows of numbers again: along three channels NumPy is slow.
    mean, std = _rows_of_channels(frames.shape[2])
    found = as_float(frames) - mean
    found /= std
    return found


@functools.lru_cache(maxsize=16)
def _rows_of_channels(width):
    """(means, standard deviations), float32 [width, 3]."""
    return tuple(np.tile(values, width).reshape(width, 3) for values in (MEAN, STD))
