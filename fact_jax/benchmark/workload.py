"""The videos that the benchmark runs on: made up, the same in every process."""

import dataclasses
from typing import NamedTuple

import numpy as np

from fact_jax.benchmark.kinds import kind_of
from fact_jax.ops.time_grid import TimeGrid
from fact_jax.types import UserError, Video

# Fewest frames of a true segment; most of one that overlaps others.
SHORTEST_SEGMENT, LONGEST_ACTION = 4, 128
FPS = 30.0


@dataclasses.dataclass(frozen=True)
class Workload:
    """What is measured on."""

    lengths: tuple[int, ...]  # frames of every video of a batch
    num_classes: int
    feature_dim: int
    pieces: int  # of equal length, over which the features of a video are constant; 0: white noise
    num_segments: int  # true ones per video, fewer where a video is too short for them

    def with_lengths(self, lengths):
        """The same with other videos."""
        return dataclasses.replace(self, lengths=tuple(lengths))

    def cut_to(self, longest):
        """The same with no video longer than this."""
        return self.with_lengths(min(length, longest) for length in self.lengths)


def workload_of(config, frames=(), batch=None, num_classes=None, feature_dim=None, pieces=0) -> Workload:
    """The workload that flags and config ask for; None, 0 and () stand for what is usual for the dataset."""
    usual = kind_of(config.model.name).usual(config)
    frames = tuple(frames) or (usual.frames,)
    batch = batch or usual.batch or config.train.batch_size
    num_classes, feature_dim = num_classes or usual.num_classes, feature_dim or usual.feature_dim
    for name, value, least in (
        ("frames", min(frames), 2),
        ("batch", batch, 1),
        ("classes", num_classes, usual.fewest_classes),
        ("feature_dim", feature_dim, 1),
        ("segments", pieces, 0),
    ):
        if value < least:
            raise UserError(f"--{name} is {value}; expected {least} or more.")
    lengths = tuple(frames[place % len(frames)] for place in range(batch))
    return Workload(lengths, num_classes, feature_dim, pieces, usual.num_segments)


class _MadeFeatures:
    """Random features of videos that have names, lengths and classes."""

    def __init__(self, workload: Workload, class_names=None):
        self.class_names = tuple(class_names or (f"class{number}" for number in range(workload.num_classes)))
        self.video_ids = tuple(f"video{number}" for number in range(len(workload.lengths)))
        self.feature_dim = workload.feature_dim
        self.lengths = np.array(workload.lengths, np.int64)
        self._workload = workload

    def __len__(self):
        return len(self.video_ids)

    def features(self, index):
        """float32 [T, D]; made anew every time, so that nothing but the user of them holds memory."""
        rng, length = np.random.default_rng([0, index]), int(self.lengths[index])
        pieces = min(self._workload.pieces, length) or length
        rows = rng.standard_normal((pieces, self.feature_dim), dtype=np.float32)
        return rows if pieces == length else rows[np.arange(length) * pieces // length]


class MadeVideos(_MadeFeatures):
    """Random features and evenly cut random labels (a `fact_jax.types.VideoSource`)."""

    def labels(self, index):
        """int32 [T], neighbouring segments of different classes."""
        rng, length = np.random.default_rng([1, index]), int(self.lengths[index])
        count = max(1, min(self._workload.num_segments, length // SHORTEST_SEGMENT))
        steps = rng.integers(1, self._workload.num_classes, count)
        transcript = np.cumsum(steps) % self._workload.num_classes
        return transcript[np.arange(length) * count // length].astype(np.int32)

    full_labels = labels

    def __getitem__(self, index):
        labels = self.labels(index)
        return Video(self.video_ids[index], self.features(index), labels, labels)


class MadeVideo(NamedTuple):
    """A video of MadeActions: features float32 [T, D], segments float32 [N, 2] in grid units, labels int32 [N]."""

    video_id: str
    features: np.ndarray
    segments: np.ndarray
    labels: np.ndarray


class MadeActions(_MadeFeatures):
    """Random features and actions, which may overlap, for batches of localization; times by `grids` and `durations`."""

    def __init__(self, workload: Workload, stride, window):
        """Args: `workload`; `stride` and `window` of the features, see TimeGrid; a stride of 0 counts as 1."""
        super().__init__(workload)
        grid = TimeGrid(stride or 1.0, window, FPS)
        self.grids = (grid,) * len(self)
        self.durations = tuple(((length - 1) * grid.stride + grid.window) / FPS for length in self.lengths.tolist())

    def segments(self, index):
        """(segments float32 [N, 2] in grid units, labels int32 [N]) of a video."""
        rng, length = np.random.default_rng([2, index]), float(self.lengths[index])
        longest = min(LONGEST_ACTION, length / 2)
        bounds = np.log([min(SHORTEST_SEGMENT, longest), longest])
        durations = np.exp(rng.uniform(*bounds, self._workload.num_segments))
        starts = rng.uniform(0, length - durations)
        labels = rng.integers(0, self._workload.num_classes, len(starts))
        return np.stack([starts, starts + durations], axis=1).astype(np.float32), labels.astype(np.int32)

    def __getitem__(self, index):
        return MadeVideo(self.video_ids[index], self.features(index), *self.segments(index))
