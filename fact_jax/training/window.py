"""Loss terms of the steps since the last log line.

Fetching a number from the device waits for the step that makes it, so terms stay on the devices until they are needed;
then they are checked step by step, and the first step that went wrong is still known.
"""

import math
from collections.abc import Sequence

import jax

from fact_jax.training.steps import fetch_terms
from fact_jax.types import UserError

# Steps the host may be ahead of the devices: enough to keep them busy, few enough to stop within seconds.
MAX_STEPS_AHEAD = 2


class NonFiniteError(UserError):
    """A loss or gradient that is not a finite number."""


class TermWindow:
    """Collects the terms of steps and averages them.

    Attributes:
      fetched: terms of checked steps, JSON values: one dict name -> [sum, normalizer] per step. A checkpoint stores
        them, so that a resumed run logs the same averages.
    """

    def __init__(self, fetched: Sequence[dict] = ()):
        self.fetched = list(fetched)
        self._pending = []

    def add(self, step: int, video_ids: Sequence[str], terms) -> None:
        """Takes what `TrainStep` returned for `step`, without fetching it."""
        self._pending.append((step, video_ids, terms))
        if len(self._pending) > MAX_STEPS_AHEAD:
            jax.block_until_ready(self._pending[-1 - MAX_STEPS_AHEAD][2])

    def fetch(self) -> None:
        """Fetches and checks all terms added so far.

        Raises:
          NonFiniteError: names the first step with a term or gradient that is not finite, and its videos.
        """
        numbers = fetch_terms([terms for _, _, terms in self._pending])
        for (step, video_ids, _), terms in zip(self._pending, numbers, strict=True):
            bad = [f"{name} = {pair[0]}" for name, pair in terms.items() if not all(map(math.isfinite, pair))]
            if bad:
                videos = ", ".join(video_id for video_id in video_ids if video_id)
                raise NonFiniteError(
                    f"training stopped at step {step}: {', '.join(bad)}. Videos of that batch: {videos}. Look for "
                    "extreme values in their features, or lower config.optimizer.learning_rate."
                )
        # A new list: a checkpoint that is still being written holds the old one.
        self.fetched = [*self.fetched, *numbers]
        self._pending.clear()

    def pop_averages(self) -> dict[str, float]:
        """Returns sum / normalizer of every term over all fetched steps and starts anew; {} if there were none.

        The minimised term comes first, the gradient norm last.
        """
        if not self.fetched:
            return {}
        averages = {}
        for name in sorted(self.fetched[0], key=lambda name: (name != "loss", name == "grad_norm")):
            total, normalizer = (sum(terms[name][part] for terms in self.fetched) for part in (0, 1))
            averages[name] = total / normalizer if normalizer else math.nan
        self.fetched = []
        return averages
