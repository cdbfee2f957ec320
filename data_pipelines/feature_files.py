"""Reading of .npy feature files: headers, memory maps and float32 copies. Nothing pickled is ever loaded."""

import dataclasses
import math
import os
import tokenize

import numpy as np

TIME_AXES = ("last", "first")
_CHANNELS_AT_ONCE = 64


class FeatureFileError(ValueError):
    """A feature file that cannot be used; the message says what is wrong, without the path."""


@dataclasses.dataclass(frozen=True)
class Header:
    """What a .npy file says of itself: shape, dtype, storage order and the byte at which the values begin."""

    shape: tuple
    dtype: np.dtype
    fortran_order: bool
    offset: int


def read_header(path):
    """Reads the header of a .npy file and checks that the file is a complete array of numbers with two axes.

    Raises:
      FeatureFileError: the file is missing, unreadable, truncated, not .npy, pickled, not numeric or not [.., ..].
    """
    try:
        with open(path, "rb") as file:
            header = _parse_header(file)
            size = os.fstat(file.fileno()).st_size
    except FileNotFoundError:
        raise FeatureFileError("file is missing") from None
    except OSError as error:
        raise FeatureFileError(f"file cannot be read ({error.strerror})") from None
    if header.dtype.hasobject:
        raise FeatureFileError("pickled Python objects, which are not loaded; expected a plain float array")
    if header.dtype.kind not in "fiub":
        raise FeatureFileError(f"values of type {header.dtype}; expected float")
    if len(header.shape) != 2:
        raise FeatureFileError(f"shape {header.shape}; expected two axes, time and channels")
    if min(header.shape) < 1:
        raise FeatureFileError(f"shape {header.shape} is empty; expected at least one frame and one channel")
    needed = header.offset + math.prod(header.shape) * header.dtype.itemsize
    if size < needed:
        raise FeatureFileError(f"truncated: {size} of {needed} bytes for shape {header.shape}")
    return header


def _parse_header(file):
    try:
        version = np.lib.format.read_magic(file)
    except ValueError:
        raise FeatureFileError("not a .npy file; expected an array written by numpy.save") from None
    readers = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
    if version not in readers:
        raise FeatureFileError(f".npy format {version[0]}.{version[1]}; expected 1.0 or 2.0, as of a plain array")
    try:
        shape, fortran_order, dtype = readers[version](file)
    # NumPy evaluates the header as a Python literal, first as it is and then through the tokenizer.
    except (ValueError, TypeError, SyntaxError, tokenize.TokenError) as error:
        raise FeatureFileError(f"damaged .npy header ({type(error).__name__})") from None
    return Header(shape, dtype, fortran_order, file.tell())


def frames_and_channels(shape, time_axis):
    """Orders a file's shape as (frames, channels); `time_axis` is "first" for (T, D) files, "last" for (D, T)."""
    return tuple(shape) if time_axis == "first" else tuple(reversed(shape))


def map_features(path, time_axis):
    """Opens a feature file without reading its values.

    Returns:
      Read-only memory map [N, D], time first whatever the file's orientation, in the file's dtype.

    Raises:
      FeatureFileError: as `read_header`.
    """
    values = map_stored(path, read_header(path))
    return values if time_axis == "first" else values.T


def map_stored(path, header):
    """Read-only memory map of the values of a file, in the shape of its header.

    Raises:
      FeatureFileError: the file can no longer be opened, is shorter than when its header was read, or cannot be mapped.
    """
    order = "F" if header.fortran_order else "C"
    try:
        return np.memmap(path, header.dtype, "r", header.offset, header.shape, order)
    except OSError as error:
        raise FeatureFileError(f"file cannot be read ({error.strerror})") from None
    except ValueError as error:
        raise FeatureFileError(f"file cannot be read ({error}); has it changed meanwhile?") from None


def open_features(path, time_axis, *, num_frames=None, sample_rate=1):
    """Opens a feature file as float32, time first, copying as late as possible.

    Args:
      path: .npy file.
      time_axis: "first" for (T, D) files, "last" for (D, T).
      num_frames: frames to use from the start; None = all.
      sample_rate: of these, every how manieth to keep.

    Returns:
      float32 [ceil(num_frames / sample_rate), D]: a read-only memory map of a float32 file, in whatever order it lies
      there (`copy_frames` is quick with any); otherwise a copy in memory.

    Raises:
      FeatureFileError: as `read_header`.
    """
    mapped = map_features(path, time_axis)[:num_frames:sample_rate]
    return mapped if mapped.dtype == np.float32 else in_memory(mapped)


def read_features(path, time_axis, *, num_frames=None, sample_rate=1):
    """Reads a feature file as float32 [ceil(num_frames / sample_rate), D], C-contiguous; see `open_features`."""
    return in_memory(map_features(path, time_axis)[:num_frames:sample_rate])


def in_memory(frames):
    """Returns a copy of [T, D] numbers: float32, C-contiguous."""
    copy = np.empty(frames.shape, np.float32)
    copy_frames(frames, copy)
    return copy


def copy_frames(frames, destination):
    """Copies [T, D] numbers, in whatever order they lie, to a float32 [T, D] array that lies frame by frame.

    Numbers that lie channel by channel, as in (D, T) files, are copied a few channels at a time: so many that the cache
    still holds the neighbours of a number when its next frame is copied, and few enough for any length of video. This
    takes a fifth of the time of copying all at once (2048 channels, 2000 frames).
    """
    channel_by_channel = abs(frames.strides[0]) < abs(frames.strides[1])
    width = _CHANNELS_AT_ONCE if channel_by_channel else frames.shape[1]
    for first in range(0, frames.shape[1], width):
        destination[:, first : first + width] = frames[:, first : first + width]
