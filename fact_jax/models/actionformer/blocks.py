"""The blocks of ActionFormer's backbones. With a stride they go to a coarser level of the pyramid.

Source: published libs/modeling/blocks.py.
"""

import math

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Bool, Float

from fact_jax.layers.dropout import AffineDropPath, Dropout
from fact_jax.layers.linear import Dense, LayerNorm, product
from fact_jax.layers.masked_conv import MaskedConv
from fact_jax.layers.window_attention import band_attention
from fact_jax.models.actionformer.config import ActionFormerConfig
from fact_jax.ops.arrays import Array, FrameMask, Frames, Seeds
from fact_jax.ops.convolution import max_pool
from fact_jax.ops.masks import masked_softmax

Level = tuple[Float[Array, "B _ width"], Bool[Array, "B _"]]  # frames of a level of the pyramid, and their mask


def kernel_size(stride: int) -> int:
    """Taps of a convolution or a pooling that goes on by `stride` frames."""
    return 3 if stride == 1 else stride + 1


class ConvAttention(nn.Module):
    """Self-attention whose queries, keys and values see their neighbours through depthwise convolutions, and norms.

    Published MaskedMHCA and LocalMaskedMHCA.

    Attributes:
      window: keys around a query, an even number counting as the next odd one; at most 1 = all.
      stride: of the convolutions; queries, keys and values have T / stride frames.
    """

    config: ActionFormerConfig
    window: int
    stride: int

    @nn.compact
    def __call__(self, x: Frames, mask: FrameMask, dropout_rng: Seeds | None) -> Level:
        """Gives T / stride frames."""
        config, dim = self.config, x.shape[-1]
        parts, short = [], mask
        for name in ("query", "key", "value"):
            conv = MaskedConv(dim, kernel_size(self.stride), self.stride, True, False, name=f"{name}_conv")
            y, short = conv(x, mask)
            # What is added to all keys adds one number to all logits of a query.
            inert = name == "key"
            y = LayerNorm(inert, name=f"{name}_norm")(y)
            y = Dense(dim, config.dtype, bias_bound=0.0, inert_bias=inert, name=name)(y)
            parts.append(y.reshape(*y.shape[:2], config.num_heads, -1))
        query, key, value = parts
        query = query / math.sqrt(dim // config.num_heads)
        mixed = (self._attend_near if self.window > 1 else self._attend)(query, key, value, short)
        y = Dense(dim, config.dtype, bias_bound=0.0, name="output")(mixed.reshape(*mixed.shape[:2], dim))
        return Dropout(config.dropout_rate)(y, dropout_rng) * short[..., None], short

    def _attend(self, query, key, value, mask):
        logits = product("bqhe,bkhe->bhqk", query, key, self.config.dtype)
        return product("bhqk,bkhe->bqhe", masked_softmax(logits, mask[:, None, None, :]), value, self.config.dtype)

    def _attend_near(self, query, key, value, mask):
        config, distances = self.config, None
        if config.relative_positions:
            deviation = math.sqrt(2.0 / (config.num_heads * query.shape[-1]))
            start = nn.initializers.truncated_normal(deviation, lower=-2.0 / deviation, upper=2.0 / deviation)
            distances = self.param("relative_positions", start, (config.num_heads, self.window), jnp.float32)
        return band_attention(query, key, value, mask, self.window // 2, distances, config.dtype)


class TransformerBlock(nn.Module):
    """Attention and feed-forward layers, each behind a norm and around a skip.

    The skip over a stride is a max-pooling of the input as it is: what is masked beside the last valid frame takes
    part in it. The window is in frames of the output, each of which takes `stride` frames of the input.
    """

    config: ActionFormerConfig
    window: int
    stride: int = 1

    @nn.compact
    def __call__(self, x: Frames, mask: FrameMask, dropout_rng: Seeds | None) -> Level:
        """Gives T / stride frames."""
        config, dim = self.config, x.shape[-1]
        attention = ConvAttention(config, self.window, self.stride, name="attention")
        y, short = attention(LayerNorm(name="norm_1")(x), mask, dropout_rng)
        skip = x if self.stride == 1 else max_pool(x, kernel_size(self.stride), self.stride)
        x = skip * short[..., None] + AffineDropPath(config.drop_path_rate, name="attention_path")(y, dropout_rng)
        y = Dense(4 * dim, config.dtype, bias_bound=0.0, name="inner")(LayerNorm(name="norm_2")(x))
        y = Dropout(config.dropout_rate)(jax.nn.gelu(y, approximate=False), dropout_rng)
        y = Dropout(config.dropout_rate)(Dense(dim, config.dtype, bias_bound=0.0, name="outer")(y), dropout_rng)
        path = AffineDropPath(config.drop_path_rate, name="feed_forward_path")
        return x + path(y * short[..., None], dropout_rng), short


class ConvBlock(nn.Module):
    """Two convolutions around a skip, which is not masked without a stride: what is outside the mask stays there."""

    config: ActionFormerConfig
    stride: int = 1

    @nn.compact
    def __call__(self, x: Frames, mask: FrameMask, dropout_rng: Seeds | None) -> Level:
        """Gives T / stride frames."""
        del dropout_rng
        dim, dtype = x.shape[-1], self.config.dtype
        y, short = MaskedConv(2 * dim, stride=self.stride, dtype=dtype, name="conv_1")(x, mask)
        y, _ = MaskedConv(dim, dtype=dtype, name="conv_2")(jax.nn.relu(y), short)
        if self.stride > 1:
            x, _ = MaskedConv(dim, 1, self.stride, dtype=dtype, name="skip")(x, mask)
        return jax.nn.relu(x + y), short
