"""What a run is fed with: its batches, on the devices ahead of time, and how long it waited for them."""

import contextlib
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from fact_jax.training.steps import Placed
from fact_jax.types import Batch


@contextlib.contextmanager
def iterating(batches: Iterable[Any]) -> Iterator[Iterator[Any]]:
    """Iterates, and ends the threads or processes that read ahead however the `with` block is left."""
    iterator = iter(batches)
    try:
        yield iterator
    finally:
        close(iterator)


def close(iterator: Iterator[Any]) -> None:
    """Ends what an iterator holds, if it can be ended."""
    if hasattr(iterator, "close"):
        iterator.close()


class Timing:
    """Share of the time that was spent waiting for data, and steps per second, since the last look."""

    def __init__(self):
        self.restart(0)

    def restart(self, step: int) -> None:
        """Forgets what was before; `step` are completed."""
        self._start, self._step, self._waited = time.perf_counter(), step, 0.0

    @contextlib.contextmanager
    def waiting(self):
        """Counts the time inside as waiting."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self._waited += time.perf_counter() - start

    def pop(self, step: int) -> dict[str, float]:
        """Returns "data_wait", from 0 to 1, and "steps_per_second", and starts anew; {} if there was no step."""
        seconds, steps, waited = time.perf_counter() - self._start, step - self._step, self._waited
        self.restart(step)
        if steps <= 0 or seconds <= 0:
            return {}
        return {"data_wait": waited / seconds, "steps_per_second": steps / seconds}


class Feed:
    """The batches of one step after the other; those of the next step can be put on the devices ahead of time.

    It reads nothing that it was not asked for.
    """

    def __init__(
        self,
        batches: Iterator[tuple[Batch, ...]],
        place: Callable[[tuple[Batch, ...]], Placed],
        timing: Timing,
        first: tuple[Batch, ...] | None = None,
    ):
        """`place` puts the batches of a step on the devices; `first` are of a step before `batches`, read already."""
        self._batches, self._place, self._timing, self._first = batches, place, timing, first
        self._ready: Placed | None = None

    def prepare(self) -> None:
        """Puts the batches of the next step on the devices, unless they are there."""
        if self._ready is None:
            with self._timing.waiting():
                batches = self._first or next(self._batches)
            self._first = None
            self._ready = self._place(batches)

    def take(self) -> Placed:
        """Returns the batches of the next step."""
        self.prepare()
        ready, self._ready = self._ready, None
        assert ready is not None
        return ready

    def close(self) -> None:
        """Ends the threads or processes that read ahead."""
        close(self._batches)
