"""tables/segments.json: true and predicted segments of an evaluation, at the full label rate, as run lengths.

It holds all that the scores of an evaluation depend on, so that a report counts again with the metric itself instead of
with rounded table entries.
"""

import dataclasses
import math
import pathlib
from typing import NamedTuple

import numpy as np

from fact_jax.metrics.segmentation import SegmentationMetric, f1_name
from fact_jax.ops import segments
from fact_jax.reporting import evaluation_files

SEGMENTS_FILE = pathlib.PurePath("tables", "segments.json")


class SegmentedVideo(NamedTuple):
    """One evaluated video: its name, and rows (class, frames) in order of time, which add up to the same N frames."""

    video_id: str
    true: np.ndarray  # int64 [K, 2]
    predicted: np.ndarray  # int64 [L, 2]


@dataclasses.dataclass(frozen=True)
class SegmentedSet:
    """All videos of one evaluation and how they were scored."""

    metric: SegmentationMetric
    class_names: tuple[str, ...]
    background_ids: tuple[int, ...]  # classes drawn as background, evaluated or not
    dataset: str
    split: str
    fps: float  # 0 when unknown
    videos: tuple[SegmentedVideo, ...]  # by name

    def state(self):
        """Counts every video again: a SegmentationState equal to that of the evaluation."""
        count = self.metric.from_video
        states = [count(to_frames(predicted), to_frames(true), name) for name, true, predicted in self.videos]
        return self.metric.empty().merge(*states)


def to_runs(labels):
    """Frame labels (int [N]) to int64 [K, 2] rows (class, frames)."""
    run_labels, starts, ends = segments.frames_to_segments(labels)
    return np.stack([run_labels, ends - starts], axis=1)


def to_frames(runs):
    """The inverse of `to_runs`: int64 [N]."""
    return np.repeat(runs[:, 0], runs[:, 1])


def write_segments(workdir, segmented):
    """Writes a SegmentedSet below `workdir`; returns the path."""
    head = {
        "dataset": segmented.dataset,
        "split": segmented.split,
        "fps": segmented.fps,
        "class_names": list(segmented.class_names),
        "background_ids": list(segmented.background_ids),
        "excluded_ids": list(segmented.metric.background_ids),
        "thresholds": list(segmented.metric.thresholds),
    }
    videos = (
        {"id": name, "true": true.ravel().tolist(), "predicted": predicted.ravel().tolist()}
        for name, true, predicted in segmented.videos
    )
    return evaluation_files.write_evaluation(pathlib.Path(workdir) / SEGMENTS_FILE, head, videos)


def read_segments(workdir):
    """Reads what `write_segments` wrote, a SegmentedSet; UserError without a whole file, which says how to make it."""
    return evaluation_files.read_evaluation(pathlib.Path(workdir) / SEGMENTS_FILE, _parse)


def _parse(content):
    class_names = tuple(map(str, content["class_names"]))
    background_ids = tuple(map(int, content["background_ids"]))
    if any(not 0 <= label < len(class_names) for label in background_ids):
        raise ValueError(f"background_ids {background_ids} for {len(class_names)} classes")
    fps = float(content["fps"])
    if not (math.isfinite(fps) and fps >= 0):
        raise ValueError(f"fps is {fps}, expected a positive number, or 0 where it is unknown")
    metric = SegmentationMetric(len(class_names), tuple(content["excluded_ids"]), tuple(content["thresholds"]))
    if not metric.thresholds or len(set(map(f1_name, metric.thresholds))) < len(metric.thresholds):
        raise ValueError(f"thresholds are {metric.thresholds}, expected at least one and none twice")
    dataset, split = str(content["dataset"]), str(content["split"])
    videos = evaluation_files.by_name(_videos(content["videos"], len(class_names)))
    return SegmentedSet(metric, class_names, background_ids, dataset, split, fps, videos)


def _videos(entries, num_classes):
    for entry in entries:
        video = SegmentedVideo(str(entry["id"]), _pairs(entry["true"]), _pairs(entry["predicted"]))
        for name, runs in (("true", video.true), ("predicted", video.predicted)):
            if runs.size and (runs[:, 1].min() < 1 or not 0 <= runs[:, 0].min() <= runs[:, 0].max() < num_classes):
                raise ValueError(f"video {video.video_id!r}: {name} has a class or a length that cannot be")
        if video.true[:, 1].sum() != video.predicted[:, 1].sum():
            raise ValueError(f"video {video.video_id!r}: true and predicted segments differ in length")
        yield video


def _pairs(numbers):
    pairs = np.asarray(numbers)
    if pairs.ndim != 1 or pairs.size % 2 or (pairs.size and pairs.dtype.kind != "i"):
        raise ValueError("segments are not a list of pairs (class, frames)")
    return pairs.astype(np.int64).reshape(-1, 2)
