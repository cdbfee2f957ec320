"""Scores of resampled videos of action localization, from detections that were compared with the truth once.

What a detection is right about hangs on its own video alone, so a resample only changes how often it counts. A video
that is drawn twice counts as two videos. Classes of which no true segment was drawn are left out of the means, with
their detections: that they count for another class, as in a whole evaluation, would be chance here.
"""

import dataclasses

import numpy as np


@dataclasses.dataclass(frozen=True)
class _Class:
    """What the scores of one class are made of.

    Attributes:
      true_videos: int64 [V], videos with a true segment.
      num_true: float64 [V], true segments of each.
      found: float64 [V, L * k], those of them that are found, at every threshold and k.
      videos: int64 [W], videos with a detection.
      ranks: float64 [H, W], detections of each that are at least as good as the h-th one that is right somewhere.
      hit_videos: int64 [H], the video of that one.
      hits: bool [H, L], whether it is right at every threshold.
    """

    true_videos: np.ndarray
    num_true: np.ndarray
    found: np.ndarray
    videos: np.ndarray
    ranks: np.ndarray
    hit_videos: np.ndarray
    hits: np.ndarray


class DetectionSample:
    """Scores of resamples of some videos.

    Args:
      state: LocalizationState.
      video_ids: V of its videos, sorted.
    """

    def __init__(self, state, video_ids):
        if set(video_ids) != {video.video_id for video in state.videos}:
            chosen = set(video_ids)
            videos = tuple(video for video in state.videos if video.video_id in chosen)
            state = dataclasses.replace(state, videos=videos)
        self._metric = state.metric
        matches = state.matches()
        self._classes = [_gather(matches, number) for number in range(len(matches.class_ids))]

    def __call__(self, weights):
        """Scores of resamples.

        Args:
          weights: float64 [R, V], how often every video was drawn.

        Returns:
          float64 [R, metrics], percent in the order of `LocalizationMetric.names`; NaN without a true segment.
        """
        # Resamples lie along the last axis here: sums over detections then add whole rows.
        drawn = np.ascontiguousarray(weights.T)
        num_levels, num_columns = len(self._metric.thresholds), len(self._metric.top_k)
        precision = np.zeros((num_levels, len(weights)))
        recall = np.zeros((num_levels * num_columns, len(weights)))
        present = np.zeros(len(weights))
        for one in self._classes:
            true = drawn[one.true_videos]
            num_true = one.num_true @ true
            present += num_true > 0
            recall += one.found.T @ true / np.maximum(num_true, 1.0)
            precision += _right(one, drawn) / np.maximum(num_true, 1.0)
        with np.errstate(invalid="ignore"):
            precision, recall = precision / present, recall / present
        parts = [precision, *np.moveaxis(recall.reshape(num_levels, num_columns, -1), 1, 0)]
        return 100.0 * np.concatenate([_with_mean(part) for part in parts]).T


def _gather(matches, number):
    """The _Class of this number."""
    chosen = matches.true_classes == number
    true_videos, place = np.unique(matches.true_videos[chosen], return_inverse=True)
    found = matches.found[chosen].reshape(len(place), -1)
    found_by_video = np.zeros((len(true_videos), found.shape[1]))
    np.add.at(found_by_video, place, found)
    first, last = np.searchsorted(matches.classes, (number, number + 1))
    hits, hit_places = matches.hits[first:last], np.flatnonzero(matches.hits[first:last].any(axis=1))
    ranked = matches.videos[first:last][: hit_places.max(initial=-1) + 1]  # up to the last right one
    videos, place_of_video = np.unique(ranked, return_inverse=True)
    between = np.zeros((len(hit_places), len(videos)))
    np.add.at(between, (np.searchsorted(hit_places, np.arange(len(place_of_video))), place_of_video), 1.0)
    return _Class(
        true_videos,
        np.bincount(place, minlength=len(true_videos)).astype(np.float64),
        found_by_video,
        videos,
        between.cumsum(axis=0),
        matches.videos[first:last][hit_places],
        hits[hit_places],
    )


def _right(one, drawn):
    """Right detections, each times the best precision at its recall or a higher one: float64 [L, R].

    Precision is best where a detection is right, and of the copies of one it is best after the last.
    """
    ranks = np.maximum(one.ranks @ drawn[one.videos], 1.0)
    total = np.zeros((one.hits.shape[1], drawn.shape[1]))
    for level, right in enumerate(one.hits.T):
        counts = drawn[one.hit_videos[right]]
        precision = counts.cumsum(axis=0)
        precision /= ranks[right]
        best = np.maximum.accumulate(precision[::-1], axis=0)[::-1]
        total[level] = np.einsum("hr,hr->r", counts, best)
    return total


def _with_mean(rows):
    return np.concatenate([rows, rows.mean(axis=0, keepdims=True)])
