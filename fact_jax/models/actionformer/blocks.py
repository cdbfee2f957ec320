"""The blocks of ActionFormer's backbones. With a stride they go to a coarser level of the pyramid.

Source: published libs/modeling/blocks.py.
"""

import math

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Bool, Float

from fact_jax.layers.band_attention import band_attention
from fact_jax.layers.dropout import AffineDropPath, Dropout
from fact_jax.layers.linear import Dense, LayerNorm, product
from fact_jax.layers.masked_conv import MaskedConv
from fact_jax.models.actionformer.config import ActionFormerConfig
from fact_jax.ops.arrays import Array
from fact_jax.ops.convolution import max_pool
from fact_jax.ops.dropout_rng import Seeds
from fact_jax.ops.masks import FrameMask, masked_softmax

Level = tuple[Float[Array, "B _ width"], Bool[Array, "B _"]]  # frames of a level of the pyramid, and their mask


def kernel_size(stride: int) -> int:
    """Taps of a convolution or a pooling that goes on by `stride` frames."""
    return 3 if stride == 1 else stride + 1


class ConvAttention(nn.Module):
    """Self-attention whose queries, keys and values see their neighbours through depthwise convolutions, and norms.

    Published MaskedMHCA and LocalMaskedMHCA.

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
    def __call__(self, x: Float[Array, "B T D"], mask: FrameMask, dropout_rng: Seeds | None) -> Level:
        """Gives T / stride frames."""
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
        query, key, value = parts
        query = query / math.sqrt(dim // self.num_heads)
        mixed = (self._attend_near if self.window > 1 else self._attend)(query, key, value, short)
        y = Dense(dim, self.dtype, bias_bound=0.0, name="output")(mixed.reshape(*mixed.shape[:2], dim))
        return Dropout(self.dropout_rate)(y, dropout_rng) * short[..., None], short

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


class TransformerBlock(nn.Module):
    """Attention and feed-forward layers, each behind a norm and around a skip.

    The skip over a stride is a max-pooling of the input as it is: what is masked beside the last valid frame takes
    part in it.

    Attributes:
      config: of the network.
      window: of the attention, in frames of the output.
      stride: frames of the input for one of the output.
    """

    config: ActionFormerConfig
    window: int
    stride: int = 1

    @nn.compact
    def __call__(self, x: Float[Array, "B T D"], mask: FrameMask, dropout_rng: Seeds | None) -> Level:
        """Gives T / stride frames."""
        config, dim = self.config, x.shape[-1]
        attention = ConvAttention(
            config.num_heads,
            self.window,
            self.stride,
            config.relative_positions and self.window > 1,
            config.dropout_rate,
            config.dtype,
            name="attention",
        )
        y, short = attention(LayerNorm(name="norm_1")(x), mask, dropout_rng)
        skip = x if self.stride == 1 else max_pool(x, kernel_size(self.stride), self.stride)
        x = skip * short[..., None] + AffineDropPath(config.drop_path_rate, name="attention_path")(y, dropout_rng)
        y = Dense(4 * dim, config.dtype, bias_bound=0.0, name="inner")(LayerNorm(name="norm_2")(x))
        y = Dropout(config.dropout_rate)(jax.nn.gelu(y, approximate=False), dropout_rng)
        y = Dropout(config.dropout_rate)(Dense(dim, config.dtype, bias_bound=0.0, name="outer")(y), dropout_rng)
        path = AffineDropPath(config.drop_path_rate, name="feed_forward_path")
        return x + path(y * short[..., None], dropout_rng), short


class ConvBlock(nn.Module):
    """Two convolutions around a skip, without norms.

    Without a stride the skip is not masked: what an input holds outside the mask stays there.

    Attributes:
      config: of the network.
      stride: frames of the input for one of the output.
    """

    config: ActionFormerConfig
    stride: int = 1

    @nn.compact
    def __call__(self, x: Float[Array, "B T D"], mask: FrameMask, dropout_rng: Seeds | None) -> Level:
        """Gives T / stride frames."""
        del dropout_rng
        dim, dtype = x.shape[-1], self.config.dtype
        y, short = MaskedConv(2 * dim, stride=self.stride, dtype=dtype, name="conv_1")(x, mask)
        y, _ = MaskedConv(dim, dtype=dtype, name="conv_2")(jax.nn.relu(y), short)
        if self.stride > 1:
            x, _ = MaskedConv(dim, 1, self.stride, dtype=dtype, name="skip")(x, mask)
        return jax.nn.relu(x + y), short
