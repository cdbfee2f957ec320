"""The files of predicted videos: written whole or not at all, and recognised again.

Of a video, its .json is written last. It says what the video was made from and holds a checksum of every other file, so
a process that was killed at any moment leaves either a finished video or one that is made again.
"""

import abc
import contextlib
import dataclasses
import hashlib
import json
import os
import re
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from fact_jax import files
from fact_jax.types import UserError

PREDICTIONS, FIGURES = "predictions", "figures"
# The clock of a file system may be as coarse as that.
_TICK_NS = 2 * 10**9
_LEFTOVER = re.compile(r"\.(.*)\.[0-9a-f]{12}\.tmp")


class EvaluatedVideo(UserError):
    """The folder holds the prediction of a test video of the same name, which differs."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class VideoFiles(abc.ABC):
    """What is written of one video; every kind of work has a subclass. Paths are below the output folder.

    `video` has video_id, path, size, mtime_ns, ctime_ns, num_frames, transcript (class ids or None) and sha256.
    """

    origin: Mapping[str, Any]  # JSON values that say what makes the predictions: other values, other predictions
    class_names: Sequence[str]
    fps: float  # at the full rate; 0 = unknown, no times in seconds
    figures: bool  # also draw a picture of every video

    @property
    def together(self) -> tuple[Path, ...]:
        """Files that `conclude` writes."""
        return ()

    @abc.abstractmethod
    def paths(self, video) -> dict[Path, bool]:
        """Every file that a video may have beside its .json -> whether the options ask for it; the picture is last."""

    @abc.abstractmethod
    def contents(self, video, prediction) -> dict[Path, bytes]:
        """Of the files that hold nothing but numbers and names."""

    @abc.abstractmethod
    def draw(self, video, prediction):
        """The picture, a matplotlib figure."""

    @abc.abstractmethod
    def is_record(self, content: Mapping[str, Any], video) -> bool:
        """Whether this, read from a .json, may be what `record` gave for a video."""

    @abc.abstractmethod
    def record(self, video, prediction, vouched: Mapping[str, Any]) -> str:
        """Text of the .json; `vouched`: what it has to hold as it is."""

    def made_from(self, video) -> dict[str, Any]:
        """What the files of a video depend on, beside its input: JSON values."""
        return {"model": dict(self.origin)}

    def evaluated(self, folder: Path) -> Mapping[str, Any]:
        """What an evaluation left in a folder, by video, for `agrees`; {} where its files have other names."""
        del folder
        return {}

    def agrees(self, evaluated, prediction) -> bool:
        """Whether an evaluation and a prediction say the same of a video."""
        raise NotImplementedError

    def conclude(self, folder: "OutputFolder", videos) -> None:
        """Writes what these videos, all of which have their files, have together: nothing."""
        del folder, videos


class OutputFolder:
    """Predictions below one folder, `path`; use it in a `with` statement, in which it is this process's alone."""

    def __init__(self, path: Path, of_video: VideoFiles):
        self.path = Path(path)
        self._of_video = of_video
        self._lock = contextlib.ExitStack()
        self._evaluated: Mapping[str, Any] = {}

    def __enter__(self):
        folder = self.path / PREDICTIONS
        # Without locks in the file system, two processes at once would do videos twice, and harm nothing.
        try:
            self._lock.enter_context(files.lock_folder(folder))
        except BlockingIOError as error:
            raise UserError(f"another process is writing predictions to {self.path}; wait, or use --output.") from error
        except OSError as error:
            raise UserError(f"{folder} cannot be made: {error.strerror}. Choose another --output.") from error
        self._evaluated = self._of_video.evaluated(self.path)
        return self

    def __exit__(self, *exception):
        self._lock.close()

    def json_path(self, video) -> Path:
        """Where the record of a video is, or is to be."""
        return self.path / _record_path(video.video_id)

    def is_finished(self, video) -> bool:
        """Whether the files of a video are there, whole, and made from the same input, checkpoint and options.

        An input is read where it is not certain that nobody has written to it since.
        """
        try:
            record = _read_record(self.json_path(video))
            if record is None or not self._of_video.is_record(record, video):
                return False
            source = record["made_from"]["source"]
            known = record["seen"] == _seen(video) and record["seen"]["ctime_ns"] > 0
            video = dataclasses.replace(video, sha256=source["sha256"] if known else files.sha256_of(video.path))
            return record["made_from"] == self._made_from(video) and record["files"] == self._digests(video)
        except (OSError, LookupError, TypeError):
            return False

    def discard(self, video_ids) -> tuple[list[str], list[Path]]:
        """Removes what earlier commands left of some videos, as far as their records vouch for it.

        Returns (the videos of which something was removed, files in the place of a record that are none).
        """
        removed, foreign = [], []
        for video_id in video_ids:
            path = self.path / _record_path(video_id)
            record = _read_record(path)
            if record is None:
                foreign += [path] if os.path.lexists(path) else []
                continue
            try:
                _remove(self.path, path, record["files"])
            except OSError as error:
                raise UserError(f"{path}: old predictions cannot be removed: {error.strerror}.") from error
            removed.append(video_id)
        return removed, foreign

    def remove_common_files(self) -> None:
        """Removes what all videos of an earlier command had together."""
        for path in self._of_video.together:
            (self.path / path).unlink(missing_ok=True)

    def sharing_a_file(self, video_ids) -> dict[str, str]:
        """{video: another one} of those that this file system would give the same files."""
        return files.sharing_a_file(video_ids) if files.folds_case(self.path / PREDICTIONS) else {}

    def others(self, video_ids) -> int:
        """The number of videos with a record in the folder that are none of these."""
        names = {_record_path(video_id).name for video_id in video_ids}
        found = (path for path in (self.path / PREDICTIONS).glob("*.json") if path.name not in names)
        return sum(_read_record(path) is not None for path in found)

    def write(self, video, prediction) -> None:
        """Writes all files of a video, or raises UserError: the disk is full, or the folder cannot be written to.

        EvaluatedVideo: the files of a test video would be replaced by something else.
        """
        paths = self._of_video.paths(video)
        known = self._evaluated.get(video.video_id)
        if known is not None and not self._of_video.agrees(known, prediction):
            what = f"{self.path / next(iter(paths))} is the prediction of the run's test video of this name"
            raise EvaluatedVideo(f"{what}, and this one differs; choose another --output")
        try:
            # The .json first: what it vouches for is about to change. A file that is not asked for now is out of date.
            self.json_path(video).unlink(missing_ok=True)
            for path, wanted in paths.items():
                if not wanted:
                    (self.path / path).unlink(missing_ok=True)
            for path, content in self._of_video.contents(video, prediction).items():
                files.atomic_write_bytes(self.path / path, content)
            if self._of_video.figures:
                files.save_figure(self.path / list(paths)[-1], self._of_video.draw(video, prediction))
            vouched = {"made_from": self._made_from(video), "files": self._digests(video), "seen": _seen(video)}
            files.atomic_write_text(self.json_path(video), self._of_video.record(video, prediction, vouched))
        except OSError as error:
            raise UserError(f"{self.path}: predictions cannot be written: {error.strerror}.") from error

    def conclude(self, videos) -> None:
        """Writes what these videos, all of which have their files, have together."""
        self._of_video.conclude(self, videos)

    def remove_leftovers(self, videos) -> None:
        """Removes what a killed process left of the files of these videos."""
        ours = {
            path.name[:40] for video in videos for path in (*self._of_video.paths(video), _record_path(video.video_id))
        }
        for path in (path for name in (PREDICTIONS, FIGURES) for path in (self.path / name).glob(".*.tmp")):
            match = _LEFTOVER.fullmatch(path.name)
            if match and match[1] in ours:
                with contextlib.suppress(OSError):
                    path.unlink()

    def _made_from(self, video):
        source = {"path": str(video.path), "size": video.size, "sha256": video.sha256}
        return {"source": source} | self._of_video.made_from(video)

    def _digests(self, video):
        """SHA-256 of every file that the options ask for, by its path below the folder."""
        wanted = (path for path, is_wanted in self._of_video.paths(video).items() if is_wanted)
        return {str(path): hashlib.sha256((self.path / path).read_bytes()).hexdigest() for path in wanted}


