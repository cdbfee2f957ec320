"""What lies between the levels of the backbone and the heads."""

import flax.linen as nn
import jax.numpy as jnp

from fact_jax.layers.linear import LayerNorm
from fact_jax.layers.masked_conv import MaskedConv
from fact_jax.models.actionformer.config import ActionFormerConfig


class IdentityNeck(nn.Module):
    """A norm for every level, if that. Its output is not masked."""

    config: ActionFormerConfig

    @nn.compact
    def __call__(self, levels):
        """Maps the levels that have predictions, a list of (float [B, T_l, D], bool [B, T_l]), to features."""
        if not self.config.neck_norm:
            return [x for x, _ in levels]
        return [LayerNorm(name=f"norm_{index}")(x) for index, (x, _) in enumerate(levels)]


class PyramidNeck(nn.Module):
    """Adds every level to the next finer one, frames repeated, and smooths what comes out.

    Repeated frames stand at masked places, too, where the smoothing reads them.
    """

    config: ActionFormerConfig

    @nn.compact
    def __call__(self, levels):
        """As `IdentityNeck`, with neck_dim channels."""
        config = self.config
        dim, use_bias, dtype = config.neck_dim, not config.neck_norm, config.dtype
        sides = [
            MaskedConv(dim, 1, use_bias=use_bias, dtype=dtype, name=f"lateral_{index}")(x, mask)[0]
            for index, (x, mask) in enumerate(levels)
        ]
        for index in range(len(sides) - 1, 0, -1):
            sides[index - 1] = sides[index - 1] + jnp.repeat(sides[index], config.scale_factor, axis=1)
        outputs = []
        for index, (x, (_, mask)) in enumerate(zip(sides, levels, strict=True)):
            y, _ = MaskedConv(dim, depthwise=True, use_bias=use_bias, name=f"smooth_{index}")(x, mask)
            outputs.append(LayerNorm(name=f"norm_{index}")(y) if config.neck_norm else y)
        return outputs
