"""FACT's training objective: one matching per video, one loss per block.

Source: FACT (CVPR 2024), published models/loss.py.
"""

import dataclasses
from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Bool, Float, Int

from fact_jax.losses.alignment import alignment_losses, token_targets
from fact_jax.losses.classification import frame_cross_entropy, soft_cross_entropy, token_cross_entropy
from fact_jax.losses.smoothing import smoothness
from fact_jax.models.fact.blocks import BlockOutput
from fact_jax.models.fact.classes import Classes, VerbNounClasses
from fact_jax.ops import matching, pooling
from fact_jax.ops.arrays import Array, FrameMask
from fact_jax.ops.masks import masked_log_softmax


@dataclasses.dataclass(frozen=True)
class FactLossConfig:
    """Weights of the objective, and how tokens are matched. Published keys stand in brackets.

    Attributes:
      prob_cost, overlap_cost: of the matching (pc, a2fc).
      background_weight: of background classes in every term (bgw).
      null_weight: of "no action" among tokens (nullw), already resolved if automatic.
      smoothing_weight: of the smoothness terms (sw).
    """

    match: str = "o2o"
    prob_cost: float = 1.0
    overlap_cost: float = 1.0
    background_weight: float = 1.0
    null_weight: float = 1.0
    smoothing_weight: float = 0.0
    background_ids: tuple[int, ...] = ()


class GroundTruth(NamedTuple):
    """Ground truth of a padded batch; `onehot` is 1 where a frame lies in a segment, 0 at padded frames."""

    labels: Int[Array, "B T"]
    mask: FrameMask
    segment_labels: Int[Array, "B S"]
    segment_mask: Bool[Array, "B S"]
    onehot: Float[Array, "B T S"]


def ground_truth_of(
    labels: Int[Array, "B T"], mask: FrameMask, segment_labels: Int[Array, "B S"], segment_mask: Bool[Array, "B S"]
) -> GroundTruth:
    """Builds a `GroundTruth` from the arrays of a batch; segments are stretches of equal `labels`."""
    index = pooling.find_segments(labels, mask).index
    onehot = jax.nn.one_hot(index, segment_labels.shape[1], dtype=jnp.float32) * mask[..., None]
    return GroundTruth(labels, mask, segment_labels, segment_mask, onehot)


def automatic_null_weight(num_tokens: int, average_length: float, num_classes: float) -> float:
    """Published `nullw` for -1: M / ((M - average) * C), the inverse of how often a token stays without an action.

    C is `null_weight_classes` of the classes: with verbs and nouns, half their numbers together. Zero tokens, as in
    published transcript configs, give zero: "no action" does not occur there. Negative or infinite when the average
    transcript is not shorter than M, as published.
    """
    spare = num_tokens - average_length
    return num_tokens / (spare * num_classes) if spare else float("inf")


def class_weights(config: FactLossConfig, num_classes: int) -> Float[np.ndarray, " C_null"]:
    """Weights of the classes and, last, of "no action"."""
    weights = np.ones(num_classes + 1, np.float32)
    weights[list(config.background_ids)] = config.background_weight
    weights[num_classes] = config.null_weight
    return weights


def match_tokens(config, classes, output, ground_truth, token_mask):
    """Matches tokens to segments by the last block's class probabilities and attention; carries no gradient."""
    probs = jax.lax.stop_gradient(jnp.exp(classes.token_log_probs(output.action_logits)))
    attention = jax.lax.stop_gradient(output.a2f_attention) * ground_truth.mask[..., None]

    def one(probs, attention, onehot, labels, mask, token_mask):
        cost = matching.matching_cost(probs, attention, onehot, labels, config.prob_cost, config.overlap_cost)
        return matching.match(config.match, cost, labels, mask, token_mask)

    segments = ground_truth.onehot, ground_truth.segment_labels, ground_truth.segment_mask
    return jax.vmap(one)(probs, attention, *segments, token_mask)


