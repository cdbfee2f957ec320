"""A synthetic localization dataset: no download, made on the fly.

A video is noise in which actions take place: while one lasts, the direction of its class is added to the features, and
others may go on at the same time. Actions last from a few features to a good part of the video. Video i of a subset is
a pure function of (specification, seed, subset, i), its annotations are in seconds as those of any dataset.
"""

import dataclasses

import numpy as np

from data_pipelines.localization.annotations import AnnotatedVideo
from fact_jax.ops.time_grid import TimeGrid
from fact_jax.types import UserError

SUBSETS = ("training", "validation")
# First entry of the entropy of every random generator, so that no two streams coincide.
_WORLD_STREAM, _LAYOUT_STREAM, _FEATURE_STREAM = 11, 12, 13
_TRIALS = 50  # to place an action without meeting another of its class
_NAMES = ("Dive", "Serve", "Vault", "Throw", "Clap", "Spin", "Lift", "Kick", "Wave", "Bow")


@dataclasses.dataclass(frozen=True)
class LocalizationSpec:
    """What the synthetic dataset looks like.

    Attributes:
      num_train_videos, num_test_videos: videos to train and to test on.
      num_classes: C.
      feature_dim: D.
      min_length, max_length: features of a video.
      min_actions, max_actions: actions of a video, which may overlap.
      min_duration, max_duration: features that an action lasts; durations are spread evenly over their logarithm.
      noise: standard deviation per feature and channel; the directions of the classes have length 1.
      stride, window, fps: of the features, see TimeGrid.
    """

    num_train_videos: int = 120
    num_test_videos: int = 40
    num_classes: int = 6
    feature_dim: int = 32
    min_length: int = 64
    max_length: int = 192
    min_actions: int = 2
    max_actions: int = 6
    min_duration: float = 4.0
    max_duration: float = 48.0
    noise: float = 0.25
    stride: int = 4
    window: int = 16
    fps: float = 30.0

    def __post_init__(self):
        wrong = [
            f"{field.name} is {getattr(self, field.name)}, expected more than 0"
            for field in dataclasses.fields(self)
            if getattr(self, field.name) <= 0
        ]
        for name in ("length", "actions", "duration"):
            least, most = getattr(self, f"min_{name}"), getattr(self, f"max_{name}")
            if least > most:
                wrong.append(f"min_{name} is {least}, expected at most max_{name}, {most}")
        if wrong:
            raise UserError("Synthetic localization data set: " + "; ".join(wrong) + ".")


class SyntheticVideos:
    """The videos of one subset; gives features as `features.FeatureStore` does.

    Attributes:
      videos: AnnotatedVideo of every video.
      class_names: name of every class, by id.
      directions: float64 [C, D], unit vectors.
    """

    def __init__(self, spec, subset, seed=0):
        """Args: `spec` a LocalizationSpec, `subset` one of SUBSETS, `seed` a whole number >= 0 that both share."""
        if seed < 0:
            raise UserError(f"The seed of the synthetic data set is {seed}, expected 0 or more.")
        self._spec = spec
        self._entropy = (int(seed), SUBSETS.index(subset))
        self._grid = TimeGrid(spec.stride, spec.window, spec.fps)
        self.class_names = tuple(_name(number) for number in range(spec.num_classes))
        rng = np.random.default_rng([_WORLD_STREAM, int(seed)])
        directions = rng.standard_normal((spec.num_classes, spec.feature_dim))
        if spec.num_classes <= spec.feature_dim:
            directions = np.linalg.qr(directions.T)[0].T  # as far apart from each other as can be
        self.directions = directions / np.linalg.norm(directions, axis=1, keepdims=True)
        count = spec.num_train_videos if subset == SUBSETS[0] else spec.num_test_videos
        self._layouts = [self._draw_layout(index) for index in range(count)]
        self.videos = [self._describe(f"{subset}_{index:04d}", subset, index) for index in range(count)]
        self._places = {video.video_id: index for index, video in enumerate(self.videos)}

    def is_missing(self, video_id):
        """Whether there is no such video."""
        return video_id not in self._places

    def shape(self, video_id):
        """(T, D)."""
        return self._layouts[self._places[video_id]][0], self._spec.feature_dim

    def read(self, video_id, every=1):
        """float32 [ceil(T / every), D]."""
        index, spec = self._places[video_id], self._spec
        length, segments, labels = self._layouts[index]
        features = np.random.default_rng([_FEATURE_STREAM, *self._entropy, index]).standard_normal(
            (length, spec.feature_dim)
        )
        features *= spec.noise
        for (start, end), label in zip(segments, labels, strict=True):
            # The share of the time around a feature, half a step to either side, in which the action goes on.
            places = np.arange(length)
            share = np.clip(np.minimum(end, places + 0.5) - np.maximum(start, places - 0.5), 0, 1)
            features += share[:, None] * self.directions[label]
        return features[::every].astype(np.float32)

    def _draw_layout(self, index):
        """(T, segments float64 [N, 2] in grid units, labels int32 [N])."""
        spec = self._spec
        rng = np.random.default_rng([_LAYOUT_STREAM, *self._entropy, index])
        length = int(rng.integers(spec.min_length, spec.max_length + 1))
        segments, labels = [], []
        for _ in range(rng.integers(spec.min_actions, spec.max_actions + 1)):
            for _ in range(_TRIALS):
                label = int(rng.integers(spec.num_classes))
                duration = np.exp(rng.uniform(np.log(spec.min_duration), np.log(spec.max_duration)))
                duration = min(duration, length - 2)
                start = rng.uniform(0, length - 1 - duration)
                same = [s for s, other in zip(segments, labels, strict=True) if other == label]
                if all(start > end + 2 or start + duration < begin - 2 for begin, end in same):
                    segments.append((start, start + duration))
                    labels.append(label)
                    break
        order = np.argsort([start for start, _ in segments], kind="stable")
        return length, np.array(segments)[order], np.array(labels, np.int32)[order]

    def _describe(self, video_id, subset, index):
        length, segments, labels = self._layouts[index]
        duration = ((length - 1) * self._spec.stride + self._spec.window) / self._spec.fps
        seconds = self._grid.to_seconds(segments).astype(np.float64)
        return AnnotatedVideo(video_id, subset, duration, self._spec.fps, seconds, labels)


def _name(number):
    repeat, place = divmod(number, len(_NAMES))
    return _NAMES[place] + (str(repeat + 1) if repeat else "")
