"""Feature files of localization datasets: .npy, .npz with an array "feats", or datasets of one HDF5 file.

The features of a video are [T, D], time first. They may come in several streams, one folder each, which lie side by
side in the channels. Nothing pickled is ever loaded, and nothing outside the file that was named.
"""

import contextlib
import dataclasses
import math
import os
import pathlib
import threading
import zipfile
import zlib

import numpy as np

from data_pipelines.core.feature_files import FeatureFileError, parse_header, read_features, read_header
from fact_jax.files import MOST_UNPACKED, doubled_member, open_data, readable_size, unpacks_to_too_much

NPZ_ARRAY = "feats"
HDF5_SUFFIXES = (".hdf5", ".h5")
# HDF5 may hold arrays that say nothing of their size until they are read; no video has as many numbers.
_MAX_NUMBERS = 2**31


@dataclasses.dataclass(frozen=True)
class Stream:
    """One stream of features: a folder `place` of files, or an HDF5 file.

    A video's file, or dataset of the HDF5 file, is named `prefix` + video id (+ `suffix`).
    """

    place: pathlib.Path
    prefix: str = ""
    suffix: str = ".npy"

    @property
    def is_hdf5(self):
        """Whether all videos lie in one HDF5 file."""
        return self.place.suffix.lower() in HDF5_SUFFIXES

    def path(self, video_id):
        """The file of a video, or of all videos, as a path."""
        return self.place if self.is_hdf5 else self.place / f"{self.prefix}{video_id}{self.suffix}"

    def videos(self):
        """Set of the names of the videos with a file in the folder; empty for one that cannot be listed."""
        names = []
        with contextlib.suppress(OSError):
            names = os.listdir(self.place)
        found = {name.removesuffix(self.suffix) for name in names if name.endswith(self.suffix)}
        return {name.removeprefix(self.prefix) for name in found if name.startswith(self.prefix)}

    def name(self, video_id):
        """What to call the features of a video in a message."""
        return f"{self.place}:{self.prefix}{video_id}" if self.is_hdf5 else str(self.path(video_id))

    def shape(self, video_id):
        """(T, D), without reading the values.

        A FeatureFileError says that there is no such file ("file is missing"), or that it is no float array [T, D].
        """
        if self.is_hdf5:
            return _read_hdf5(self.place, f"{self.prefix}{video_id}", values=False)
        path = self.path(video_id)
        if self.suffix == ".npz":
            with _open_npz(path) as (_, header):
                return header.shape
        return read_header(path).shape

    def read(self, video_id, every=1):
        """float32 [ceil(T / every), D], one feature in `every`; raises FeatureFileError as `shape`."""
        if self.is_hdf5:
            return _read_hdf5(self.place, f"{self.prefix}{video_id}", values=True)[::every]
        path = self.path(video_id)
        if self.suffix == ".npz":
            return _read_npz(path)[::every].astype(np.float32)
        return read_features(path, "first", sample_rate=every)


def other_arrays(path):
    """What a .npz file of features holds beside them: {name: its number, or "" for an array of several}.

    {} for a file that cannot be read, of which `Stream.shape` tells.
    """
    found = {}
    with contextlib.suppress(OSError, zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError):
        with open_data(path) as file, zipfile.ZipFile(file) as archive:
            for member in archive.namelist():
                if (name := member.removesuffix(".npy")) != NPZ_ARRAY:
                    found[name] = _number_in(archive, member)
    return found


def _number_in(archive, member):
    """The number that a member of a .npz file is, as text, or ""."""
    with contextlib.suppress(FeatureFileError, ValueError), archive.open(member) as file:
        header = parse_header(file)
        if math.prod(header.shape) == 1 and header.dtype.kind in "fiu":
            return f"{np.frombuffer(file.read(header.dtype.itemsize), header.dtype)[0]:g}"
    return ""


