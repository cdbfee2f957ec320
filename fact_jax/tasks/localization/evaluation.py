"""From candidates to detections in seconds, their scores, files and pictures: one pass over a set of videos."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from fact_jax import files
from fact_jax.metrics.base import merge_states
from fact_jax.metrics.localization import LocalizationMetric
from fact_jax.ops.nms import Detections, NmsSettings, fuse_scores, suppress
from fact_jax.ops.time_grid import TimeGrid
from fact_jax.reporting.localization import detection_files, detection_layout, detection_sets
from fact_jax.reporting.localization import figures as localization_figures
from fact_jax.reporting.localization import tables as localization_tables

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
      metric: LocalizationMetric.
      nms: NmsSettings.
      class_names: class name by id, of the truth and of the detections.
      dataset: name shown in titles.
      truth: video -> (segments float64 [N, 2] in seconds, labels int [N]); also videos that have no features.
      times: VideoTime by video, of those with features.
      class_scores: video -> float [C], scores of another system that names the detections; None = they have names.
      max_timelines: most videos of which detections are drawn; 0: of all.
    """

    metric: LocalizationMetric
    nms: NmsSettings
    class_names: Mapping[int, str]
    dataset: str
    truth: Mapping[str, tuple[np.ndarray, np.ndarray]]
    times: Mapping[str, VideoTime]
    class_scores: Mapping[str, np.ndarray] | None = None
    max_timelines: int = 0


def nms_settings(detection) -> NmsSettings:
    """NmsSettings from `config.detection`."""
    return NmsSettings(
        method=detection["nms_method"],
        per_class=detection["per_class"],
        max_detections=detection["max_detections"],
        min_score=detection["min_score"],
        sigma=detection["sigma"],
        iou_threshold=detection["iou_threshold"],
        voting_threshold=detection["voting_threshold"],
    )


def detect(candidates, row, time: VideoTime, nms: NmsSettings, class_scores=None) -> Detections:
    """Detections of one video in seconds, the best first.

    Args:
      candidates: what `Task.predict` gave: "segments" [B, K, 2] in grid units, "scores", "labels", "valid" [B, K].
      row: of the video.
      time: of the video.
      nms: how candidates become detections.
      class_scores: float [C], see `nms.fuse_scores`; None = none.
    """
    valid = np.asarray(candidates["valid"][row], bool)
    found = Detections(*(np.asarray(candidates[name][row])[valid] for name in ("segments", "scores", "labels")))
    found = suppress(found, nms)
    found = found._replace(segments=time.grid.clamp_seconds(found.segments, time.duration))
    return found if class_scores is None else fuse_scores(found, class_scores)


class LocalizationEvaluation:
    """Accumulates detections (implements `fact_jax.tasks.base.Evaluation`)."""

    def __init__(self, protocol):
        self._protocol = protocol
        self._detections = {}
        self._state = None

    def add(self, batch, outputs):
        """Selects the detections of every valid row."""
        protocol, self._state = self._protocol, None
        for row, video_id in enumerate(batch.video_ids):
            if batch.arrays["video_mask"][row]:
                scores = None if protocol.class_scores is None else protocol.class_scores[video_id]
                self._detections[video_id] = detect(outputs, row, protocol.times[video_id], protocol.nms, scores)

    def state(self):
        """LocalizationState of all videos of the truth; those without features are ones in which nothing was found."""
        if self._state is None:
            metric = self._protocol.metric
            states = [
                metric.from_video(video_id, *truth, *self._detections.get(video_id, NO_DETECTIONS))
                for video_id, truth in self._protocol.truth.items()
            ]
            self._state = merge_states(states, metric.empty())
        return self._state

    def metrics(self):
        """mAP at every tIoU and recall on average, in percent by name."""
        scores = self.state().compute()
        return {name: scores[name] for name in self._protocol.metric.main_names()}

    def write(self, workdir, *, figures):
        """Writes predictions/, tables/ and figures/ below `workdir`; returns lines about what was left out."""
        workdir, protocol, state = Path(workdir), self._protocol, self.state()
        folder = workdir / "predictions"
        detection_files.write_detections(folder, self._detections, protocol.class_names, protocol.dataset)
        localization_tables.write_tables(workdir / "tables", state, protocol.class_names)
        detection_sets.write_detections(workdir, self._detected(state))
        return self._draw(workdir / "figures", state) if figures else ()

    def _detected(self, state):
        protocol = self._protocol
        known = {
            video_id: time.duration
            for video_id, time in protocol.times.items()
            if time.duration < detection_layout.ENDLESS
        }
        durations = dict.fromkeys(protocol.truth, 0.0) | known
        return detection_sets.DetectedSet(state, protocol.class_names, protocol.dataset, durations)

    def _draw(self, folder, state):
        protocol, found = self._protocol, state.per_class()
        title = f"{protocol.dataset}: {len(protocol.truth)} videos"
        curves = localization_figures.plot_precision_recall(protocol.metric, found, title=title)
        files.save_figure(folder / "precision_recall.png", curves)
        files.save_figure(
            folder / "map_against_tiou.png",
            localization_figures.plot_map(protocol.metric, found, protocol.class_names, title=title),
        )
        videos = sorted(self._detections)
        count = min(protocol.max_timelines or len(videos), len(videos))
        for place in np.linspace(0, len(videos) - 1, count).round().astype(int):
            self._draw_video(folder, videos[place])
        if count == len(videos):
            return ()
        return (f"drew the detections of {count} of {len(videos)} videos; --config.eval.max_timelines=0 draws all",)

    def _draw_video(self, folder, video_id):
        protocol, found = self._protocol, self._detections[video_id]
        truth = protocol.truth[video_id]
        figure = localization_figures.plot_detections(
            found,
            protocol.class_names,
            detection_layout.shown_duration(protocol.times[video_id].duration, found, truth[0]),
            truth=truth,
            title=f"{protocol.dataset} · {video_id}",
            note=f"{len(truth[1])} true segments, the best of {len(found.scores)} detections",
        )
        files.save_figure(folder / f"detections_{files.safe_name(video_id)}.png", figure)
