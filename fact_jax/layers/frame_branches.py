"""Frame branches: stacks of dilated convolutions over time (MS-TCN and MS-TCN++)."""

import flax.linen as nn
import jax
import jax.numpy as jnp

from fact_jax.layers.dropout import Dropout
from fact_jax.layers.linear import Dense, LayerNorm, TemporalConv


class MSTCN(nn.Module):
    """Residual layers of dilations 1, 2, 4, ... (Abu Farha & Gall, CVPR 2019; published branch `m`).

    Attributes:
      dim: channels of the stack.
      num_layers: L; layer l has dilation 2^l.
      out_dim: channels of the output.
      dropout_rate: after every layer's 1x1 convolution.
      groups: groups of the dilated convolutions.
      use_norm: LayerNorm over channels after every residual sum.
      map_input: start with a 1x1 convolution to `dim`; otherwise the input must have `dim` channels.
    """

    dim: int
    num_layers: int
    out_dim: int
    dropout_rate: float = 0.0
    groups: int = 1
    use_norm: bool = False
    map_input: bool = False

    @nn.compact
    def __call__(self, x, mask, noise=None):
        """Maps [B, T, D] to [B, T, out_dim]; frames outside `mask` (bool [B, T]) influence no valid frame."""
        if self.map_input:
            x = Dense(self.dim, name="input")(x)
        for layer in range(self.num_layers):
            y = TemporalConv(self.dim, 2**layer, self.groups, name=f"dilated_{layer}")(x, mask)
            y = Dense(self.dim, name=f"mix_{layer}")(jax.nn.relu(y))
            x = x + Dropout(self.dropout_rate)(y, noise)
            if self.use_norm:
                x = LayerNorm(name=f"norm_{layer}")(x)
        return Dense(self.out_dim, name="output")(x)


class MSTCNPlusPlus(nn.Module):
    """Layers that fuse a falling and a rising dilation (Li et al., TPAMI 2020; published branch `m2`).

    Attributes as in `MSTCN`, without normalisation; the last layer has no dropout.
    """

    dim: int
    num_layers: int
    out_dim: int
    dropout_rate: float = 0.0
    groups: int = 1
    map_input: bool = False

    @nn.compact
    def __call__(self, x, mask, noise=None):
        """Maps [B, T, D] to [B, T, out_dim]; frames outside `mask` (bool [B, T]) influence no valid frame."""
        if self.map_input:
            x = Dense(self.dim, name="input")(x)
        last = self.num_layers - 1
        for layer in range(self.num_layers):
            falling = TemporalConv(self.dim, 2 ** (last - layer), self.groups, name=f"falling_{layer}")(x, mask)
            rising = TemporalConv(self.dim, 2**layer, self.groups, name=f"rising_{layer}")(x, mask)
            y = Dense(self.dim, name=f"fuse_{layer}")(jnp.concatenate([falling, rising], axis=-1))
            y = jax.nn.relu(y)
            if layer != last:
                y = Dropout(self.dropout_rate)(y, noise)
            x = x + y
        return Dense(self.out_dim, name="output")(x)
