"""Rotation, shear and translation of a part of a picture, bicubic: exactly the pixels of Pillow's affine transform.

Pillow's kernel has the parameter -1, not the -0.5 of its `resize`, and values are cut to whole numbers, not rounded. As
a value that is nearly whole may fall to either side, everything is computed in the order of operations of Pillow's C
code, in float64. Beyond its edges a picture goes on as it ends; pixels whose place lies outside are filled.

Source: Pillow 13.0.0, src/libImaging/Geometry.c, affine_transform and BICUBIC.
"""

import numba
import numpy as np
from numba import types

from data_pipelines.video.compiling import compiled

_TAPS = 4


@numba.njit(error_model="numpy")
def _between(first, second, third, fourth, share):
    """The value `share` of the way from the second one to the third one."""
    linear = -first + third
    square = 2 * (first - second) + third - fourth
    cubic = -first + second - third + fourth
    return second + share * (linear + share * (square + share * cubic))


@numba.njit(error_model="numpy")
def _along(values, base, taps, number, share):
    """The same for the neighbours along an axis, which lie `taps` behind `base`."""
    return _between(
        np.float64(values[base + taps[0, number]]),
        np.float64(values[base + taps[1, number]]),
        np.float64(values[base + taps[2, number]]),
        np.float64(values[base + taps[3, number]]),
        share[number],
    )


@numba.njit(error_model="numpy")
def _find(place, start, stop, step, share, taps, number):
    """The four neighbours of a place along an axis, as far as they lie in start ... stop - 1, in numbers of memory."""
    low = np.floor(place - 0.5)
    share[number] = place - 0.5 - low
    first = np.int64(low) - 1
    for tap in range(_TAPS):
        taps[tap, number] = np.uintp((min(max(first + tap, start), stop - 1) - start) * step)


@compiled(
    types.Array(types.uint8, 3, "C", readonly=True),
    *(types.UniTuple(types.intp, 2),) * 3,
    types.UniTuple(types.float64, 6),
    types.uint8,
    types.uint8[:, :, ::1],
)
def move(part, start, size, corner, matrix, fill, out):
    """Fills `out`, uint8 [h, w, 3], with the pixels from `corner` on of a picture of `size` that is moved.

    `part`, uint8 [H, W, 3], is what is there of the picture, from `start` on. All three are (row, column). A pixel at
    x, y comes from (a x + b y + c, d x + e y + f), where (a, ..., f) is `matrix`.
    """
    a, b, c, d, e, f = matrix
    height, width, _ = part.shape
    rows_stay, columns_stay = d == 0 and e == 1 and f == 0, a == 1 and b == 0 and c == 0
    count = out.shape[1]
    values, inside = part.reshape(-1), np.empty(count, np.bool_)
    down, across = np.empty(count), np.empty(count)
    rows, columns = np.empty((_TAPS, count), np.uintp), np.empty((_TAPS, count), np.uintp)
    for line in range(out.shape[0]):
        y = corner[0] + line + 0.5
        for number in range(count):
            x = corner[1] + number + 0.5
            to_x, to_y = a * x + b * y + c, d * x + e * y + f
            inside[number] = 0 <= to_x < size[1] and 0 <= to_y < size[0]
            _find(to_x, start[1], start[1] + width, 3, across, columns, number)
            _find(to_y, start[0], start[0] + height, 3 * width, down, rows, number)
        for channel in range(3):
            colors, found = values[channel:], out[line, :, channel]
            for number in range(count):
                if rows_stay:
                    value = _along(colors, rows[1, number], columns, number, across)
                elif columns_stay:
                    value = _along(colors, columns[1, number], rows, number, down)
                else:
                    value = _between(
                        _along(colors, rows[0, number], columns, number, across),
                        _along(colors, rows[1, number], columns, number, across),
                        _along(colors, rows[2, number], columns, number, across),
                        _along(colors, rows[3, number], columns, number, across),
                        down[number],
                    )
                value = min(max(value, 0.0), 255.0)
                found[number] = np.int32(value) if inside[number] else np.int32(fill)
