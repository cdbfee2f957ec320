"""Reading of .npy feature files: headers, blocks of values and float32 copies. Nothing pickled is ever loaded.

Files are read, not mapped into memory: where a mapped file is cut short by somebody else, or its disk fails, the
process dies of a signal, while a read can say what happened.
"""

import contextlib
import dataclasses
import math
import os
import tokenize

import numpy as np

from data_pipelines.core.wording import count
from fact_jax.files import open_data
from fact_jax.types import UserError

TIME_AXES = ("last", "first")
# Bytes of a header, NumPy's own limit.
_MAX_HEADER = 10_000
# Bytes of a file in memory at once, and channels of one that lies channel by channel: so few that the cache still holds
# the neighbours of a number when its next frame is copied, and enough for any length of video.
_BLOCK_BYTES = 2**20
_CHANNELS_AT_ONCE = (16, 64)
# Frames of fewer bytes are read together, also those between them that are not used.
_FRAME_BYTES = 1024


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
    with _reading(path) as file:
        header = parse_header(file)
        size = os.fstat(file.fileno()).st_size
    if header.dtype.hasobject:
        raise FeatureFileError("pickled Python objects, which are not loaded; expected a plain float array")
    if header.dtype.kind not in "fiub":
        raise FeatureFileError(f"values of type {str(header.dtype)[:60]}; expected float")
    if len(header.shape) != 2:
        raise FeatureFileError(f"shape {str(header.shape)[:60]}; expected two axes, time and channels")
    if min(header.shape) < 1:
        raise FeatureFileError(f"shape {header.shape} is empty; expected at least one frame and one channel")
    needed = header.offset + math.prod(header.shape) * header.dtype.itemsize
    if size < needed:
        raise FeatureFileError(f"truncated: {size} of {needed} bytes for shape {header.shape}")
    return header


@contextlib.contextmanager
def _reading(path):
    """Opens a feature file; in the `with` block, what the system says becomes a FeatureFileError."""
    try:
        with open_data(path) as file:
            yield file
    except FileNotFoundError:
        raise FeatureFileError("file is missing") from None
    except OSError as error:
        raise FeatureFileError(f"file cannot be read ({error.strerror})") from None


def parse_header(file):
    """The Header of a .npy file, from its first bytes on; raises FeatureFileError if it is none."""
    try:
        version = np.lib.format.read_magic(file)
    except ValueError:
        raise FeatureFileError("not a .npy file; expected an array written by numpy.save") from None
    readers = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
    if version not in readers:
        raise FeatureFileError(f".npy format {version[0]}.{version[1]}; expected 1.0 or 2.0, as of a plain array")
    # NumPy reads the whole header, up to 4 GiB, before it looks at its length.
    start, width = file.tell(), 2 * version[0]
    if (length := int.from_bytes(file.read(width), "little")) > _MAX_HEADER:
        raise FeatureFileError(f".npy header of {length} bytes; expected at most {_MAX_HEADER}")
    file.seek(start)
    try:
        shape, fortran_order, dtype = readers[version](file, max_header_size=_MAX_HEADER)
    # NumPy evaluates the header as a Python literal, first as it is and then through the tokenizer. MemoryError is what
    # the parser raises for brackets and signs nested too deeply.
    except (ValueError, TypeError, SyntaxError, tokenize.TokenError, RecursionError, MemoryError) as error:
        raise FeatureFileError(f"damaged .npy header ({type(error).__name__})") from None
    if any(abs(size) > 2**62 for size in shape):
        raise FeatureFileError("damaged .npy header (a shape that no array has)")
    return Header(tuple(map(int, shape)), dtype, fortran_order, file.tell())


def frames_and_channels(shape, time_axis):
    """Orders a file's shape as (frames, channels); `time_axis` is "first" for (T, D) files, "last" for (D, T)."""
    return tuple(shape) if time_axis == "first" else tuple(reversed(shape))


def lies_frame_by_frame(header, time_axis):
    """Whether the values of a frame are neighbours in the file; otherwise those of a channel are."""
    return (time_axis == "first") != header.fortran_order


