"""Feature files in which actions are to be found: .npy or .npz, (features, channels)."""

import dataclasses
from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from data_pipelines.core.feature_files import FeatureFileError
from data_pipelines.core.finite import check_finite
from data_pipelines.core.unlabelled import open_files
from data_pipelines.localization.features import Stream
from data_pipelines.localization.grids import read_features
from data_pipelines.localization.source import LocalizedVideo
from data_pipelines.localization.stated_times import grid_of
from fact_jax.ops.time_grid import GridRule


@dataclasses.dataclass(frozen=True)
class StreamReader:
    """`core.unlabelled.InputReader` of the files of a localization model; gives LocalizedVideo without segments.

    Attributes:
      rule: GridRule of the run.
      durations: dict from video to seconds, see `read_durations`; {} = not known, which no video can do with where
        features are spread evenly over it.
      prefix: what the names of feature files have before the video's.
      class_scores: dict from video to float [C], scores of a classifier; empty = none.
      times: dict from video to FeatureTimes of those whose features have them.
    """

    feature_dim: int
    class_names: tuple
    rule: GridRule
    durations: Mapping = dataclasses.field(default_factory=dict)
    prefix: str = ""
    class_scores: Mapping = dataclasses.field(default_factory=dict)
    times: Mapping = dataclasses.field(default_factory=dict)
    suffixes: ClassVar = (".npy", ".npz")
    time_axis: ClassVar = "first"
    form: ClassVar = "(features, channels)"

    def shape(self, video_id, path):
        shape = _store(video_id, path).shape(video_id)
        # A table of durations is checked as a whole.
        if self.rule.stride <= 0 and not self.durations:
            raise FeatureFileError("no duration of this video; expected its seconds in --durations")
        return shape

    def length(self, video):
        return self.rule.length(video.num_frames)

    def read(self, video):
        store = _store(video.video_id, video.path)
        if tuple(store.shape(video.video_id)) != (video.num_frames, self.feature_dim):
            raise FeatureFileError("the file has changed since it was listed")
        features = read_features(self.rule, store, video.video_id)
        check_finite(features)
        return features

    def example(self, video, features):
        return LocalizedVideo(video.video_id, features, np.zeros((0, 2), np.float32), np.zeros(0, np.int32))

    def extent(self, video):
        """(number of stored features, seconds of the video or None, float [C] or None); then None, and its own grid."""
        name, found = video.video_id, self.times.get(video.video_id)
        if found is None:
            return video.num_frames, self.durations.get(name), self.class_scores.get(name)
        duration = self.durations.get(name, found.duration)
        return video.num_frames, duration, self.class_scores.get(name), None, grid_of(self.rule, found)


def open_inputs(inputs, reader):
    """UnlabelledVideos of a StreamReader; see `core.unlabelled.open_files`."""
    return open_files(inputs, reader)[0]


def _store(video_id, path):
    return Stream(path.parent, path.name.removesuffix(path.suffix).removesuffix(video_id), path.suffix)
