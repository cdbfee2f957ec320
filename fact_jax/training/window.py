"""Loss terms of the steps since the last log line.

Fetching a number from the device waits for the step that makes it, so terms stay on the devices until they are needed;
then they are checked step by step, and the first step that went wrong is still known.
"""

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import jax

from fact_jax.training.steps import SKIPPED, fetch_terms
from fact_jax.types import UserError

# Steps the host may be ahead of the devices: enough to keep them busy, few enough to stop within seconds.
MAX_STEPS_AHEAD = 2
# Steps whose terms stay on the devices; a run that logs less often has them fetched in between.
MAX_PENDING = 256


class BadStep(NamedTuple):
    """A step whose loss or gradients are not finite; its terms are name -> [sum, normalizer]."""

    step: int
    video_ids: tuple[str, ...]
    terms: Mapping[str, Sequence[float]]

    @property
    def found(self) -> str:
        """What is not finite, in words: "loss = nan, grad_norm = inf"."""
        bad = [name for name in _in_order(self.terms) if not all(map(math.isfinite, self.terms[name]))]
        return ", ".join(f"{name} = {self.terms[name][0]}" for name in bad)


class NonFiniteError(UserError):
    """A loss or gradient that is not a finite number; `bad` is the first such step, None where it is the state."""

    def __init__(self, message: str, bad: BadStep | None = None):
        super().__init__(message)
        self.bad = bad


class TermWindow:
    """Collects the terms of steps and averages them; counts the steps that were skipped, whose terms do not count.

    Attributes:
      fetched: sums over the checked steps, JSON values: [name -> [sum, normalizer]], or [] if there were none. A
        checkpoint stores them, so that a resumed run logs the same averages. Older ones hold one dict per step.
      skipped: number of steps skipped since the run began.
      steps, skipped_steps: number of steps checked since the last averages, and how many of them were skipped.
    """

    def __init__(self, fetched: Sequence[dict] = (), skipped: int = 0):
        self.fetched: list[dict[str, list[float]]] = []
        self.skipped, self.steps, self.skipped_steps = skipped, 0, 0
        self._names: tuple[str, ...] = ()
        self._pending = []
        for terms in fetched:
            self._count(terms)

    def add(self, step: int, video_ids: Sequence[str], terms) -> None:
        """Takes what `TrainStep` returned for `step`, without fetching it."""
        self._pending.append((step, video_ids, terms))
        if len(self._pending) > MAX_STEPS_AHEAD:
            jax.block_until_ready(self._pending[-1 - MAX_STEPS_AHEAD][2])

    @property
    def full(self) -> bool:
        """Whether it is time to `fetch`."""
        return len(self._pending) >= MAX_PENDING

    def fetch(self) -> list[BadStep]:
        """Fetches and checks all terms added so far; returns the steps that were skipped.

        Raises NonFiniteError for the first step, of those not skipped, with a term or gradient that is not finite.
        """
        pending, self._pending = self._pending, []
        numbers = fetch_terms([terms for _, _, terms in pending])
        skipped = []
        for (step, video_ids, _), terms in zip(pending, numbers, strict=True):
            was_skipped = terms.pop(SKIPPED, (0.0, 1.0))[0] > 0
            bad = BadStep(step, tuple(filter(None, video_ids)), terms)
            if was_skipped:
                skipped.append(bad)
                self._names = tuple(terms)
            elif bad.found:
                raise NonFiniteError(f"training stopped at step {step}: {bad.found}", bad)
            else:
                self._count(terms)
        self.skipped += len(skipped)
        self.skipped_steps += len(skipped)
        self.steps += len(pending)
        return skipped

    def pop_averages(self) -> dict[str, float]:
        """Returns sum / normalizer of every term over all fetched steps and starts anew; {} if there were none.

        The minimised term comes first, the gradient norm last. NaN where all steps were skipped.
        """
        sums = self.fetched[0] if self.fetched else dict.fromkeys(self._names, (0.0, 0.0))
        averages = {name: sums[name][0] / sums[name][1] if sums[name][1] else math.nan for name in _in_order(sums)}
        self.fetched, self._names, self.steps, self.skipped_steps = [], (), 0, 0
        return averages

    def _count(self, terms):
        sums = self.fetched[0] if self.fetched else dict.fromkeys(terms, (0.0, 0.0))
        # A new dict: a checkpoint that is still being written holds the old one.
        self.fetched = [{name: [a + b for a, b in zip(sums[name], pair, strict=True)] for name, pair in terms.items()}]


def _in_order(names):
    return sorted(names, key=lambda name: (name != "loss", name == "grad_norm"))
