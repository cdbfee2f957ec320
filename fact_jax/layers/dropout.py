"""Dropout and input augmentation, switched on by `dropout_rng`.

Every random layer takes `dropout_rng`, the seeds of the videos (fact_jax/ops/dropout_rng.py), or None to switch it off.
The random numbers of a video depend on its seeds, the layer and the position, not on padding or other videos. A module
is called once per step: two calls of the same one would repeat its numbers.
"""

import flax.linen as nn
import jax.numpy as jnp
from jaxtyping import Float

from fact_jax.layers.projected import Projected
from fact_jax.ops import dropout_rng as random
from fact_jax.ops.arrays import Array, FrameMask, Frames, Seeds

PATH_SCALE = 1e-4  # of a path at the start


class Dropout(nn.Module):
    """Zeroes entries with probability `rate` (in [0, 1)) and scales the others by 1/(1 - rate)."""

    rate: float

    @nn.compact
    def __call__(self, x: Float[Array, "..."], dropout_rng: Seeds | None) -> Float[Array, "..."]:
        if self.rate == 0.0 or dropout_rng is None:
            return x
        keep = random.random_keep(dropout_rng, random.salt(self.path), x.shape, self.rate)
        return jnp.where(keep, x / (1.0 - self.rate), 0.0)


class ChannelDropout(nn.Module):
    """Drops whole input channels for a whole video (published `cmr`); survivors are scaled by 1/(1 - rate)."""

    rate: float

    @nn.compact
    def __call__(self, x: Projected | Frames, dropout_rng: Seeds | None) -> Projected | Frames:
        if self.rate == 0.0 or dropout_rng is None:
            return x
        keep = random.random_keep(dropout_rng, random.salt(self.path), (x.shape[0], x.shape[-1]), self.rate)
        if isinstance(x, Projected):
            return x.with_channels(keep / jnp.float32(1.0 - self.rate))
        return jnp.where(keep[:, None, :], x / (1.0 - self.rate), 0.0)


class TimeMask(nn.Module):
    """Zeroes a few random stretches of every video (published `TM`).

    Draws `count` stretches one after the other. A stretch has min(floor(max_fraction * T), u) frames with u uniform in
    0..max_frames-1 and starts uniformly in 0..T-length-1, so the last frame is never covered. As published, a drawn
    length of 0 ends the masking of that video.

    Attributes:
      count: stretches per video; 0 switches the layer off.
      max_frames: exclusive bound on the drawn length, in frames.
      max_fraction: bound on the length as a fraction of T, the frames that are no padding.
    """

    count: int
    max_frames: int
    max_fraction: float

    @nn.compact
    def __call__(self, x: Projected | Frames, mask: FrameMask, dropout_rng: Seeds | None) -> Projected | Frames:
        if self.count == 0 or dropout_rng is None:
            return x
        draws = random.random_uniform(dropout_rng, random.salt(self.path), (x.shape[0], self.count, 2))
        num_frames = jnp.sum(mask, axis=1)[:, None]
        limit = jnp.floor(self.max_fraction * num_frames).astype(jnp.int32)
        # The published code crashes on a stretch as long as the video; here it keeps one frame.
        limit = jnp.clip(limit, 0, jnp.maximum(num_frames - 1, 0))
        size = jnp.minimum(_integer(draws[..., 0], self.max_frames), limit)
        size = jnp.where(jnp.cumsum(size == 0, axis=1) > 0, 0, size)
        start = _integer(draws[..., 1], jnp.maximum(num_frames - size, 1))
        time = jnp.arange(x.shape[1])[None, None]
        covered = (time >= start[..., None]) & (time < (start + size)[..., None])
        covered = jnp.any(covered, axis=1)
        return x.within(~covered) if isinstance(x, Projected) else jnp.where(covered[..., None], 0.0, x)


class AffineDropPath(nn.Module):
    """Scales channels; in training leaves a video out with probability `rate` and scales the others by 1/(1 - rate).

    The scale is learned and applied in evaluation, too. With a rate of 0 there is neither.
    """

    rate: float

    @nn.compact
    def __call__(self, x: Frames, dropout_rng: Seeds | None) -> Frames:
        if self.rate == 0.0:
            return x
        x = x * self.param("scale", nn.initializers.constant(PATH_SCALE), (x.shape[-1],))
        if dropout_rng is None:
            return x
        keep = random.random_keep(dropout_rng, random.salt(self.path), x.shape[:1], self.rate)
        return jnp.where(keep[:, None, None], x / (1.0 - self.rate), 0.0)


def _integer(uniform, bound):
    """Whole numbers in 0..bound-1 from uniform numbers in [0, 1)."""
    return jnp.minimum(jnp.floor(uniform * bound).astype(jnp.int32), bound - 1)