def block_loss(
    config: FactLossConfig,
    classes: Classes,
    output: BlockOutput,
    ground_truth: GroundTruth,
    match: matching.Match,
    weights: Float[Array, " C_null"],
    token_mask: Bool[Array, "B M"],
) -> tuple[Float[Array, " B"], dict[str, Float[Array, " B"]]]:
    """Loss of one block of any kind, with `weights` from `class_weights`.

    Returns:
      (loss, the unweighted terms: frame, token, smooth_frame; segment in "I" and "U"; f2a, a2f in update blocks;
      smooth_a2f, smooth_f2a in "u").
    """
    num_classes = classes.num_classes
    frame_log_probs = classes.log_probs(output.frame_logits)
    targets = token_targets(match, ground_truth.segment_labels, output.action_logits.shape[1], num_classes)
    # With verbs and nouns the tokens are averaged by their number, otherwise by the sum of their weights.
    token_loss = frame_cross_entropy if isinstance(classes, VerbNounClasses) else token_cross_entropy
    terms = {
        "frame": frame_cross_entropy(frame_log_probs, ground_truth.labels, weights, ground_truth.mask),
        "token": token_loss(classes.token_log_probs(output.action_logits), targets, weights, token_mask),
        "smooth_frame": smoothness(frame_log_probs, ground_truth.mask),
    }
    frame, smooth = terms["frame"], terms["smooth_frame"]
    pooled, mask = ground_truth.onehot, ground_truth.mask
    if output.segments is not None:
        pooled = pooling.pool_mean(pooled, output.segments.segmentation, mask, mask.shape[1])
        mask = output.segments.mask
        fractions = pooling.class_fractions(pooled, ground_truth.segment_labels, num_classes)
        terms["segment"] = soft_cross_entropy(classes.log_probs(output.segments.logits), fractions, weights, mask)
        frame = (frame + terms["segment"]) / 2.0
    total = classes.term_weight * (frame + terms["token"])
    if output.f2a_logits is not None and output.a2f_logits is not None:
        # A segment's weight knows background only: "no action" does not occur among ground-truth segments.
        pair_weights = jnp.asarray(weights)[ground_truth.segment_labels]
        pair_weights = jnp.where(ground_truth.segment_mask, pair_weights, 0.0)
        if config.match == "o2o" and output.action_logits.shape[1] == 1:
            # The published code broadcasts a single pair against the weights of all segments.
            pair_weights = jnp.broadcast_to(jnp.sum(pair_weights, axis=1, keepdims=True), pair_weights.shape)
        logits = output.f2a_logits, output.a2f_logits
        terms["f2a"], terms["a2f"] = alignment_losses(*logits, pooled, match, pair_weights, mask)
        total = total + terms["f2a"] + terms["a2f"]
        if output.segments is None:
            terms["smooth_a2f"] = _token_smoothness(logits[1], mask, token_mask)
            terms["smooth_f2a"] = _token_smoothness(jnp.swapaxes(logits[0], 1, 2), mask, token_mask)
            smooth = smooth + terms["smooth_a2f"] + terms["smooth_f2a"]
    return total + config.smoothing_weight * smooth, terms


def _token_smoothness(logits, mask, token_mask):
    log_probs = masked_log_softmax(logits, token_mask[:, None, :])
    return smoothness(log_probs, mask, num_channels=jnp.sum(token_mask, axis=1))


def fact_loss(
    config: FactLossConfig,
    classes: Classes,
    outputs: Sequence[BlockOutput],
    ground_truth: GroundTruth,
    token_mask: Bool[Array, "B M"],
):
    """Mean of the block losses: (loss, per-block list of `block_loss`, Match)."""
    weights = jnp.asarray(class_weights(config, classes.num_classes))
    match = match_tokens(config, classes, outputs[-1], ground_truth, token_mask)
    blocks = [block_loss(config, classes, output, ground_truth, match, weights, token_mask) for output in outputs]
    return sum(loss for loss, _ in blocks) / len(blocks), blocks, match
