"""The files of predicted videos: written whole or not at all, and recognised again.

Of a video, its .json is written last. It says what the video was made from and holds a checksum of every other file, so
a process that was killed at any moment leaves either a finished video or one that is made again.
"""

import abc
import contextlib
import dataclasses
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from fact_jax import files
from fact_jax.types import UserError

PREDICTIONS, FIGURES = "predictions", "figures"
_LEFTOVER = re.compile(r"\.(.*)\.[0-9a-f]{12}\.tmp")


class EvaluatedVideo(UserError):
    """The folder holds the prediction of a test video of the same name, which differs."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class VideoFiles(abc.ABC):
    """What is written of one video; every kind of work has a subclass. Paths are below the output folder.

    `video` has video_id, path, size, mtime_ns, num_frames and transcript (class ids or None).
    """

    origin: Mapping[str, Any]  # JSON values that say what makes the predictions: other values, other predictions
    class_names: Sequence[str]
    fps: float  # at the full rate; 0 = unknown, no times in seconds
    figures: bool  # also draw a picture of every video

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
    def record(self, video, prediction, vouched: Mapping[str, Any]) -> str:
        """Text of the .json; `vouched`: "made_from" and "files", which it has to hold as they are."""

    def made_from(self, video) -> dict[str, Any]:
        """What the files of a video depend on, beside its own file: JSON values."""
        return {"model": dict(self.origin)}

    def evaluated(self, folder: Path) -> Mapping[str, Any]:
        """What an evaluation left in a folder, by video, for `agrees`; {} where its files have other names."""
        del folder
        return {}

    def agrees(self, evaluated, prediction) -> bool:
        """Whether an evaluation and a prediction say the same of a video."""
        raise NotImplementedError

    def conclude(self, folder: "OutputFolder", videos) -> None:
        """Writes what all videos of a command have together: nothing."""
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
        return self.path / _record_path(video)

    def is_finished(self, video) -> bool:
        """Whether the files of a video are there, whole, and made from the same input, checkpoint and options."""
        try:
            record = json.loads(self.json_path(video).read_text(encoding="utf-8"))
            return record["made_from"] == self._made_from(video) and record["files"] == self._digests(video)
        except (OSError, ValueError, LookupError, TypeError):
            return False

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
            vouched = {"made_from": self._made_from(video), "files": self._digests(video)}
            files.atomic_write_text(self.json_path(video), self._of_video.record(video, prediction, vouched))
        except OSError as error:
            raise UserError(f"{self.path}: predictions cannot be written: {error.strerror}.") from error

    def conclude(self, videos) -> None:
        """Writes what all videos of a command have together."""
        self._of_video.conclude(self, videos)

    def remove_leftovers(self, videos) -> None:
        """Removes what a killed process left of the files of these videos."""
        ours = {path.name[:40] for video in videos for path in (*self._of_video.paths(video), _record_path(video))}
        for path in (path for name in (PREDICTIONS, FIGURES) for path in (self.path / name).glob(".*.tmp")):
            match = _LEFTOVER.fullmatch(path.name)
            if match and match[1] in ours:
                with contextlib.suppress(OSError):
                    path.unlink()

    def _made_from(self, video):
        source = {"path": str(video.path), "size": video.size, "mtime_ns": video.mtime_ns}
        return {"source": source} | self._of_video.made_from(video)

    def _digests(self, video):
        """SHA-256 of every file that the options ask for, by its path below the folder."""
        wanted = (path for path, is_wanted in self._of_video.paths(video).items() if is_wanted)
        return {str(path): hashlib.sha256((self.path / path).read_bytes()).hexdigest() for path in wanted}


def _record_path(video):
    return Path(PREDICTIONS) / f"{files.safe_name(video.video_id)}.json"


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
