"""Scores of temporal action segmentation as published for FACT: accuracy, Edit and segmental F1 (NumPy, host).

All scores are percentages, computed at the full label rate. With `background_ids` = {} when background is evaluated:

- AccB: correct frames over all frames, pooled over videos. Acc: the same over frames whose *ground truth* is not
  background (so Acc == AccB when background is evaluated).
- Edit: per video, background segments dropped from both lists (neighbours that become equal stay apart), then
  (1 - Levenshtein / longer list) * 100; mean over videos.
- F1@k: background segments dropped; every predicted segment, in order of time, points at the true segment of its own
  label with the largest tIoU (the first on ties) and is a hit if tIoU >= k and no earlier one hit that segment. There
  is no second choice. Counts are summed over videos, then p = tp / (tp + fp + 1e-5), r likewise,
  F1 = 2 p r / (p + r + 1e-5), so a perfect score is 99.999 and a little less when there are few segments.

Cases where the published code crashes or divides by zero are defined here:

- the ground truth is all background but the prediction has segments: those are false positives, Edit of the video is 0;
- neither has a segment: the video adds nothing to F1, and its Edit is undefined and left out of the mean;
- Edit is NaN only if it is undefined for every video, Acc is NaN without any foreground frame, AccB without any frame.

Source: Lu & Elhamifar, FACT, CVPR 2024 (after Lea et al., arXiv:1611.05267, and MS-TCN, arXiv:1903.01945).
"""

import dataclasses
import itertools
import math
from collections.abc import Collection

import numpy as np
from jaxtyping import Int

from fact_jax.metrics import frame_scores, segment_matching
from fact_jax.ops import segments

THRESHOLDS = (0.10, 0.25, 0.50)
EPSILON = 1e-5


def f1_name(threshold: float) -> str:
    """The published key of a threshold: 0.1 -> "F1@0.10"."""
    return f"F1@{threshold:.2f}"


METRIC_NAMES = ("Edit", "AccB", "Acc", *map(f1_name, THRESHOLDS))


def f1_score(hits, predicted, true):
    """F1 in percent with the published epsilons, of numbers, scalars or arrays; 0.0 where everything is 0."""
    hits = np.asarray(hits, np.float64)
    precision = hits / (np.asarray(predicted, np.float64) + EPSILON)
    recall = hits / (np.asarray(true, np.float64) + EPSILON)
    return 2.0 * precision * recall / (precision + recall + EPSILON) * 100.0


def ratio_percent(part, whole):
    """100 * part / whole as float64, NaN where `whole` is 0."""
    part, whole = np.asarray(part, np.float64), np.asarray(whole, np.float64)
    return np.where(whole > 0, part / np.where(whole > 0, whole, 1.0), np.nan) * 100.0


@dataclasses.dataclass(frozen=True)
class VideoCounts:
    """Everything counted in one video; no array depends on the number of classes.

    Attributes:
      pairs: rows (true class, predicted class, frames) with frames > 0, in order of class.
      edit: score of the video in percent, NaN if neither side has a segment.
      true_segments, predicted_segments: labels of the foreground segments in order of time.
      hit_segments: for every threshold the labels of the true segments that were hit.
    """

    video_id: str
    pairs: Int[np.ndarray, "K 3"]
    edit: float
    true_segments: Int[np.ndarray, " S"]
    predicted_segments: Int[np.ndarray, " P"]
    hit_segments: tuple[Int[np.ndarray, " _"], ...]


