"""The search for NaN and Inf in feature files, with their checksums, and the notes of a workdir on what was searched.

A search reads every value, so it is made once until a file changes; what it found out is noted beside the run.
"""

import dataclasses
import hashlib
import json
import os
import pathlib

import numpy as np
from absl import logging

from data_pipelines.core.feature_files import FeatureFileError, frames_and_channels, lies_frame_by_frame, read_blocks
from data_pipelines.core.problems import Problem
from data_pipelines.core.value_measures import ValueMeter, VideoValues, as_rows, from_rows
from data_pipelines.core.wording import count, name_some, verb
from fact_jax.files import atomic_write_text, read_data
from fact_jax.types import UserError

CHECK_FILE = "data_check.json"
# Checks noted per workdir: training and evaluation may look at different subsets of the same data.
_NUM_NOTED = 8
_MAX_NOTES_BYTES = 2**30
# Of a SHA-256, hexadecimal: enough to tell any two extractions apart.
_CHECKSUM_DIGITS = 32
# Bytes of a feature file looked at in one go.
_CHUNK_BYTES = 16 * 2**20
# The same where the first difference ends the search: two frames of most features.
_FIRST_BYTES = 2**16


def stat_digest(head, paths, name=lambda path: path.name):
    """SHA-256 over what `repr` gives of `head`, and over names, sizes and times of change of files.

    The time of change is the one that nobody can set: a file of the same size that was put in the place of another, or
    written over it, may have its time of modification.
    """
    digest = hashlib.sha256(repr(head).encode())
    for path in paths:
        status = path.stat()
        digest.update(repr((name(path), status.st_size, status.st_mtime_ns, status.st_ctime_ns)).encode())
    return digest.hexdigest()


@dataclasses.dataclass(frozen=True)
class CheckedFeatures:
    """What is known of features that have passed the check, by video: checksums and VideoValues; lines on them.

    `lines` are those that take reading features again.
    """

    checksums: dict[str, str] = dataclasses.field(default_factory=dict)
    values: dict[str, VideoValues] = dataclasses.field(default_factory=dict)
    lines: tuple[str, ...] = ()


class CheckNotes:
    """What has passed the check in a workdir, by its fingerprint; without a workdir nothing is known or kept."""

    def __init__(self, workdir):
        self._path = pathlib.Path(workdir) / CHECK_FILE if workdir else None
        self._passed = self._read()

    def known(self, fingerprint: str) -> CheckedFeatures | None:
        """What is known of data of this fingerprint; None where it has not passed."""
        return self._passed.get(fingerprint)

    def add(self, fingerprint: str, checked: CheckedFeatures) -> None:
        """Notes that data of this fingerprint has passed; a UserError if that cannot be written."""
        if self._path is None:
            return
        kept = [*(self._passed | {fingerprint: checked}).items()][-_NUM_NOTED:]
        rows = {
            key: {"checksums": found.checksums, "values": as_rows(found.values), "lines": found.lines}
            for key, found in kept
        }
        try:
            atomic_write_text(self._path, json.dumps(rows) + "\n")
        except OSError as error:
            raise UserError(f"{self._path} cannot be written: {error.strerror}.") from error

    def _read(self):
        if self._path is None or not os.path.lexists(self._path):
            return {}
        try:
            passed = json.loads(read_data(self._path, _MAX_NOTES_BYTES))
        except (OSError, ValueError, RecursionError):
            logging.warning("%s cannot be read: checking the data again.", self._path)
            return {}
        # Older notes lack measures of the values: the data is checked again.
        try:
            return {key: _checked_features(found) for key, found in passed.items()}
        except (LookupError, TypeError, ValueError, AttributeError):
            return {}


def _checked_features(found):
    """CheckedFeatures of an entry of the notes; raises what `_read` catches for anything else."""
    if not is_checksums(found["checksums"]):
        raise ValueError("no checksums by video")
    lines = found["lines"]
    if not (isinstance(lines, list) and all(isinstance(line, str) for line in lines)):
        raise ValueError("no list of lines")
    return CheckedFeatures(found["checksums"], from_rows(found["values"], complete=True), tuple(lines))


