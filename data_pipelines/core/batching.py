"""From videos to padded batches: the order of training, the buckets of evaluation, reading ahead in threads."""

import collections

import grain
import numpy as np

from data_pipelines.core.buckets import Padding, bucket_for, check_buckets
from data_pipelines.core.feature_files import copy_frames
from data_pipelines.core.sampling import SAMPLERS
from fact_jax.ops.segments import frames_to_segments
from fact_jax.types import Batch, UserError, check_choice

_READ_THREADS = 2
_MOST_AHEAD = 4  # steps, fewer where the longest videos would make that more than _BYTES_AHEAD
_BYTES_AHEAD = 2**30
_ENDLESS = 2**48  # steps; no run is longer


class TrainBatches:
    """Endless shuffled batches for training.

    What a step is given is a tuple of Batch, whose videos together are those of the step: one Batch, or several with
    `micro_batch_size`. Then the videos of the step are sorted by length and cut into pieces of that many (the first
    piece holds what is left over), so that each is padded to the smallest bucket that holds its own longest video.
    `row` of a Batch is the number of a video in the whole step, however it is cut.

    The videos of a step depend on nothing but (seed, step), so a run that is resumed at a step sees what the
    uninterrupted run would have seen.

    Attributes:
      steps_per_epoch: steps in which every video comes up at least once.
      buckets: ascending padded lengths.
    """

    def __init__(
        self,
        source,
        *,
        batch_size,
        buckets,
        max_segments,
        seed,
        num_rows,
        micro_batch_size=0,
        sampling="random",
        share=None,
    ):
        """Prepares the batches; reads no features.

        Args:
          source: fact_jax.types.VideoSource with at least one video.
          batch_size: videos per step, >= 1.
          buckets: allowed padded lengths; the largest holds the longest video.
          max_segments: S, segments that a transcript is padded to.
          seed: whole number >= 0.
          num_rows: rows of a Batch, at least as many as it has videos; the rest is padding with video_mask False.
          micro_batch_size: most videos of a Batch; 0, or `batch_size` and more: all videos of a step in one.
          sampling: which videos meet in a step, a name in `sampling.SAMPLERS`.
          share: slice of the `num_rows` rows that the arrays of a Batch hold and whose features are read; None: all.

        Raises:
          UserError: no video, a size or the seed out of range, or a video longer than every bucket.
        """
        if micro_batch_size < 0:
            raise UserError(f"micro_batch_size is {micro_batch_size}, expected 0 (whole batches) or more.")
        self._piece_size = min(micro_batch_size or batch_size, batch_size)
        _check_sizes(source, self._piece_size, num_rows)
        if seed < 0:
            raise UserError(f"The seed of the training order is {seed}, expected 0 or more.")
        self.buckets = check_buckets(buckets, source.lengths, source.video_ids)
        self.steps_per_epoch = -(-len(source) // batch_size)
        self._sample = SAMPLERS[check_choice("sampling", sampling, tuple(SAMPLERS))]
        self._classes = np.searchsorted(self.buckets, source.lengths)
        self._source = source
        self._batch_size = batch_size
        self._max_segments = max_segments
        self._seed = int(seed)
        self._num_rows = num_rows
        self._share = share

    def positions(self, step):
        """int64 [batch_size], the videos of a step by their index in the source; their places here are their rows."""
        epoch, number = divmod(step, self.steps_per_epoch)
        return self._epoch(epoch)[number]

    def padded_lengths(self, step):
        """T of every Batch of a step, known without reading features."""
        return tuple(length for _, length in self._cut(self.positions(step)))

    def batches(self, step):
        """The tuple of Batch of a global step."""
        positions = self.positions(step)
        return tuple(
            assemble(
                self._source, positions[rows], length, self._max_segments, self._num_rows, rows=rows, share=self._share
            )
            for rows, length in self._cut(positions)
        )

    def iterate(self, start_step=0):
        """Endless iterator of the tuples of steps start_step, start_step + 1, ..., read ahead in threads."""
        frames = max(self._num_rows, self._batch_size) * self.buckets[-1]
        return iter(read_ahead(range(start_step, _ENDLESS), self.batches, frames * self._source.feature_dim))

    def padding(self, num_epochs=4):
        """Padding of the first epochs together, as their batches really are; close to what any epoch has."""
        positions = np.concatenate([self._epoch(epoch) for epoch in range(num_epochs)])
        lengths = [length for videos in positions for _, length in self._cut(videos)]
        return _padding(self._source.lengths[positions], lengths, self._num_rows)

    def _epoch(self, epoch):
        """int64 [steps_per_epoch, batch_size], the videos of an epoch."""
        return self._sample(self._classes, self._batch_size, np.random.default_rng([self._seed, epoch]))

    def _cut(self, positions):
        """The pieces of a step, as (rows int64 [n], padded length)."""
        lengths = self._source.lengths[positions]
        size, count = self._piece_size, len(positions)
        order = np.argsort(lengths, kind="stable") if size < count else np.arange(count)
        # What is left over are the shortest videos: the rows that its piece lacks are padding, of a short length.
        pieces = np.split(order, range(count % size or size, count, size))
        return [(rows, bucket_for(int(lengths[rows].max()), self.buckets)) for rows in pieces]


class EvalBatches:
    """Batches of one pass over a data set: every video exactly once, from long to short.

    The videos are sorted by length and cut into batches, and each batch is padded to the bucket of its longest video.
    So only the last batch, of the shortest videos, can have rows to spare, and no other cut computes fewer frames. The
    longest come first because whoever runs out of memory should know at once. Iterating again gives the same batches
    again. len() is their number.

    Attributes:
      buckets: ascending padded lengths.
    """

    def __init__(self, source, *, batch_size, buckets, max_segments, num_rows, transcripts=None, share=None):
        """Prepares the batches; reads no features.

        Args:
          batch_size: videos per batch, >= 1.
          num_rows: rows of a Batch, >= batch_size.
          transcripts: dict from video id to int [L], put in the place of the transcripts of the labels.

        The others and the errors are those of TrainBatches.
        """
        _check_sizes(source, batch_size, num_rows)
        self.buckets = check_buckets(buckets, source.lengths, source.video_ids)
        self._source = source
        self._max_segments = max_segments
        self._num_rows = num_rows
        self._transcripts = transcripts
        self._share = share
        order = np.argsort(-source.lengths, kind="stable")
        pieces = np.split(order, range(batch_size, len(order), batch_size))
        self._plan = [(piece, bucket_for(int(source.lengths[piece[0]]), self.buckets)) for piece in pieces]

    def __len__(self):
        return len(self._plan)

    def batch(self, number):
        """The Batch with this number, 0 <= number < len(self)."""
        positions, padded_length = self._plan[number]
        return assemble(
            self._source,
            positions,
            padded_length,
            self._max_segments,
            self._num_rows,
            self._transcripts,
            share=self._share,
        )

    def __iter__(self):
        frames = self._num_rows * self._plan[0][1]
        return iter(read_ahead(range(len(self)), self.batch, frames * self._source.feature_dim))

    def padding(self):
        """Padding of one pass."""
        return _padding(self._source.lengths, [length for _, length in self._plan], self._num_rows)


def assemble(source, positions, padded_length, max_segments, num_rows, transcripts=None, rows=None, share=None):
    """Reads videos and pads them into a batch; everything that is padding is zero or False.

    Args:
      source: fact_jax.types.VideoSource.
      positions: indices of the videos, at most `num_rows`.
      padded_length: T.
      max_segments: S.
      num_rows: B.
      transcripts: dict from video id to int [L]; None: those of the labels.
      rows: int [len(positions)], `row` of every video, for a part of a larger batch; None: 0, 1, ... Padded rows go on
        from the largest.
      share: slice of the `num_rows` rows that the arrays hold; only the videos of these are read. None: all.

    Returns:
      fact_jax.types.Batch; its ids and positions are those of all rows.

    Raises:
      UserError: a video has another length than its source announced, another width, or more than S segments.
    """
    padding = num_rows - len(positions)
    rows = np.arange(len(positions)) if rows is None else rows
    share = slice(None) if share is None else share
    held = range(num_rows)[share]
    arrays = {
        "features": np.zeros((len(held), padded_length, source.feature_dim), np.float32),
        "mask": np.zeros((len(held), padded_length), bool),
        "labels": np.zeros((len(held), padded_length), np.int32),
        "segment_labels": np.zeros((len(held), max_segments), np.int32),
        "segment_mask": np.zeros((len(held), max_segments), bool),
        "video_mask": np.array(held) < len(positions),
        "row": np.concatenate([rows, np.max(rows) + 1 + np.arange(padding)]).astype(np.int32)[share],
    }
    for place, position in enumerate(positions[share]):
        video = source[int(position)]
        length = int(source.lengths[position])
        _check_video(video, length, source.feature_dim)
        transcript = frames_to_segments(video.labels)[0] if transcripts is None else transcripts[video.video_id]
        if len(transcript) > max_segments:
            raise UserError(
                f"Video {video.video_id!r} has {len(transcript)} segments, but batches are made for at "
                f"most {max_segments}."
            )
        copy_frames(video.features, arrays["features"][place, :length])
        arrays["mask"][place, :length] = True
        arrays["labels"][place, :length] = video.labels
        arrays["segment_labels"][place, : len(transcript)] = transcript
        arrays["segment_mask"][place, : len(transcript)] = True
    video_ids = [source.video_ids[int(position)] for position in positions] + [""] * padding
    positions = tuple(int(position) for position in positions) + (-1,) * padding
    return Batch(arrays, tuple(video_ids), positions, held.start, heavy=("features",))


def _padding(lengths, padded_lengths, num_rows):
    counts = collections.Counter(padded_lengths)
    return Padding(int(np.sum(lengths)), num_rows * sum(padded_lengths), dict(sorted(counts.items())))


def _check_sizes(source, batch_size, num_rows):
    if len(source) == 0:
        raise UserError("The data set has no videos.")
    if batch_size < 1 or num_rows < batch_size:
        raise UserError(
            f"A batch of {batch_size} videos in {num_rows} rows: expected at least 1 video, and at least "
            "as many rows as videos."
        )


def _check_video(video, length, feature_dim):
    if video.features.shape != (length, feature_dim) or video.labels.shape != (length,):
        raise UserError(
            f"Video {video.video_id!r} has features {video.features.shape} and labels {video.labels.shape}, expected "
            f"({length}, {feature_dim}) and ({length},). Have its files changed since they were listed?"
        )


def read_ahead(numbers, make, largest):
    """grain.IterDataset of make(number) in order, of at most `largest` features each.

    Threads, so that nothing needs to be pickled, no flags parsed and nothing copied on the way.
    """
    ahead = min(max(1, _BYTES_AHEAD // (4 * largest)), _MOST_AHEAD)
    options = grain.ReadOptions(num_threads=min(_READ_THREADS, ahead), prefetch_buffer_size=ahead)
    return grain.MapDataset.source(numbers).map(make).to_iter_dataset(options)
