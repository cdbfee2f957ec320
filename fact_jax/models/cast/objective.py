"""What CAST minimises: the cross-entropy of every classifier against soft targets, summed over classifiers."""

from collections.abc import Mapping

import jax
import jax.numpy as jnp
from jaxtyping import Bool, Float, Int

from fact_jax.ops.arrays import Array

Terms = dict[str, tuple[Float[Array, ""], Float[Array, ""]]]


def soft_entropy(logits: Float[Array, "B K"], targets: Float[Array, "B K"]) -> Float[Array, " B"]:
    """Cross-entropy of clips against targets that sum to 1, such as mixed and smoothed labels."""
    return -jnp.sum(targets * jax.nn.log_softmax(logits.astype(jnp.float32)), axis=-1)


def label_entropy(logits: Float[Array, "B K"], labels: Int[Array, " B"]) -> Float[Array, " B"]:
    """Cross-entropy of clips against labels in 0..K-1, for evaluation."""
    scores = jax.nn.log_softmax(logits.astype(jnp.float32))
    return -jnp.take_along_axis(scores, labels[:, None], axis=-1)[:, 0]


def loss_terms(
    logits: Mapping[str, Float[Array, "B K"]], targets: Mapping[str, Float[Array, "B K"]], video_mask: Bool[Array, " B"]
) -> Terms:
    """The loss: name -> (sum over clips, clips), see `fact_jax.tasks.base.LossOutput`.

    Of two classifiers the sum, as published without weights, and that of each beside it: "loss_noun", "loss_verb".
    """
    count = jnp.sum(video_mask, dtype=jnp.float32)
    sums = {
        name: jnp.sum(jnp.where(video_mask, soft_entropy(scores, targets[name]), 0.0))
        for name, scores in logits.items()
    }
    terms: Terms = {"loss": (jnp.sum(jnp.stack(list(sums.values()))), count)}
    if len(sums) > 1:
        terms |= {f"loss_{name}": (total, count) for name, total in sums.items()}
    return terms
