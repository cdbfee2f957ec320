"""The files of videos in which actions were found: JSON in the form of a submission, CSV and a picture each."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from fact_jax import files
from fact_jax.inference.output import FIGURES, PREDICTIONS, OutputFolder
from fact_jax.reporting.localization import detection_files
from fact_jax.reporting.localization import figures as localization_figures

SUBMISSION = Path(PREDICTIONS) / "submission.json"


class DetectionFolder(OutputFolder):
    """As OutputFolder, for detections: predictions/VIDEO.json, VIDEO.csv and figures/detections_VIDEO.png.

    What the videos of one command have together goes to predictions/submission.json. `durations` holds the seconds of
    the videos of which they were told, `class_scores` what a classifier said of them.
    """

    def __init__(self, path: Path, *, durations: Mapping[str, float], class_scores: Mapping[str, np.ndarray], **others):
        super().__init__(path, **others)
        self._durations, self._class_scores = durations, class_scores

    def conclude(self, videos) -> None:
        """Writes the detections of all of these videos that have a file into one."""
        results = {}
        for video in videos:
            path = self._json_path(video)
            if path.is_file():
                results |= json.loads(path.read_text(encoding="utf-8"))["results"]
        content = detection_files.submission({}, {}, self._made_by()) | {"results": dict(sorted(results.items()))}
        files.atomic_write_text(self.path / SUBMISSION, detection_files.to_json(content))

    def _check_evaluated(self, video, prediction):
        """The files of an evaluation have other names."""

    def _paths(self, video):
        name = files.safe_name(video.video_id)
        return [
            Path(PREDICTIONS) / f"{name}.csv",
            Path(PREDICTIONS) / f"{name}.json",
            Path(FIGURES) / f"detections_{name}.png",
        ]

    def _written(self, video):
        table, _, figure = self._paths(video)
        return [table, *([figure] if self._figures else [])]

    def _contents(self, video, prediction):
        found = {video.video_id: prediction.detections}
        return {self._paths(video)[0]: detection_files.to_csv(found, self._class_names).encode()}

    def _made_from(self, video):
        told = {"duration": self._durations.get(video.video_id)}
        if video.video_id in self._class_scores:
            scores = [float(score) for score in self._class_scores[video.video_id]]
            told["class_scores_sha256"] = hashlib.sha256(json.dumps([scores, self._class_names]).encode()).hexdigest()
        return super()._made_from(video) | told

    def _made_by(self):
        return f"{self._origin['name']}, checkpoint {self._origin['checkpoint']['step']}"

    def _to_text(self, video, prediction):
        found = {video.video_id: prediction.detections}
        content = detection_files.submission(found, self._class_names, self._made_by())
        content |= {"duration": prediction.duration, "made_from": self._made_from(video), "files": self._digests(video)}
        return detection_files.to_json(content)

    def _draw(self, video, prediction):
        count = len(prediction.detections.scores)
        return localization_figures.plot_detections(
            prediction.detections,
            self._class_names,
            prediction.duration,
            title=f"{self._origin['name']} · {video.video_id}",
            note=f"the best of {count} detections   checkpoint {self._origin['checkpoint']['step']}",
        )
