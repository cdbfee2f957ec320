"""A feature file that grows row by row, and goes on where a process that was killed left it.

Rows are appended to `.extraction/VIDEO.part`. A note beside it says how many are safely on the disk, and what makes
them. Whole files take the place VIDEO.npy, and VIDEO.json is written last. Only whoever holds the claim of a video (see
`claims`) may have one of these.
"""

import io
import json
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from data_pipelines.core.feature_files import FeatureFileError, read_header
from data_pipelines.core.feature_times import FeatureTimes, times_path
from data_pipelines.representation.opening import INDEX_DIR
from fact_jax.files import WriteError, atomic_write_text, read_data

WORK_DIR = ".extraction"
_SAVE_EVERY = 5.0  # seconds of work that a kill may cost


def index_folder(features: Path) -> Path:
    """Where an extraction to the folder `features` keeps which frames the videos hold, see `video.index_cache`."""
    return features / WORK_DIR / INDEX_DIR


def known_indices(features: Path, otherwise: Path) -> Path:
    """`index_folder` where videos were extracted to `features`, so that they are not gone through again."""
    extracted = index_folder(features)
    return extracted if extracted.is_dir() else otherwise


class FeatureFile:
    """Rows float32 [N, D] of one video; `num_done` of them are there."""

    def __init__(self, folder: Path, name: str, num_rows: int, made_from: Mapping[str, Any]):
        """Goes on with what there is, if it was made from the same: `made_from`, JSON values.

        Args:
          folder: where VIDEO.npy is to be.
          name: VIDEO.
          num_rows: N.
        """
        self.path = folder / f"{name}.npy"
        self._part, self._note = folder / WORK_DIR / f"{name}.part", folder / WORK_DIR / f"{name}.note.json"
        self._num_rows, self._made_from = num_rows, json.loads(json.dumps(dict(made_from)))
        self._file, self._saved_at = None, time.monotonic()
        note = _read_note(self._note)
        is_ours = note is not None and note["made_from"] == self._made_from and note["num_rows"] == num_rows
        self.num_done, self.dim = (note["num_done"], note["dim"]) if is_ours else (0, 0)
        if self.num_done and not self.is_moved and _size(self._part) < self._end(self.num_done):
            self.num_done = 0  # a file system that lost what it had promised to keep

    @property
    def is_moved(self) -> bool:
        """Whether all rows are in VIDEO.npy, and VIDEO.json alone may be missing: a note is kept until it is there."""
        return self.num_done == self._num_rows and not self._part.exists() and self.path.exists()

    def append(self, rows: Float[np.ndarray, "n D"]) -> None:
        """Adds rows; raises WriteError."""
        try:
            self._open(rows.shape[1]).write(np.ascontiguousarray(rows, np.float32))
            self.num_done += len(rows)
            if time.monotonic() - self._saved_at > _SAVE_EVERY:
                self.keep()
        except OSError as error:
            raise WriteError(self._part, error) from error

    def keep(self) -> None:
        """Makes sure that the rows so far outlive the process and the machine; raises WriteError."""
        if self._file is None:
            return
        try:
            self._file.flush()
            os.fsync(self._file.fileno())
        except OSError as error:
            raise WriteError(self._part, error) from error
        note = {"made_from": self._made_from, "num_rows": self._num_rows, "num_done": self.num_done, "dim": self.dim}
        atomic_write_text(self._note, json.dumps(note) + "\n")
        self._saved_at = time.monotonic()

    def finish(self, times: FeatureTimes) -> None:
        """Puts the whole file in its place, with its times beside it; raises WriteError."""
        if not self.is_moved:
            self._open(self.dim)
            self.keep()
            self.close()
            os.replace(self._part, self.path)
        times.write(self.path)
        self._note.unlink(missing_ok=True)

    def close(self) -> None:
        """Closes the file; rows that were not saved may be computed again."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def discard(self) -> None:
        """Removes what there is."""
        self.close()
        self._part.unlink(missing_ok=True)
        self._note.unlink(missing_ok=True)

    def _open(self, dim):
        """The part, behind its last row that counts."""
        if self._file is not None:
            return self._file
        if self.num_done and dim != self.dim:
            raise ValueError(f"{self._part} has {self.dim} channels, and rows of {dim} come")
        self.dim = dim
        self._part.parent.mkdir(parents=True, exist_ok=True)
        header, end = self._header(), self._end(self.num_done)
        # Closed by `close`.
        file = open(self._part, "r+b") if self.num_done else open(self._part, "w+b")
        file.write(header)  # which is there already where rows are
        file.truncate(end)
        file.seek(end)
        self._file = file
        return file

    def _header(self):
        """Bytes before the first row."""
        buffer = io.BytesIO()
        header = {"descr": "<f4", "fortran_order": False, "shape": (self._num_rows, self.dim)}
        np.lib.format.write_array_header_1_0(buffer, header)
        return buffer.getvalue()

    def _end(self, num_rows):
        """Byte behind so many rows."""
        return len(self._header()) + 4 * num_rows * self.dim


def _size(path):
    try:
        return os.stat(path).st_size
    except OSError:
        return 0


def _read_note(path):
    """What a note says; None where there is none that can be read."""
    try:
        note = json.loads(read_data(path))
        numbers = all(isinstance(note[name], int) and note[name] >= 0 for name in ("num_rows", "num_done", "dim"))
        return note if numbers and isinstance(note["made_from"], dict) else None
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        return None


def whole_file(path: Path) -> FeatureTimes | None:
    """FeatureTimes of a feature file whose shape is as they say; None where one of both is missing or damaged."""
    if not times_path(path).is_file():
        return None
    times, problems = FeatureTimes.examine(path)
    try:
        header = read_header(path)
    except FeatureFileError:
        return None
    return None if problems or header.shape != (times.rows, times.dim) else times