def _record_path(video_id):
    return Path(PREDICTIONS) / f"{files.safe_name(video_id)}.json"


def _read_record(path):
    """The content of a .json that a prediction has written last, of whatever kind; None if it is something else."""
    try:
        record = json.loads(files.read_data(path))
    except (OSError, ValueError, RecursionError):
        return None
    is_one = isinstance(record, dict) and all(isinstance(record.get(key), dict) for key in ("made_from", "files"))
    return record if is_one else None


def _digest_of(folder, name):
    """SHA-256 of a file that a record names; None if there is none, or it lies in none of our folders."""
    parts = Path(name).parts
    if len(parts) != 2 or parts[0] not in (PREDICTIONS, FIGURES):
        return None
    try:
        return files.sha256_of(Path(folder) / name)
    except OSError:
        return None


def _seen(video):
    """How an input looked when it was read. A change within the tick of the clock of its last one would not show."""
    recent = time.time_ns() - video.ctime_ns < _TICK_NS
    return {"mtime_ns": video.mtime_ns, "ctime_ns": 0 if recent else video.ctime_ns}


def json_with_rows(record: Mapping[str, Any], key: str) -> str:
    """JSON text with a line per entry of the list `record[key]`: compact, and still something a person can read."""
    parts = []
    for name, value in record.items():
        if name == key:
            rows = ",\n".join(f"    {json.dumps(row)}" for row in value)
            text = f"[\n{rows}\n  ]"
        else:
            text = json.dumps(value, indent=2, allow_nan=False).replace("\n", "\n  ")
        parts.append(f"  {json.dumps(name)}: {text}")
    return "{\n" + ",\n".join(parts) + "\n}\n"


def remove_replaced(folder: Path) -> list[str]:
    """Removes what is left of predictions of which an evaluation has replaced a file; returns the names of their files.

    `folder`: an output folder to which nobody else writes meanwhile.
    """
    replaced = []
    for path in sorted((Path(folder) / PREDICTIONS).glob("*.json")):
        recorded = (_read_record(path) or {"files": {}})["files"]
        theirs = [name for name, digest in recorded.items() if _digest_of(folder, name) not in (None, digest)]
        if theirs:
            _remove(folder, path, {name: digest for name, digest in recorded.items() if name not in theirs})
            replaced.append(path.stem)
    return replaced


def _remove(folder, path, recorded):
    """Removes a record and the files that are still as it says."""
    for name, digest in recorded.items():
        if _digest_of(folder, name) == digest:
            (Path(folder) / name).unlink()
    path.unlink()  # last: it says what else there is to remove
