"""Branches of a residual block that are scaled per channel and left out for whole videos."""

import flax.linen as nn
import jax.numpy as jnp

from fact_jax.ops import noise as random

START = 1e-4  # of the scales


class AffineDropPath(nn.Module):
    """Scales channels; in training leaves a video out with probability `rate` and scales the others by 1/(1 - rate).

    The scale is learned and applied in evaluation, too. With a rate of 0 there is neither.
    """

    rate: float

    @nn.compact
    def __call__(self, x, noise):
        """Maps [B, T, D] to [B, T, D]; `noise` as in fact_jax/layers/dropout.py."""
        if self.rate == 0.0:
            return x
        x = x * self.param("scale", nn.initializers.constant(START), (x.shape[-1],))
        if noise is None:
            return x
        keep = random.random_keep(noise, random.salt(self.path), x.shape[:1], self.rate)
        return jnp.where(keep[:, None, None], x / (1.0 - self.rate), 0.0)
