"""From the last block's outputs to one class per frame.

Source: FACT (CVPR 2024), published models/blocks.py.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Bool, Int, Shaped

from fact_jax.models.fact.blocks import BlockOutput
from fact_jax.models.fact.classes import VerbNounClasses
from fact_jax.models.fact.config import FactConfig
from fact_jax.ops.arrays import Array
from fact_jax.ops.masks import masked_softmax

Transcript = Int[Array, "B S"] | None  # the actions of every video in order
TranscriptMask = Bool[Array, "B S"] | None  # a prefix


def decode(
    config: FactConfig, output: BlockOutput, transcript: Transcript = None, transcript_mask: TranscriptMask = None
) -> dict[str, Int[Array, "B T"]]:
    """Lets the action branch and the frame branch vote on every frame.

    With learned tokens: those whose most likely class is "no action" are left out. Every frame takes the class
    probabilities of the token it attends to most; these and the frame branch's own are averaged with weights
    1 - frame_weight and frame_weight. A video without any kept token is decoded by the frame branch alone.

    With config.soft_vote every token has a say, as large as the frame's attention to it. What tokens give to no class
    is given to the frame branch instead, so that tokens which have not learned anything yet leave it alone. Source of
    the vote: "semantic inference" of Cheng et al., Per-Pixel Classification is Not All You Need for Semantic
    Segmentation (MaskFormer), NeurIPS 2021.

    With a transcript: every frame takes one of its segments, by its attention to the tokens (put through one more
    softmax, as published) and the frame branch's probability of the segment's class, with the same weights; with verbs
    and nouns by the attention alone.

    Returns:
      "labels", "frame_labels" (frame branch alone), "action_labels" (action branch alone, equal to frame_labels when no
      token is kept), of the output of the last block.
    """
    return _vote(config, output, transcript, transcript_mask)[0]


def decode_scores(
    config: FactConfig, output: BlockOutput, transcript: Transcript = None, transcript_mask: TranscriptMask = None
) -> dict[str, Shaped[Array, "B T ..."]]:
    """As `decode`, with "probabilities" [B, T, C] and "confidence" [B, T], the probability of the label.

    Probabilities are the scores that `decode` compares, normalised to sum to 1, so that the label has the largest one;
    with a transcript, a class has the score of its best segment.
    """
    labels, scores = _vote(config, output, transcript, transcript_mask)
    total = jnp.sum(scores, axis=-1, keepdims=True)
    probabilities = scores / jnp.maximum(total, jnp.finfo(scores.dtype).tiny)
    confidence = jnp.take_along_axis(probabilities, labels["labels"][..., None], axis=-1)[..., 0]
    return labels | {"probabilities": probabilities, "confidence": confidence}


def _vote(config, output, transcript, transcript_mask):
    """Labels of `decode` and the scores of the classes behind "labels", float [B, T, C]."""
    frame_probs = jnp.exp(config.classes.log_probs(output.frame_logits))
    frame_labels = jnp.argmax(frame_probs, axis=-1)
    if config.use_transcript:
        attention, fused = _transcript_scores(config, output.a2f_attention, frame_probs, transcript, transcript_mask)
        labels = {
            name: jnp.take_along_axis(transcript, jnp.argmax(scores, axis=-1), axis=1)
            for name, scores in (("labels", fused), ("action_labels", attention))
        }
        return labels | {"frame_labels": frame_labels}, _best_of_class(config.num_classes, fused, transcript)
    if config.soft_vote:
        action_probs, any_kept = _mean_probs(config, output, frame_probs), jnp.array([[True]])
    else:
        action_probs, any_kept = _action_probs(config, output)
    fused = (1.0 - config.frame_weight) * action_probs + config.frame_weight * frame_probs
    fused = jnp.where(any_kept[..., None], fused, frame_probs)
    action_labels = jnp.where(any_kept, jnp.argmax(action_probs, axis=-1), frame_labels)
    labels = {"labels": jnp.argmax(fused, axis=-1), "frame_labels": frame_labels, "action_labels": action_labels}
    return labels, fused


def _action_probs(config, output):
    """Class probabilities of the kept token that a frame attends to most [B, T, C]; whether any is kept [B, 1]."""
    log_probs = config.classes.token_log_probs(output.action_logits)
    num_classes = config.num_classes
    kept = jnp.argmax(log_probs, axis=-1) != num_classes
    token_probs = jax.nn.softmax(log_probs[..., :num_classes])
    # Attention is never negative, so -1 loses against every kept token.
    token = jnp.argmax(jnp.where(kept[:, None, :], output.a2f_attention, -1.0), axis=-1)
    return jnp.take_along_axis(token_probs, token[..., None], axis=1), jnp.any(kept, axis=-1)[:, None]


def _mean_probs(config, output, frame_probs):
    """Class probabilities of all tokens weighted by attention, with what is missing to 1 by the frame branch."""
    token_probs = jnp.exp(config.classes.token_log_probs(output.action_logits))[..., : config.num_classes]
    probs = jnp.einsum("btm,bmc->btc", output.a2f_attention, token_probs)
    return probs + (1.0 - jnp.sum(probs, axis=-1, keepdims=True)) * frame_probs


def _transcript_scores(config, attention, frame_probs, transcript, transcript_mask):
    """Scores [B, T, S] of the segments of the transcript, by the attention alone and by both; -1 for padded ones."""
    mask = transcript_mask[:, None, :]
    attention = jnp.where(mask, attention, -1.0)
    if isinstance(config.classes, VerbNounClasses) or config.frame_weight == 0:
        # The second softmax would change no order, and make all segments look alike.
        return attention, attention
    wanted = jnp.broadcast_to(transcript[:, None, :], attention.shape)
    frame_scores = jnp.take_along_axis(frame_probs, wanted, axis=-1)
    fused = (1.0 - config.frame_weight) * masked_softmax(attention, mask) + config.frame_weight * frame_scores
    return attention, jnp.where(mask, fused, -1.0)


def _best_of_class(num_classes, scores, transcript):
    """The best score of every class among those [B, T, S] of a transcript [B, S]; 0 for the others."""

    def one(scores, transcript):
        return jnp.zeros((scores.shape[0], num_classes), scores.dtype).at[:, transcript].max(scores)

    return jax.vmap(one)(scores, transcript)
