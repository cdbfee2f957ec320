"""A learning rate that falls when the training loss no longer does: `torch.optim.lr_scheduler.ReduceLROnPlateau`.

It is part of the compiled update and its memory part of the optimiser state: checkpoints hold it, and it knows the loss
of the whole batch, whatever devices and micro-batches have computed it.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax

THRESHOLD = 1e-4  # an epoch is better if its loss is smaller than the smallest one by more than this share of it
SMALLEST_STEP = 1e-8  # a learning rate that would change by no more than this stays


class PlateauState(NamedTuple):
    """Scalars."""

    scale: jax.Array  # factor on the learning rate of the next update
    used: jax.Array  # that of the last one
    best: jax.Array  # the smallest loss of an epoch; the largest number there is before one has ended
    bad_epochs: jax.Array  # that have ended since without a better one, or since the last reduction
    total: jax.Array  # sum of the losses of this epoch
    updates: jax.Array  # made in this epoch


def scale_on_plateau(
    learning_rate: float, factor: float, patience: int, steps_per_epoch: int
) -> optax.GradientTransformationExtraArgs:
    """Multiplies updates by a scale that starts at 1 and is multiplied by `factor` after epochs without progress.

    The loss of an epoch is the sum of what its updates are given as `value`, the mean loss of a batch: with batches of
    one video the sum that published ASFormer hands to its scheduler. An epoch is as many updates; one that was skipped
    for its numbers is none. Of torch's options mode "min", threshold 1e-4 relative, cooldown 0, eps 1e-8.

    `optax.contrib.reduce_on_plateau` counts its patience differently by one, applies the new scale to the last update
    of an epoch already, and goes on below eps.

    Args:
      learning_rate: that the scale is multiplied with, for eps.
      factor: above 0 and below 1.
      patience: epochs in a row that need not be better; one more brings the reduction.
      steps_per_epoch: updates of an epoch.
    """

    def init(params):
        del params
        real, whole = (lambda number: jnp.asarray(number, jnp.float32)), jnp.zeros((), jnp.int32)
        # Not infinity, as in torch: a checkpoint within the first epoch holds finite numbers only.
        nothing_yet = real(jnp.finfo(jnp.float32).max)
        return PlateauState(real(1.0), real(1.0), nothing_yet, whole, real(0.0), whole)

    def update(updates, state, params=None, *, value, **extra):
        del params, extra
        scaled = jax.tree.map(lambda leaf: leaf * state.scale, updates)
        state = state._replace(used=state.scale, total=state.total + value, updates=state.updates + 1)
        after = _after_epoch(state, learning_rate, factor, patience)
        ended = state.updates == steps_per_epoch
        return scaled, jax.tree.map(lambda new, old: jnp.where(ended, new, old), after, state)

    return optax.GradientTransformationExtraArgs(init, update)


def _after_epoch(state, learning_rate, factor, patience):
    better = state.total < state.best * (1.0 - THRESHOLD)
    bad_epochs = jnp.where(better, 0, state.bad_epochs + 1)
    lowered = state.scale * factor
    far_enough = learning_rate * (state.scale - lowered) > SMALLEST_STEP
    reduce = bad_epochs > patience
    return state._replace(
        scale=jnp.where(reduce & far_enough, lowered, state.scale),
        best=jnp.where(better, state.total, state.best),
        bad_epochs=jnp.where(reduce, 0, bad_epochs),
        total=jnp.zeros_like(state.total),
        updates=jnp.zeros_like(state.updates),
    )


def find_state(opt_state) -> PlateauState | None:
    """Returns the PlateauState within an optimiser state, or None if there is none."""
    nodes = jax.tree.leaves(opt_state, is_leaf=lambda node: isinstance(node, PlateauState))
    return next((node for node in nodes if isinstance(node, PlateauState)), None)
