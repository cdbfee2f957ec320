"""Requests to stop, of which any process of a run may get one, as a decision that all of them take at the same step.

`multihost_utils.reached_preemption_sync_point` of JAX knows SIGTERM only, not Ctrl-C.
"""

import collections
from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from fact_jax.runtime import devices as device_layout
from fact_jax.runtime.signals import StopRequest, name_of

# Polls until a vote counts: as many steps as the host may be ahead of the devices, so that nobody waits for a result.
LAG = 2


def largest(number: int) -> jax.Array:
    """Starts a vote; returns the largest number of all processes, [1]. Every process has to call it."""
    devices = tuple(device_layout.one_per_process())
    vote = device_layout.collective(jax.lax.pmax, devices)
    return vote(device_layout.place(np.array([number], np.int32), devices)).addressable_shards[0].data


class SharedStop(StopRequest):
    """A stop request that all processes of a run see at the same poll, whichever of them got the signal.

    Every poll starts a vote: the largest signal number of all processes, a collective like any other. Its result is
    looked at LAG polls later, by all alike. Polls therefore have to come in the same order in all processes.
    """

    def __init__(self, say: Callable[[str], None] = print, vote: Callable[[int], Any] = largest):
        """`vote` starts a vote with the signal of this process, 0 for none, and returns an array of one number."""
        super().__init__(say)
        self._received = 0
        self._vote = vote
        self._running: collections.deque[Any] = collections.deque()

    def poll(self) -> bool:
        """Takes part in a vote; returns whether to stop."""
        if self.signum is None:
            self._running.append(self._vote(self._received))
            if len(self._running) > LAG:
                self.signum = np.asarray(self._running.popleft()).item() or None
        return self.requested

    def compiling(self, leave: Callable[[], str]) -> None:
        """Changes nothing: the others would miss this process, so a signal waits for the end of the compilation."""

    def _note(self, signum, frame):
        del frame
        self._received = self._received or int(signum)

    def _answer(self):
        # Never at once, even where nothing would be lost: the others would miss this process.
        self._say(f"{name_of(self._received)}: all processes stop after the same step, one of the next")
