"""From candidates to detections in seconds and their scores: one pass over a set of videos."""

import dataclasses
from collections.abc import Mapping

import numpy as np

from fact_jax.metrics.base import merge_states
from fact_jax.metrics.localization import LocalizationMetric
from fact_jax.ops.nms import Detections, NmsConfig, fuse_scores, suppress
from fact_jax.ops.time_grid import TimeGrid

NO_DETECTIONS = Detections(np.zeros((0, 2), np.float32), np.zeros(0, np.float32), np.zeros(0, np.int32))


@dataclasses.dataclass(frozen=True)
class VideoTime:
    """How a video lies in time: its TimeGrid, and its duration in seconds (1e8 if it is unknown)."""

    grid: TimeGrid
    duration: float


@dataclasses.dataclass(frozen=True)
class LocalizationProtocol:
    """What an evaluation has to know about the dataset.

    Attributes:
      class_names: class name by id, of the truth and of the detections.
      dataset: name shown in titles.
      truth: video -> (segments float64 [N, 2] in seconds, labels int [N]); also videos that have no features.
      times: VideoTime by video, of those with features.
      class_scores: video -> float [C], scores of another system that names the detections; None = they have names.
      max_timelines: most videos of which detections are drawn; 0: of all.
    """

    metric: LocalizationMetric
    nms: NmsConfig
    class_names: Mapping[int, str]
    dataset: str
    truth: Mapping[str, tuple[np.ndarray, np.ndarray]]
    times: Mapping[str, VideoTime]
    class_scores: Mapping[str, np.ndarray] | None = None
    max_timelines: int = 0


def nms_settings(detection) -> NmsConfig:
    """NmsConfig from `config.detection`."""
    names = [field.name for field in dataclasses.fields(NmsConfig) if field.name != "method"]
    return NmsConfig(detection["nms_method"], **{name: detection[name] for name in names})


def detect(candidates, row, time: VideoTime, nms: NmsConfig, class_scores=None) -> Detections:
    """Detections of one video in seconds, the best first.

    Candidates are what `Task.predict` gave, this video in `row`: "segments" [B, K, 2] in grid units, "scores",
    "labels", "valid" [B, K]. `class_scores`, float [C], see `nms.fuse_scores`.
    """
    valid = np.asarray(candidates["valid"][row], bool)
    found = Detections(*(np.asarray(candidates[name][row])[valid] for name in ("segments", "scores", "labels")))
    found = suppress(found, nms)
    found = found._replace(segments=time.grid.clamp_seconds(found.segments, time.duration))
    return found if class_scores is None else fuse_scores(found, class_scores)


class LocalizationEvaluation:
    """Accumulates detections (implements `fact_jax.tasks.base.Evaluation`)."""

    def __init__(self, protocol: LocalizationProtocol):
        self.protocol = protocol
        self.detections = {}  # video -> Detections in seconds, of the videos that were added
        self._state = None

    def add(self, batch, outputs):
        """Selects the detections of every valid row."""
        protocol, self._state = self.protocol, None
        for row, video_id in enumerate(batch.video_ids):
            if batch.arrays["video_mask"][row]:
                scores = None if protocol.class_scores is None else protocol.class_scores[video_id]
                self.detections[video_id] = detect(outputs, row, protocol.times[video_id], protocol.nms, scores)

    def state(self):
        """LocalizationState of all videos of the truth; those without features are ones in which nothing was found."""
        if self._state is None:
            metric, states = self.protocol.metric, []
            for video_id, truth in self.protocol.truth.items():
                states.append(metric.from_video(video_id, *truth, *self.detections.get(video_id, NO_DETECTIONS)))
            self._state = merge_states(states, metric.empty())
        return self._state

    def metrics(self):
        """mAP at every tIoU and recall on average, in percent by name."""
        scores = self.state().compute()
        return {name: scores[name] for name in self.protocol.metric.main_names()}

    def means(self):
        """Means over videos and classes, with standard deviations."""
        return self.state().means()
