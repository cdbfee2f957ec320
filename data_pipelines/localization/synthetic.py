"""A synthetic localization dataset: no download, made on the fly.

A video is noise in which actions take place: while one lasts, the direction of its class is added to the features, and
others may go on at the same time. Actions last from a few features to a good part of the video. Video i of a subset is
a pure function of (specification, seed, subset, i), its annotations are in seconds as those of any dataset.
"""

import numpy as np

from data_pipelines.localization.annotations import AnnotatedVideo
from fact_jax.ops.time_grid import TimeGrid
from fact_jax.types import UserError

SUBSETS = ("training", "validation")
# First entry of the entropy of every random generator, so that no two streams coincide.
_WORLD_STREAM, _LAYOUT_STREAM, _FEATURE_STREAM = 11, 12, 13
_TRIALS = 50  # to place an action without meeting another of its class
_NAMES = ("Dive", "Serve", "Vault", "Throw", "Clap", "Spin", "Lift", "Kick", "Wave", "Bow")


class SyntheticVideos:
    """The videos of one subset, AnnotatedVideos; gives features as `features.FeatureStore` does.

    `directions` of the classes are unit vectors, float64 [C, D].
    """

    def __init__(self, spec, subset, seed=0):
        """Args: `spec` a SyntheticLocalizationConfig, `subset` one of SUBSETS, `seed` >= 0, shared by the subsets."""
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


class Together:
    """The features of several subsets as those of one."""

    def __init__(self, stores):
        self._stores = tuple(stores)

    def _of(self, video_id):
        return next((store for store in self._stores if not store.is_missing(video_id)), self._stores[0])

    def is_missing(self, video_id):
        return self._of(video_id).is_missing(video_id)

    def shape(self, video_id):
        return self._of(video_id).shape(video_id)

    def read(self, video_id, every=1):
        return self._of(video_id).read(video_id, every)


def _name(number):
    repeat, place = divmod(number, len(_NAMES))
    return _NAMES[place] + (str(repeat + 1) if repeat else "")
