"""How a player turns and mirrors the stored pictures, from the display matrix itself.

FFmpeg's rotation alone does not tell: of a mirrored picture it says 180 degrees.
"""

import struct

import numpy as np
from av.sidedata.sidedata import Type

# transposed first, then mirrored along the height, then along the width
AS_STORED = (False, False, False)


class Orientations:
    """The orientations of the frames of one file, as they come.

    Attributes:
      askew: whether a display matrix turns by an angle that is no right one, which is left out.
    """

    def __init__(self):
        self.askew, self._rotation, self._last = False, None, AS_STORED

    def of(self, frame):
        """(transpose, flip height, flip width) of an av.VideoFrame."""
        # The matrix is looked at where the rotation changes: PyAV 18.1 keeps 55 bytes for ever of every look.
        rotation = frame.rotation
        if rotation != self._rotation:
            matrix = frame.side_data.get(Type.DISPLAYMATRIX)
            numbers = struct.unpack("=9i", bytes(matrix)) if matrix is not None else ()
            self.askew = self.askew or is_askew(numbers)
            self._rotation, self._last = rotation, of_matrix(numbers) if numbers else AS_STORED
        return self._last


def of_matrix(matrix):
    """(transpose, flip height, flip width) of nine numbers m0 to m8.

    A point (x, y) is shown at (m0 x + m3 y, m1 x + m4 y), plus an offset.
    """
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


def is_askew(matrix):
    """Whether a display matrix, or none, turns by an angle that is no right one."""
    if not matrix:
        return False
    straight, turned = max(abs(matrix[0]), abs(matrix[4])), max(abs(matrix[1]), abs(matrix[3]))
    return min(straight, turned) > max(straight, turned) / 60


def oriented(picture, orientation):
    """A view of an array [H, W, ...] as it is shown."""
    transpose, flip_height, flip_width = orientation
    if transpose:
        picture = np.swapaxes(picture, 0, 1)
    return picture[:: -1 if flip_height else 1, :: -1 if flip_width else 1]
