"""What a training run is fed with: its batches, on the devices ahead of time, and how long it waited for them."""

import contextlib
import time
from collections.abc import Callable, Iterator

from fact_jax.training.steps import Placed
from fact_jax.types import Batch


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
        self, batches: Iterator[tuple[Batch, ...]], place: Callable[[tuple[Batch, ...]], Placed], timing: Timing
    ):
        """
        Args:
          batches: of the steps that follow, in order.
          place: puts the batches of a step on the devices.
          timing: told of the time spent waiting for `batches`.
        """
        self._batches, self._place, self._timing = batches, place, timing
        self._ready: Placed | None = None

    def prepare(self) -> None:
        """Puts the batches of the next step on the devices, unless they are there."""
        if self._ready is None:
            with self._timing.waiting():
                batches = next(self._batches)
            self._ready = self._place(batches)

    def take(self) -> Placed:
        """Returns the batches of the next step."""
        self.prepare()
        ready, self._ready = self._ready, None
        return ready
