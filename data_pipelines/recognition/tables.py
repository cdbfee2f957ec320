"""Changes of RandAugment that are a table: every value of a channel becomes another one, whatever lies beside it.

A table is uint8 [3, 256], a row for each channel. Some come from numbers of the whole picture, its histograms or its
mean, but all can be applied to a part of it, and several after each other are one.

Source: Pillow 13.0.0, PIL/ImageOps.py and ImageEnhance.py, see published_changes.py.
"""

import numpy as np
from jaxtyping import Int, UInt8
from PIL import Image

from data_pipelines.video.color_jitter import blend_table

_VALUES = np.arange(256)
SAME = np.tile(_VALUES.astype(np.uint8), (3, 1))


def fixed_table(name, value) -> UInt8[np.ndarray, "3 256"] | None:
    """The table of an operation of rand_augment.py that is the same for every picture, None for others."""
    match name:
        case "Invert":
            found = 255 - _VALUES
        case "Posterize":
            found = _VALUES & ~(2 ** (8 - value) - 1)
        case "Solarize":
            found = np.where(_VALUES < value, _VALUES, 255 - _VALUES)
        case "SolarizeAdd":
            found = np.where(_VALUES < 128, np.minimum(255, _VALUES + value), _VALUES)
        case "Brightness":
            found = blend_table([0], value)[0]
        case _:
            return None
    return np.tile(found.astype(np.uint8), (3, 1))


def join(first: UInt8[np.ndarray, "3 256"], then: UInt8[np.ndarray, "3 256"]) -> UInt8[np.ndarray, "3 256"]:
    """One table instead of two."""
    return np.take_along_axis(then, first.astype(np.int64), 1)


def change(pixels: UInt8[np.ndarray, "h w 3"], table: UInt8[np.ndarray, "3 256"]) -> UInt8[np.ndarray, "h w 3"]:
    """Pixels with the values of a table."""
    if table is SAME:
        return pixels
    if (table == table[0]).all():
        return np.frombuffer(pixels.tobytes().translate(table[0].tobytes()), np.uint8).reshape(pixels.shape)
    return np.asarray(picture_of(pixels).point(table.reshape(-1).tolist()))


def picture_of(pixels: UInt8[np.ndarray, "h w 3"]) -> Image.Image:
    """As a picture of Pillow."""
    return Image.fromarray(np.ascontiguousarray(pixels))


def auto_contrast(pixels: UInt8[np.ndarray, "h w 3"], table: UInt8[np.ndarray, "3 256"]) -> UInt8[np.ndarray, "3 256"]:
    """What AutoContrast does to pixels that have the values of `table`: each channel from 0 to 255."""
    lines = change(pixels, table).reshape(len(pixels), -1)
    lowest, highest = (edge(lines, 0).reshape(-1, 3) for edge in (np.min, np.max))
    return np.stack([_stretch(int(low), int(high)) for low, high in zip(lowest.min(0), highest.max(0), strict=True)])


def _stretch(low, high):
    if low == high:
        return SAME[0]
    scale = 255.0 / (high - low)
    return np.clip(_VALUES * scale + -low * scale, 0, 255).astype(np.uint8)


def equalize(pixels: UInt8[np.ndarray, "h w 3"], table: UInt8[np.ndarray, "3 256"]) -> UInt8[np.ndarray, "3 256"]:
    """What Equalize does to pixels that have the values of `table`: values of a channel become equally frequent."""
    return np.stack([_spread(counts) for counts in _histograms(pixels, table)])


def _spread(counts):
    step = int(counts.sum() - counts[np.flatnonzero(counts)[-1]]) // 255
    if not step:
        return SAME[0]
    below = np.cumsum(counts) - counts
    return np.minimum((step // 2 + below) // step, 255).astype(np.uint8)


def contrast(
    pixels: UInt8[np.ndarray, "h w 3"], table: UInt8[np.ndarray, "3 256"], factor
) -> UInt8[np.ndarray, "3 256"]:
    """What Contrast does to pixels that have the values of `table`: away from their mean grey, or towards it."""
    counts = np.array(picture_of(change(pixels, table)).convert("L").histogram())
    mean = int(int(counts @ _VALUES) / int(counts.sum()) + 0.5)
    return np.tile(blend_table([mean], factor), (3, 1))


def _histograms(pixels, table) -> Int[np.ndarray, "3 256"]:
    """How often each value is there, once the pixels have the values of `table`."""
    counts = np.array(picture_of(pixels).histogram()).reshape(3, 256)
    if table is SAME:
        return counts
    pairs = zip(table, counts, strict=True)
    return np.stack([np.bincount(row, weights=numbers, minlength=256).astype(np.int64) for row, numbers in pairs])
