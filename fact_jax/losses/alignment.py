"""Losses that make attention between actions and frames follow the matched ground-truth segments (spec section 4)."""

import jax
import jax.numpy as jnp

from fact_jax.ops.masks import masked_log_softmax


def matched_columns(values, index):
    """Gathers columns per video: [B, X, K] and int [B, J] -> [B, X, J]."""
    return jnp.take_along_axis(values, index[:, None, :], axis=2)


def alignment_losses(f2a_logits, a2f_logits, targets, match, pair_weights, mask):
    """Cross-entropy of both attentions against the matched segments.

    X elements are frames ("u" blocks) or predicted segments ("U" blocks); `targets` is 1 for a frame inside a
    ground-truth segment, or the fraction of a predicted segment that lies inside it.

    Args:
      f2a_logits: float [B, M, X], softmax over X.
      a2f_logits: float [B, X, M], softmax over the list of matched tokens, duplicates counted.
      targets: float [B, X, S].
      match: Match with leading axis B; J pairs.
      pair_weights: float [B, J], weight of the j-th pair. As published this is indexed by the position in the list of
        pairs, although the weights are those of segments in temporal order.
      mask: bool [B, X].

    Returns:
      (f2a, a2f), float [B] each, divided by the number of valid X.
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


def token_targets(match, segment_labels, num_tokens, null_class):
    """Class every token should predict: that of its segment, or `null_class`.

    When a token has several segments the last pair wins; they share one class.

    Args:
      match: Match with leading axis B.
      segment_labels: int [B, S].
      num_tokens: M.
      null_class: id of "no action".

    Returns:
      int32 [B, M].
    """

    def one(match, labels):
        targets = jnp.full(num_tokens, null_class, jnp.int32)
        slot = jnp.where(match.mask, match.tokens, num_tokens)
        return targets.at[slot].set(labels[match.segments], mode="drop")

    return jax.vmap(one)(match, segment_labels)
