"""Cross-entropies over L elements (frames, segments or tokens; padded), each normalised as published.

Source: FACT (CVPR 2024), published models/loss.py.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Bool, Float, Int

from fact_jax.ops.arrays import Array

Scores, Labels, Mask = Float[Array, "B L C"], Int[Array, "B L"], Bool[Array, "B L"]
Weights, PerVideo = Float[Array, " weights"], Float[Array, " B"]


def frame_cross_entropy(log_probs: Scores, labels: Labels, class_weights: Weights, mask: Mask) -> PerVideo:
    """Weighted cross-entropy summed over elements and divided by their number, not by the sum of weights.

    There are at least C weights. 0 for a video without elements.
    """
    nll = -jnp.take_along_axis(log_probs, labels[..., None], axis=-1)[..., 0]
    count = jnp.maximum(jnp.sum(mask, axis=1), 1)
    return jnp.sum(jnp.where(mask, nll * class_weights[labels], 0.0), axis=1) / count


def token_cross_entropy(log_probs: Scores, labels: Labels, class_weights: Weights, mask: Mask) -> PerVideo:
    """Weighted cross-entropy divided by the sum of the weights of the targets (torch's weighted mean)."""
    nll = -jnp.take_along_axis(log_probs, labels[..., None], axis=-1)[..., 0]
    weights = jnp.where(mask, class_weights[labels], 0.0)
    total = jnp.sum(weights, axis=1)
    return jnp.sum(jnp.where(mask, nll, 0.0) * weights, axis=1) / jnp.where(total > 0, total, 1.0)


def soft_cross_entropy(log_probs: Scores, targets: Scores, class_weights: Weights, mask: Mask) -> PerVideo:
    """Cross-entropy against class fractions (rows that sum to 1, or to 0 in the padding), divided by their sum."""
    weighted = -log_probs * targets * class_weights[: log_probs.shape[-1]]
    total = jnp.sum(targets, axis=(1, 2))
    return jnp.sum(jnp.where(mask[..., None], weighted, 0.0), axis=(1, 2)) / jnp.where(total > 0, total, 1.0)


def labelled_cross_entropy(
    logits: Scores, labels: Labels, mask: Mask
) -> tuple[Float[Array, ""], Float[Array, ""], Float[Array, ""]]:
    """(cross-entropy, correct frames, frames), summed over the frames of `mask` that have a label, 0 or more.

    Source: the supervised baseline of CARL (CVPR 2022).
    """
    counted = (mask & (labels >= 0)).astype(jnp.float32)
    wanted = jnp.maximum(labels, 0)[..., None]
    nll = -jnp.take_along_axis(jax.nn.log_softmax(logits), wanted, axis=-1)[..., 0]
    correct = jnp.argmax(logits, axis=-1) == labels
    return jnp.sum(nll * counted), jnp.sum(correct * counted), jnp.sum(counted)
