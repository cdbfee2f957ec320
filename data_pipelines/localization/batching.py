"""From videos with segments to padded batches."""

import numpy as np

from data_pipelines.core.batching import read_ahead
from data_pipelines.core.buckets import Padding
from data_pipelines.localization.truncation import draw_for, truncate
from fact_jax.types import Batch, UserError

_ENDLESS = 2**48  # steps; no run is longer


class TrainBatches:
    """Endless shuffled batches for training, every video cut or padded to one length.

    What a step is given is a tuple of Batch, whose videos together are those of the step: one, or several of at most
    `micro_batch_size`. As published, what does not fill the last batch of an epoch is left out of it (with fewer videos
    than a batch has, they are repeated). Videos, pieces and everything else of a step depend on nothing but
    (seed, step, row), so a run that is resumed at a step sees what the uninterrupted run would have seen.

    Attributes:
      steps_per_epoch: steps of an epoch.
      buckets: the padded length, as a tuple.
    """

    def __init__(self, source, *, batch_size, max_length, truncation, seed, num_rows, micro_batch_size=0, share=None):
        """
        Args:
          source: LocalizationSource in which every video has a segment.
          batch_size: videos of a step.
          max_length: T; longer videos are cut.
          truncation: {"threshold": ..., "crop_ratio": ...}, see `truncation.truncate`.
          seed: whole number >= 0.
          num_rows: rows of a Batch; those without a video are padding.
          micro_batch_size: most videos of a Batch; 0 = all of a step.
          share: slice of the `num_rows` rows that the arrays hold; None = all.

        Raises:
          UserError: no video, or a size or the seed out of range.
        """
        self._piece_size = min(micro_batch_size or batch_size, batch_size)
        if len(source) == 0:
            raise UserError("The data set has no training videos.")
        if self._piece_size < 1 or num_rows < self._piece_size or seed < 0:
            raise UserError(
                f"A batch of {batch_size} videos in {num_rows} rows, seed {seed}: expected at least 1 "
                "video, at least as many rows as videos, and a seed of 0 or more."
            )
        self._source, self._batch_size, self._max_length = source, batch_size, max_length
        self._truncation, self._seed, self._num_rows, self._share = truncation, int(seed), num_rows, share
        self._max_segments = most_segments(source)
        self.buckets = (max_length,)
        self.steps_per_epoch = max(len(source) // batch_size, 1)

    def positions(self, step):
        """int64 [batch_size], the videos of a step by their index in the source; their places here are their rows."""
        epoch, number = divmod(step, self.steps_per_epoch)
        order = np.random.default_rng([self._seed, epoch]).permutation(len(self._source))
        return order[(number * self._batch_size + np.arange(self._batch_size)) % len(order)]

    def padded_lengths(self, step):
        """T of every Batch of a step."""
        return (self._max_length,) * len(self._pieces())

    def batches(self, step):
        """The tuple of Batch of a global step."""
        positions = self.positions(step)

        def load(position, row):
            video = self._source[position]
            window = truncate(
                len(video.features),
                video.segments,
                video.labels,
                max_length=self._max_length,
                offset=self._source.grids[position].offset,
                draw=draw_for(self._seed, step, row),
                **self._truncation,
            )
            return video.features[window.start : window.end], window.segments, window.labels

        return tuple(
            assemble(
                self._source,
                positions[rows],
                rows,
                load,
                self._max_length,
                self._max_segments,
                self._num_rows,
                self._share,
            )
            for rows in self._pieces()
        )

    def iterate(self, start_step=0):
        """Endless iterator of the tuples of steps start_step, start_step + 1, ..., read ahead in threads."""
        numbers = max(self._num_rows, self._batch_size) * self._max_length * self._source.feature_dim
        return iter(read_ahead(range(start_step, _ENDLESS), self.batches, numbers))

    def padding(self):
        """Padding of an epoch in which no video is cropped at random."""
        used = np.minimum(self._source.lengths, self._max_length)
        return _padding(used, [self._max_length] * len(used), 1)

    def _pieces(self):
        rows = np.arange(self._batch_size)
        # The first piece has what is left over, as in segmentation.
        cuts = range(self._batch_size % self._piece_size or self._piece_size, self._batch_size, self._piece_size)
        return np.split(rows, cuts)


class EvalBatches:
    """Batches of one pass over a data set: every video exactly once, from long to short.

    The padded length of a video is part of what the network is defined to do, so videos share a batch only where it is
    the same. Iterating again gives the same batches again.

    Attributes:
      buckets: ascending padded lengths that occur.
    """

    def __init__(self, source, *, batch_size, padded_length, num_rows, share=None):
        """
        Args:
          source: LocalizationSource, or another with `lengths`, `feature_dim`, `video_ids` and `segments`.
          batch_size: most videos of a batch.
          padded_length: gives the padded length of a video with so many features.
          num_rows, share: as in TrainBatches.

        Raises:
          UserError: no video, or a size out of range.
        """
        if len(source) == 0:
            raise UserError("The data set has no videos to evaluate.")
        if batch_size < 1 or num_rows < batch_size:
            raise UserError(
                f"A batch of {batch_size} videos in {num_rows} rows: expected at least 1 video, and "
                "at least as many rows as videos."
            )
        self._source, self._num_rows, self._share = source, num_rows, share
        self._max_segments = most_segments(source)
        padded = np.array([padded_length(int(length)) for length in source.lengths])
        self.buckets = tuple(np.unique(padded).tolist())
        self._plan = []
        for length in self.buckets[::-1]:
            places = np.flatnonzero(padded == length)
            places = places[np.argsort(-source.lengths[places], kind="stable")]
            self._plan += [(piece, length) for piece in np.split(places, range(batch_size, len(places), batch_size))]

    def __len__(self):
        return len(self._plan)

    def batch(self, number):
        """The Batch with this number, 0 <= number < len(self)."""
        positions, length = self._plan[number]

        def load(position, row):
            del row
            video = self._source[position]
            return np.asarray(video.features), video.segments, video.labels

        rows = np.arange(len(positions))
        return assemble(self._source, positions, rows, load, length, self._max_segments, self._num_rows, self._share)

    def __iter__(self):
        numbers = self._num_rows * self.buckets[-1] * self._source.feature_dim
        return iter(read_ahead(range(len(self)), self.batch, numbers))

    def padding(self):
        """Padding of one pass."""
        return _padding(self._source.lengths, [length for _, length in self._plan], self._num_rows)


def most_segments(source):
    """Segments of the video that has most, at least 1."""
    return max([1, *(len(source.segments(index)[1]) for index in range(len(source)))])


def assemble(source, positions, rows, load, length, max_segments, num_rows, share):
    """Reads videos and pads them into a Batch; everything that is padding is zero or False.

    Args:
      source: has `video_ids` and `feature_dim`.
      positions: int [V], indices of the videos.
      rows: int [V], `row` of every video.
      load: from position and row to (features [T, D], segments [N, 2], labels [N]).
      length: padded T.
      max_segments: padded N.
      num_rows: B.
      share: slice of the rows that the arrays hold; None = all.

    Raises:
      UserError: a video is longer than `length`, or wider than its source says.
    """
    padding = num_rows - len(positions)
    share = slice(None) if share is None else share
    held = range(num_rows)[share]
    arrays = {
        "features": np.zeros((len(held), length, source.feature_dim), np.float32),
        "mask": np.zeros((len(held), length), bool),
        "segments": np.zeros((len(held), max_segments, 2), np.float32),
        "segment_labels": np.zeros((len(held), max_segments), np.int32),
        "segment_mask": np.zeros((len(held), max_segments), bool),
        "video_mask": np.array(held) < len(positions),
        "row": np.concatenate([rows, np.max(rows) + 1 + np.arange(padding)]).astype(np.int32)[share],
    }
    for place, (position, row) in enumerate(zip(positions[share], rows[share], strict=True)):
        features, segments, labels = load(int(position), int(row))
        if len(features) > length or features.shape[1] != source.feature_dim:
            raise UserError(
                f"Video {source.video_ids[int(position)]!r} has features {features.shape}, expected "
                f"at most ({length}, {source.feature_dim}). Have its files changed since they were listed?"
            )
        arrays["features"][place, : len(features)] = features
        arrays["mask"][place, : len(features)] = True
        arrays["segments"][place, : len(labels)] = segments
        arrays["segment_labels"][place, : len(labels)] = labels
        arrays["segment_mask"][place, : len(labels)] = True
    video_ids = [source.video_ids[int(position)] for position in positions] + [""] * padding
    positions = tuple(map(int, positions)) + (-1,) * padding
    return Batch(arrays, tuple(video_ids), positions, held.start, heavy=("features",))


def _padding(lengths, padded, num_rows):
    sizes, counts = np.unique(padded, return_counts=True)
    batches = dict(zip(sizes.tolist(), counts.tolist(), strict=True))
    return Padding(int(np.sum(lengths)), num_rows * int(np.sum(padded)), batches)
