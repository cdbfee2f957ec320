"""From videos to padded batches: the order of training, the lengths of evaluation, reading ahead in threads.

What the arrays of a batch hold is up to the kind of dataset, by its `Examples`.
"""

import collections
import math
from collections.abc import Sequence
from typing import Protocol

import grain
import numpy as np

from data_pipelines.core.buckets import Padding, bucket_for, check_buckets
from data_pipelines.core.sampling import random_batches
from fact_jax.ops import aligned
from fact_jax.types import Batch, UserError

_READ_THREADS = 2
_MOST_AHEAD = 4  # steps, fewer where the longest videos would make that more than _BYTES_AHEAD
_BYTES_AHEAD = 2**30
_ENDLESS = 2**48  # steps; no run is longer
_EPOCHS_SEEN = 4  # of which padding and padded lengths are told before training


class Examples(Protocol):
    """The videos of a source as the rows of batches.

    `lengths` are int64 [V], frames of every video as it is padded, known without reading it. `heavy` names the arrays
    that hold the videos themselves, see fact_jax.types.Batch.
    """

    video_ids: Sequence[str]
    lengths: np.ndarray
    heavy: tuple[str, ...]

    def arrays(self, length) -> dict:
        """{name: (shape of a row, dtype)} of a batch that is padded to `length` frames."""

    def fill(self, row, position, draw) -> None:
        """Reads a video into the arrays of its row, {name: array of zeros}; a UserError if it is not as announced.

        `draw` is (seed, step, row in the step), from which all that is random follows; None in evaluation.
        """


class TrainBatches:
    """Endless shuffled batches for training.

    What a step is given is a tuple of Batch: one, or several micro-batches, into which the videos of the step are cut
    after sorting by length (the first one holds what is left over), so that each is padded to the smallest bucket that
    holds its own longest video. `row` of a Batch is the number of a video in the whole step, however it is cut.

    The videos of a step depend on nothing but (seed, step), so a run that is resumed at a step sees what the
    uninterrupted run would have seen.
    """

    def __init__(
        self,
        examples,
        *,
        batch_size,
        seed,
        num_rows,
        buckets=None,
        padded_length=None,
        micro_batch_size=0,
        sample=random_batches,
        local_rows=None,
        drawn_length=None,
    ):
        """Prepares the batches; reads no video.

        Args:
          examples: Examples of at least one video.
          batch_size, seed: videos per step, >= 1; whole number >= 0.
          num_rows: rows of a Batch, at least as many as it has videos; the rest is padding with video_mask False.
          buckets: allowed padded lengths; the largest holds the longest video.
          padded_length: in place of `buckets`, from the frames of a video to those it is padded to, which grow with
            them; a Batch has those of its longest video.
          micro_batch_size: most videos of a Batch; 0, or `batch_size` and more: all videos of a step in one.
          sample: which videos meet in a step, see sampling.py.
          local_rows: slice of the `num_rows` rows that the arrays of a Batch hold and whose videos are read; None: all.
          drawn_length: from the position of a video and the `draw` of its row to the frames that `Examples.fill` makes
            of it, at most its own; None: always its own.

        Raises:
          UserError: no video, a size or the seed out of range, or a video longer than every bucket.
        """
        if micro_batch_size < 0:
            raise UserError(f"micro_batch_size is {micro_batch_size}, expected 0 (whole batches) or more.")
        self._piece_size = min(micro_batch_size or batch_size, batch_size)
        _check_sizes(examples, self._piece_size, num_rows)
        if seed < 0:
            raise UserError(f"The seed of the training order is {seed}, expected 0 or more.")
        self.buckets, self._padded_length = _lengths_of(examples, buckets, padded_length)
        padded = [self._padded_length(int(length)) for length in examples.lengths]
        self._classes = np.searchsorted(self.buckets, padded)
        self._examples, self._batch_size, self._seed = examples, batch_size, int(seed)
        self._num_rows, self._sample, self._local_rows = num_rows, sample, local_rows
        self._drawn_length = drawn_length
        self._order = -1, np.empty((0, batch_size), np.int64)  # an epoch and its videos
        self.steps_per_epoch = len(self._epoch(0))

    def positions(self, step):
        """int64 [batch_size], the videos of a step by their position in the source, in the order of their rows."""
        epoch, number = divmod(step, self.steps_per_epoch)
        return self._epoch(epoch)[number]

    def padded_lengths(self, step):
        """T of every Batch of a step, known without reading videos."""
        return tuple(length for _, length in self._cut(self._lengths(step)))

    def batches(self, step):
        """The tuple of Batch of a global step."""
        positions, options = self.positions(step), {"local_rows": self._local_rows, "seed": (self._seed, step)}
        return tuple(
            assemble(self._examples, positions[rows], length, self._num_rows, rows=rows, **options)
            for rows, length in self._cut(self._lengths(step))
        )

    def iterate(self, start_step=0):
        """Endless iterator of the tuples of steps start_step, start_step + 1, ..., read ahead in threads."""
        num_bytes = max(self._num_rows, self._batch_size) * _row_bytes(self._examples, self.buckets[-1])
        return iter(read_ahead(range(start_step, _ENDLESS), self.batches, num_bytes))

    def outlines(self, start_step, end):
        """Of the steps from `start_step` to before `end` those that bring a new padded length: tuples of `outline`.

        Looks at a few epochs, in which all lengths come that are not rare.
        """
        first = start_step // self.steps_per_epoch
        # Pieces of videos may get shorter than any of them.
        possible = self._classes if self._drawn_length is None else range(len(self.buckets))
        wanted, found, steps = {self.buckets[number] for number in possible}, set(), []
        for epoch in range(first, first + _EPOCHS_SEEN):
            for step in self._steps(epoch):
                if found == wanted or step >= end:
                    return steps
                lengths = [length for _, length in self._cut(self._lengths(step))]
                if step >= start_step and not found.issuperset(lengths):
                    found.update(lengths)
                    steps.append(tuple(self._outline(length) for length in lengths))
        return steps

    def _outline(self, length):
        return outline(self._examples.arrays(length), self._examples.heavy, self._num_rows, self._local_rows)

    def padding(self, num_epochs=_EPOCHS_SEEN):
        """Padding of the first epochs together, as their batches really are; close to what any epoch has."""
        lengths = [self._lengths(step) for step in range(num_epochs * self.steps_per_epoch)]
        padded = [length for of_step in lengths for _, length in self._cut(of_step)]
        return _padding(np.concatenate(lengths), padded, self._num_rows)

    def _epoch(self, epoch):
        """int64 [steps_per_epoch, batch_size], the videos of an epoch."""
        kept, order = self._order  # at once, as threads ask for steps of several epochs
        if kept != epoch:
            order = self._sample(self._classes, self._batch_size, np.random.default_rng([self._seed, epoch]))
            self._order = epoch, order
        return order

    def _steps(self, epoch):
        return range(epoch * self.steps_per_epoch, (epoch + 1) * self.steps_per_epoch)

    def _lengths(self, step):
        """int64 [batch_size], frames of the rows of a step."""
        positions = self.positions(step)
        if self._drawn_length is None:
            return self._examples.lengths[positions]
        rows = enumerate(positions.tolist())
        return np.array([self._drawn_length(position, (self._seed, step, row)) for row, position in rows])

    def _cut(self, lengths):
        """The micro-batches of a step whose rows have these `lengths`, as (rows int64 [n], padded length)."""
        size, count = self._piece_size, len(lengths)
        order = np.argsort(lengths, kind="stable") if size < count else np.arange(count)
        # What is left over are the shortest videos: the rows that their micro-batch lacks are padding, of a short
        # length.
        pieces = np.split(order, range(count % size or size, count, size))
        return [(rows, self._padded_length(int(lengths[rows].max()))) for rows in pieces]