def is_checksums(found):
    """Whether this, of a JSON file, is {video: checksum}."""
    return isinstance(found, dict) and all(isinstance(value, str) for value in found.values())


def checksum_of(features):
    """Checksum of features in memory: of their numbers, type and shape."""
    digest = hashlib.sha256(repr((features.dtype.str, features.shape)).encode())
    digest.update(np.ascontiguousarray(features))
    return digest.hexdigest()[:_CHECKSUM_DIGITS]


def check_finite(features):
    """Raises a FeatureFileError if features [T, D] in memory hold NaN or Inf."""
    bad = np.argwhere(~np.isfinite(features))
    if len(bad):
        place = f"feature {bad[0][0]} of {len(features)}, channel {bad[0][1]}"
        found = f"{count(bad, 'value')} {verb(bad, 'are')} NaN or infinite, the first at {place}"
        raise FeatureFileError(f"{found}; expected finite float32 numbers")


def scan_file(path, header, time_axis):
    """Looks for NaN and Inf, in storage order so that a file is read front to back once.

    Returns (list of Problem, checksum, VideoValues); no values where there are problems. The checksum is of the
    numbers, their type and their order in the file; wherever the file lies, and whenever it was written.
    """
    frame_by_frame = lies_frame_by_frame(header, time_axis)
    digest = hashlib.sha256(repr((header.dtype.str, header.shape, header.fortran_order)).encode())
    counts, first, meter = np.zeros(2, np.int64), None, ValueMeter(*frames_and_channels(header.shape, time_axis))
    try:
        for row, column, block in read_blocks(path, header, num_bytes=_CHUNK_BYTES):
            digest.update(block)
            # Cast as the reader does: a float64 value may be finite and its float32 not.
            with np.errstate(over="ignore"):
                block = block.astype(np.float32, copy=False)
            bad = ~np.isfinite(block)
            if not bad.any():
                meter.add(*((row, column, block) if frame_by_frame else (column, row, block.T)))
                continue
            counts += np.count_nonzero(np.isnan(block)), np.count_nonzero(np.isinf(block))
            rows, columns = (index + start for index, start in zip(np.nonzero(bad), (row, column), strict=True))
            frame, channel = (rows, columns) if frame_by_frame else (columns, rows)
            earliest = np.lexsort((channel, frame))[0]
            place = (int(frame[earliest]), int(channel[earliest]))
            first = place if first is None else min(first, place)
    except FeatureFileError as error:
        return [Problem(str(path), 0, str(error))], "", None
    checksum = digest.hexdigest()[:_CHECKSUM_DIGITS]
    if first is None:
        return [], checksum, meter.values()
    kinds = " and ".join(f"{number} {name}" for number, name in zip(counts, ("NaN", "Inf"), strict=True) if number)
    what = "value" if counts.sum() == 1 else "values"
    frames, _ = frames_and_channels(header.shape, time_axis)
    found = f"{kinds} {what}, the first at frame {first[0]} of {frames}, channel {first[1]}"
    return [Problem(str(path), 0, found, "expected finite float32 numbers")], checksum, None


def constant_note(videos):
    """The line, if any, about videos whose features are the same in every frame."""
    return (f"{count(videos, 'video')} with features that are the same in every frame: {name_some(videos)}",) * bool(
        videos
    )


def never_changes(path, header, time_axis):
    """Whether a feature file of several frames holds the same in all of them.

    No more is read than up to the first change; raises FeatureFileError if the file cannot be read.
    """
    num_frames, width = frames_and_channels(header.shape, time_axis)
    if num_frames < 2:
        return False
    frame_by_frame, first = lies_frame_by_frame(header, time_axis), np.zeros(width, header.dtype)
    for row, column, block in read_blocks(path, header, num_bytes=_FIRST_BYTES):
        frame, channel, frames = (row, column, block) if frame_by_frame else (column, row, block.T)
        channels = slice(channel, channel + frames.shape[1])
        if frame == 0:
            first[channels] = frames[0]
        if (frames != first[channels]).any():
            return False
    return True
