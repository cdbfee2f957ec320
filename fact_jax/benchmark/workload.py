"""The videos that the benchmark runs on: made up, the same in every process."""

import dataclasses

import numpy as np

from fact_jax.types import UserError, Video

# Classes of the datasets that the configs are for; EgoProceL's are those of its mapping.txt.
NUM_CLASSES = {"breakfast": 48, "gtea": 11, "50salads": 19, "egoprocel": 130}
# Frames of a typical video.
NUM_FRAMES = {"breakfast": 2000, "gtea": 1100}
OTHER_CLASSES, OTHER_FRAMES, FEATURE_DIM, TRANSCRIPT = 20, 2000, 2048, 10
# Fewest frames of a true segment.
SHORTEST_SEGMENT = 4


@dataclasses.dataclass(frozen=True)
class Workload:
    """What is measured on.

    Attributes:
      lengths: frames of every video of a batch.
      num_classes, feature_dim: C and D.
      pieces: the features are constant over this many equal pieces of a video; 0: white noise.
      num_segments: true segments per video, fewer where a video is too short for them.
    """

    lengths: tuple[int, ...]
    num_classes: int
    feature_dim: int
    pieces: int
    num_segments: int

    def with_lengths(self, lengths):
        """The same with other videos."""
        return dataclasses.replace(self, lengths=tuple(lengths))


def workload_of(config, *, frames=(), batch=None, num_classes=None, feature_dim=None, pieces=0) -> Workload:
    """The workload that flags and config ask for; None, 0 and () stand for what is usual for the dataset.

    Raises:
      UserError: a number is out of range.
    """
    data = config.data
    synthetic = data.synthetic if data.reader == "synthetic" else None
    frames = tuple(frames) or (synthetic.mean_length if synthetic else NUM_FRAMES.get(data.dataset, OTHER_FRAMES),)
    batch = batch or config.train.batch_size
    usual = (
        (synthetic.num_classes, synthetic.feature_dim)
        if synthetic
        else (NUM_CLASSES.get(data.dataset, OTHER_CLASSES), FEATURE_DIM)
    )
    num_classes, feature_dim = num_classes or usual[0], feature_dim or usual[1]
    smallest = 1 + max(1, *data.background_ids) if data.background_ids else 2
    for name, value, least in (
        ("frames", min(frames), 2), ("batch", batch, 1), ("classes", num_classes, smallest),
        ("feature_dim", feature_dim, 1), ("segments", pieces, 0),
    ):
        if value < least:
            raise UserError(f"--{name} is {value}; expected {least} or more.")
    wanted = round(data.average_transcript_length) or TRANSCRIPT
    if config.model.get("num_tokens"):
        wanted = min(wanted, config.model.num_tokens)
    lengths = tuple(frames[place % len(frames)] for place in range(batch))
    return Workload(lengths, num_classes, feature_dim, pieces, max(wanted, 1))


class MadeVideos:
    """Random features and evenly cut random labels (a `fact_jax.types.VideoSource`)."""

    def __init__(self, workload: Workload, class_names=None):
        self.class_names = tuple(class_names or (f"class{number}" for number in range(workload.num_classes)))
        self.video_ids = tuple(f"video{number}" for number in range(len(workload.lengths)))
        self.feature_dim = workload.feature_dim
        self.lengths = np.array(workload.lengths, np.int64)
        self._workload = workload

    def __len__(self):
        return len(self.video_ids)

    def labels(self, index):
        """int32 [T], neighbouring segments of different classes."""
        rng, length = np.random.default_rng([1, index]), int(self.lengths[index])
        count = max(1, min(self._workload.num_segments, length // SHORTEST_SEGMENT))
        steps = rng.integers(1, self._workload.num_classes, count)
        transcript = np.cumsum(steps) % self._workload.num_classes
        return transcript[np.arange(length) * count // length].astype(np.int32)

    full_labels = labels

    def features(self, index):
        """float32 [T, D]; made anew every time, so that nothing but the user of them holds memory."""
        rng, length = np.random.default_rng([0, index]), int(self.lengths[index])
        pieces = min(self._workload.pieces, length) or length
        rows = rng.standard_normal((pieces, self.feature_dim), dtype=np.float32)
        return rows if pieces == length else rows[np.arange(length) * pieces // length]

    def __getitem__(self, index):
        labels = self.labels(index)
        return Video(self.video_ids[index], self.features(index), labels, labels)
