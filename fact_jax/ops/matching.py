"""Assignment of ground-truth segments to action tokens, inside compiled code.

Every function handles one video; map them over a batch with `jax.vmap`. S and M are padded: `segment_mask`, a prefix,
marks the real segments and `token_mask`, a prefix, the real tokens (None: all are). All return a `Match` of S pairs.

Source: FACT (CVPR 2024), published models/loss.py.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Bool, Float, Int

from fact_jax.ops.arrays import Array
from fact_jax.ops.assignment import linear_sum_assignment
from fact_jax.types import UserError, check_choice

MODES = ("o2o", "o2m", "seq")
Cost, Labels = Float[Array, "M S"], Int[Array, " S"]
SegmentMask, TokenMask = Bool[Array, " S"], Bool[Array, " M"] | None


class Match(NamedTuple):
    """Pairs of a token and a segment, in the order of the published code; `mask`: real ones, which come first."""

    tokens: Int[Array, "*B S"]
    segments: Int[Array, "*B S"]
    mask: Bool[Array, "*B S"]


def matching_cost(
    action_probs: Float[Array, "M A"],
    attention: Float[Array, "T M"],
    segment_onehot: Float[Array, "T S"],
    segment_labels: Labels,
    prob_cost: float,
    overlap_cost: float,
) -> Cost:
    """Cost of giving a segment to a token.

    It is -prob_cost * probability of the segment's class - overlap_cost * IoU of attention and segment (published `pc`,
    `a2fc`). `action_probs` has "no action" last; `attention`, of frames to tokens in [0, 1], and `segment_onehot`, 1
    where a frame lies in a segment, have zero rows for padded frames.
    """
    cost = jnp.zeros((action_probs.shape[0], segment_labels.shape[0]), jnp.float32)
    if prob_cost > 0:
        cost = cost - prob_cost * action_probs[:, segment_labels]
    if overlap_cost > 0:
        cost = cost - overlap_cost * attention_iou(attention, segment_onehot)
    return cost


def attention_iou(attention: Float[Array, "T M"], segment_onehot: Float[Array, "T S"]) -> Cost:
    """IoU of soft attention and segments, 0 where both are empty.

    Source: sum_t a*s / sum_t min(a + s, 1); with a in [0, 1] and s in {0, 1} the minimum is s + a*(1 - s).
    """
    intersection = _product(attention.T, segment_onehot)
    union = jnp.sum(segment_onehot, axis=0)[None] + _product(attention.T, 1.0 - segment_onehot)
    return jnp.where(union > 0, intersection / jnp.where(union > 0, union, 1.0), 0.0)


def _product(left, right):
    # Full float32 whatever the precision of the network: a match is a choice, which rounding can flip.
    return jnp.matmul(left, right.astype(left.dtype), precision=jax.lax.Precision.HIGHEST)


def match_one_to_one(cost: Cost, segment_mask: SegmentMask, token_mask: TokenMask = None) -> Match:
    """One token per segment at the smallest total cost; pairs ordered by token.

    There are as many pairs as tokens or segments, whichever are fewer.
    """
    tokens = linear_sum_assignment(cost, jnp.sum(segment_mask), _count(token_mask))
    order = jnp.argsort(jnp.where(tokens >= 0, tokens, cost.shape[0]), stable=True)
    tokens = tokens[order]
    return _pairs(tokens, order, tokens >= 0)


def _pairs(tokens, segments, valid):
    return Match(jnp.where(valid, tokens, 0), jnp.where(valid, segments, 0), valid)


def _count(token_mask):
    return None if token_mask is None else jnp.sum(token_mask)


def match_one_to_many(
    cost: Cost, segment_labels: Labels, segment_mask: SegmentMask, token_mask: TokenMask = None
) -> Match:
    """Tokens take a class, segments take a token of their class (published `o2m`).

    The classes of the transcript are assigned to tokens one to one; every other token takes its cheapest class; every
    segment takes the cheapest token of its class, the first one on ties. Needs at least as many tokens as classes in
    the transcript. Pairs are ordered by class, then by segment; tokens may repeat.
    """
    num_tokens, num_segments = cost.shape
    num_classes = min(num_tokens, num_segments)
    beyond = jnp.iinfo(jnp.int32).max
    labels = jnp.where(segment_mask, segment_labels, beyond)
    classes = jnp.unique(labels, size=num_classes, fill_value=beyond)
    member = (labels[:, None] == classes[None]) & segment_mask[:, None]
    class_cost = _product(jnp.where(segment_mask[None], cost, 0.0), member)
    present = classes != beyond
    token_of_class = linear_sum_assignment(class_cost, jnp.sum(present), _count(token_mask))
    cheapest = jnp.argmin(jnp.where(present[None], class_cost, jnp.inf), axis=1)
    slot = jnp.where(token_of_class >= 0, token_of_class, num_tokens)
    class_of_token = cheapest.at[slot].set(jnp.arange(num_classes), mode="drop")
    class_of_segment = jnp.argmax(member, axis=1)
    same = class_of_token[:, None] == class_of_segment[None]
    if token_mask is not None:
        same &= token_mask[:, None]
    token_of_segment = jnp.argmin(jnp.where(same, cost, jnp.inf), axis=0)
    order = jnp.argsort(labels, stable=True)
    return _pairs(token_of_segment[order], order, segment_mask[order])


def match_in_order(segment_mask: SegmentMask) -> Match:
    """Token k takes segment k (published `seq`)."""
    index = jnp.where(segment_mask, jnp.arange(segment_mask.shape[0]), 0)
    return Match(index, index, segment_mask)


def match(
    mode: str, cost: Cost, segment_labels: Labels, segment_mask: SegmentMask, token_mask: TokenMask = None
) -> Match:
    """Matches by one of MODES."""
    if mode == "seq":
        return match_in_order(segment_mask)
    if mode == "o2m":
        return match_one_to_many(cost, segment_labels, segment_mask, token_mask)
    return match_one_to_one(cost, segment_mask, token_mask)


def check_matchable(mode: str, num_tokens: int, largest: int, video_id: str, at_least: int = 0) -> None:
    """Raises UserError, before training, where tokens do not suffice.

    Args:
      mode: of MODES.
      num_tokens: M.
      largest: the most segments (o2o) or distinct classes (o2m) of any video, at the sampled rate.
      video_id: the video that has them.
      at_least: number of tokens that other settings ask for, so that the advice satisfies them as well.
    """
    check_choice("loss.match", mode, MODES)
    if largest > num_tokens:
        what = "different classes" if mode == "o2m" else "segments"
        raise UserError(
            f"Video {video_id!r} has {largest} {what}, but the model has {num_tokens} action tokens and loss.match="
            f"{mode!r} needs one token for each. Set model.num_tokens to at least {max(largest, at_least)}"
            + (", or loss.match='o2m'." if mode == "o2o" else ".")
        )
