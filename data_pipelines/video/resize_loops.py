"""Frames resized, turned to grey and normalised in one go, with exactly the numbers of pixels.py.

Neighbours and weights are the `Taps` of a size. Planes are uint8 [3, e + S + e, e + S + e], the channels of a picture,
each in a frame of e pixels that may hold anything.
"""

from typing import NamedTuple

import numba
import numpy as np
from numba import types

from data_pipelines.video.compiling import compiled
from data_pipelines.video.pixels import GREY, MEAN, STD, resize_plan

_NUMBERS, _WEIGHTS = types.Array(types.uintp, 1, "C"), types.Array(types.float32, 1, "C")
_TAPS = (_NUMBERS, _NUMBERS, _WEIGHTS, _NUMBERS, _NUMBERS, _WEIGHTS)
_FRAME = types.Array(types.uint8, 2, "C", readonly=True)
_RED, _GREEN, _BLUE = GREY
_LAST = np.float32(255)


class Taps(NamedTuple):
    """Two neighbours and the weight of the second one: of every row, and of every number of a row of 3 * width."""

    top: np.ndarray
    bottom: np.ndarray
    lower: np.ndarray
    left: np.ndarray
    right: np.ndarray
    higher: np.ndarray


def taps_of(old_height, old_width, height, width, flipped) -> Taps:
    """Those of `pixels.resize`; numbers without a sign make loops over them faster."""
    rows, columns = resize_plan(old_height, old_width, height, width, flipped)
    ready = [np.ascontiguousarray(values.reshape(-1)) for values in (*rows, *columns)]
    return Taps(*(values.astype(np.uintp) if values.dtype.kind == "i" else values for values in ready))


def memory(old_width, width):
    """What the loops below write to on the way, as `lines`: float32 [4, 3 * the larger width]."""
    return np.empty((4, 3 * max(old_width, width)), np.float32)


@numba.njit(error_model="numpy")
def _resize_row(row, frame, first, count, top, bottom, lower, left, right, higher, lines, held):
    """Writes row number `row` of the result, in [0, 1], to lines[0].

    lines[1] and lines[2] are the rows of the frame whose numbers `held` has, which serve the next row as well.
    """
    for wanted, other in ((top[row], bottom[row]), (bottom[row], top[row])):
        if held[0] != wanted and held[1] != wanted:
            place = 1 if held[0] == other else 0
            source, target = frame[wanted, first : first + count], lines[1 + place]
            for number in range(count):
                target[number] = np.float32(source[number]) / _LAST
            held[place] = wanted
    upper = lines[1] if held[0] == top[row] else lines[2]
    below = lines[1] if held[0] == bottom[row] else lines[2]
    mixed, weight = lines[3], lower[row]
    rest = np.float32(1) - weight
    for number in range(count):
        mixed[number] = upper[number] * rest + below[number] * weight
    found = lines[0]
    for number in range(left.size):
        weight = higher[number]
        found[number] = mixed[left[number]] * (np.float32(1) - weight) + mixed[right[number]] * weight


@compiled(_FRAME, types.intp, types.intp, *_TAPS, types.float32[:, ::1], types.intp, types.uint8[:, :, ::1])
def resize_to_planes(frame, first, count, top, bottom, lower, left, right, higher, lines, edge, planes):
    """Writes `count` numbers from the `first` one on of every row of a frame uint8 [H, 3 * W] to planes, in 8 bits.

    As published, fractions are cut off.
    """
    held = np.full(2, frame.shape[0], np.uintp)
    width = left.size // 3
    for row in range(top.size):
        _resize_row(row, frame, first, count, top, bottom, lower, left, right, higher, lines, held)
        found = lines[0]
        for channel in range(3):
            target = planes[channel, edge + row, edge : edge + width]
            for column in range(width):
                target[column] = np.int32(found[3 * column + channel] * _LAST)


@compiled(_FRAME, types.intp, types.intp, *_TAPS, types.float32[:, ::1], types.boolean, types.float32[:, ::1])
def resize_and_normalize(frame, first, count, top, bottom, lower, left, right, higher, lines, grey, out):
    """Writes the same to `out`, float32 [S, 3 * S], normalised, of one grey in all channels if `grey`."""
    held = np.full(2, frame.shape[0], np.uintp)
    size = left.size
    means, deviations = np.empty(size, np.float32), np.empty(size, np.float32)
    for place in range(size):
        means[place], deviations[place] = MEAN[place % 3], STD[place % 3]
    for row in range(top.size):
        _resize_row(row, frame, first, count, top, bottom, lower, left, right, higher, lines, held)
        found, target = lines[0], out[row]
        if grey:
            for place in range(0, size, 3):
                luma = found[place] * _RED + found[place + 1] * _GREEN + found[place + 2] * _BLUE
                found[place], found[place + 1], found[place + 2] = luma, luma, luma
        for place in range(size):
            target[place] = (found[place] - means[place]) / deviations[place]


@compiled(types.Array(types.uint8, 3, "A", readonly=True), types.boolean, types.float32[:, :, ::1])
def normalize_planes(planes, grey, out):
    """Writes planes uint8 [3, S, S] to `out`, float32 [S, S, 3], normalised, of one grey in all channels if `grey`."""
    values = np.empty((3, 256), np.float32)
    for level in range(256):
        for channel in range(3):
            value = np.float32(level) / _LAST
            values[channel, level] = value if grey else (value - MEAN[channel]) / STD[channel]
    reds, greens, blues = values[0], values[1], values[2]
    for row in range(out.shape[0]):
        for column in range(out.shape[1]):
            red, green, blue = planes[0, row, column], planes[1, row, column], planes[2, row, column]
            if grey:
                luma = reds[red] * _RED + greens[green] * _GREEN + blues[blue] * _BLUE
                for channel in range(3):
                    out[row, column, channel] = (luma - MEAN[channel]) / STD[channel]
            else:
                out[row, column, 0], out[row, column, 1], out[row, column, 2] = reds[red], greens[green], blues[blue]
