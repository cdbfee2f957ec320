"""Hue turned in 8-bit HSV with exactly Pillow's result, from tables that Pillow fills.

Pillow's hue depends on the order of the three channels, on the largest minus the smallest, and on the largest minus the
middle one; its saturation on the largest, and the largest minus the smallest. Back in RGB the largest channel is the
value, and the other two are products of it.
"""

import functools

import numpy as np
from PIL import Image

# Sixths of the circle begin at these hues; the last one is the first again.
_SIXTHS = (43, 85, 128, 170, 213, 255)


def turn_hue(picture, shift):
    """uint8 [H, W, 3] RGB -> the same with `shift`, a whole number, added to the hue in [0, 255], modulo 256."""
    hues, saturations, lowest, middles = _tables()
    red, green, blue = (np.ascontiguousarray(picture[..., channel]) for channel in range(3))
    largest, smallest = np.maximum(np.maximum(red, green), blue), np.minimum(np.minimum(red, green), blue)
    spread = largest - smallest
    # Of numbers modulo 256, the sum without the largest and the smallest one is the middle one.
    fall = largest - (red + green + blue - largest - smallest)
    order = (red >= green).view(np.uint8) | (green >= blue).view(np.uint8) << 1 | (red >= blue).view(np.uint8) << 2
    hue = hues[_number(fall, spread, order)]
    hue += np.uint8(shift % 256)
    place = _number(spread, largest)
    saturation, low = saturations[place], lowest[place]
    middle = middles[_number(hue, saturation)]
    middle *= largest
    middle += 0.5
    middle = middle.astype(np.uint8)
    return _compose(hue, largest, middle, low)


def _number(*digits):
    """Whole numbers with these digits of 8 bits, the lowest first."""
    digits_of = np.zeros((*digits[0].shape, 8), np.uint8)
    for place, digit in enumerate(digits):
        digits_of[..., place] = digit
    return digits_of.view("<i8")[..., 0]


def _compose(hue, high, middle, low):
    """RGB from its three values, by the sixth of the circle that the hue is in."""
    passed = [(hue >= place).view(np.uint8) for place in _SIXTHS]
    sixths = [one ^ other for one, other in zip([1, *passed[:-1]], passed, strict=True)]
    sixths[0] |= passed[-1]
    sixths = [-sixth for sixth in sixths]  # 0 or 255
    opposite = [sixths[place] | sixths[(place + 3) % 6] for place in range(3)]
    picture = np.empty((*hue.shape, 3), np.uint8)
    for channel, (high_in, low_in) in enumerate((((5, 0), (2, 3)), ((1, 2), (4, 5)), ((3, 4), (0, 1)))):
        # The middle value of red is in sixths 1 and 4, of green in 0 and 3, of blue in 2 and 5.
        value = (sixths[high_in[0]] | sixths[high_in[1]]) & high
        value |= (sixths[low_in[0]] | sixths[low_in[1]]) & low
        value |= opposite[(1, 0, 2)[channel]] & middle
        picture[..., channel] = value
    return picture


@functools.cache
def _tables():
    """(hues, saturations, lowest values, middle values by value) by the numbers that `turn_hue` makes."""
    order, spread, fall = (part.reshape(-1) for part in np.meshgrid(_BYTES[:8], _BYTES, _BYTES, indexing="ij"))
    ranks = np.stack([np.full_like(fall, 255), 255 - np.minimum(fall, spread), 255 - spread])
    pixels = np.zeros((len(fall), 3), np.uint8)
    for number, channels in enumerate(_ORDERS):
        for rank, channel in enumerate(channels):
            pixels[order == number, channel] = ranks[rank, order == number]
    hues = _convert(pixels, "RGB", "HSV")[:, 0].copy()
    spread, largest = (part.reshape(-1) for part in np.meshgrid(_BYTES, _BYTES))
    low = np.where(spread <= largest, largest - spread, 0)
    saturations = _convert(np.stack([largest, low, low], axis=1), "RGB", "HSV")[:, 1].copy()
    # At hue 0 the middle value is the lowest one.
    hsv = np.stack([np.zeros_like(largest), saturations, largest], axis=1)
    return hues, saturations, _convert(hsv, "HSV", "RGB")[:, 2].copy(), _middles()


_BYTES = np.arange(256, dtype=np.uint8)
# Channels from the largest to the smallest, by the bits red >= green, green >= blue, red >= blue; two cannot be.
_ORDERS = ((2, 1, 0), (2, 0, 1), (1, 2, 0), (0, 1, 2), (2, 1, 0), (0, 2, 1), (1, 0, 2), (0, 1, 2))


def _convert(pixels, mode, other):
    """uint8 [N, 3] in another colour space."""
    picture = Image.frombytes(mode, (len(pixels), 1), np.ascontiguousarray(pixels).tobytes())
    return np.asarray(picture.convert(other))[0]


def _middles():
    """float64 [256 * 256], by saturation * 256 + hue: what the value is multiplied by to give the middle one."""
    turn = _BYTES.astype(np.float64) * 6.0 / 255.0
    sixth = np.floor(turn)
    part = (turn - sixth).astype(np.float32)
    saturation = (_BYTES.astype(np.float64) / 255.0).astype(np.float32)[:, None]
    falling = 1.0 - (saturation * part).astype(np.float64)
    rising = 1.0 - saturation.astype(np.float64) * (1.0 - part.astype(np.float64))
    return np.where(sixth % 2, falling, rising).reshape(-1)
