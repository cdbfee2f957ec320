"""Losses between frames of two views of a video: sequence contrastive (SCL) and n-pairs (TCN)."""

import jax
import jax.numpy as jnp
from jaxtyping import Bool, Float, Int

from fact_jax.ops.arrays import Array

NEGATIVES = ("single_noself", "batch_noself", "single", "batch")
POSITIVES = ("gauss", "none")
MASKED_WEIGHT = 1e-6  # of pairs with a frame of the padding, as published
LEAST_PROBABILITY = 1e-6  # added to probabilities
LEAST_EXPONENT = -103.97  # exp of less is 0 in float32
Scalar = Float[Array, ""]
Number = float | Scalar


def sequence_contrastive(
    embeddings: Float[Array, "V 2 T C"],
    steps: Int[Array, "V 2 T"],
    lengths: Int[Array, "V 2"],
    mask: Bool[Array, "V 2 T"],
    video_mask: Bool[Array, " V"],
    *,
    negatives: str = "single_noself",
    positives: str = "gauss",
    label_variance: Number = 10.0,
    temperature: Number = 0.1,
) -> tuple[Scalar, Scalar]:
    """Divergence of every frame's similarities to the other view from a bell curve over time: (sum, frames).

    Frames of the padding (`mask`) and videos that are none (`video_mask`) have no loss. As published, pairs with a
    frame of the padding stay in the denominator with a weight of 1e-6, whatever the negatives are.

    Args:
      embeddings: of unit length, as a rule.
      steps: numbers of the frames in the video.
      lengths: frames of the video.
      negatives: "single": those of the same video, "batch": of all videos; "_noself": none of the own view.
      positives: "gauss"; "none": no frame is like another, and the loss is 0.
      label_variance: of the bell curve, in squared frames.
      temperature: divides the similarities.

    Source: Chen et al., Frame-wise Action Representations for Long Videos via Sequence Contrastive Learning, CVPR 2022.
    Deviations: rows are shifted before the exponential, so that no temperature overflows; the bell curve is normalised
    from its exponents, so that hardware without tiny numbers gives the same.
    """
    valid = mask & video_mask[:, None, None]
    count = jnp.sum(valid, dtype=jnp.float32)
    if positives != "gauss":
        return 0.0 * jnp.sum(embeddings), count
    num_videos, num_views, num_steps, _ = embeddings.shape
    video, view, _ = (index.ravel() for index in jnp.indices((num_videos, num_views, num_steps)))
    same_video, same_view = video[:, None] == video, view[:, None] == view
    exists = jnp.repeat(video_mask, num_views * num_steps)
    both = valid.reshape(-1, 1) & valid.reshape(-1)

    # Only the frames of absent videos are in nobody's denominator.
    allowed = same_video if negatives.startswith("single") else jnp.ones_like(same_video)
    if negatives.endswith("noself"):
        allowed &= ~(same_video & same_view)
    weights = jnp.where(both, allowed.astype(jnp.float32), MASKED_WEIGHT) * exists
    flat = embeddings.reshape(len(video), -1)
    logits = jnp.where(weights > 0, flat @ flat.T / temperature, -jnp.inf)
    shift = jax.lax.stop_gradient(jnp.max(logits, axis=1, keepdims=True))
    powers = jnp.exp(logits - jnp.where(jnp.isfinite(shift), shift, 0.0))
    total = jnp.sum(weights * powers, axis=1, keepdims=True)
    probs = powers / jnp.where(total > 0, total, 1.0)

    targets = _bell_curve(steps, lengths, both & same_video & ~same_view, label_variance)
    entropy = targets * jnp.log(jnp.where(targets > 0, targets, 1.0))
    return jnp.sum(entropy - targets * jnp.log(probs + LEAST_PROBABILITY)), count


def _bell_curve(steps, lengths, pairs, variance):
    """Weights [N, N] of the `pairs`, which sum to 1 in every row; 0 in one whose curve is 0 in float32."""
    times = steps.ravel().astype(jnp.float32)
    length = jnp.repeat(lengths.ravel(), steps.shape[-1]).astype(jnp.float32)
    distance = jnp.abs(times[:, None] / length[:, None] * length - times)
    exponents = jnp.where(pairs, -jnp.square(distance) / (2.0 * variance), -jnp.inf)
    largest = jnp.max(exponents, axis=1, keepdims=True)
    reached = largest > LEAST_EXPONENT
    powers = jnp.where(reached, jnp.exp(exponents - jnp.where(reached, largest, 0.0)), 0.0)
    total = jnp.sum(powers, axis=1, keepdims=True)
    return powers / jnp.where(total > 0, total, 1.0)


def n_pairs(embeddings: Float[Array, "B T C"], *, regularization: float = 0.002) -> Float[Array, " B"]:
    """Cross-entropy of every anchor's products with all positives of its clip, and a quarter of the squared lengths.

    Even frames are anchors, each followed by its positive. `regularization` is the weight of the mean squared lengths
    of both.

    Source: Sermanet et al., Time-Contrastive Networks, ICRA 2018, with the n-pairs loss of Sohn, NIPS 2016.
    """
    anchors, positives = embeddings[:, ::2], embeddings[:, 1::2]
    log_probs = jax.nn.log_softmax(jnp.einsum("bac,bpc->bap", anchors, positives))
    entropy = -jnp.mean(jnp.diagonal(log_probs, axis1=1, axis2=2), axis=1)
    squares = jnp.mean(jnp.sum(jnp.square(anchors) + jnp.square(positives), axis=-1), axis=1)
    return entropy + 0.25 * regularization * squares
