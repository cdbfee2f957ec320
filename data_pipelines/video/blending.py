"""Brightness, contrast and saturation of 8-bit pictures: every value moves away from a level of grey, or towards it.

What becomes of a value is read from a table that Pillow fills, so that it is Pillow's on every machine. Greys are those
of its conversion to "L".
"""

import numpy as np
from numba import types

from data_pipelines.video.compiling import compiled


@compiled(types.uint8[:, ::1], types.Array(types.uint8, 1, "C", readonly=True))
def change_values(lines, table):
    """Values of lines uint8 [N, M] become those of `table`, uint8 [256], whatever lies beside them."""
    values = lines.reshape(-1)
    for place in range(values.size):
        values[place] = table[values[place]]


@compiled(types.Array(types.uint8, 3, "A", readonly=True), types.intp[::1])
def measure_grey(planes, mean):
    """Writes the mean grey of planes uint8 [3, H, W] to mean[0], the nearest level, as Pillow's contrast takes it."""
    _, height, width = planes.shape
    total = 0
    for row in range(height):
        reds, greens, blues = planes[0, row], planes[1, row], planes[2, row]
        of_row = np.uint32(0)
        for place in range(width):
            red, green, blue = np.uint32(reds[place]), np.uint32(greens[place]), np.uint32(blues[place])
            grey = np.uint32(red * np.uint32(19595) + green * np.uint32(38470) + blue * np.uint32(7471))
            of_row = np.uint32(of_row + (np.uint32(grey + np.uint32(0x8000)) >> np.uint32(16)))
        total += np.int64(of_row)
    mean[0] = np.int64(total / (height * width) + 0.5)


@compiled(types.uint8[:, ::1], types.Array(types.uint8, 2, "C", readonly=True))
def change_saturation(planes, table):
    """Values of planes uint8 [3, N] become those of the row of `table`, [256, 256], that is the grey of their pixel."""
    reds, greens, blues = planes[0], planes[1], planes[2]
    for place in range(planes.shape[1]):
        red, green, blue = np.uint32(reds[place]), np.uint32(greens[place]), np.uint32(blues[place])
        grey = red * np.uint32(19595) + green * np.uint32(38470) + blue * np.uint32(7471) + np.uint32(0x8000)
        row = table[np.uint32(grey) >> np.uint32(16)]
        reds[place], greens[place], blues[place] = row[red], row[green], row[blue]
