"""Videos of a localization dataset for training and evaluation, whatever their features come from."""

import dataclasses
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from data_pipelines.core.labelled_videos import FeatureCache
from data_pipelines.localization.grids import clip_to_video
from fact_jax.ops.segments import without_duplicates


class LocalizedVideo(NamedTuple):
    """One video with its segments: features float32 [T, D], segments float32 [N, 2] in grid units, labels int32 [N]."""

    video_id: str
    features: np.ndarray
    segments: np.ndarray
    labels: np.ndarray


@dataclasses.dataclass(frozen=True)
class GroundTruth:
    """What an evaluation compares with: all videos of a subset, with or without features.

    Attributes:
      segments: float64 [N, 2] in seconds, by video.
      labels: int32 [N], by video; class ids of the annotations, also where the network knows no classes.
    """

    segments: Mapping[str, np.ndarray]
    labels: Mapping[str, np.ndarray]


@dataclasses.dataclass(frozen=True)
class SegmentRules:
    """What happens to the annotations that a network is trained with.

    Attributes:
      class_agnostic: all labels become 0.
      remove_doubles: equal annotations count once.
      clip: leave out what lies behind the video, see `grids.clip_to_video`; of training videos only.
      threshold: least share of a segment that has to be inside, of the video or of a piece of it.
    """

    class_agnostic: bool = False
    remove_doubles: bool = False
    clip: bool = False
    threshold: float = 0.5


class LocalizationSource:
    """Random access to the videos of one subset, in the order of the annotations.

    Attributes:
      class_names: name of every class that the network knows, by id.
      lengths, grids: int64 [len(self)], T of every video, known without reading its features; its TimeGrid.
      durations: seconds of every video; 1e8 where it is unknown.
      truth: GroundTruth of all annotated videos of the subset.
    """

    def __init__(self, videos, lengths, grids, read, *, class_names, feature_dim, rules, truth, budget, training):
        """Of AnnotatedVideos; `read` gives the features of the video with an index, float32 [T, D].

        `rules` are SegmentRules, `budget` is a MemoryBudget, and `training` says whether segments are prepared for it.
        """
        self.video_ids = tuple(video.video_id for video in videos)
        self.class_names = tuple(class_names)
        self.feature_dim = feature_dim
        self.lengths = np.array(lengths, np.int64)
        self.grids = tuple(grids)
        self.durations = tuple(video.duration for video in videos)
        self.truth = truth
        self._segments = [
            prepare_segments(video, length, grid, rules, training)
            for video, length, grid in zip(videos, lengths, grids, strict=True)
        ]
        self._features = FeatureCache(read, budget)

    def __len__(self):
        return len(self.video_ids)

    def __getitem__(self, index):
        index = range(len(self))[index]
        return LocalizedVideo(self.video_ids[index], self._features.get(index), *self._segments[index])

    def segments(self, index):
        """(segments float32 [N, 2] in grid units, labels int32 [N]) of a video, without reading its features."""
        return self._segments[index]


def prepare_segments(video, length, grid, rules, training):
    """(segments float32 [N, 2] in grid units, labels int32 [N]) of an AnnotatedVideo; see SegmentRules."""
    segments, labels = video.segments, np.zeros_like(video.labels) if rules.class_agnostic else video.labels
    if rules.remove_doubles:
        # As published, before the labels are made equal.
        kept = without_duplicates(segments, video.labels)
        segments, labels = segments[kept], labels[kept]
    segments = grid.to_grid(segments)
    if rules.clip and training:
        segments, labels = clip_to_video(segments, labels, length, grid.offset, rules.threshold)
    return segments, labels.astype(np.int32)


def ground_truth_of(videos):
    """GroundTruth of AnnotatedVideos."""
    return GroundTruth({v.video_id: v.segments for v in videos}, {v.video_id: v.labels for v in videos})
