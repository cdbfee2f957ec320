"""The files of predicted videos: written whole or not at all, and recognised again.

Of a video, its .json is written last. It says what the video was made from and holds a checksum of every other file, so
a process that was killed at any moment leaves either a finished video or one that is made again.
"""

import contextlib
import hashlib
import io
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from fact_jax import files
from fact_jax.inference.segmentation.predictions import Prediction
from fact_jax.reporting import tables
from fact_jax.reporting.segmentation import segment_files, timelines
from fact_jax.types import UserError

PREDICTIONS, FIGURES = "predictions", "figures"
_LEFTOVER = re.compile(r"\.(.*)\.[0-9a-f]{12}\.tmp")


class EvaluatedVideo(UserError):
    """The folder holds the prediction of a test video of the same name, which differs."""


class OutputFolder:
    """Predictions below one folder; use it in a `with` statement, in which it is this process's alone.

    Attributes:
      path: the folder.
    """

    def __init__(
        self,
        path: Path,
        *,
        origin: Mapping[str, Any],
        class_names: Sequence[str],
        background_ids: Sequence[int],
        fps: float,
        probabilities: bool,
        figures: bool,
    ):
        """
        Args:
          path: created if there is none.
          origin: JSON values that say what makes the predictions: run, checkpoint. Other values, other predictions.
          class_names: name of every class.
          background_ids: classes drawn as background.
          fps: frames per second at the full rate; 0 = unknown, no times in seconds.
          probabilities: also write VIDEO.npz.
          figures: also draw the timelines.
        """
        self.path = Path(path)
        self._origin = dict(origin)
        self._class_names = list(class_names)
        self._background_ids = tuple(background_ids)
        self._fps = fps
        self._probabilities = probabilities
        self._figures = figures
        self._lock = contextlib.ExitStack()
        self._evaluated = {}

    def __enter__(self):
        folder = self.path / PREDICTIONS
        # Without locks in the file system, two processes at once would do videos twice, and harm nothing.
        try:
            self._lock.enter_context(files.lock_folder(folder))
        except BlockingIOError as error:
            raise UserError(f"another process is writing predictions to {self.path}; wait, or use --output.") from error
        except OSError as error:
            raise UserError(f"{folder} cannot be made: {error.strerror}. Choose another --output.") from error
        if (self.path / segment_files.SEGMENTS_FILE).is_file():
            evaluated = segment_files.read_segments(self.path)
            self._evaluated = {video.video_id: (evaluated.class_names, video.predicted) for video in evaluated.videos}
        return self

    def __exit__(self, *exception):
        self._lock.close()

    def is_finished(self, video) -> bool:
        """Whether the files of a video are there, whole, and made from the same input, checkpoint and options.

        Args:
          video: has video_id, path, size, mtime_ns, num_frames and transcript (class ids or None).
        """
        try:
            record = json.loads(self._json_path(video).read_text(encoding="utf-8"))
            if record["made_from"] != self._made_from(video):
                return False
            return record["files"] == self._digests(video)
        except (OSError, ValueError, LookupError, TypeError):
            return False

    def write(self, video, prediction: Prediction) -> None:
        """Writes all files of a video.

        Raises:
          EvaluatedVideo: the files of a test video would be replaced by something else.
          UserError: the disk is full, or the folder cannot be written to.
        """
        self._check_evaluated(video, prediction)
        try:
            # The .json first: what it vouches for is about to change. A file that is not asked for now is out of date.
            self._json_path(video).unlink(missing_ok=True)
            for path in set(self._paths(video)) - set(self._written(video)):
                (self.path / path).unlink(missing_ok=True)
            for name, content in self._contents(video, prediction).items():
                files.atomic_write_bytes(self.path / name, content)
            if self._figures:
                files.save_figure(self.path / self._paths(video)[-1], self._draw(video, prediction))
            files.atomic_write_text(self._json_path(video), self._to_text(video, prediction))
        except OSError as error:
            raise UserError(f"{self.path}: predictions cannot be written: {error.strerror}.") from error

    def _check_evaluated(self, video, prediction):
        if video.video_id not in self._evaluated:
            return
        class_names, runs = self._evaluated[video.video_id]
        if tuple(class_names[label] for label in segment_files.to_frames(runs)) != tuple(prediction.names):
            raise EvaluatedVideo(
                f"{self.path / self._paths(video)[0]} is the prediction of the run's test video of this name, and this "
                "one differs; choose another --output"
            )

    def remove_leftovers(self, videos) -> None:
        """Removes what a killed process left of the files of these videos."""
        ours = {path.name[:40] for video in videos for path in self._paths(video)}
        for folder in (self.path / PREDICTIONS, self.path / FIGURES):
            for path in folder.glob(".*.tmp"):
                match = _LEFTOVER.fullmatch(path.name)
                if match and match[1] in ours:
                    with contextlib.suppress(OSError):
                        path.unlink()

    def _paths(self, video):
        name = files.safe_name(video.video_id)
        suffixes = ("txt", "csv", "npz", "json")
        return [
            *(Path(PREDICTIONS) / f"{name}.{suffix}" for suffix in suffixes),
            Path(FIGURES) / f"prediction_{name}.png",
        ]

    def _written(self, video):
        """Those of the paths that the options ask for, without the .json."""
        text, table, arrays, _, figure = self._paths(video)
        return [text, table, *([arrays] if self._probabilities else []), *([figure] if self._figures else [])]

    def _digests(self, video):
        """SHA-256 of every file that the options ask for, by its path below the folder."""
        contents = {str(path): (self.path / path).read_bytes() for path in self._written(video)}
        return {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}

    def _json_path(self, video) -> Path:
        return self.path / PREDICTIONS / f"{files.safe_name(video.video_id)}.json"

    def _made_from(self, video):
        return {
            "source": {"path": str(video.path), "size": video.size, "mtime_ns": video.mtime_ns},
            "transcript": None if video.transcript is None else [self._class_names[i] for i in video.transcript],
            "model": self._origin,
            "options": {"fps": self._fps, "probabilities": self._probabilities, "figures": self._figures},
        }

    def _contents(self, video, prediction):
        """Bytes of the files that hold nothing but numbers and names, by their paths below the folder."""
        text, table, arrays = self._paths(video)[:3]
        contents = {
            text: "".join(f"{name}\n" for name in prediction.names).encode(),
            table: tables.to_csv(self._rows(prediction)).encode(),
        }
        if self._probabilities:
            buffer = io.BytesIO()
            names = np.array(self._class_names, dtype=np.str_)
            np.savez_compressed(buffer, probabilities=prediction.probabilities, class_names=names)
            contents[arrays] = buffer.getvalue()
        return contents

    def _rows(self, prediction):
        """A dict per segment, as in the .csv and the .json."""
        rows = []
        for segment in prediction.segments:
            row = {"start": segment.start, "end": segment.end}
            if self._fps:
                row |= {"start_sec": segment.start / self._fps, "end_sec": segment.end / self._fps}
            rows.append(row | {"label": segment.label, "confidence": segment.confidence})
        return rows

    def conclude(self, videos) -> None:
        """Writes what all videos of a command have together: nothing."""

    def _to_text(self, video, prediction):
        """Text of the .json file."""
        return _to_json(self._record(video, prediction))

    def _record(self, video, prediction):
        rows = [
            {name: round(value, 6) if isinstance(value, float) else value for name, value in row.items()}
            for row in self._rows(prediction)
        ]
        return {
            "video": video.video_id,
            "num_frames": video.num_frames,
            "fps": self._fps or None,
            "class_names": self._class_names,
            "background": [self._class_names[label] for label in self._background_ids],
            "segments": rows,
            "made_from": self._made_from(video),
            "files": self._digests(video),
        }

    def _draw(self, video, prediction):
        count = len(prediction.segments)
        facts = [
            f"{count} segment{'' if count == 1 else 's'}",
            f"mean confidence {prediction.confidence.mean():.2f}",
            f"checkpoint {self._origin['checkpoint']['step']}",
        ]
        return timelines.plot_timeline(
            timelines.strips({key: getattr(prediction, key) for key in timelines.STRIPS}),
            self._class_names,
            fps=self._fps,
            title=f"{self._origin['name']} · {video.video_id}",
            metrics_text="   ".join(facts),
            background_ids=self._background_ids,
        )


def _to_json(record):
    """JSON text with a line per segment: compact, and still something that a person can read."""
    segments = ",\n".join(f"    {json.dumps(row)}" for row in record["segments"])
    whole = json.dumps(record | {"segments": []}, indent=2, allow_nan=False)
    return whole.replace('\n  "segments": [],', f'\n  "segments": [\n{segments}\n  ],', 1) + "\n"
