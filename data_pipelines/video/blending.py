"""Brightness, contrast and saturation of 8-bit pictures: every value moves away from a level of grey, or towards it.

What becomes of a value is read from a table that Pillow fills, so that it is Pillow's on every machine.
"""

import numpy as np
from numba import types

from data_pipelines.video.compiling import compiled


@compiled(types.uint8[:, ::1], types.Array(types.uint8, 2, "C", readonly=True))
def change_brightness(planes, table):
    """Values of planes uint8 [3, N] become those of `table`, uint8 [256 levels of grey, 256], away from black."""
    values, row = planes.reshape(-1), table[0]
    for place in range(values.size):
        values[place] = row[values[place]]


@compiled(types.uint8[:, :, ::1], types.intp, types.Array(types.uint8, 2, "C", readonly=True))
def change_contrast(planes, edge, table):
    """The same away from the mean grey of planes uint8 [3, H, W] without a frame of `edge` pixels."""
    height, width = planes.shape[1] - 2 * edge, planes.shape[2] - 2 * edge
    total = 0
    for line in range(height):
        row = planes[:, edge + line, edge : edge + width]
        sum_of_row = np.uint32(0)
        for place in range(width):
            grey = np.uint32(row[0, place]) * np.uint32(19595) + np.uint32(row[1, place]) * np.uint32(38470)
            grey = np.uint32(grey + np.uint32(row[2, place]) * np.uint32(7471) + np.uint32(0x8000))
            sum_of_row = np.uint32(sum_of_row + (grey >> np.uint32(16)))
        total += np.int64(sum_of_row)
    mean = np.int64(total / (height * width) + 0.5)
    values, row_of = planes.reshape(-1), table[mean]
    for place in range(values.size):
        values[place] = row_of[values[place]]


@compiled(types.uint8[:, ::1], types.Array(types.uint8, 2, "C", readonly=True))
def change_saturation(planes, table):
    """The same away from the grey of every pixel."""
    reds, greens, blues = planes[0], planes[1], planes[2]
    for place in range(planes.shape[1]):
        red, green, blue = np.uint32(reds[place]), np.uint32(greens[place]), np.uint32(blues[place])
        grey = red * np.uint32(19595) + green * np.uint32(38470) + blue * np.uint32(7471) + np.uint32(0x8000)
        row = table[np.uint32(grey) >> np.uint32(16)]
        reds[place], greens[place], blues[place] = row[red], row[green], row[blue]
