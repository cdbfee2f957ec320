"""Scores of resampled videos of action localization, from detections that were compared with the truth once.

What a detection is right about hangs on its own video alone, so a resample only changes how often it counts. A video
that is drawn twice counts as two videos. Classes of which no true segment was drawn are left out of the means, with
their detections, also where published_classes lets those count for another class: which one would be chance here.
"""

import dataclasses
from typing import NamedTuple

import numpy as np


class _Class(NamedTuple):
    """What the scores of one class are made of: V videos with a true segment of it, W with a detection."""

    true_videos: np.ndarray  # int64 [V]
    num_true: np.ndarray  # float64 [V], true segments of each
    found: np.ndarray  # float64 [V, L * k], those of them that are found, at every threshold and k
    videos: np.ndarray  # int64 [W]
    ranks: np.ndarray  # float64 [H, W], detections of each at least as good as the h-th one that is right somewhere
    hit_videos: np.ndarray  # int64 [H], the video of that one
    hits: np.ndarray  # bool [H, L], whether it is right at every threshold


class DetectionSample:
    """Scores of resamples of `video_ids`, V videos of a LocalizationState, sorted."""

    def __init__(self, state, video_ids):
        chosen = set(video_ids)
        if chosen != {video.video_id for video in state.videos}:
            videos = tuple(video for video in state.videos if video.video_id in chosen)
            state = dataclasses.replace(state, videos=videos)
        self._metric = state.metric
        matches = state.matches()
        self._classes = [_gather(matches, number) for number in range(len(matches.class_ids))]

    def __call__(self, weights):
        """Percent float64 [R, metrics], as `metric.names()`, for weights float64 [R, V]; NaN without a true segment."""
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
        return 100.0 * np.concatenate([np.vstack([part, part.mean(axis=0)]) for part in parts]).T


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
    num_true = np.bincount(place, minlength=len(true_videos)).astype(np.float64)
    hit_videos, ranks = matches.videos[first:last][hit_places], between.cumsum(axis=0)
    return _Class(true_videos, num_true, found_by_video, videos, ranks, hit_videos, hits[hit_places])


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
