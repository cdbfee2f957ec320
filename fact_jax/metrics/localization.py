"""Temporal localization metrics: average precision and recall of detected segments at several temporal overlaps.

Source: the ActivityNet evaluation with the changes of ActionFormer's published libs/utils/metrics.py:

- A detection takes its best true segment that no better scored detection has taken, so it may be its second best one.
- Classes are those that occur in the ground truth. A detection of another class counts for nobody. The published code
  numbers the classes in order of their ids, and such a detection keeps its id as a number: it counts for the class that
  has this number, if there is one (`published_classes`).
- Of recall, a true segment may be found by any number of detections, and a detection may find several.
"""

import dataclasses
import functools
import itertools
import math

import numpy as np
from jaxtyping import Bool, Float, Int, Shaped

from fact_jax.metrics.detection_matching import match_detections
from fact_jax.metrics.frame_scores import mean_row
from fact_jax.ops.segments import without_duplicates

DEFAULT_TOP_K = (1, 5)
AVERAGE = "avg"


@dataclasses.dataclass(frozen=True)
class LocalizationMetric:
    """Average precision and recall at thresholds of temporal intersection over union.

    Attributes:
      thresholds: tIoU, each in (0, 1], ascending.
      top_k: recall counts the best k detections of a class for every true segment that it has in the video.
      published_classes: detections of a class without a true segment count for another class, as in the published code.
    """

    thresholds: tuple[float, ...]
    top_k: tuple[int, ...] = DEFAULT_TOP_K
    published_classes: bool = False

    def empty(self) -> "LocalizationState":
        """The state of no videos."""
        return LocalizationState(self, ())

    def from_video(self, video_id: str, true_segments, true_labels, segments, scores, labels) -> "LocalizationState":
        """The state of one video: float [S, 2] and int [S] of the truth, whose duplicates are left out; detections.

        These are float [P, 2], float [P] and int [P]; a video without any counts as one in which nothing was found. All
        segments are in one unit.
        """
        kept = without_duplicates(true_segments, true_labels)
        true_segments, segments = (np.asarray(part, np.float64).reshape(-1, 2) for part in (true_segments, segments))
        true_labels, labels = (np.asarray(part, np.int64).reshape(-1) for part in (true_labels, labels))
        scores = np.asarray(scores).reshape(-1)
        video = _Video(str(video_id), true_segments[kept], true_labels[kept], segments, scores, labels)
        return LocalizationState(self, (video,))

    def names(self) -> tuple[str, ...]:
        """Names of the numbers that `LocalizationState.compute` gives."""
        kinds = ["mAP", *(f"Recall@{k}x" for k in self.top_k)]
        levels = [*(f"{threshold:.2f}" for threshold in self.thresholds), AVERAGE]
        return tuple(f"{kind}@{level}" for kind in kinds for level in levels)

    def main_names(self) -> tuple[str, ...]:
        """Those of them that a result is stated in: mAP at every threshold, and the averages."""
        return tuple(name for name in self.names() if name.startswith("mAP") or name.endswith(AVERAGE))


@dataclasses.dataclass(frozen=True)
class _Video:
    video_id: str
    true_segments: Float[np.ndarray, "S 2"]
    true_labels: Int[np.ndarray, " S"]
    segments: Float[np.ndarray, "P 2"]
    scores: Shaped[np.ndarray, " P"]
    labels: Int[np.ndarray, " P"]


@dataclasses.dataclass(frozen=True)
class Matches:
    """Which detections are right and which true segments are found; both within one video and class.

    Videos are numbered in order of their names, classes in that of their ids.

    Attributes:
      class_ids: of the K classes that occur in the ground truth, ascending.
      true_videos, true_classes, found: of every true segment; found at every threshold and k.
      indices: of the detections that count for one of these classes, class by class and the best first, among those of
        all videos, one video after the other.
      videos, classes, scores: of these detections.
      hits: whether they are right at every threshold.
    """

    class_ids: Int[np.ndarray, " K"]
    true_videos: Int[np.ndarray, " S"]
    true_classes: Int[np.ndarray, " S"]
    found: Bool[np.ndarray, "S thresholds tops"]
    indices: Int[np.ndarray, " P"]
    videos: Int[np.ndarray, " P"]
    classes: Int[np.ndarray, " P"]
    scores: Shaped[np.ndarray, " P"]
    hits: Bool[np.ndarray, "P thresholds"]


@dataclasses.dataclass(frozen=True)
class ClassScores:
    """Average precision and recall, in [0, 1], of the K classes that occur in the ground truth, by ascending id.

    `curves` has per class (scores [P] descending, hits bool [P, thresholds]) of its detections.
    """

    class_ids: Int[np.ndarray, " K"]
    num_true: Int[np.ndarray, " K"]
    num_detections: Int[np.ndarray, " K"]
    precision: Float[np.ndarray, "thresholds K"]
    recall: Float[np.ndarray, "thresholds tops K"]
    curves: tuple


