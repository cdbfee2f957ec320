"""Self-attention whose queries, keys and values see their neighbours through convolutions, local or global."""

import math

import flax.linen as nn
import jax.numpy as jnp

from fact_jax.layers.band_attention import band_attention
from fact_jax.layers.dropout import Dropout
from fact_jax.layers.linear import Dense, LayerNorm, product
from fact_jax.layers.masked_conv import MaskedConv
from fact_jax.ops.masks import masked_softmax


def kernel_size(stride):
    """Taps of a convolution or a pooling that goes on by `stride` frames."""
    return 3 if stride == 1 else stride + 1


class ConvAttention(nn.Module):
    """Multi-head attention after depthwise convolutions and norms (published MaskedMHCA and LocalMaskedMHCA).

    Attributes:
      num_heads: H, divides the channels.
      window: keys around a query, an even number counting as the next odd one; at most 1 = all.
      stride: of the convolutions; queries, keys and values have T / stride frames.
      relative_positions: a learned number per head and distance on the logits, local attention only.
      dropout_rate: of the output.
      dtype: of the products.
    """

    num_heads: int
    window: int = -1
    stride: int = 1
    relative_positions: bool = False
    dropout_rate: float = 0.0
    dtype: str = "float32"

    @nn.compact
    def __call__(self, x, mask, noise):
        """Maps x [B, T, D] and mask (bool [B, T]) to ([B, T / stride, D], mask [B, T / stride])."""
        dim = x.shape[-1]
        parts, short = [], mask
        for name in ("query", "key", "value"):
            conv = MaskedConv(dim, kernel_size(self.stride), self.stride, True, False, name=f"{name}_conv")
            y, short = conv(x, mask)
            # What is added to all keys adds one number to all logits of a query.
            inert = name == "key"
            y = LayerNorm(inert, name=f"{name}_norm")(y)
            y = Dense(dim, self.dtype, bias_bound=0.0, inert_bias=inert, name=name)(y)
            parts.append(y.reshape(*y.shape[:2], self.num_heads, -1))
        parts[0] = parts[0] / math.sqrt(dim // self.num_heads)
        mixed = self._attend_near(*parts, short) if self.window > 1 else self._attend(*parts, short)
        y = Dense(dim, self.dtype, bias_bound=0.0, name="output")(mixed.reshape(*mixed.shape[:2], dim))
        return Dropout(self.dropout_rate)(y, noise) * short[..., None], short

    def _attend(self, query, key, value, mask):
        logits = product("bqhe,bkhe->bhqk", query, key, self.dtype)
        return product("bhqk,bkhe->bqhe", masked_softmax(logits, mask[:, None, None, :]), value, self.dtype)

    def _attend_near(self, query, key, value, mask):
        distances = None
        if self.relative_positions:
            deviation = math.sqrt(2.0 / (self.num_heads * query.shape[-1]))
            start = nn.initializers.truncated_normal(deviation, lower=-2.0 / deviation, upper=2.0 / deviation)
            distances = self.param("relative_positions", start, (self.num_heads, self.window), jnp.float32)
        return band_attention(query, key, value, mask, self.window // 2, distances, self.dtype)
