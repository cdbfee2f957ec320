"""tables/detections.json: true segments and detections of an evaluation, in seconds, in the order in which they count.

It holds all that the scores of an evaluation depend on, so that a report counts again with the metric itself.
"""

import dataclasses
import math
import pathlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from fact_jax.metrics.base import merge_states
from fact_jax.metrics.localization import LocalizationMetric, LocalizationState
from fact_jax.reporting import evaluation_files
from fact_jax.reporting.localization import detection_files

DETECTIONS_FILE = pathlib.PurePath("tables", "detections.json")


@dataclasses.dataclass(frozen=True)
class DetectedSet:
    """All videos of one evaluation and how they were scored."""

    metric: LocalizationMetric
    class_names: Mapping[int, str]  # by the ids of the classes, in order of them
    dataset: str
    durations: Mapping[str, float]  # seconds by video, 0 where unknown
    videos: tuple[Any, ...]  # of a LocalizationState, by name

    def state(self):
        """The LocalizationState of the evaluation."""
        return LocalizationState(self.metric, self.videos)


def write_detections(workdir, detected):
    """Writes a DetectedSet below `workdir`; returns the path.

    Numbers of detections are written with the digits that float32 has, as which `read_detections` reads them again.
    """
    head = {
        "dataset": detected.dataset,
        "classes": [[int(class_id), name] for class_id, name in sorted(detected.class_names.items())],
        "thresholds": list(detected.metric.thresholds),
        "top_k": list(detected.metric.top_k),
        "published_classes": detected.metric.published_classes,
    }
    videos = (
        {
            "id": video.video_id,
            "duration": float(detected.durations[video.video_id]),
            "true": _flat(video.true_labels, video.true_segments.T.tolist()),
            "detections": _flat(video.labels, [_digits(column) for column in (*video.segments.T, video.scores)]),
        }
        for video in sorted(detected.videos, key=lambda video: video.video_id)
    )
    return evaluation_files.write_evaluation(pathlib.Path(workdir) / DETECTIONS_FILE, head, videos)


def read_detections(workdir):
    """Reads what `write_detections` wrote, a DetectedSet; UserError without a whole file, which says how to make it."""
    return evaluation_files.read_evaluation(pathlib.Path(workdir) / DETECTIONS_FILE, _parse)


def _parse(content):
    class_names = {_whole(class_id): str(name) for class_id, name in content["classes"]}
    if len(class_names) < len(content["classes"]):
        raise ValueError("a class is there twice")
    # A file from before this setting was scored as published.
    published = content.get("published_classes", True)
    if not isinstance(published, bool):
        raise ValueError(f"published_classes is {published!r}, expected true or false")
    thresholds, top_k = tuple(map(float, content["thresholds"])), tuple(map(_whole, content["top_k"]))
    metric = LocalizationMetric(thresholds, top_k, published)
    if not metric.thresholds or not all(0 < value <= 1 for value in metric.thresholds):
        raise ValueError(f"thresholds are {metric.thresholds}, expected numbers in (0, 1]")
    if any(k < 1 for k in metric.top_k) or len(set(metric.names())) < len(metric.names()):
        raise ValueError(f"thresholds are {metric.thresholds}, top_k {metric.top_k}: expected none twice, top_k from 1")
    states, durations = [], {}
    for entry in content["videos"]:
        video_id, duration = str(entry["id"]), float(entry["duration"])
        if not (math.isfinite(duration) and duration >= 0):
            raise ValueError(f"video {video_id!r}: its duration is {duration}, expected a positive number, or 0")
        true_labels, truth = _columns(entry["true"], 2, class_names, video_id, "true")
        labels, found = _columns(entry["detections"], 3, class_names, video_id, "detections")
        if not np.isfinite(truth).all() or not np.isfinite(found[:, 2]).all():
            raise ValueError(f"video {video_id!r}: a true segment or a score is no number")
        found = found.astype(np.float32)
        states.append(metric.from_video(video_id, truth, true_labels, found[:, :2], found[:, 2], labels))
        durations[video_id] = duration
    videos = evaluation_files.by_name(merge_states(states, metric.empty()).videos)
    return DetectedSet(metric, class_names, str(content["dataset"]), durations, videos)


def _columns(flat, width, class_names, video_id, name):
    """(class ids int64 [N], numbers float64 [N, width]) of [class, number, ..., class, number, ...]; null is NaN."""
    rows = np.array(flat, np.float64).reshape(-1, width + 1)
    if unknown := set(rows[:, 0].tolist()) - set(class_names):
        raise ValueError(f"video {video_id!r}: {name} has a class that does not exist, {min(unknown)}")
    return rows[:, 0].astype(np.int64), rows[:, 1:]


def _flat(labels, columns):
    return [value for row in zip(labels.tolist(), *columns, strict=True) for value in row]


def _digits(numbers):
    """Numbers with the digits that float32 has, and None where they are not finite."""
    return [detection_files.digits(value) if math.isfinite(value) else None for value in numbers.tolist()]


def _whole(number):
    if not isinstance(number, int):
        raise ValueError(f"{number!r} is no whole number")
    return number
