"""The encoder of ASFormer, whose stages and FAFormer's frame branch it makes up."""

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Float

from fact_jax.layers.dropout import ChannelDropout, Dropout
from fact_jax.layers.factored import Factored, mapped
from fact_jax.layers.linear import Dense, TemporalConv, zero_padding
from fact_jax.layers.window_attention import BlockAttention, SlidingAttention
from fact_jax.ops.arrays import Array
from fact_jax.ops.dropout_rng import Seeds
from fact_jax.ops.fusion import computed_once
from fact_jax.ops.masks import FrameMask, masked_mean


class InstanceNorm(nn.Module):
    """Normalises every channel over the valid frames of its video (torch.nn.InstanceNorm1d without parameters).

    Epsilon 1e-5 and biased variance, the same in training and evaluation. A video of one frame gives 0, where PyTorch
    raises an error.
    """

    def __call__(self, x: Float[Array, "B T D"], mask: FrameMask) -> Float[Array, "B T D"]:
        """The output is zero outside `mask`."""
        valid = mask[..., None]
        centred = jnp.where(valid, x - masked_mean(x, valid, axis=1), 0.0)
        variance = masked_mean(jnp.square(centred), valid, axis=1)
        return centred * jax.lax.rsqrt(variance + 1e-5)


class EncoderLayer(nn.Module):
    """Dilated convolution, normalisation over time, attention in windows as long as the dilation; residual.

    Attributes:
      attention_dim: channels of queries and keys.
      reach: frames between the taps of the convolution, and frames of a window.
      attention_scale: factor on what the attention adds.
      dropout_rate: before the residual sum.
      dtype: of the products.
      windows: "block" (`BlockAttention`), "released" or "banded" (`SlidingAttention`).
      value_dim: channels of values; None: attention_dim, as with "block" in any case.
    """

    attention_dim: int
    reach: int
    attention_scale: float
    dropout_rate: float
    dtype: str = "float32"
    windows: str = "block"
    value_dim: int | None = None

    @nn.compact
    def __call__(
        self,
        x: Float[Array, "B T D"],
        mask: FrameMask,
        dropout_rng: Seeds | None = None,
        source: Float[Array, "B T h"] | None = None,
    ) -> Float[Array, "B T D"]:
        """Input and output are zero outside `mask`.

        `source` is what the values of sliding attention are made of; None: what its queries are.
        """
        dim = x.shape[-1]
        y = jax.nn.relu(TemporalConv(dim, self.reach, dtype=self.dtype, name="dilated")(x))
        normalised = InstanceNorm(name="norm")(y, mask)
        attended = self._attended(normalised, normalised if source is None else source, mask)
        y = Dense(dim, self.dtype, name="mix")(self.attention_scale * attended + y)
        return computed_once(zero_padding(x + Dropout(self.dropout_rate)(y, dropout_rng), mask))

    def _attended(self, x, source, mask):
        if self.windows == "block":
            return BlockAttention(self.attention_dim, self.reach, self.dtype, name="attention")(x, mask)
        banded = self.windows == "banded"
        attention = SlidingAttention(
            self.attention_dim, self.reach, banded, self.dtype, self.value_dim, name="attention"
        )
        return attention(x, source, mask)


class Encoder(nn.Module):
    """Layers with a reach of 1, 2, 4, ... frames (published branch `t` of FAFormer).

    Source: after Yi, Wen & Jiang, ASFormer: Transformer for Action Segmentation, BMVC 2021; published
    models_faformer/layers.py.

    Attributes:
      dim: channels of the layers.
      num_layers: layer l has dilation and window 2^l.
      out_dim: channels of the output.
      reduction: the attention has dim // reduction channels.
      attention_scale: see `EncoderLayer`.
      channel_dropout_rate: probability to drop an input channel for a whole video.
      dropout_rate: of the layers; 0.5 as published, whatever the other dropouts are.
      dtype: of the products, apart from those of the output map: class probabilities are read off it.
      windows: see `EncoderLayer`.
      value_reduction: as reduction, for the values of sliding attention; None: the same.
    """

    dim: int
    num_layers: int
    out_dim: int
    reduction: int = 1
    attention_scale: float = 1.0
    channel_dropout_rate: float = 0.0
    dropout_rate: float = 0.5
    dtype: str = "float32"
    windows: str = "block"
    value_reduction: int | None = None

    @nn.compact
    def __call__(self, x: Float[Array, "B T D"], mask: FrameMask, dropout_rng: Seeds | None = None) -> Factored:
        """Maps frames to `out_dim` channels; frames outside `mask` influence no valid frame."""
        return mapped(Dense(self.out_dim, name="output"), self.encoded(x, mask, dropout_rng))

    def encoded(
        self,
        x: Float[Array, "B T D"],
        mask: FrameMask,
        dropout_rng: Seeds | None = None,
        source: Float[Array, "B T h"] | None = None,
    ) -> Float[Array, "B T E"]:
        """What the last layer gives, zero outside `mask`; `source`: see `EncoderLayer`."""
        x = ChannelDropout(self.channel_dropout_rate)(x, dropout_rng)
        x = zero_padding(Dense(self.dim, self.dtype, name="input")(x), mask)
        value_dim = self.dim // (self.value_reduction or self.reduction)
        for layer in range(self.num_layers):
            x = EncoderLayer(
                self.dim // self.reduction,
                2**layer,
                self.attention_scale,
                self.dropout_rate,
                self.dtype,
                self.windows,
                value_dim,
                name=f"layer_{layer}",
            )(x, mask, dropout_rng, source)
        return x
