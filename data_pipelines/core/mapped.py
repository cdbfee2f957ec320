"""Batches of videos that take work to read: one call per video decodes and augments it, in processes or threads.

What a call draws comes from (seed, step, row), and the order of the videos from (seed, epoch). So neither depends on
the number of worker processes, of processes of the run or of devices, and a resumed run reads what it would have read.
"""

import contextlib
import itertools
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Protocol

import grain
import numpy as np
from absl import flags

from data_pipelines.core.batching import outline
from fact_jax.ops import aligned
from fact_jax.types import Batch, UserError

_ENDLESS = 2**62  # examples; no run is longer
_READ_THREADS = 2  # without worker processes
_AHEAD = 2  # examples that every process or thread has ready


class ExampleSource(Protocol):
    """Random access to videos that are read anew every time. Worker processes get a pickled copy.

    `shapes` maps the name of every array of an example to (shape, type); for `heavy`, see `fact_jax.types.Batch`.
    """

    video_ids: Sequence[str]
    shapes: Mapping[str, tuple[tuple[int, ...], type]]
    heavy: tuple[str, ...]

    def example(self, position: int, rng: np.random.Generator | None) -> Mapping[str, np.ndarray]:
        """Returns the arrays of one video; where they are smaller than `shapes` says, the rest becomes zeros.

        `rng` is for what training draws, None in an evaluation. A UserError names the file of an unreadable video.
        """


class _Batches:
    """What both kinds of batches share; `cuts` are the videos of every Batch of a step or a pass, as whole numbers."""

    def __init__(self, source, cuts, num_rows, share, num_workers):
        if not source.video_ids or num_workers < 0 or not all(0 < len(cut) <= num_rows for cut in cuts):
            raise UserError(
                f"Batches of {len(source.video_ids)} videos in {num_rows} rows, read by {num_workers} processes: "
                "expected at least 1 video, at least as many rows as videos of a batch, and 0 or more processes."
            )
        self._source, self._cuts, self._num_rows, self._num_workers = source, cuts, num_rows, num_workers
        self._share = slice(None) if share is None else share
        self._held = np.concatenate([cut[self._share] for cut in cuts])
        self.buckets = (source.shapes[source.heavy[0]][0][0],)

    def _outline(self):
        return outline(self._source.shapes, self._source.heavy, self._num_rows, self._share)

    def _assemble(self, positions, rows, examples):
        """The Batch of some videos, whose examples come next."""
        source, padding = self._source, self._num_rows - len(positions)
        held = range(self._num_rows)[self._share]
        arrays = {name: aligned.zeros((len(held), *shape), dtype) for name, (shape, dtype) in source.shapes.items()}
        for place, position in enumerate(positions[self._share]):
            for name, array in next(examples).items():
                array, shape = np.asarray(array), source.shapes[name][0]
                if array.ndim != len(shape) or any(size > most for size, most in zip(array.shape, shape, strict=True)):
                    raise UserError(
                        f"Video {source.video_ids[int(position)]!r} gave {name} {array.shape}, expected at most "
                        f"{shape}. Have its files changed since they were listed?"
                    )
                arrays[name][(place, *map(slice, array.shape))] = array
        arrays["video_mask"] = np.array(held) < len(positions)
        arrays["row"] = np.append(rows, np.max(rows) + 1 + np.arange(padding)).astype(np.int32)[self._share]
        video_ids = (*(source.video_ids[int(position)] for position in positions), *[""] * padding)
        return Batch(arrays, video_ids, (*map(int, positions), *[-1] * padding), held.start, heavy=source.heavy)


