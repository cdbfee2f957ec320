"""From the last block's outputs to one class per frame (spec section 3, decoding)."""

import jax
import jax.numpy as jnp

from fact_jax.models.fact.classes import VerbNounClasses
from fact_jax.ops.masks import masked_softmax


def decode(config, output, transcript=None, transcript_mask=None):
    """Lets the action branch and the frame branch vote on every frame.

    With learned tokens: those whose most likely class is "no action" are left out. Every frame takes the class
    probabilities of the token it attends to most; these and the frame branch's own are averaged with weights
    1 - frame_weight and frame_weight. A video without any kept token is decoded by the frame branch alone.

    With a transcript: every frame takes a place of the transcript, by its attention to the tokens (put through one more
    softmax, as published) and the frame branch's probability of the class at that place, with the same weights; with
    verbs and nouns by the attention alone.

    Args:
      config: FactConfig.
      output: BlockOutput of the last block.
      transcript: int [B, S] and `transcript_mask` bool [B, S], if the config uses one.

    Returns:
      dict of int32 [B, T] "labels", "frame_labels" (frame branch alone), "action_labels" (action branch alone, equal
      to frame_labels when no token is kept).
    """
    frame_probs = jnp.exp(config.classes.log_probs(output.frame_logits))
    frame_labels = jnp.argmax(frame_probs, axis=-1)
    if config.use_transcript:
        return _decode_places(config, output.a2f_attention, frame_probs, transcript, transcript_mask) | {
            "frame_labels": frame_labels
        }
    action_probs, any_kept = _action_probs(config, output)
    fused = _fuse(config, action_probs, frame_probs, any_kept)
    return {
        "labels": jnp.argmax(fused, axis=-1),
        "frame_labels": frame_labels,
        "action_labels": jnp.where(any_kept, jnp.argmax(action_probs, axis=-1), frame_labels),
    }


def decode_scores(config, output, transcript=None, transcript_mask=None):
    """As `decode`, and how sure the network is.

    Returns:
      the dict of `decode` with "probabilities", float [B, T, C]: what the two branches say together, normalised to sum
      to 1; with a transcript, the attention to all places of a class counts for the class. And "confidence", float
      [B, T] in [0, 1]: the probability of the label chosen.
    """
    labels = decode(config, output, transcript, transcript_mask)
    frame_probs = jnp.exp(config.classes.log_probs(output.frame_logits))
    if config.use_transcript:
        onehot = jax.nn.one_hot(transcript, config.num_classes) * transcript_mask[..., None]
        frame_probs = frame_probs * jnp.max(onehot, axis=1, initial=0.0)[:, None]
        action_probs, any_kept = output.a2f_attention @ onehot, True
    else:
        action_probs, any_kept = _action_probs(config, output)
        any_kept = any_kept[..., None]
    frame_probs = frame_probs / jnp.maximum(jnp.sum(frame_probs, axis=-1, keepdims=True), jnp.finfo(jnp.float32).tiny)
    fused = (1.0 - config.frame_weight) * action_probs + config.frame_weight * frame_probs
    probabilities = jnp.where(any_kept, fused, frame_probs)
    confidence = jnp.take_along_axis(probabilities, labels["labels"][..., None], axis=-1)[..., 0]
    return labels | {"probabilities": probabilities, "confidence": confidence}


def _action_probs(config, output):
    """Class probabilities of the kept token that a frame attends to most [B, T, C]; whether any is kept [B, 1]."""
    log_probs = config.classes.token_log_probs(output.action_logits)
    num_classes = config.num_classes
    kept = jnp.argmax(log_probs, axis=-1) != num_classes
    token_probs = jax.nn.softmax(log_probs[..., :num_classes])
    # Attention is never negative, so -1 loses against every kept token.
    token = jnp.argmax(jnp.where(kept[:, None, :], output.a2f_attention, -1.0), axis=-1)
    return jnp.take_along_axis(token_probs, token[..., None], axis=1), jnp.any(kept, axis=-1)[:, None]


def _fuse(config, action_probs, frame_probs, any_kept):
    fused = (1.0 - config.frame_weight) * action_probs + config.frame_weight * frame_probs
    return jnp.where(any_kept[..., None], fused, frame_probs)


def _decode_places(config, attention, frame_probs, transcript, transcript_mask):
    """Labels by the place of the transcript with the largest score; padded places never win."""

    def labels(scores):
        place = jnp.argmax(jnp.where(transcript_mask[:, None, :], scores, -1.0), axis=-1)
        return jnp.take_along_axis(transcript, place, axis=1)

    if isinstance(config.classes, VerbNounClasses):
        return {"labels": labels(attention), "action_labels": labels(attention)}
    place_probs = masked_softmax(attention, transcript_mask[:, None, :])
    wanted = jnp.broadcast_to(transcript[:, None, :], attention.shape)
    frame_scores = jnp.take_along_axis(frame_probs, wanted, axis=-1)
    fused = (1.0 - config.frame_weight) * place_probs + config.frame_weight * frame_scores
    return {"labels": labels(fused), "action_labels": labels(place_probs)}