class FeatureStore:
    """The features of a dataset: one Stream or several."""

    def __init__(self, streams):
        self.streams = tuple(streams)

    def is_missing(self, video_id):
        """Whether a stream has no features of a video."""
        try:
            self.shape(video_id)
        except FeatureFileError as error:
            return str(error).endswith("is missing")
        return False

    def shape(self, video_id):
        """(T, D) of all streams together; a FeatureFileError as of Stream.shape, or if they differ in length."""
        shapes = [stream.shape(video_id) for stream in self.streams]
        lengths = [length for length, _ in shapes]
        if len(set(lengths)) > 1:
            places = ", ".join(f"{stream.place} {length}" for stream, length in zip(self.streams, lengths, strict=True))
            raise FeatureFileError(f"streams of different length: {places}; expected the same")
        return lengths[0], sum(width for _, width in shapes)

    def read(self, video_id, every=1):
        """float32 [ceil(T / every), D]; raises FeatureFileError as `shape`."""
        parts = [stream.read(video_id, every) for stream in self.streams]
        return parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1)


def _check(shape, dtype, num_stored):
    """Raises a FeatureFileError unless these are features; `num_stored` are the bytes that they take in their file."""
    if dtype.hasobject or dtype.kind not in "fiub":
        raise FeatureFileError(f"values of type {str(dtype)[:60]}; expected float")
    if len(shape) != 2 or min(shape) < 1:
        raise FeatureFileError(f"shape {tuple(shape)}; expected (features, channels), at least one of each")
    if math.prod(shape) > _MAX_NUMBERS:
        raise FeatureFileError(f"shape {tuple(shape)}; no video is as large")
    needed = math.prod(shape) * dtype.itemsize
    if unpacks_to_too_much(needed, num_stored):
        found = f"{readable_size(num_stored)} that unpack to {readable_size(needed)}, more than {MOST_UNPACKED} times"
        raise FeatureFileError(f"{found} as much, which no features do; expected numbers that are all in the file")


@contextlib.contextmanager
def _open_npz(path):
    """Yields (file of the array, its Header); what goes wrong in the `with` block becomes a FeatureFileError."""
    try:
        with open_data(path) as file, zipfile.ZipFile(file) as archive, archive.open(f"{NPZ_ARRAY}.npy") as member:
            if doubled := doubled_member(archive):
                raise FeatureFileError(f"{doubled!r} is there twice; expected every array once")
            header = parse_header(member)
            _check(header.shape, header.dtype, os.fstat(file.fileno()).st_size)
            yield member, header
    except FeatureFileError:
        raise
    except FileNotFoundError:
        raise FeatureFileError("file is missing") from None
    except KeyError:
        raise FeatureFileError(f"no array {NPZ_ARRAY!r}; expected numpy.savez(FILE, {NPZ_ARRAY}=...)") from None
    except (OSError, zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError) as error:
        raise FeatureFileError(f"file cannot be read ({getattr(error, 'strerror', None) or error})") from None


def _read_npz(path):
    with _open_npz(path) as (member, header):
        size = math.prod(header.shape) * header.dtype.itemsize
        content = member.read(size)
        if len(content) < size:
            raise FeatureFileError(f"truncated: {len(content)} of {size} bytes for shape {header.shape}")
        order = "F" if header.fortran_order else "C"
        return np.frombuffer(content, header.dtype).reshape(header.shape, order=order)


# The library is one for all threads, and is not to be asked by several at once.
_HDF5_LOCK = threading.Lock()


def _read_hdf5(path, name, *, values):
    """The shape of a dataset or, with `values`, its numbers as float32."""
    import h5py  # takes a while: only who uses it waits

    try:
        with open_data(path):  # a regular file, not a pipe
            pass
        with _HDF5_LOCK, h5py.File(path, "r") as file:
            if name not in file:
                raise FeatureFileError(f"{name!r} is missing")
            if not isinstance(file.get(name, getlink=True), h5py.HardLink):
                raise FeatureFileError(f"{name!r} is a link to another place; expected a dataset")
            found = file[name]
            if not isinstance(found, h5py.Dataset):
                raise FeatureFileError(f"{name!r} is no dataset")
            if found.external or found.is_virtual:
                raise FeatureFileError(f"{name!r} lies in another file; expected a dataset of this one")
            # Values that were never written take no room, whatever the shape: they are all the same.
            _check(found.shape, found.dtype, found.id.get_storage_size())
            return found[()].astype(np.float32, copy=False) if values else tuple(found.shape)
    except FileNotFoundError:
        raise FeatureFileError("file is missing") from None
    except (OSError, KeyError, RuntimeError, TypeError) as error:
        raise FeatureFileError(f"not a readable HDF5 file ({str(error)[:100]})") from None
