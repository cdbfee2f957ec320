"""Feature vectors of single video frames in an LMDB, as published with C2-Action-Detection.

Keys are `<video>_frame_<number>.jpg` with ten digits, numbers from 1; values are the bytes of float32 vectors.
"""

import pathlib

import numpy as np

from fact_jax.types import UserError

_ITEM_BYTES = 4


class BadVectorError(ValueError):
    """A stored vector that cannot be used; the message says which and why."""


class FrameStore:
    """The vectors of one LMDB, of `width` float32 values as the first one; `kind` is "RGB" or "flow", for messages."""

    def __init__(self, kind, path):
        """A UserError says that the path is no LMDB, the LMDB is empty, or the package lmdb is not installed."""
        try:
            import lmdb
        except ImportError as error:
            raise UserError("Reading the features needs the package lmdb: pip install lmdb") from error
        self.kind, self.path = kind, pathlib.Path(path)
        if not self.path.exists():
            raise UserError(f"The LMDB of {kind} features, {path}, does not exist.")
        try:
            environment = lmdb.open(str(path), subdir=self.path.is_dir(), readonly=True, lock=False, create=False)
            self._transaction = environment.begin()
            first = next(iter(self._transaction.cursor()), None)
        except lmdb.Error as error:
            raise UserError(f"{path} is no LMDB of {kind} features ({error}).") from error
        if first is None:
            raise UserError(f"The LMDB of {kind} features, {path}, is empty.")
        self.width = len(first[1]) // _ITEM_BYTES
        if not self.width or len(first[1]) % _ITEM_BYTES:
            raise UserError(
                f"{path}: entry {first[0].decode(errors='replace')!r} has {len(first[1])} bytes, expected "
                "a vector of float32."
            )

    def last_frame(self, video):
        """Largest frame number stored for a video; 0 without any."""
        prefix = f"{video}_frame_".encode()
        cursor = self._transaction.cursor()
        # ":" follows "9": the place after the last key of this video.
        found = cursor.prev() if cursor.set_range(prefix + b":") else cursor.last()
        if not found or not cursor.key().startswith(prefix):
            return 0
        number = cursor.key()[len(prefix) :].partition(b".")[0]
        return int(number) if number.isdigit() else 0

    def read_into(self, video, output, advance):
        """Reads frames 1 to T of a video into `output`, float32 [T, width]; returns the numbers of missing frames.

        A missing frame repeats the one before; those before the first that exists repeat that one. If there is none,
        `output` is left as it is. `advance` is called after every frame.

        Raises:
          BadVectorError: a vector of another size, or with NaN or Inf.
        """
        missing, filled = [], False
        for row in range(len(output)):
            vector = self._vector(video, row + 1)
            if vector is None:
                missing.append(row + 1)
                if filled:
                    output[row] = output[row - 1]
            else:
                output[row] = vector
                if not filled:
                    output[:row] = vector
                filled = True
            advance()
        return missing

    def _vector(self, video, number):
        stored = self._transaction.get(f"{video}_frame_{number:010d}.jpg".encode())
        if stored is None:
            return None
        if len(stored) != self.width * _ITEM_BYTES:
            raise BadVectorError(
                f"{self.kind} frame {number} has {len(stored)} bytes, expected {self.width * _ITEM_BYTES}"
            )
        vector = np.frombuffer(stored, "<f4")
        if not np.isfinite(vector).all():
            raise BadVectorError(f"{self.kind} frame {number} has NaN or Inf values")
        return vector
