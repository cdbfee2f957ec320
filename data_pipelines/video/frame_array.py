"""Frames in a .npy or .npz file, as uint8 [T, H, W, 3]; read by number, never mapped or held as a whole."""

import contextlib
import math
import os
import zipfile
import zlib

import numpy as np

from data_pipelines.core.feature_files import FeatureFileError, parse_header
from data_pipelines.core.text_files import quote
from data_pipelines.video.config import VideoConfig
from data_pipelines.video.errors import VideoError, reason_of
from data_pipelines.video.frame_times import DEFAULT_RATE
from data_pipelines.video.image_folder import assumed_rate
from data_pipelines.video.pictures import fitted
from data_pipelines.video.raw_video import RawVideo
from data_pipelines.video.sizes import MOST_PIXELS
from fact_jax.files import doubled_member, open_data

_MEMBER = "frames.npy"
_WANTED = "expected uint8 [frames, height, width, 3], RGB"


class FrameArray(RawVideo):
    """An array of frames; of several in an .npz file the one called `frames`. See `RawVideo`."""

    def __init__(self, path, config=VideoConfig()):
        """Reads the header; raises VideoError for what is no such array, or shorter than it says."""
        self.path = str(path)
        with self._opened() as (file, num_bytes):
            try:
                header = parse_header(file)
            except FeatureFileError as error:
                raise VideoError(path, str(error), _WANTED) from error
        shape = header.shape
        if header.dtype != np.uint8 or len(shape) != 4 or shape[3] != 3:
            raise VideoError(path, f"{str(header.dtype)[:60]} {str(shape)[:60]}", _WANTED)
        if min(shape) < 1:
            raise VideoError(path, f"no frame in an array {shape}", "leave it out")
        if shape[1] * shape[2] > MOST_PIXELS:
            raise VideoError(path, f"frames of {shape[2]}x{shape[1]}", f"expected at most {MOST_PIXELS} pixels")
        if header.fortran_order:
            raise VideoError(path, "an array in Fortran order", "save numpy.ascontiguousarray of it")
        if num_bytes < header.offset + math.prod(shape):
            found = f"cut off: {num_bytes} of {header.offset + math.prod(shape)} bytes of an array {shape}"
            raise VideoError(path, found, "copy it again, or leave it out")
        self._offset, self._shape = header.offset, shape
        self.size, self.rate = config.size_of(shape[1:3]), config.rate or DEFAULT_RATE
        self.times = np.arange(shape[0]) / self.rate
        self.warnings = assumed_rate(config, "an array")

    @contextlib.contextmanager
    def _opened(self):
        """Yields (binary file of the array in .npy format, its bytes); a VideoError for what goes wrong."""
        try:
            with open_data(self.path) as file:
                if not zipfile.is_zipfile(file):
                    file.seek(0)
                    yield file, os.fstat(file.fileno()).st_size
                    return
                with zipfile.ZipFile(file) as archive:
                    member = self._member(archive)
                    with archive.open(member) as array:
                        yield array, archive.getinfo(member).file_size
        except FileNotFoundError:
            raise VideoError(self.path, "file is missing", "correct the name") from None
        except (OSError, EOFError, zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError) as error:
            raise VideoError(self.path, f"the array cannot be read ({reason_of(error)})", "copy it again") from error

    def _member(self, archive):
        names = archive.namelist()
        if name := doubled_member(archive):
            raise VideoError(self.path, f"two arrays are called {quote(name)}", "remove one of them")
        if _MEMBER not in names and len(names) != 1:
            listed = ", ".join(quote(name.removesuffix(".npy")) for name in names[:5]) or "none"
            raise VideoError(self.path, f"{len(names)} arrays: {listed}", "expected one, or one called 'frames'")
        return _MEMBER if _MEMBER in names else names[0]

    def _decode(self, numbers):
        with self._opened() as (file, _):
            frame_bytes = math.prod(self._shape[1:])
            for place, number in enumerate(numbers.tolist()):
                file.seek(self._offset + number * frame_bytes)
                content = file.read(frame_bytes)
                if len(content) < frame_bytes:
                    raise VideoError(self.path, f"it ends before frame {number}", "it has changed: start again")
                frame = np.frombuffer(content, np.uint8).reshape(self._shape[1:])
                yield place, lambda out, frame=frame: np.copyto(out, fitted(frame, self.size))