class TrainBatches(_Batches):
    """Endless shuffled batches for training, see `fact_jax.training.loop.Setup`; all have the one padded length.

    What does not fill the last batch of an epoch is left out of it; with fewer videos than a batch has, they are
    repeated. `row` of a Batch is the number of a video in the whole step, however that is cut into micro-batches.
    """

    def __init__(self, source, *, batch_size, seed, num_rows, micro_batch_size=0, share=None, num_workers=0):
        """Reads no video; a UserError if there is none, or a number is out of range.

        Args:
          batch_size, seed: videos of a step; whole number >= 0.
          num_rows: rows of a Batch; those without a video are padding.
          micro_batch_size: most videos of a Batch; 0 = all of a step.
          share: slice of the `num_rows` rows that the arrays hold, and whose videos are read; None = all.
          num_workers: processes that read; 0 = threads of this one.
        """
        size = max(min(micro_batch_size or batch_size, batch_size), 1)
        # The first micro-batch has what is left over.
        cuts = np.split(np.arange(batch_size), range(batch_size % size or size, batch_size, size))
        super().__init__(source, cuts, num_rows, share, num_workers)
        self._batch_size, self._seed, self._order = batch_size, seed, (-1, None)
        self.steps_per_epoch = max(len(source.video_ids) // batch_size, 1)

    def positions(self, step):
        """int64 [batch_size], the videos of a step; their places here are their rows."""
        epoch, number = divmod(step, self.steps_per_epoch)
        known, order = self._order
        if known != epoch:
            order = np.random.default_rng([self._seed, epoch]).permutation(len(self._source.video_ids))
            self._order = (epoch, order)
        return order[(number * self._batch_size + np.arange(self._batch_size)) % len(order)]

    def outlines(self, start_step, end):
        """The shapes of the steps from `start_step` to before `end`, all alike: a step of Batches without videos."""
        return [(self._outline(),) * len(self._cuts)] if start_step < end else []

    def iterate(self, start_step=0):
        """Endless generator of the tuples of steps start_step, start_step + 1, ...; closing it ends the workers."""
        numbers = range(start_step * len(self._held), _ENDLESS)
        with _reading(self._example, numbers, self._num_workers) as examples:
            for step in itertools.count(start_step):
                positions = self.positions(step)
                yield tuple(self._assemble(positions[rows], rows, examples) for rows in self._cuts)

    def _example(self, number):
        step, place = divmod(number, len(self._held))
        row = int(self._held[place])
        return self._source.example(int(self.positions(step)[row]), np.random.default_rng([self._seed, step, row]))


class EvalBatches(_Batches):
    """Batches of one pass over a data set: every video exactly once, in order. Iterating again starts anew."""

    def __init__(self, source, *, batch_size, num_rows, share=None, num_workers=0, num_threads=_READ_THREADS):
        """Reads no video; arguments and errors as in TrainBatches.

        Without worker processes `num_threads` threads read; one of them asks for the examples in order.
        """
        self._num_threads = num_threads
        count = len(source.video_ids)
        cuts = np.split(np.arange(count), range(batch_size, count, max(batch_size, 1)))
        super().__init__(source, cuts, num_rows, share, num_workers)

    def __len__(self):
        return len(self._cuts)

    @property
    def num_videos(self):
        return len(set(self._source.video_ids))  # an example may be a part of one

    def outlines(self):
        """A Batch without videos, of the shapes that all of a pass have."""
        return [self._outline()]

    def __iter__(self):
        numbers = range(len(self._held))
        with _reading(self._example, numbers, self._num_workers, self._num_threads) as examples:
            for positions in self._cuts:
                yield self._assemble(positions, np.arange(len(positions)), examples)

    def _example(self, number):
        return self._source.example(int(self._held[number]), None)


@contextlib.contextmanager
def _reading(
    make: Callable[[int], Mapping], numbers: range, num_workers: int, num_threads: int = _READ_THREADS
) -> Iterator[Iterator[Mapping]]:
    """Gives an iterator of make(number), in order and read ahead; leaving the `with` block ends all that reads."""
    if num_workers and not flags.FLAGS.is_parsed():
        flags.FLAGS.mark_as_parsed()  # grain's processes ask for them; a notebook has none
    threads = 0 if num_workers else num_threads
    options = grain.ReadOptions(num_threads=threads, prefetch_buffer_size=threads * _AHEAD)
    workers = grain.MultiprocessingOptions(num_workers=num_workers, per_worker_buffer_size=_AHEAD)
    dataset = grain.MapDataset.source(numbers).map(make).to_iter_dataset(options)
    iterator = iter(dataset.mp_prefetch(workers, worker_init_fn=_start_worker))
    try:
        yield _elements(iterator)
    except RuntimeError as error:
        if "Worker process was terminated" not in str(error):
            raise
        raise UserError(
            f"One of {num_workers} processes that read videos was ended from outside, most likely for want of memory "
            f"({error}). Use fewer worker processes, or smaller batches."
        ) from error
    finally:
        iterator.close()


def _elements(iterator):
    """The elements. Processes start with the first one; no signal reaches them, such as Ctrl-C to a whole terminal."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT, signal.SIGTERM))
    try:
        first = next(iterator, None)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    if first is not None:
        yield first
        yield from iterator


def _start_worker(index: int, count: int) -> None:
    """A process that reads ends with its parent, however that ends."""
    del index, count
    parent = multiprocessing.parent_process()

    def watch():
        parent.join()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