class EvalBatches:
    """Batches of one pass over a data set: every video exactly once, from long to short.

    The videos are sorted by length and cut into batches, and each batch is padded to the bucket of its longest video.
    So only the last batch, of the shortest videos, can have rows to spare, and no other cut computes fewer frames. The
    longest come first because whoever runs out of memory should know at once.

    Where the padded length of a video is part of what the network is defined to do, videos share a batch only if it is
    the same.
    """

    def __init__(self, examples, *, batch_size, num_rows, buckets=None, padded_length=None, local_rows=None):
        """As TrainBatches, with `num_rows` >= `batch_size`.

        In place of `buckets`, `padded_length` may give the one padded length of a video with so many frames.
        """
        _check_sizes(examples, batch_size, num_rows)
        self._examples, self._num_rows, self._local_rows = examples, num_rows, local_rows
        order = np.argsort(-examples.lengths, kind="stable")
        self.buckets, length_of = _lengths_of(examples, buckets, padded_length)
        groups = [order]
        if padded_length is not None:
            padded = np.array([padded_length(int(length)) for length in examples.lengths])
            groups = [order[padded[order] == length] for length in self.buckets[::-1]]
        pieces = [piece for group in groups for piece in np.split(group, range(batch_size, len(group), batch_size))]
        self._plan = [(piece, length_of(int(examples.lengths[piece[0]]))) for piece in pieces]

    def __len__(self):
        return len(self._plan)

    @property
    def num_videos(self):
        return len(self._examples.video_ids)

    def batch(self, number):
        """The Batch with this number, 0 <= number < len(self)."""
        positions, length = self._plan[number]
        return assemble(self._examples, positions, length, self._num_rows, local_rows=self._local_rows)

    def __iter__(self):
        num_bytes = self._num_rows * _row_bytes(self._examples, self._plan[0][1])
        return iter(read_ahead(range(len(self)), self.batch, num_bytes))

    def outlines(self):
        """`outline` of a Batch of every padded length, in their order."""
        lengths = dict.fromkeys(length for _, length in self._plan)
        given = self._examples.heavy, self._num_rows, self._local_rows
        return [outline(self._examples.arrays(length), *given) for length in lengths]

    def padding(self):
        """Padding of one pass."""
        return _padding(self._examples.lengths, [length for _, length in self._plan], self._num_rows)


