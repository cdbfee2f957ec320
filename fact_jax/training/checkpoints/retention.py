"""Which checkpoints stay: the newest and the best.

Orbax's `BestN` reads the metrics of earlier checkpoints from an item of their own, and keeps all or none of those
without it. Ours have their metrics in `meta`, with the seal.
"""

import math
from collections.abc import Mapping
from typing import Any

from orbax.checkpoint.checkpoint_managers import PreservationPolicy


class Keep(PreservationPolicy):
    """Tells Orbax which checkpoints to keep. Of equally good ones, the later counts as better."""

    def __init__(self, latest: int, best: int):
        self.ranks: dict[int, tuple[bool, float]] = {}  # `rank` of the metadata of every step; one without is the worst
        self._latest, self._best = latest, best

    def should_preserve(self, checkpoints, *, context):
        """Returns for every checkpoint, in order of their steps, whether it stays."""
        del context
        steps = [checkpoint.step for checkpoint in checkpoints]
        ranked = sorted(steps, key=lambda step: (self.ranks.get(step, (False, -math.inf)), step))
        kept = {*steps[-self._latest :], *ranked[-self._best :]}
        return [step in kept for step in steps]


def can_be_best(meta: Mapping[str, Any]) -> bool:
    """Whether a checkpoint with these metadata can be the best one: it was trained and evaluated, or converted.

    The network before its first step is scored for comparison alone, however good it is.
    """
    return bool(meta["metrics"] and meta["step"] > 0 or meta.get("converted"))


def rank(meta: Mapping[str, Any]) -> tuple[bool, float]:
    """What checkpoints are sorted by: those that can be the best last, and of these the one with the largest metric."""
    value = meta["value"] if can_be_best(meta) else None
    return can_be_best(meta), -math.inf if value is None or math.isnan(value) else value
