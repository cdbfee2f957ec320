"""Dropout and input augmentation whose random numbers depend on neither padding nor the number of devices.

Every random layer takes `rows`, int32 [B]: the number of each video in the global batch, or None to switch it off. The
mask of a video is a function of (key of the step, layer, row, time, channel). JAX numbers random bits by position
(`jax_threefry_partitionable`), so with time as the leading axis a longer padding leaves the mask of the valid part as
it was.
"""

import flax.linen as nn
import jax
import jax.numpy as jnp


def fold_rows(key, rows):
    """One key per video: [B] keys from a key and the global row numbers."""
    return jax.vmap(jax.random.fold_in, in_axes=(None, 0))(key, rows)


class Dropout(nn.Module):
    """Zeroes entries with probability `rate` and scales the others by 1/(1 - rate).

    Attributes:
      rate: in [0, 1).
      time_axis: axis of the input whose length padding may change; moved to the front of every video's mask.
    """

    rate: float
    time_axis: int = 1

    @nn.compact
    def __call__(self, x, rows):
        if self.rate == 0.0 or rows is None:
            return x

        def draw(key, video):
            leading = jnp.moveaxis(video, self.time_axis - 1, 0)
            keep = jax.random.bernoulli(key, 1.0 - self.rate, leading.shape)
            return jnp.moveaxis(keep, 0, self.time_axis - 1)

        keep = jax.vmap(draw)(fold_rows(self.make_rng("dropout"), rows), x)
        return jnp.where(keep, x / (1.0 - self.rate), 0.0)


class ChannelDropout(nn.Module):
    """Drops whole input channels for a whole video (published `cmr`); survivors are scaled by 1/(1 - rate)."""

    rate: float

    @nn.compact
    def __call__(self, x, rows):
        """Maps [B, T, D] to [B, T, D]."""
        if self.rate == 0.0 or rows is None:
            return x
        keys = fold_rows(self.make_rng("dropout"), rows)
        keep = jax.vmap(lambda key: jax.random.bernoulli(key, 1.0 - self.rate, x.shape[-1:]))(keys)
        return jnp.where(keep[:, None, :], x / (1.0 - self.rate), 0.0)


class TimeMask(nn.Module):
    """Zeroes a few random stretches of every video (published `TM`).

    Draws `count` stretches one after the other. A stretch has min(floor(max_fraction * T), u) frames with u uniform in
    0..max_frames-1 and starts uniformly in 0..T-length-1, so the last frame is never covered. As published, a drawn
    length of 0 ends the masking of that video.

    Attributes:
      count: stretches per video; 0 switches the layer off.
      max_frames: exclusive bound on the drawn length, in frames.
      max_fraction: bound on the length as a fraction of T.
    """

    count: int
    max_frames: int
    max_fraction: float

    @nn.compact
    def __call__(self, x, mask, rows):
        """Maps [B, T, D] to [B, T, D]; T of a video is its number of True entries in `mask` (bool [B, T])."""
        if self.count == 0 or rows is None:
            return x
        keys = fold_rows(self.make_rng("dropout"), rows)
        covered = jax.vmap(self._cover, in_axes=(0, 0, None))(keys, jnp.sum(mask, axis=1), x.shape[1])
        return jnp.where(covered[..., None], 0.0, x)

    def _cover(self, key, length, num_frames):
        time = jnp.arange(num_frames)
        limit = jnp.floor(self.max_fraction * length).astype(jnp.int32)

        def add(carry, key):
            covered, active = carry
            length_key, start_key = jax.random.split(key)
            size = jnp.minimum(jax.random.randint(length_key, (), 0, self.max_frames), limit)
            active = active & (size > 0)
            start = jax.random.randint(start_key, (), 0, jnp.maximum(length - size, 1))
            stretch = (time >= start) & (time < start + size)
            return (covered | (stretch & active), active), None

        start = (jnp.zeros(num_frames, bool), jnp.asarray(True))
        (covered, _), _ = jax.lax.scan(add, start, jax.random.split(key, self.count))
        return covered