def read_blocks(path, header, *, num_bytes, num_rows=(1, None), limits=(None, None), every=1):
    """Yields the values of a file in blocks, in the order in which they are stored: (row, column, block).

    The values are a matrix whose rows are contiguous in the file: [shape[0], shape[1]], in Fortran order the reverse.
    A block has the file's dtype; the next one overwrites it.

    Args:
      path, header: the file and its Header.
      num_bytes: about how large a block may be.
      num_rows: least and most rows of a block, which is cut into columns where the least do not fit.
      limits: how many rows and columns to read, from the first; None = all.
      every: of these rows, every how manieth to read.

    Raises:
      FeatureFileError: the file cannot be read, or is shorter than its header says.
    """
    height, width = reversed(header.shape) if header.fortran_order else header.shape
    rows, columns = (min(limit or size, size) for limit, size in zip(limits, (height, width), strict=True))
    rows, itemsize = -(-rows // every), header.dtype.itemsize
    least, most = num_rows
    at_once = min(max(num_bytes // (columns * itemsize), least), most or rows, rows)
    piece = min(columns, max(1, num_bytes // (at_once * itemsize)))
    buffer = np.empty(at_once * piece, header.dtype)
    with _reading(path) as file:
        for row in range(0, rows, at_once):
            for column in range(0, columns, piece):
                shape = min(at_once, rows - row), min(piece, columns - column)
                block = buffer[: math.prod(shape)].reshape(shape)
                place = header.offset + (row * every * width + column) * itemsize
                if shape[1] == width and every == 1:
                    _read_exactly(file, block, place)
                else:
                    for number, values in enumerate(block):
                        _read_exactly(file, values, place + number * every * width * itemsize)
                yield row, column, block


def _read_exactly(file, array, offset):
    """Fills a contiguous array with what lies at `offset`."""
    view = memoryview(array.reshape(-1).view(np.uint8))
    while len(view):
        num_read = os.preadv(file.fileno(), [view], offset)
        if not num_read:
            raise FeatureFileError("file ends before its values do; has it changed meanwhile?")
        view, offset = view[num_read:], offset + num_read


class StoredFrames:
    """Features, float32 [T, D], that are still in their file; they are read where they are copied to."""

    dtype = np.dtype(np.float32)

    def __init__(self, path, header, time_axis, *, num_frames=None, sample_rate=1):
        """See `open_features`; `header` is that of the file."""
        frames, width = frames_and_channels(header.shape, time_axis)
        self.path = path
        self._header, self._sample_rate = header, sample_rate
        self._num_frames = frames if num_frames is None else min(num_frames, frames)
        self._frame_by_frame = lies_frame_by_frame(header, time_axis)
        self.shape = (-(-self._num_frames // sample_rate), width)
        self.nbytes = math.prod(self.shape) * self.dtype.itemsize

    def __array__(self, dtype=None, copy=None):
        del copy  # there is nothing but copies
        frames = np.empty(self.shape, self.dtype)
        self.copy_to(frames)
        return frames if dtype is None else frames.astype(dtype, copy=False)

    def copy_to(self, destination):
        """Reads the frames into a float32 [T, D] array; a FeatureFileError if they cannot be read or are too few."""
        header, step = self._header, self._sample_rate
        if self._frame_by_frame and step == 1 and header.dtype == np.float32 and destination.flags.c_contiguous:
            with _reading(self.path) as file:
                _read_exactly(file, destination, header.offset)
            return
        if self._frame_by_frame:
            options = {"limits": (self._num_frames, None)}
            if step > 1 and self.shape[1] * header.dtype.itemsize >= _FRAME_BYTES:
                options["every"], step = step, 1
        else:
            options = {"limits": (None, self._num_frames), "num_rows": _CHANNELS_AT_ONCE}
        for row, column, block in read_blocks(self.path, header, num_bytes=_BLOCK_BYTES, **options):
            frame, channel, frames = (row, column, block) if self._frame_by_frame else (column, row, block.T)
            kept = frames[-frame % step :: step]
            first = -(-frame // step)
            destination[first : first + len(kept), channel : channel + frames.shape[1]] = kept


def open_features(path, time_axis, *, num_frames=None, sample_rate=1):
    """Looks at a feature file: StoredFrames [ceil(num_frames / sample_rate), D], which are read when they are copied.

    Args:
      path: .npy file.
      time_axis: "first" for (T, D) files, "last" for (D, T).
      num_frames: frames to use from the start; None = all.
      sample_rate: of these, every how manieth to keep.

    Raises:
      FeatureFileError: as `read_header`.
    """
    return StoredFrames(path, read_header(path), time_axis, num_frames=num_frames, sample_rate=sample_rate)


def read_features(path, time_axis, *, num_frames=None, sample_rate=1):
    """Reads a feature file as float32 [ceil(num_frames / sample_rate), D], C-contiguous; see `open_features`."""
    return np.asarray(open_features(path, time_axis, num_frames=num_frames, sample_rate=sample_rate))


@contextlib.contextmanager
def unchanged(path):
    """In the `with` block, what is wrong with a file that has passed the check before training is a UserError."""
    try:
        yield
    except FeatureFileError as error:
        raise UserError(f"{path}: {error}. The file has changed since it was checked.") from error


class CheckedFrames(StoredFrames):
    """StoredFrames of a file that has passed the check before training; its errors are UserErrors."""

    def copy_to(self, destination):
        """As that of StoredFrames."""
        with unchanged(self.path):
            super().copy_to(destination)


def open_checked(path, time_axis, shape, *, num_frames, sample_rate=1):
    """As `open_features`, of a file that had the `shape` (T, D) in the check before training; a UserError otherwise."""
    with unchanged(path):
        frames = CheckedFrames(path, read_header(path), time_axis, num_frames=num_frames, sample_rate=sample_rate)
        if frames.shape != tuple(shape):
            found = f"{count(frames.shape[0], 'frame')} of {count(frames.shape[1], 'channel')}"
            raise FeatureFileError(f"{found}, expected {shape[0]} of {shape[1]}")
    return frames


def copy_frames(frames, destination):
    """Copies [T, D] numbers, an array or StoredFrames, to a float32 [T, D] array that lies frame by frame."""
    if isinstance(frames, StoredFrames):
        frames.copy_to(destination)
        return
    channel_by_channel = abs(frames.strides[0]) < abs(frames.strides[1])
    width = _CHANNELS_AT_ONCE[1] if channel_by_channel else frames.shape[1]
    for first in range(0, frames.shape[1], width):
        destination[:, first : first + width] = frames[:, first : first + width]
