"""Smoothness over time."""

import jax
import jax.numpy as jnp
from jaxtyping import Float, Int

from fact_jax.ops.arrays import Array, FrameMask
from fact_jax.ops.clamping import at_most


def smoothness(
    log_probs: Float[Array, "B T C"],
    mask: FrameMask,
    *,
    num_channels: Int[Array, " B"] | None = None,
    clip: float = 4.0,
    constant_past: bool = False,
) -> Float[Array, " B"]:
    """Truncated squared change of log-probabilities between neighbouring frames, mean over valid pairs and channels.

    0.0 for a video with one frame, where the published code gives NaN.

    Args:
      log_probs: natural log; 0 in padded channels.
      mask: frames that are no padding.
      num_channels: channels of every video that are no padding; None: all.
      clip: limit on |difference| in nats; larger jumps count as `clip` and have no gradient, one of `clip` has its own.
      constant_past: only the later of two frames carries a gradient, as in MS-TCN and ASFormer; in FACT both do.

    Source: Abu Farha & Gall, MS-TCN, CVPR 2019, truncated MSE.
    """
    pairs = mask[:, 1:] & mask[:, :-1]
    past = jax.lax.stop_gradient(log_probs) if constant_past else log_probs
    squared = at_most(jnp.square(log_probs[:, 1:] - past[:, :-1]), clip**2)
    channels = log_probs.shape[-1] if num_channels is None else jnp.maximum(num_channels, 1)
    count = jnp.maximum(jnp.sum(pairs, axis=1), 1) * channels
    return jnp.sum(jnp.where(pairs[..., None], squared, 0.0), axis=(1, 2)) / count
