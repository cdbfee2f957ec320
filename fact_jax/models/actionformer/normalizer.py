"""The running mean of positive points that ActionFormer's losses are divided by, as state of the training.

The published code lost it on every resume, and on several devices never moved it. Here it is part of the checkpoint,
and counts the positive points of the whole step.
"""

import jax
import jax.numpy as jnp

from fact_jax.models.actionformer.objective import next_normalizer


def first_state(first: float) -> dict[str, jax.Array]:
    """Returns the state before the first step.

    Args:
      first: value that the running mean starts with.
    """
    return {
        "value": jnp.float32(first),
        "before_step": jnp.float32(first),
        "positives": jnp.float32(0.0),
        # No step has this one: the last number of a step's is 1.
        "step_key": jnp.zeros_like(_step_key(jax.random.key(0))),
    }


def advance(state, key, num_positives):
    """Counts positive points of a step.

    A step may come in micro-batches, each with the state that the one before it left and with the same key. Then what
    is returned for all of them adds up to the value after the whole step, as if they had been one batch.

    Args:
      state: what `first_state` or a call before this one gave.
      key: of the step, the same for all its micro-batches and for no other step.
      num_positives: float scalar, of the micro-batch on all devices.

    Returns:
      (the state after it, by how much the value of this step has grown: all of it with the first micro-batch).
    """
    step_key = _step_key(key)
    goes_on = jnp.all(state["step_key"] == step_key)
    before = jnp.where(goes_on, state["before_step"], state["value"])
    positives = jnp.where(goes_on, state["positives"], 0.0) + num_positives
    value = next_normalizer(before, positives)
    grown = value - jnp.where(goes_on, state["value"], 0.0)
    return {"value": value, "before_step": before, "positives": positives, "step_key": step_key}, grown


def _step_key(key):
    return jnp.append(jax.random.key_data(key), jnp.uint32(1))