@dataclasses.dataclass(frozen=True)
class SegmentationMetric:
    """Settings of the scores: the background is dropped from Acc, Edit and F1 (empty when it is evaluated)."""

    num_classes: int
    background_ids: Collection[int | np.integer] = ()
    thresholds: Collection[float] = THRESHOLDS

    def __post_init__(self):
        # Sorted, so that equal settings compare equal whatever collection they came in.
        object.__setattr__(self, "background_ids", tuple(sorted({int(label) for label in self.background_ids})))
        object.__setattr__(self, "thresholds", tuple(float(threshold) for threshold in self.thresholds))
        if any(not 0 < threshold <= 1 for threshold in self.thresholds):
            raise ValueError(f"thresholds must lie in (0, 1], got {self.thresholds}")
        if any(not 0 <= label < self.num_classes for label in self.background_ids):
            raise ValueError(f"background_ids must lie in [0, {self.num_classes}), got {self.background_ids}")

    def empty(self) -> "SegmentationState":
        """The state of no video: the unit of `merge`."""
        return SegmentationState(self, ())

    def from_video(self, prediction, ground_truth, video_id: str = "") -> "SegmentationState":
        """Counts one video of int [N] labels in [0, C) at the full rate (`fact_jax.ops.resampling` brings them there).

        Raises:
          ValueError: shapes differ, are not [N], or a label is no class.
        """
        prediction = self._check_labels(prediction, "prediction")
        ground_truth = self._check_labels(ground_truth, "ground truth")
        if prediction.shape != ground_truth.shape:
            raise ValueError(f"prediction has {prediction.size} frames, ground truth {ground_truth.size}: {video_id!r}")
        keys, frames = np.unique(ground_truth * self.num_classes + prediction, return_counts=True)
        predicted, true = segments.frames_to_segments(prediction), segments.frames_to_segments(ground_truth)
        predicted_labels, true_labels = self._drop_background(predicted[0]), self._drop_background(true[0])
        pairs = np.stack([keys // self.num_classes, keys % self.num_classes, frames], axis=1)
        edit = segment_matching.edit_score(predicted_labels, true_labels)
        candidates = segment_matching.best_overlaps(predicted, true)
        hits = (true[0][segment_matching.hit_segments(candidates, threshold)] for threshold in self.thresholds)
        hits = tuple(map(self._drop_background, hits))
        return SegmentationState(self, (VideoCounts(video_id, pairs, edit, true_labels, predicted_labels, hits),))

    def _check_labels(self, labels, name):
        labels = np.asarray(labels)
        if labels.ndim != 1:
            raise ValueError(f"{name} must have one axis, got shape {labels.shape}")
        if labels.size and labels.dtype.kind not in "iu":
            raise ValueError(f"{name} must hold integers, got {labels.dtype}")
        if labels.size and not 0 <= labels.min() <= labels.max() < self.num_classes:
            raise ValueError(f"{name} has labels {labels.min()}..{labels.max()} outside [0, {self.num_classes})")
        return labels.astype(np.int64)

    def _drop_background(self, labels):
        return labels[~np.isin(labels, self.background_ids)]


@dataclasses.dataclass(frozen=True)
class SegmentationState:
    """Counts of any number of videos, in the order they were merged."""

    metric: SegmentationMetric
    videos: tuple[VideoCounts, ...]

    def merge(self, *others: "SegmentationState") -> "SegmentationState":
        """Returns the state of all videos of this state and of `others`, counted under the same settings."""
        if any(other.metric != self.metric for other in others):
            raise ValueError("states of different settings cannot be merged")
        return SegmentationState(self.metric, tuple(itertools.chain(self.videos, *(other.videos for other in others))))

    def compute(self) -> dict[str, float]:
        """Returns the scores in the published order: Edit, AccB, Acc, F1@k for every threshold."""
        return self._scores(self.videos)

    def per_video(self):
        """Returns a dict per video, sorted by name: video_id, frames, segment counts and the scores of that video.

        NaN for the F1@k of a video without a segment on either side.
        """
        rows = []
        for video in sorted(self.videos, key=lambda video: video.video_id):
            counts = {"video_id": video.video_id, "frames": int(video.pairs[:, 2].sum())}
            counts |= {name: len(getattr(video, name)) for name in ("true_segments", "predicted_segments")}
            scores = self._scores([video])
            if not counts["true_segments"] + counts["predicted_segments"]:
                scores |= {f1_name(threshold): math.nan for threshold in self.metric.thresholds}
            rows.append(counts | scores)
        return rows

    def per_class(self):
        """Returns a dict per class, by class id: frames and segments, percentages of frames, F1@k.

        NaN where a class has no frame to divide by. F1, F1@k, Jaccard and the means over videos (`frame_scores`) are
        NaN for a class without a true frame, F1@k for background classes too. Precision is 0 for one that is only
        predicted.
        """
        true, predicted, frames = _pairs(self.videos).T
        count = self.metric.num_classes
        true_frames = np.bincount(true, frames, count).astype(np.int64)
        predicted_frames = np.bincount(predicted, frames, count).astype(np.int64)
        correct = np.bincount(true, frames * (true == predicted), count)
        table = {"class_id": np.arange(count), "true_frames": true_frames, "predicted_frames": predicted_frames}
        table |= {"precision": ratio_percent(correct, predicted_frames), "recall": ratio_percent(correct, true_frames)}
        frame_columns = frame_scores.frame_scores(correct, true_frames, predicted_frames)
        table |= {"F1": frame_columns["F1"], "Jaccard": frame_columns["Jaccard"]}
        by_video = frame_scores.mean_over_videos((video.pairs for video in self.videos), count)
        table |= {f"{name} per video": values for name, values in by_video.items()}
        table |= self._segment_columns()
        return [{name: column[index].item() for name, column in table.items()} for index in range(count)]

    def means(self):
        """Returns rows of means with standard deviations, see `frame_scores.mean_row` and the text before it.

        Over videos: the published scores of single videos. Over classes: scores of frames of all videos together, means
        over videos of the scores of single videos, and F1@k.
        """
        videos = self.per_video()
        classes = [row for row in self.per_class() if row["class_id"] not in self.metric.background_ids]
        by_class = [*frame_scores.NAMES, *(f"{name} per video" for name in frame_scores.NAMES)]
        segmental = [f1_name(threshold) for threshold in self.metric.thresholds]
        # Precision alone has a number for a class that is only predicted.
        classes = [row for row in classes if row["true_frames"]]
        return [
            *(frame_scores.mean_row(name, "videos", [row[name] for row in videos]) for name in self.compute()),
            *(frame_scores.mean_row(name, "classes", [row[name] for row in classes]) for name in by_class + segmental),
        ]

    def confusion(self) -> Int[np.ndarray, "C C"]:
        """Returns frames by (true class, predicted class)."""
        true, predicted, frames = _pairs(self.videos).T
        matrix = np.zeros((self.metric.num_classes, self.metric.num_classes), np.int64)
        np.add.at(matrix, (true, predicted), frames)
        return matrix

    def _segment_columns(self):
        def count(arrays):
            labels = np.concatenate([np.zeros(0, np.int64), *arrays])
            return np.bincount(labels, minlength=self.metric.num_classes)

        true = count(video.true_segments for video in self.videos)
        predicted = count(video.predicted_segments for video in self.videos)
        columns = {"true_segments": true, "predicted_segments": predicted}
        for index, threshold in enumerate(self.metric.thresholds):
            score = f1_score(count(video.hit_segments[index] for video in self.videos), predicted, true)
            columns[f1_name(threshold)] = np.where(true > 0, score, np.nan)
        return columns

    def _scores(self, videos):
        true, predicted, frames = _pairs(videos).T
        correct, foreground = true == predicted, ~np.isin(true, self.metric.background_ids)
        edits = [video.edit for video in videos if not math.isnan(video.edit)]
        scores = {
            # fsum is exact, so the mean does not depend on the order of the videos.
            "Edit": math.fsum(edits) / len(edits) if edits else math.nan,
            "AccB": float(ratio_percent(frames[correct].sum(), frames.sum())),
            "Acc": float(ratio_percent(frames[correct & foreground].sum(), frames[foreground].sum())),
        }
        true = sum(len(video.true_segments) for video in videos)
        predicted = sum(len(video.predicted_segments) for video in videos)
        for index, threshold in enumerate(self.metric.thresholds):
            hits = sum(len(video.hit_segments[index]) for video in videos)
            scores[f1_name(threshold)] = float(f1_score(hits, predicted, true))
        return scores


def _pairs(videos):
    return np.concatenate([np.zeros((0, 3), np.int64), *(video.pairs for video in videos)])
