"""From videos to padded batches: the order of training, the buckets of evaluation, reading ahead in threads."""

import numpy as np

import grain
from data_pipelines.buckets import bucket_for, check_buckets
from fact_jax.ops.segments import frames_to_segments
from fact_jax.types import Batch, UserError

_READ_THREADS = 2
_BATCHES_AHEAD = 4
_ENDLESS = 2**48  # steps; no run is longer


class TrainBatches:
    """Endless shuffled batches for training.

    Epoch e shows the videos in an order drawn from (seed, e). Its batches are consecutive pieces of that order, the
    last one topped up with the first entries of the same order, as published. When the batch is larger than the whole
    data set the order is gone through again and again until the batch is full; the published loader tops up only once
    and so gives a smaller batch beyond twice the number of videos.

    A batch is padded to the smallest bucket that holds its longest video. The batch of a step depends on nothing but
    (seed, step), so a run that is resumed at a step sees what the uninterrupted run would have seen.

    Attributes:
      steps_per_epoch: batches in which every video comes up at least once.
      buckets: ascending padded lengths.
    """

    def __init__(self, source, *, batch_size, buckets, max_segments, seed, num_rows):
        """Prepares the batches; reads no features.

        Args:
          source: fact_jax.types.VideoSource with at least one video.
          batch_size: videos per step, >= 1.
          buckets: allowed padded lengths; the largest holds the longest video.
          max_segments: S, segments that a transcript is padded to.
          seed: whole number >= 0.
          num_rows: rows of a batch, >= batch_size; the rest is padding with video_mask False.

        Raises:
          UserError: no video, a size or the seed out of range, or a video longer than every bucket.
        """
        _check_sizes(source, batch_size, num_rows)
        if seed < 0:
            raise UserError(f"The seed of the training order is {seed}, expected 0 or more.")
        self.buckets = check_buckets(buckets, source.lengths, source.video_ids)
        self.steps_per_epoch = -(-len(source) // batch_size)
        self._source = source
        self._batch_size = batch_size
        self._max_segments = max_segments
        self._seed = int(seed)
        self._num_rows = num_rows

    def positions(self, step):
        """int64 [batch_size], the videos of a step by their index in the source."""
        epoch, number = divmod(step, self.steps_per_epoch)
        order = np.random.default_rng([self._seed, epoch]).permutation(len(self._source))
        places = number * self._batch_size + np.arange(self._batch_size)
        return order[places % len(order)]

    def padded_length(self, step):
        """T of the batch of a step, known without reading features."""
        return bucket_for(int(self._source.lengths[self.positions(step)].max()), self.buckets)

    def batch(self, step):
        """The Batch of a global step."""
        return assemble(self._source, self.positions(step), self.padded_length(step), self._max_segments,
                        self._num_rows)

    def iterate(self, start_step=0):
        """Endless iterator of the batches of steps start_step, start_step + 1, ..., read ahead in threads."""
        return iter(_read_ahead(range(start_step, _ENDLESS), self.batch))


class EvalBatches:
    """Batches of one pass over a data set: every video exactly once, grouped by bucket from short to long.

    Iterating again gives the same batches again. len() is their number.

    Attributes:
      buckets: ascending padded lengths.
    """

    def __init__(self, source, *, batch_size, buckets, max_segments, num_rows, transcripts=None):
        """Prepares the batches; reads no features.

        Args:
          transcripts: dict from video id to int [L], put in the place of the transcripts of the labels.

        The others and the errors are those of TrainBatches.
        """
        _check_sizes(source, batch_size, num_rows)
        self.buckets = check_buckets(buckets, source.lengths, source.video_ids)
        self._source = source
        self._max_segments = max_segments
        self._num_rows = num_rows
        self._transcripts = transcripts
        places = np.searchsorted(self.buckets, source.lengths)
        self._plan = []
        for place, bucket in enumerate(self.buckets):
            members = np.flatnonzero(places == place)
            pieces = [members[first:first + batch_size] for first in range(0, len(members), batch_size)]
            self._plan.extend((piece, bucket) for piece in pieces)

    def __len__(self):
        return len(self._plan)

    def batch(self, number):
        """The Batch with this number, 0 <= number < len(self)."""
        positions, padded_length = self._plan[number]
        return assemble(
            self._source, positions, padded_length, self._max_segments, self._num_rows, self._transcripts
        )

    def __iter__(self):
        return iter(_read_ahead(range(len(self)), self.batch))


def assemble(source, positions, padded_length, max_segments, num_rows, transcripts=None):
    """Reads videos and pads them into a batch; everything that is padding is zero or False.

    Args:
      source: fact_jax.types.VideoSource.
      positions: indices of the videos, at most `num_rows`.
      padded_length: T.
      max_segments: S.
      num_rows: B.
      transcripts: dict from video id to int [L]; None: those of the labels.

    Returns:
      fact_jax.types.Batch.

    Raises:
      UserError: a video has another length than its source announced, another width, or more than S segments.
    """
    rows, frames, segments = num_rows, padded_length, max_segments
    arrays = {
        "features": np.zeros((rows, frames, source.feature_dim), np.float32),
        "mask": np.zeros((rows, frames), bool),
        "labels": np.zeros((rows, frames), np.int32),
        "segment_labels": np.zeros((rows, segments), np.int32),
        "segment_mask": np.zeros((rows, segments), bool),
        "video_mask": np.zeros(rows, bool),
        "row": np.arange(rows, dtype=np.int32),
    }
    for row, position in enumerate(positions):
        video = source[int(position)]
        length = int(source.lengths[position])
        _check_video(video, length, source.feature_dim)
        transcript = frames_to_segments(video.labels)[0] if transcripts is None else transcripts[video.video_id]
        if len(transcript) > segments:
            raise UserError(f"Video {video.video_id!r} has {len(transcript)} segments, but batches are made for at "
                            f"most {segments}.")
        arrays["features"][row, :length] = video.features
        arrays["mask"][row, :length] = True
        arrays["labels"][row, :length] = video.labels
        arrays["segment_labels"][row, :len(transcript)] = transcript
        arrays["segment_mask"][row, :len(transcript)] = True
        arrays["video_mask"][row] = True
    padding = rows - len(positions)
    video_ids = [source.video_ids[int(position)] for position in positions] + [""] * padding
    return Batch(arrays, tuple(video_ids), tuple(int(position) for position in positions) + (-1,) * padding)


def _check_sizes(source, batch_size, num_rows):
    if len(source) == 0:
        raise UserError("The data set has no videos.")
    if batch_size < 1 or num_rows < batch_size:
        raise UserError(f"A batch of {batch_size} videos in {num_rows} rows: expected at least 1 video, and at least "
                        "as many rows as videos.")


def _check_video(video, length, feature_dim):
    if video.features.shape != (length, feature_dim) or video.labels.shape != (length,):
        raise UserError(
            f"Video {video.video_id!r} has features {video.features.shape} and labels {video.labels.shape}, expected "
            f"({length}, {feature_dim}) and ({length},). Have its files changed since they were listed?")


def _read_ahead(numbers, make):
    """grain.IterDataset of make(number) in order; threads, so that nothing needs to be pickled and no flags parsed."""
    options = grain.ReadOptions(num_threads=_READ_THREADS, prefetch_buffer_size=_BATCHES_AHEAD)
    return grain.MapDataset.source(numbers).map(make).to_iter_dataset(options)