def outline(shapes, heavy, num_rows, local_rows=None):
    """A Batch of no videos as `assemble` would make it: zeros that take no memory, for shapes and types.

    `shapes`: name of an array -> shape and type of a row; the others as of `assemble` and Batch.
    """
    held = range(num_rows)[slice(None) if local_rows is None else local_rows]
    made = {**shapes, "video_mask": ((), bool), "row": ((), np.int32)}
    arrays = {name: np.broadcast_to(np.zeros((), dtype), (len(held), *shape)) for name, (shape, dtype) in made.items()}
    return Batch(arrays, ("",) * num_rows, (-1,) * num_rows, held.start, heavy)


def assemble(examples, positions, padded_length, num_rows, *, rows=None, local_rows=None, seed=None):
    """Reads videos and pads them into a Batch, with ids and positions of all rows; what is padding is zero or False.

    Args:
      examples: Examples.
      positions: int [n], of the videos in their source, at most `num_rows`.
      padded_length, num_rows: T and B.
      rows: int [n], `row` of every video, for a part of a larger batch; None: 0, 1, ... Padded rows go on from the
        largest.
      local_rows: slice of the `num_rows` rows that the arrays hold; only the videos of these are read. None: all.
      seed: (seed, step) of training; None in evaluation.

    Raises:
      UserError: a video is not as its source announced it.
    """
    padding = num_rows - len(positions)
    rows = np.arange(len(positions)) if rows is None else rows
    local_rows = slice(None) if local_rows is None else local_rows
    held = range(num_rows)[local_rows]
    made = examples.arrays(padded_length)
    arrays = {name: aligned.zeros((len(held), *shape), dtype) for name, (shape, dtype) in made.items()}
    for place, (position, row) in enumerate(zip(positions[local_rows], rows[local_rows], strict=True)):
        draw = None if seed is None else (*seed, int(row))
        examples.fill({name: array[place] for name, array in arrays.items()}, int(position), draw)
    arrays["video_mask"] = np.array(held) < len(positions)
    arrays["row"] = np.concatenate([rows, np.max(rows) + 1 + np.arange(padding)]).astype(np.int32)[local_rows]
    video_ids = [examples.video_ids[int(position)] for position in positions] + [""] * padding
    return Batch(arrays, tuple(video_ids), tuple(map(int, positions)) + (-1,) * padding, held.start, examples.heavy)


def check_shapes(video_id, found, expected):
    """Raises a UserError unless the arrays `found` of a video have the shapes `expected`, both by name."""
    if any(found[name].shape != shape for name, shape in expected.items()):
        shapes = " and ".join(f"{name} {array.shape}" for name, array in found.items())
        wanted = " and ".join(map(str, expected.values()))
        raise UserError(
            f"Video {video_id!r} has {shapes}, expected {wanted}. Have its files changed since they were listed?"
        )


def read_ahead(numbers, make, num_bytes):
    """grain.IterDataset of make(number) in order, of at most `num_bytes` each.

    Threads, so that nothing needs to be pickled, no flags parsed and nothing copied on the way.
    """
    ahead = min(max(1, _BYTES_AHEAD // num_bytes), _MOST_AHEAD)
    options = grain.ReadOptions(num_threads=min(_READ_THREADS, ahead), prefetch_buffer_size=ahead)
    return grain.MapDataset.source(numbers).map(make).to_iter_dataset(options)


def _lengths_of(examples, buckets, padded_length):
    """(the padded lengths of Examples, ascending; a function from the frames of a video to its own)."""
    if padded_length is None:
        buckets = check_buckets(buckets, examples.lengths, examples.video_ids)
        return buckets, lambda length: bucket_for(length, buckets)
    return tuple(sorted({padded_length(length) for length in examples.lengths.tolist()})), padded_length


def _row_bytes(examples, length):
    return sum(math.prod(shape) * np.dtype(dtype).itemsize for shape, dtype in examples.arrays(length).values())


def _padding(lengths, padded_lengths, num_rows):
    counts = collections.Counter(padded_lengths)
    return Padding(int(np.sum(lengths)), num_rows * sum(padded_lengths), dict(sorted(counts.items())))


def _check_sizes(examples, batch_size, num_rows):
    if len(examples.lengths) == 0:
        raise UserError("The data set has no videos.")
    if batch_size < 1 or num_rows < batch_size:
        raise UserError(
            f"A batch of {batch_size} videos in {num_rows} rows: expected at least 1 video, and at least "
            "as many rows as videos."
        )
