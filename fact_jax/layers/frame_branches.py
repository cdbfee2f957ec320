"""Frame branches: stacks of dilated convolutions over time (MS-TCN and MS-TCN++)."""

from collections.abc import Mapping
from typing import Any

import flax.linen as nn
import jax.numpy as jnp

from fact_jax.layers.dropout import Dropout
from fact_jax.layers.factored import Features, mapped
from fact_jax.layers.linear import Dense, LayerNorm, TemporalConv, zero_padding
from fact_jax.layers.projected import Projected, applied
from fact_jax.ops.arrays import FrameMask, Frames, Seeds
from fact_jax.ops.convolution import dilated_conv
from fact_jax.ops.fusion import computed_once
from fact_jax.ops.relu import relu


class DilatedStage(nn.Module):
    """Residual layers of dilations 1, 2, 4, ... (Abu Farha & Gall, CVPR 2019; published branch `m`).

    Attributes:
      dim: channels of the stack.
      dropout_rate: after every layer's 1x1 convolution.
      groups: of the dilated convolutions.
      use_norm: LayerNorm over channels after every residual sum.
      map_input: start with a 1x1 convolution to `dim`; otherwise the input must have `dim` channels.
      dtype: of the products, apart from those of the output map: class probabilities are read off it.
    """

    dim: int
    num_layers: int
    out_dim: int
    dropout_rate: float = 0.0
    groups: int = 1
    use_norm: bool = False
    map_input: bool = False
    dtype: str = "float32"

    @nn.compact
    def __call__(self, x: Projected | Frames, mask: FrameMask, dropout_rng: Seeds | None = None) -> Features:
        """Maps frames to `out_dim` channels; frames outside `mask` influence no valid frame."""
        x = applied(Dense(self.dim, self.dtype, name="input") if self.map_input else None, x)
        x = zero_padding(x, mask)
        for layer in range(self.num_layers):
            y = TemporalConv(self.dim, 2**layer, self.groups, self.dtype, name=f"dilated_{layer}")(x)
            # Of its gradient, too: two products and a sum read it, and would draw the dropout again for each of them.
            y = computed_once(Dense(self.dim, self.dtype, name=f"mix_{layer}")(relu(y)))
            x = x + Dropout(self.dropout_rate)(y, dropout_rng)
            if self.use_norm:
                x = LayerNorm(name=f"norm_{layer}")(x)
            x = computed_once(zero_padding(x, mask))
        return mapped(Dense(self.out_dim, name="output"), x)


class DualDilatedStage(nn.Module):
    """Layers that fuse a falling and a rising dilation (Li et al., TPAMI 2020; published branch `m2`).

    Attributes as in `DilatedStage`, without normalisation, and
      last_dropout: dropout after the last layer too, as in MS-TCN++; FACT's branch has none there.

    Takes its parameters as they are trained or, with fewer products per frame, as `compose_layers` gives them.
    """

    dim: int
    num_layers: int
    out_dim: int
    dropout_rate: float = 0.0
    groups: int = 1
    map_input: bool = False
    dtype: str = "float32"
    last_dropout: bool = False

    @nn.compact
    def __call__(self, x: Projected | Frames, mask: FrameMask, dropout_rng: Seeds | None = None) -> Features:
        """Maps frames to `out_dim` channels; frames outside `mask` influence no valid frame."""
        x = applied(Dense(self.dim, self.dtype, name="input") if self.map_input else None, x)
        x = zero_padding(x, mask)
        last = self.num_layers - 1
        for layer in range(self.num_layers):
            y = relu(self._fused(layer, 2 ** (last - layer), 2**layer, x))
            if layer != last or self.last_dropout:
                y = Dropout(self.dropout_rate)(y, dropout_rng)
            x = computed_once(zero_padding(x + y, mask))
        return mapped(Dense(self.out_dim, name="output"), x)

    def _fused(self, layer, falling, rising, x):
        composed = self.get_variable("params", f"composed_{layer}")
        if composed is not None:
            y = dilated_conv(x, composed["falling"], falling, dtype=self.dtype)
            return y + dilated_conv(x, composed["rising"], rising, dtype=self.dtype) + composed["bias"]
        parts = ("falling", falling), ("rising", rising)
        convs = [TemporalConv(self.dim, d, self.groups, self.dtype, name=f"{name}_{layer}") for name, d in parts]
        both = jnp.concatenate([conv(x) for conv in convs], axis=-1)
        return Dense(self.dim, self.dtype, name=f"fuse_{layer}")(both)


def compose_layers(params: Mapping[str, Any], num_layers: int) -> dict[str, Any]:
    """Multiplies the convolutions of a `DualDilatedStage` without groups into the maps that fuse them.

    Nothing lies between two dilated convolutions f -> f and the map 2f -> f behind them, so a layer is one convolution
    of five taps: three of the falling dilation, whose centre holds both centres, and two of the rising one. That takes
    5 f^2 products per frame instead of 8 f^2, for 6 f^3 to compose a layer.

    Returns:
      The parameters with "composed_l" {"falling" [3, f, f], "rising" [2, f, f], "bias" [f]} for "falling_l", "rising_l"
      and "fuse_l" of every layer l.
    """
    parts = [f"{name}_{layer}" for layer in range(num_layers) for name in ("falling", "rising", "fuse")]
    composed = {name: value for name, value in params.items() if name not in parts}
    for layer in range(num_layers):
        falling, rising, fuse = (params[f"{name}_{layer}"] for name in ("falling", "rising", "fuse"))
        dim = fuse["kernel"].shape[1]
        upper, lower = fuse["kernel"][:dim], fuse["kernel"][dim:]
        wide, narrow = falling["kernel"] @ upper, rising["kernel"] @ lower
        composed[f"composed_{layer}"] = {
            "falling": jnp.stack([wide[0], wide[1] + narrow[1], wide[2]]),
            "rising": narrow[::2],
            "bias": falling["bias"] @ upper + rising["bias"] @ lower + fuse["bias"],
        }
    return composed
