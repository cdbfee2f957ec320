"""From hours to steps: every run of a comparison gets an equal share of the time."""

import math
from collections.abc import Mapping
from typing import NamedTuple

from fact_jax.types import UserError

RESERVE = 0.05  # share of the time that is kept for what a measurement of some steps does not see
MEASURED_STEPS = 12  # beside two for every padded length
# Settings that are epochs from the start of a run, and shrink with it.
_EPOCHS = ("warmup_epochs", "decay_epoch", "cosine_epochs")


class Pace(NamedTuple):
    """What was measured of a system: seconds of a step and of all else of a run, and the steps that its config has."""

    step_seconds: float
    overhead_seconds: float
    total_steps: int


def plan_steps(paces: Mapping[str, Pace], runs_each: int, seconds: float) -> dict[str, int]:
    """Steps of every system, at most those of its config; what a system does not need goes to the others.

    Args:
      paces: by system.
      runs_each: runs of every system; one run more, of the best system, is counted as one of the slowest.
      seconds: in all.

    Raises:
      UserError: some system would not make a step.
    """
    left, number, steps = seconds * (1 - RESERVE), len(paces) * runs_each + 1, {}
    needs = {name: pace.overhead_seconds + pace.step_seconds * pace.total_steps for name, pace in paces.items()}
    for name in sorted(paces, key=lambda name: needs[name]):
        pace, share = paces[name], left / number
        own = min(pace.total_steps, math.floor((share - pace.overhead_seconds) / pace.step_seconds))
        steps[name] = own
        number -= runs_each
        left -= runs_each * (pace.overhead_seconds + own * pace.step_seconds)
    if wrong := [name for name, own in steps.items() if own < 1]:
        least = len(paces) * runs_each + 1
        needed = least * max(pace.overhead_seconds + pace.step_seconds for pace in paces.values()) / (1 - RESERVE)
        raise UserError(
            f"--budget leaves {max(seconds, 0.0) / 3600:.2g} hours for {least} runs, of which those of "
            f"{', '.join(wrong)} would make no step: give {needed / 3600:.2g} hours or more, or take fewer systems, "
            "folds or seeds."
        )
    return {name: steps[name] for name in paces}


def shortened(config, steps: int, total_steps: int):
    """The config with so many of its `total_steps`, its learning rate over time shrunk with them, and five evaluations
    at least where there are as many steps."""
    config = config.copy_and_resolve_references()
    share = steps / total_steps
    with config.unlocked():
        config.train.steps = steps
        config.train.eval_every = min(config.train.eval_every, max(1, math.ceil(steps / 5)))
        config.train.log_every = min(config.train.log_every, max(1, math.ceil(steps / 20)))
        if share < 1:
            for name in _EPOCHS:
                if config.optimizer[name] > 0:
                    config.optimizer[name] = max(1, round(share * config.optimizer[name]))
            config.optimizer.milestones = tuple(
                dict.fromkeys(max(1, round(share * epoch)) for epoch in config.optimizer.milestones)
            )
    return config.lock()
