"""The files of labelled videos: labels, segments, a picture and, if they are asked for, class probabilities."""

import dataclasses
import hashlib
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from fact_jax import files
from fact_jax.inference.output import FIGURES, PREDICTIONS, VideoFiles, json_with_rows
from fact_jax.reporting import tables
from fact_jax.reporting.segmentation import segment_files, timelines


@dataclasses.dataclass(frozen=True, kw_only=True)
class LabelFiles(VideoFiles):
    """predictions/VIDEO.txt, .csv, .json and .npz, figures/prediction_VIDEO.png; see the base."""

    background_ids: Sequence[int]  # classes drawn as background
    probabilities: bool  # also write VIDEO.npz
    # `data_pipelines.core.feature_times.FeatureTimes` of the videos whose features say where they lie.
    times: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    def paths(self, video):
        name = files.safe_name(video.video_id)
        text, table, arrays = (Path(PREDICTIONS) / f"{name}.{suffix}" for suffix in ("txt", "csv", "npz"))
        picture = Path(FIGURES) / f"prediction_{name}.png"
        return {text: True, table: True, arrays: self.probabilities, picture: self.figures}

    def contents(self, video, prediction):
        text, table, arrays, _ = self.paths(video)
        contents = {
            text: "".join(f"{name}\n" for name in prediction.names).encode(),
            table: tables.to_csv(self._rows(video, prediction)).encode(),
        }
        if self.probabilities:
            buffer = io.BytesIO()
            names = np.array(self.class_names, dtype=np.str_)
            np.savez_compressed(buffer, probabilities=prediction.probabilities, class_names=names)
            contents[arrays] = buffer.getvalue()
        return contents

    def draw(self, video, prediction):
        count = len(prediction.segments)
        facts = [
            f"{count} segment{'' if count == 1 else 's'}",
            f"mean confidence {prediction.confidence.mean():.2f}",
            f"checkpoint {self.origin['checkpoint']['step']}",
        ]
        return timelines.plot_timeline(
            timelines.strips({key: getattr(prediction, key) for key in timelines.STRIPS}),
            self.class_names,
            fps=self._rate(video),
            title=f"{self.origin['name']} · {video.video_id}",
            metrics_text="   ".join(facts),
            background_ids=self.background_ids,
        )

    def is_record(self, content, video):
        return content.get("video") == video.video_id and isinstance(content.get("segments"), list)

    def record(self, video, prediction, vouched):
        rows = [
            {name: round(value, 6) if isinstance(value, float) else value for name, value in row.items()}
            for row in self._rows(video, prediction)
        ]
        record = {
            "video": video.video_id,
            "num_frames": video.num_frames,
            "fps": self._rate(video) or None,
            "class_names": list(self.class_names),
            "background": [self.class_names[label] for label in self.background_ids],
            "segments": rows,
        }
        return json_with_rows(record | vouched, "segments")

    def made_from(self, video):
        times = self.times.get(video.video_id)
        told = {} if times is None else {"times_sha256": hashlib.sha256(times.text.encode()).hexdigest()}
        return told | {
            "transcript": None if video.transcript is None else [self.class_names[i] for i in video.transcript],
            "model": dict(self.origin),
            "options": {"fps": self.fps, "probabilities": self.probabilities, "figures": self.figures},
        }

    def evaluated(self, folder):
        """(class names, segments) of every test video; see the base."""
        if not (folder / segment_files.SEGMENTS_FILE).is_file():
            return {}
        found = segment_files.read_segments(folder)
        return {video.video_id: (found.class_names, video.predicted) for video in found.videos}

    def agrees(self, evaluated, prediction):
        class_names, segments = evaluated
        return tuple(class_names[label] for label in segment_files.to_frames(segments)) == tuple(prediction.names)

    def _rate(self, video):
        """Rows per second of a video; 0.0 where they are not known, or vary."""
        times = self.times.get(video.video_id)
        return self.fps if times is None else 1 / times.stride if times.stride else 0.0

    def _rows(self, video, prediction):
        """A dict per segment, as in the .csv and the .json; frames where they are others than the rows."""
        rows, times = [], self.times.get(video.video_id)
        edges, frames = (None, None) if times is None else (times.edges, times.frames)
        for segment in prediction.segments:
            row = {"start": segment.start, "end": segment.end}
            if edges is not None:
                row |= {"start_sec": float(edges[segment.start]), "end_sec": float(edges[segment.end])}
            elif self.fps:
                row |= {"start_sec": segment.start / self.fps, "end_sec": segment.end / self.fps}
            if frames is not None:
                row |= {"start_frame": int(frames[segment.start]), "end_frame": int(frames[segment.end])}
            rows.append(row | {"label": segment.label, "confidence": segment.confidence})
        return rows
