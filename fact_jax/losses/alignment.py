"""Losses that make attention between actions and frames follow the matched ground-truth segments.

Source: FACT (CVPR 2024), published models/loss.py.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Bool, Float, Int, Shaped

from fact_jax.ops.arrays import Array
from fact_jax.ops.masks import masked_log_softmax
from fact_jax.ops.matching import Match


def matched_columns(values: Shaped[Array, "B X K"], index: Int[Array, "B J"]) -> Shaped[Array, "B X J"]:
    """Gathers columns per video."""
    return jnp.take_along_axis(values, index[:, None, :], axis=2)


def alignment_losses(
    f2a_logits: Float[Array, "B M X"],
    a2f_logits: Float[Array, "B X M"],
    targets: Float[Array, "B X S"],
    match: Match,
    pair_weights: Float[Array, "B S"],
    mask: Bool[Array, "B X"],
) -> tuple[Float[Array, " B"], Float[Array, " B"]]:
    """Cross-entropy of both attentions against the matched segments: (f2a, a2f), by the number of valid X.

    X elements are frames ("u" blocks) or predicted segments ("U" blocks); `targets` is 1 for a frame inside a
    ground-truth segment, or the fraction of a predicted segment that lies inside it. The softmax of `f2a_logits` is
    over X, that of `a2f_logits` over the list of matched tokens, duplicates counted. As published, `pair_weights` go by
    the position in the list of pairs, although they are those of segments in temporal order.
    """
    wanted = matched_columns(targets, match.segments)
    weights = wanted * jnp.where(match.mask, pair_weights, 0.0)[:, None, :]
    weights = jnp.where(mask[..., None], weights, 0.0)
    count = jnp.maximum(jnp.sum(mask, axis=1), 1)

    over_elements = masked_log_softmax(jnp.swapaxes(f2a_logits, 1, 2), mask[..., None], axis=1)
    f2a = -jnp.sum(matched_columns(over_elements, match.tokens) * weights, axis=(1, 2)) / count
    over_pairs = masked_log_softmax(matched_columns(a2f_logits, match.tokens), match.mask[:, None, :])
    a2f = -jnp.sum(over_pairs * weights, axis=(1, 2)) / count
    return f2a, a2f


def token_targets(
    match: Match, segment_labels: Int[Array, "B S"], num_tokens: int, null_class: int
) -> Int[Array, "B {num_tokens}"]:
    """Class every token should predict: that of its segment, or `null_class`, the id of "no action".

    When a token has several segments the last pair wins; they are of one class.
    """

    def one(match, labels):
        targets = jnp.full(num_tokens, null_class, jnp.int32)
        slot = jnp.where(match.mask, match.tokens, num_tokens)
        return targets.at[slot].set(labels[match.segments], mode="drop")

    return jax.vmap(one)(match, segment_labels)
