"""Masks of padded batches and reductions that ignore the padding."""

import jax.numpy as jnp

# Added to logits that may not be attended to. Finite, so that a fully masked row keeps finite gradients.
MASKED_LOGIT = -1e30


def masked_softmax(logits, mask, axis=-1):
    """Softmax over the entries where `mask` is True; the others get exactly 0.

    Args:
      logits: float array.
      mask: bool, broadcastable to `logits`.
      axis: axis to normalise over.

    Returns:
      Probabilities of the shape of `logits`; all zeros where nothing is valid. Gradients are finite everywhere.
    """
    return jnp.exp(masked_log_softmax(logits, mask, axis)) * mask


def masked_log_softmax(logits, mask, axis=-1):
    """Log-softmax over the entries where `mask` is True; the others get 0, so that they vanish from weighted sums.

    Same arguments as `masked_softmax`.
    """
    logits = jnp.where(mask, logits, MASKED_LOGIT)
    shifted = logits - jnp.max(logits, axis=axis, keepdims=True)
    log_normalizer = jnp.log(jnp.sum(jnp.exp(shifted), axis=axis, keepdims=True))
    # One entry alone has probability 1. The compiler may compute a logit twice with different rounding, so that its
    # difference from itself is not zero.
    several = jnp.sum(jnp.broadcast_to(mask, logits.shape), axis=axis, keepdims=True) > 1
    return jnp.where(mask & several, shifted - log_normalizer, 0.0)