@dataclasses.dataclass(frozen=True)
class LocalizationState:
    """Ground truth and detections of videos."""

    metric: LocalizationMetric
    videos: tuple[_Video, ...]

    def merge(self, *others: "LocalizationState") -> "LocalizationState":
        """The state of all videos of this one and `others`."""
        return LocalizationState(self.metric, self.videos + tuple(v for other in others for v in other.videos))

    def compute(self) -> dict[str, float]:
        """Percent by name, see `LocalizationMetric.names`; NaN without a true segment."""
        names = self.metric.names()
        found = self.per_class()
        if not len(found.class_ids):
            return dict.fromkeys(names, math.nan)
        values = []
        for column in (found.precision.mean(axis=1), *found.recall.mean(axis=2).T):
            values += [*column, column.mean()]
        return {name: 100.0 * float(value) for name, value in zip(names, values, strict=True)}

    def means(self):
        """Rows of means over the classes of the truth with standard deviations, see `frame_scores.mean_row`.

        Average precision at every threshold and on average, recall on average.
        """
        found = self.per_class()
        values = {f"AP@{level:.2f}": row for level, row in zip(self.metric.thresholds, found.precision, strict=True)}
        values |= {f"AP@{AVERAGE}": found.precision.mean(axis=0)}
        values |= {f"Recall@{k}x@{AVERAGE}": found.recall[:, i].mean(axis=0) for i, k in enumerate(self.metric.top_k)}
        return [mean_row(name, "classes", 100.0 * row) for name, row in values.items()]

    def per_class(self) -> ClassScores:
        """Scores of the classes; the same for any order of the videos."""
        return self._scores

    def without_truth(self) -> dict[int, int]:
        """{class id: number of its detections}, of the classes without a true segment, by ascending id."""
        found, true = (
            np.concatenate([[], *(getattr(video, name) for video in self.videos)]).astype(np.int64)
            for name in ("labels", "true_labels")
        )
        classes, counts = np.unique(found[~np.isin(found, true)], return_counts=True)
        return dict(zip(classes.tolist(), counts.tolist(), strict=True))

    def matches(self) -> Matches:
        """What the scores are made of."""
        return self._matches

    @functools.cached_property
    def _scores(self):
        return score_classes(self.metric, self._matches)

    @functools.cached_property
    def _matches(self):
        videos = sorted(self.videos, key=lambda video: video.video_id)
        true = _gather(videos, ("true_segments", "true_labels"))
        detected = _gather(videos, ("segments", "scores", "labels"))
        return match_classes(self.metric, *true, *detected)


def _gather(videos, names):
    """(video numbers, arrays): what all videos have, one after the other."""
    numbers = np.repeat(np.arange(len(videos)), [len(getattr(video, names[-1])) for video in videos])
    if not videos:
        return numbers, np.zeros((0, 2)), *(np.zeros(0, np.int64) for _ in names[1:])
    return numbers, *(np.concatenate([getattr(video, name) for video in videos]) for name in names)


def match_classes(
    metric: LocalizationMetric, true_videos, true_segments, true_labels, videos, segments, scores, labels
):
    """Compares detections with the ground truth, both without duplicates and in any order; gives Matches.

    Videos go by any numbers; of detections of equal scores the last one counts first.
    """
    class_ids, true_classes = np.unique(true_labels, return_inverse=True)
    classes = np.searchsorted(class_ids, labels)
    known = class_ids[np.minimum(classes, len(class_ids) - 1)] == labels if len(class_ids) else classes < 0
    classes = np.where(known, classes, labels if metric.published_classes else -1)
    order = np.argsort(scores, kind="stable")[::-1]
    order = order[(classes[order] >= 0) & (classes[order] < len(class_ids))]
    order = order[np.argsort(classes[order], kind="stable")]
    videos, classes, scores, segments = (part[order] for part in (videos, classes, scores, segments))
    true_pairs, pairs = _pairs(true_videos, true_classes), _pairs(videos, classes)
    thresholds = np.array(metric.thresholds)
    hits, found = match_detections(true_pairs, true_segments, pairs, segments, thresholds, metric.top_k)
    return Matches(class_ids, true_videos, true_classes, found, order, videos, classes, scores, hits)


def score_classes(metric: LocalizationMetric, matches: Matches) -> ClassScores:
    """Average precision and recall of every class."""
    count = len(matches.class_ids)
    num_true = np.bincount(matches.true_classes, minlength=count)
    bounds = np.searchsorted(matches.classes, np.arange(count + 1))
    precision = np.zeros((len(metric.thresholds), count))
    curves = []
    for number, (first, last) in enumerate(itertools.pairwise(bounds)):
        precision[:, number] = average_precision(matches.hits[first:last], num_true[number])
        curves.append((matches.scores[first:last], matches.hits[first:last]))
    recall = np.zeros((len(metric.thresholds), len(metric.top_k), count))
    np.add.at(recall.transpose(2, 0, 1), matches.true_classes, matches.found)
    recall /= np.maximum(num_true, 1)
    return ClassScores(matches.class_ids, num_true, np.diff(bounds), precision, recall, tuple(curves))


def _pairs(videos, classes):
    """Detections and ground truth meet where both are equal."""
    return np.stack([np.asarray(videos, np.int64), np.asarray(classes, np.int64)], axis=1)


def average_precision(hits: Bool[np.ndarray, "P thresholds"], num_true) -> Float[np.ndarray, " thresholds"]:
    """Area under the precision-recall curve, precision being the best at this recall or a higher one.

    `hits` come by descending score, 0.0 without any; there is at least one true segment.
    """
    recall, precision = precision_recall(hits, num_true)
    best = np.maximum.accumulate(precision[::-1], axis=0)[::-1]
    steps = np.diff(recall, axis=0, prepend=0.0)
    return (steps * best).sum(axis=0)


def precision_recall(hits: Bool[np.ndarray, "P thresholds"], num_true):
    """(recall, precision), [P, thresholds] each, after every detection; arguments as of `average_precision`."""
    right = np.cumsum(hits, axis=0, dtype=np.float64)
    return right / num_true, right / np.arange(1, len(hits) + 1)[:, None]
