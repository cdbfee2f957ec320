"""The files of videos in which actions were found: JSON in the form of a submission, CSV and a picture each."""

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from fact_jax import files
from fact_jax.inference.output import FIGURES, PREDICTIONS, VideoFiles
from fact_jax.reporting.localization import detection_files
from fact_jax.reporting.localization import figures as localization_figures

SUBMISSION = Path(PREDICTIONS) / "submission.json"


@dataclasses.dataclass(frozen=True, kw_only=True)
class DetectionFiles(VideoFiles):
    """predictions/VIDEO.csv and VIDEO.json, figures/prediction_VIDEO.png; see the base.

    What the videos of one command have together goes to predictions/submission.json.
    """

    durations: Mapping[str, float]  # seconds of the videos of which they were told
    class_scores: Mapping[str, np.ndarray]  # what a classifier said of the videos, float [C] each
    # `data_pipelines.core.feature_times.FeatureTimes` of the videos whose features say where they lie.
    times: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    @property
    def together(self):
        return (SUBMISSION,)

    def paths(self, video):
        name = files.safe_name(video.video_id)
        return {Path(PREDICTIONS) / f"{name}.csv": True, Path(FIGURES) / f"prediction_{name}.png": self.figures}

    def contents(self, video, prediction):
        found = {video.video_id: prediction.detections}
        text = detection_files.to_csv(found, self.class_names, self._frames_at)
        return {next(iter(self.paths(video))): text.encode()}

    def draw(self, video, prediction):
        count = len(prediction.detections.scores)
        return localization_figures.plot_detections(
            prediction.detections,
            self.class_names,
            prediction.duration,
            title=f"{self.origin['name']} · {video.video_id}",
            note=f"the best of {count} detections   checkpoint {self.origin['checkpoint']['step']}",
        )

    def is_record(self, content, video):
        return isinstance(content.get("results"), dict) and video.video_id in content["results"]

    def record(self, video, prediction, vouched):
        found = {video.video_id: prediction.detections}
        content = detection_files.submission(found, self.class_names, frames_at=self._frames_at, **self._made_by())
        return detection_files.to_json(content | {"duration": prediction.duration} | vouched)

    def _frames_at(self, video_id, seconds):
        """Frames that a player shows at some seconds of a video; None where nobody knows."""
        times = self.times.get(video_id)
        return None if times is None else times.frames_at(seconds)

    def made_from(self, video):
        told = {"duration": self.durations.get(video.video_id)}
        if video.video_id in self.class_scores:
            scores = [float(score) for score in self.class_scores[video.video_id]]
            names = list(self.class_names)
            told["class_scores_sha256"] = hashlib.sha256(json.dumps([scores, names]).encode()).hexdigest()
        if video.video_id in self.times:
            told["times_sha256"] = hashlib.sha256(self.times[video.video_id].text.encode()).hexdigest()
        options = {"fps": self.fps, "probabilities": False, "figures": self.figures}
        return {"transcript": None, "model": dict(self.origin), "options": options} | told

    def conclude(self, folder, videos):
        """Writes the detections of these videos into one file."""
        results = {}
        for path in map(folder.json_path, videos):
            results |= json.loads(path.read_text(encoding="utf-8"))["results"]
        content = detection_files.submission({}, {}, **self._made_by()) | {"results": dict(sorted(results.items()))}
        files.atomic_write_text(folder.path / SUBMISSION, detection_files.to_json(content))

    def _made_by(self):
        origin = f"{self.origin['name']}, checkpoint {self.origin['checkpoint']['step']}"
        return {"origin": origin, "external": bool(self.class_scores)}
