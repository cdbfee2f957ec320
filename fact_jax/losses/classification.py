"""Cross-entropies over frames, segments and tokens, each normalised as published (spec section 4).

Shapes: B videos, L elements (frames, segments or tokens; padded), C classes.
"""

import jax.numpy as jnp


def frame_cross_entropy(log_probs, labels, class_weights, mask):
    """Weighted cross-entropy summed over frames and divided by their number, not by the sum of weights.

    Args:
      log_probs: float [B, L, C].
      labels: int [B, L].
      class_weights: float [>= C].
      mask: bool [B, L].

    Returns:
      float [B]; 0 for a video without frames.
    """
    nll = -jnp.take_along_axis(log_probs, labels[..., None], axis=-1)[..., 0]
    return _mean(nll * class_weights[labels], mask)


def token_cross_entropy(log_probs, labels, class_weights, mask):
    """Weighted cross-entropy divided by the sum of the weights of the targets (torch's weighted mean).

    Arguments as in `frame_cross_entropy`. Returns float [B].
    """
    nll = -jnp.take_along_axis(log_probs, labels[..., None], axis=-1)[..., 0]
    weights = jnp.where(mask, class_weights[labels], 0.0)
    total = jnp.sum(weights, axis=1)
    return jnp.sum(jnp.where(mask, nll, 0.0) * weights, axis=1) / jnp.where(total > 0, total, 1.0)


def soft_cross_entropy(log_probs, targets, class_weights, mask):
    """Cross-entropy against class fractions, divided by the sum of the fractions.

    Args:
      log_probs: float [B, L, C].
      targets: float [B, L, C], rows that sum to 1 (valid) or 0 (padding).
      class_weights: float [>= C].
      mask: bool [B, L].

    Returns:
      float [B].
    """
    weighted = -log_probs * targets * class_weights[: log_probs.shape[-1]]
    total = jnp.sum(targets, axis=(1, 2))
    return jnp.sum(jnp.where(mask[..., None], weighted, 0.0), axis=(1, 2)) / jnp.where(total > 0, total, 1.0)


def _mean(values, mask):
    count = jnp.maximum(jnp.sum(mask, axis=1), 1)
    return jnp.sum(jnp.where(mask, values, 0.0), axis=1) / count
