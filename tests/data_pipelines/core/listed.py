"""Batches of videos that are made from their index."""

import numpy as np

from data_pipelines.core.batching import EvalBatches, TrainBatches
from data_pipelines.core.sampling import sampler
from data_pipelines.segmentation.batching import FrameExamples
from fact_jax.types import Video

SEGMENTS = 5
DIM = 3


class ListSource:
    """Videos made from their index: lengths 1..9, up to 5 segments, no feature equal to 0."""

    feature_dim = DIM
    class_names = ("background", "take", "pour")

    def __init__(self, num_videos):
        self.video_ids = [f"video_{index}" for index in range(num_videos)]
        self.lengths = np.array([self.length(index) for index in range(num_videos)], np.int64)
        self.reads = []

    def __len__(self):
        return len(self.video_ids)

    @staticmethod
    def length(index):
        return 1 + (5 * index) % 9

    def __getitem__(self, index):
        self.reads.append(index)
        length = self.length(index)
        features = np.full((length, DIM), index + 1, np.float32) + np.arange(length)[:, None] / 16
        labels = ((np.arange(length) // 2 + index) % 3).astype(np.int32)
        return Video(self.video_ids[index], features, labels, labels)


def train_batches(
    num_videos=7,
    batch_size=3,
    seed=0,
    num_rows=None,
    buckets=(4, 9),
    max_segments=SEGMENTS,
    sampling="random",
    **options,
):
    """TrainBatches of a ListSource."""
    return TrainBatches(
        FrameExamples(ListSource(num_videos), max_segments),
        batch_size=batch_size,
        buckets=buckets,
        seed=seed,
        num_rows=num_rows or batch_size,
        sample=sampler(sampling),
        **options,
    )


def eval_batches(num_videos=7, batch_size=3, num_rows=None, buckets=(4, 9), max_segments=SEGMENTS, local_rows=None):
    """EvalBatches of a ListSource."""
    return EvalBatches(
        FrameExamples(ListSource(num_videos), max_segments),
        batch_size=batch_size,
        buckets=buckets,
        num_rows=num_rows or batch_size,
        local_rows=local_rows,
    )


def reads(batches):
    """Positions of the videos read so far."""
    return batches._examples._source.reads
