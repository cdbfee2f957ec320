"""Learning rates as functions of the completed updates, in closed form.

Source: published libs/utils/lr_schedulers.py of ActionFormer, whose recursion these formulas equal to rounding,
train.py of FACT, and utils/optimizer.py of CARL.
"""

import jax.numpy as jnp
import optax


def drop(rate: float, factor: float, after: int) -> optax.Schedule:
    """One absolute drop to rate * factor after so many updates, never a second one; no drop where `after` is <= 0."""
    if after <= 0:
        return lambda count: jnp.asarray(rate, jnp.float32)
    return lambda count: jnp.where(count < after, jnp.float32(rate), jnp.float32(rate * factor))


def cosine(rate: float, lowest: float, updates: int) -> optax.Schedule:
    """Half a cosine from `rate` to `lowest` over so many updates, `lowest` from then on."""

    def schedule(count):
        # cos^2(x / 2) is (1 + cos(x)) / 2 without the cancellation at its end.
        share = jnp.clip(count / max(updates, 1), 0.0, 1.0)
        return jnp.float32(lowest) + jnp.float32(rate - lowest) * jnp.square(jnp.cos(jnp.pi / 2 * share))

    return schedule


def multistep(rate: float, factor: float, milestones: tuple[int, ...]) -> optax.Schedule:
    """Multiplies the rate by `factor` once every one of these numbers of updates is reached."""
    return lambda count: (
        rate * jnp.float32(factor) ** sum(jnp.asarray(count >= place, jnp.float32) for place in milestones)
    )


def by_epoch(schedule: optax.Schedule, steps_per_epoch: int) -> optax.Schedule:
    """Another schedule, of epochs: the rate stays the same from the first to the last update of an epoch."""
    return lambda count: schedule(count // steps_per_epoch)


def warm_up(rate: float, updates: int, then: optax.Schedule, start: float = 0.0) -> optax.Schedule:
    """Rises from `start` to `rate` in a line, then follows another schedule whose own count starts there.

    As published the rate reaches its full value with the last update of the rise, and the first one of the other
    schedule has it again; a very first update with the rate 0 moves the moments of Adam alone.
    """
    if updates <= 0:
        return then

    def schedule(count):
        rising = jnp.float32(start) + jnp.float32(rate - start) * count / max(updates - 1, 1)
        return jnp.where(count < updates, rising, then(jnp.maximum(count - updates, 0)))

    return schedule
