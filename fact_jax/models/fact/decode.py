"""From the last block's outputs to one class per frame (spec section 3, decoding without a transcript)."""

import jax
import jax.numpy as jnp


def decode(output, token_mask, frame_weight):
    """Lets the action branch and the frame branch vote on every frame.

    Tokens whose most likely class is "no action" are left out. Every frame takes the class probabilities of the token
    it attends to most; these and the frame branch's own are averaged with weights 1 - frame_weight and frame_weight.
    A video without any kept token is decoded by the frame branch alone.

    Args:
      output: BlockOutput of the last block.
      token_mask: bool [B, M].
      frame_weight: published `mwt`, in [0, 1].

    Returns:
      dict of int32 [B, T] "labels", "frame_labels" (frame branch alone), "action_labels" (action branch alone, equal
      to frame_labels when no token is kept).
    """
    frame_probs = jax.nn.softmax(output.frame_logits)
    frame_labels = jnp.argmax(frame_probs, axis=-1)
    num_classes = frame_probs.shape[-1]
    kept = (jnp.argmax(output.action_logits, axis=-1) != num_classes) & token_mask
    token_probs = jax.nn.softmax(output.action_logits[..., :num_classes])
    # Attention is never negative, so -1 loses against every kept token.
    token = jnp.argmax(jnp.where(kept[:, None, :], output.a2f_attention, -1.0), axis=-1)
    action_probs = jnp.take_along_axis(token_probs, token[..., None], axis=1)
    fused = (1.0 - frame_weight) * action_probs + frame_weight * frame_probs
    any_kept = jnp.any(kept, axis=-1)[:, None]
    fused = jnp.where(any_kept[..., None], fused, frame_probs)
    return {
        "labels": jnp.argmax(fused, axis=-1),
        "frame_labels": frame_labels,
        "action_labels": jnp.where(any_kept, jnp.argmax(action_probs, axis=-1), frame_labels),
    }
