"""The files of labelled videos: labels, segments, a picture and, if they are asked for, class probabilities."""

import dataclasses
import io
from collections.abc import Sequence
from pathlib import Path

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

    def paths(self, video):
        name = files.safe_name(video.video_id)
        text, table, arrays = (Path(PREDICTIONS) / f"{name}.{suffix}" for suffix in ("txt", "csv", "npz"))
        picture = Path(FIGURES) / f"prediction_{name}.png"
        return {text: True, table: True, arrays: self.probabilities, picture: self.figures}

    def contents(self, video, prediction):
        text, table, arrays, _ = self.paths(video)
        contents = {
            text: "".join(f"{name}\n" for name in prediction.names).encode(),
            table: tables.to_csv(self._rows(prediction)).encode(),
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
            fps=self.fps,
            title=f"{self.origin['name']} · {video.video_id}",
            metrics_text="   ".join(facts),
            background_ids=self.background_ids,
        )

    def is_record(self, content, video):
        return content.get("video") == video.video_id and isinstance(content.get("segments"), list)

    def record(self, video, prediction, vouched):
        rows = [
            {name: round(value, 6) if isinstance(value, float) else value for name, value in row.items()}
            for row in self._rows(prediction)
        ]
        record = {
            "video": video.video_id,
            "num_frames": video.num_frames,
            "fps": self.fps or None,
            "class_names": list(self.class_names),
            "background": [self.class_names[label] for label in self.background_ids],
            "segments": rows,
        }
        return json_with_rows(record | vouched, "segments")

    def made_from(self, video):
        return {
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

    def _rows(self, prediction):
        """A dict per segment, as in the .csv and the .json."""
        rows = []
        for segment in prediction.segments:
            row = {"start": segment.start, "end": segment.end}
            if self.fps:
                row |= {"start_sec": segment.start / self.fps, "end_sec": segment.end / self.fps}
            rows.append(row | {"label": segment.label, "confidence": segment.confidence})
        return rows
