"""Gaussian blur of 8-bit pictures with exactly Pillow's result.

Pillow blurs three times along rows and three times along columns with a box of fractional width, in fixed-point numbers
of 24 bits that are rounded to 8 bits after every pass.
"""

import numpy as np
from numba import types

from data_pipelines.video.compiling import compiled

_PASSES = 3
_HALF, _BITS = np.uint32(1 << 23), np.uint32(24)
BLOCK = 4096  # numbers whose sums stay in the fastest cache


def box_of(radius):
    """(reach, weight, weight of the edges) of the box whose passes have this standard deviation, > 0, in pixels.

    The box has 2 * reach + 1 pixels of one weight and one more on either side; weights are parts of 2^24.
    """
    box = _box_radius(radius)
    reach = int(box)
    inner = np.uint32(np.float32(1 << 24) / (box * np.float32(2) + np.float32(1)))
    return reach, inner, np.uint32(((1 << 24) - (2 * reach + 1) * int(inner)) // 2)


@compiled(types.uint8[:, :, ::1], types.uint8[:, :, ::1], types.uint16[::1], types.intp, types.uint32, types.uint32)
def blur(planes, others, sums, reach, inner, outer):
    """Blurs planes uint8 [C, e + H + e, e + W + e] in place, e = reach + 1; the frame of e pixels may hold anything.

    `others` is memory like planes, `sums` uint16 [4096]; the rest is what `box_of` gives.
    """
    edge = reach + 1
    channels, height, width = planes.shape
    for channel in range(channels):
        for number in range(2 * _PASSES):
            along_rows = number < _PASSES
            source, target = (planes, others) if number % 2 == 0 else (others, planes)
            picture = source[channel]
            # Beyond its edges a picture goes on as it ends.
            for place in range(edge):
                if along_rows:
                    for row in range(height):
                        picture[row, place] = picture[row, edge]
                        picture[row, width - 1 - place] = picture[row, width - 1 - edge]
                else:
                    picture[place] = picture[edge]
                    picture[height - 1 - place] = picture[height - 1 - edge]
            # A pass goes over the memory of a plane as over one long line.
            line, found = picture.reshape(-1), target[channel].reshape(-1)
            step = 1 if along_rows else width
            margin = edge * step
            for start in range(margin, line.size - margin, BLOCK):
                count = min(BLOCK, line.size - margin - start)
                middle, changed = line[start:], found[start:]
                for place in range(count):
                    sums[place] = middle[place]
                for by in range(step, margin, step):
                    below, above = line[start - by :], line[start + by :]
                    for place in range(count):
                        sums[place] += np.uint16(below[place]) + np.uint16(above[place])
                below, above = line[start - margin :], line[start + margin :]
                for place in range(count):
                    sides = np.uint32(np.uint32(below[place]) + np.uint32(above[place]))
                    whole = np.uint32(np.uint32(sums[place]) * inner) + np.uint32(sides * outer)
                    changed[place] = np.uint32(whole + _HALF) >> _BITS


def _box_radius(radius):
    """Half the width of the box, without its middle, whose passes together have this standard deviation."""
    one = np.float32(1)
    variance = np.float32(radius) * np.float32(radius) / np.float32(_PASSES)
    width = np.float32(np.sqrt(12.0 * np.float64(variance) + 1.0))
    whole = np.float32(np.floor((np.float64(width) - 1.0) / 2.0))
    part = (2 * whole + one) * (whole * (whole + one) - 3 * variance)
    return whole + part / (6 * (variance - (whole + one) * (whole + one)))
