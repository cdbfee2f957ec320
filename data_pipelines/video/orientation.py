"""How a player turns and mirrors the stored pictures, from the display matrix itself.

FFmpeg's rotation alone does not tell: of a mirrored picture it says 180 degrees.
"""

import struct

import numpy as np
from av.sidedata.sidedata import Type

# transposed first, then mirrored along the height, then along the width
AS_STORED = (False, False, False)


def orientation_of(frame):
    """(transpose, flip height, flip width) of an av.VideoFrame; AS_STORED for an angle that is no right one."""
    matrix = frame.side_data.get(Type.DISPLAYMATRIX)
    return AS_STORED if matrix is None else of_matrix(struct.unpack("=9i", bytes(matrix)))


def of_matrix(matrix):
    """The same of the nine numbers: a point (x, y) is shown at (m0 x + m3 y, m1 x + m4 y), plus an offset."""
    to_x, to_y, from_y, keep_y = matrix[0], matrix[1], matrix[3], matrix[4]
    largest = max(map(abs, (to_x, to_y, from_y, keep_y)), default=0)
    small = largest / 60  # one degree
    if not largest:
        return AS_STORED
    if max(abs(to_y), abs(from_y)) <= small:
        return (False, keep_y < 0, to_x < 0)
    if max(abs(to_x), abs(keep_y)) <= small:
        return (True, to_y < 0, from_y < 0)
    return AS_STORED


def is_askew(frame):
    """Whether the display matrix turns by an angle that is no right one, which is left out."""
    matrix = frame.side_data.get(Type.DISPLAYMATRIX)
    if matrix is None:
        return False
    numbers = np.abs(struct.unpack("=9i", bytes(matrix)))[[0, 1, 3, 4]]
    straight, turned = max(numbers[0], numbers[3]), max(numbers[1], numbers[2])
    return bool(min(straight, turned) > max(straight, turned) / 60)


def oriented(picture, orientation):
    """A view of an array [H, W, ...] as it is shown."""
    transpose, flip_height, flip_width = orientation
    if transpose:
        picture = np.swapaxes(picture, 0, 1)
    return picture[:: -1 if flip_height else 1, :: -1 if flip_width else 1]
