"""The blocks of ActionFormer's backbones. With a stride they go to a coarser level of the pyramid."""

import flax.linen as nn
import jax

from fact_jax.layers.drop_path import AffineDropPath
from fact_jax.layers.dropout import Dropout
from fact_jax.layers.linear import Dense, LayerNorm
from fact_jax.layers.masked_conv import MaskedConv
from fact_jax.models.actionformer.attention import ConvAttention, kernel_size
from fact_jax.models.actionformer.config import ActionFormerConfig
from fact_jax.ops.convolution import max_pool


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
    def __call__(self, x, mask, noise):
        """Maps x [B, T, D] and mask (bool [B, T]) to ([B, T / stride, D], mask [B, T / stride])."""
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
        y, short = attention(LayerNorm(name="norm_1")(x), mask, noise)
        skip = x if self.stride == 1 else max_pool(x, kernel_size(self.stride), self.stride)
        x = skip * short[..., None] + AffineDropPath(config.drop_path_rate, name="attention_path")(y, noise)
        y = Dense(4 * dim, config.dtype, bias_bound=0.0, name="inner")(LayerNorm(name="norm_2")(x))
        y = Dropout(config.dropout_rate)(jax.nn.gelu(y, approximate=False), noise)
        y = Dropout(config.dropout_rate)(Dense(dim, config.dtype, bias_bound=0.0, name="outer")(y), noise)
        path = AffineDropPath(config.drop_path_rate, name="feed_forward_path")
        return x + path(y * short[..., None], noise), short


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
    def __call__(self, x, mask, noise):
        """Maps x [B, T, D] and mask (bool [B, T]) to ([B, T / stride, D], mask [B, T / stride])."""
        del noise
        dim, dtype = x.shape[-1], self.config.dtype
        y, short = MaskedConv(2 * dim, stride=self.stride, dtype=dtype, name="conv_1")(x, mask)
        y, _ = MaskedConv(dim, dtype=dtype, name="conv_2")(jax.nn.relu(y), short)
        if self.stride > 1:
            x, _ = MaskedConv(dim, 1, self.stride, dtype=dtype, name="skip")(x, mask)
        return jax.nn.relu(x + y), short
