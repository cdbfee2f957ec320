"""Temporal cycle consistency: a frame that goes to its soft nearest neighbour in another video shall come back."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Bool, Float, Int

from fact_jax.ops.arrays import Array

LOSSES = ("regression_mse_var", "regression_mse", "regression_huber", "classification")
SIMILARITIES = ("l2", "cosine")
LEAST_VARIANCE = 1e-19  # of a time, where a softmax has all on one frame
Scalar = Float[Array, ""]
Number = float | Scalar


class CycleSums(NamedTuple):
    """Sums over the frames of all ordered pairs of two clips.

    `squared_error` and `log_variance` are of the times that the cycles come back to, of "regression_mse_var" alone and
    0 else.
    """

    loss: Scalar
    count: Scalar
    squared_error: Scalar
    log_variance: Scalar


def cycle_consistency(
    embeddings: Float[Array, "B T C"],
    steps: Int[Array, "B T"],
    lengths: Int[Array, " B"],
    video_mask: Bool[Array, " B"],
    *,
    loss: str = "regression_mse_var",
    similarity: str = "l2",
    temperature: Number = 0.1,
    label_smoothing: Number = 0.1,
    variance_weight: Number = 0.001,
    normalize_steps: bool = True,
) -> CycleSums:
    """Compares where a frame's cycle through another clip ends with where it began. T is more than 1.

    Frames of the padding count, as published. Clips that are none (`video_mask`) are in no pair.

    Args:
      steps: numbers of the frames in the video of `lengths` frames; divided by it with `normalize_steps`.
      loss: "regression_mse_var" weighs squared errors by the variance of the time, "regression_mse" does not,
        "regression_huber" is linear from 1 on. "classification" is the divergence of the smoothed frame numbers, with
        logits in the place of log-probabilities: a slip of the published code, kept for its numbers.
      similarity: "l2", negative squared distance, or "cosine", the product; divided by C and by `temperature`.
      label_smoothing: share of the wanted distribution that is spread over all frames.
      variance_weight: of the logarithm of the variance.

    Source: Dwibedi et al., Temporal Cycle-Consistency Learning, CVPR 2019. Deviation: where a variance is 0 the
    published code ends with an error.
    """
    num_steps = embeddings.shape[1]
    times = steps.astype(jnp.float32)
    times = times / lengths[:, None] if normalize_steps else times
    smoothing = label_smoothing / (num_steps - 1)
    wanted = (1.0 - num_steps * smoothing) * jnp.eye(num_steps) + smoothing

    def one(first, second, times):
        neighbours = jax.nn.softmax(_similarities(first, second, similarity, temperature)) @ second
        logits = _similarities(neighbours, first, similarity, temperature)
        if loss == "classification":
            entropy = wanted * jnp.log(jnp.where(wanted > 0, wanted, 1.0))
            return jnp.mean(entropy - wanted * logits, axis=1), jnp.zeros((2, num_steps))
        return _regression(logits, times, wanted, loss, variance_weight)

    all_pairs = jax.vmap(jax.vmap(one, in_axes=(None, 0, None)), in_axes=(0, None, 0))
    values, others = all_pairs(embeddings, embeddings, times)
    pairs = video_mask[:, None] & video_mask & ~jnp.eye(len(embeddings), dtype=bool)
    values = jnp.sum(jnp.where(pairs[..., None], values, 0.0))
    squared_error, log_variance = jnp.sum(jnp.where(pairs[..., None, None], others, 0.0), axis=(0, 1, 3))
    return CycleSums(values, jnp.sum(pairs) * jnp.float32(num_steps), squared_error, log_variance)


def _similarities(left, right, similarity, temperature):
    """[T, C], [T, C] -> [T, T]."""
    products = left @ right.T
    if similarity == "l2":
        squares = jnp.sum(jnp.square(left), axis=1)[:, None] + jnp.sum(jnp.square(right), axis=1)
        products = -(squares - 2.0 * products)
    return products / left.shape[-1] / temperature


def _regression(logits, times, wanted, loss, variance_weight):
    """Losses [T], and (squared errors, logarithms of the variances) [2, T], of one pair."""
    probs = jax.nn.softmax(logits)
    true, predicted = wanted @ times, probs @ times
    error = true - predicted
    if loss == "regression_mse":
        return jnp.square(error), jnp.zeros((2, len(times)))
    if loss == "regression_huber":
        size = jnp.abs(error)
        return jnp.where(size < 1.0, 0.5 * jnp.square(error), size - 0.5), jnp.zeros((2, len(times)))
    variance = jnp.sum(probs * jnp.square(times - predicted[:, None]), axis=1)
    log_variance = jnp.log(jnp.maximum(variance, LEAST_VARIANCE))
    values = jnp.exp(-log_variance) * jnp.square(error) + variance_weight * log_variance
    return values, jnp.stack([jnp.square(error), log_variance])
