"""FACT's training objective: one matching per video, one loss per block (spec section 4)."""

import dataclasses
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from fact_jax.losses.alignment import alignment_losses, token_targets
from fact_jax.losses.classification import frame_cross_entropy, soft_cross_entropy, token_cross_entropy
from fact_jax.losses.smoothing import smoothness
from fact_jax.ops import matching
from fact_jax.ops import segments as seg


@dataclasses.dataclass(frozen=True)
class LossConfig:
    """Weights of the objective.

    Attributes:
      match: "o2o", "o2m" or "seq".
      prob_cost, overlap_cost: weights of the matching cost (`pc`, `a2fc`).
      background_weight: weight of background classes in every term (`bgw`).
      null_weight: weight of "no action" among tokens (`nullw`), already resolved if automatic.
      smoothing_weight: weight of the smoothness terms (`sw`).
      background_ids: class ids that count as background.
    """

    match: str = "o2o"
    prob_cost: float = 1.0
    overlap_cost: float = 1.0
    background_weight: float = 1.0
    null_weight: float = 1.0
    smoothing_weight: float = 0.0
    background_ids: tuple[int, ...] = ()


class Truth(NamedTuple):
    """Ground truth of a padded batch.

    Attributes:
      labels: int32 [B, T].
      mask: bool [B, T].
      segment_labels: int32 [B, S]; segment_mask: bool [B, S].
      onehot: float32 [B, T, S], 1 where a frame lies in a segment; zero rows for padded frames.
    """

    labels: jax.Array
    mask: jax.Array
    segment_labels: jax.Array
    segment_mask: jax.Array
    onehot: jax.Array


def truth_of(labels, mask, segment_labels, segment_mask):
    """Builds a `Truth` from the arrays of a batch; segments are the runs of `labels`."""
    index = seg.find_runs(labels, mask).index
    onehot = jax.nn.one_hot(index, segment_labels.shape[1], dtype=jnp.float32) * mask[..., None]
    return Truth(labels, mask, segment_labels, segment_mask, onehot)


def automatic_null_weight(num_tokens, average_length, num_classes):
    """Published `nullw` for -1: M / ((M - average) * C), the inverse of how often a token stays without an action.

    Returns:
      float; negative or infinite when the average transcript is not shorter than M, as published.
    """
    spare = num_tokens - average_length
    return num_tokens / (spare * num_classes) if spare else float("inf")


def class_weights(config, num_classes):
    """Weights of C classes and "no action": float32 [C+1]."""
    weights = np.ones(num_classes + 1, np.float32)
    weights[list(config.background_ids)] = config.background_weight
    weights[num_classes] = config.null_weight
    return weights


def match_tokens(config, output, truth):
    """Matches tokens to segments by the last block's class probabilities and attention; carries no gradient."""
    probs = jax.lax.stop_gradient(jax.nn.softmax(output.action_logits))
    attention = jax.lax.stop_gradient(output.a2f_attention) * truth.mask[..., None]

    def one(probs, attention, onehot, labels, mask):
        cost = matching.matching_cost(probs, attention, onehot, labels, config.prob_cost, config.overlap_cost)
        return matching.match(config.match, cost, labels, mask)

    return jax.vmap(one)(probs, attention, truth.onehot, truth.segment_labels, truth.segment_mask)


def block_loss(config, output, truth, match, weights, token_mask):
    """Loss of one block.

    Args:
      config: LossConfig.
      output: BlockOutput of any kind of block.
      truth: Truth.
      match: Match with leading axis B.
      weights: float [C+1] from `class_weights`.
      token_mask: bool [B, M].

    Returns:
      (float [B], dict of the unweighted terms, float [B] each: frame, token, smooth_frame; f2a, a2f in update blocks;
      segment in "U"; smooth_a2f, smooth_f2a in "u").
    """
    num_classes = output.frame_logits.shape[-1]
    frame_log_probs = jax.nn.log_softmax(output.frame_logits)
    targets = token_targets(match, truth.segment_labels, output.action_logits.shape[1], num_classes)
    terms = {
        "frame": frame_cross_entropy(frame_log_probs, truth.labels, weights, truth.mask),
        "token": token_cross_entropy(jax.nn.log_softmax(output.action_logits), targets, weights, token_mask),
        "smooth_frame": smoothness(frame_log_probs, truth.mask),
    }
    smooth = terms["smooth_frame"]
    if output.f2a_logits is None:
        return terms["frame"] + terms["token"] + config.smoothing_weight * smooth, terms

    pair_weights = _segment_weights(weights, truth)
    if output.segments is None:
        pooled, mask = truth.onehot, truth.mask
    else:
        num_runs, mask = truth.mask.shape[1], output.segments.mask
        pooled = seg.pool_mean(truth.onehot, output.segments.runs, truth.mask, num_runs)
    terms["f2a"], terms["a2f"] = alignment_losses(
        output.f2a_logits, output.a2f_logits, pooled, match, pair_weights, mask
    )
    frame = terms["frame"]
    if output.segments is None:
        terms["smooth_a2f"] = smoothness(jax.nn.log_softmax(output.a2f_logits), truth.mask)
        terms["smooth_f2a"] = smoothness(jax.nn.log_softmax(jnp.swapaxes(output.f2a_logits, 1, 2)), truth.mask)
        smooth = smooth + terms["smooth_a2f"] + terms["smooth_f2a"]
    else:
        fractions = seg.class_fractions(pooled, truth.segment_labels, num_classes)
        segment_log_probs = jax.nn.log_softmax(output.segments.logits)
        terms["segment"] = soft_cross_entropy(segment_log_probs, fractions, weights, mask)
        frame = (frame + terms["segment"]) / 2.0
    total = frame + terms["token"] + terms["f2a"] + terms["a2f"] + config.smoothing_weight * smooth
    return total, terms


def _segment_weights(weights, truth):
    # A segment's weight knows background only: "no action" does not occur among ground-truth segments.
    return jnp.where(truth.segment_mask, jnp.asarray(weights)[truth.segment_labels], 0.0)


def fact_loss(config, outputs, truth, token_mask):
    """Mean of the block losses.

    Args:
      config: LossConfig.
      outputs: BlockOutput of every block.
      truth: Truth.
      token_mask: bool [B, M].

    Returns:
      (loss [B], per-block list of (loss [B], terms), Match).
    """
    weights = jnp.asarray(class_weights(config, outputs[-1].frame_logits.shape[-1]))
    match = match_tokens(config, outputs[-1], truth)
    blocks = [block_loss(config, output, truth, match, weights, token_mask) for output in outputs]
    return sum(loss for loss, _ in blocks) / len(blocks), blocks, match
