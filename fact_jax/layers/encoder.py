"""The encoder of ASFormer, whose stages and FAFormer's frame branch it makes up."""

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Float

from fact_jax.layers.dropout import ChannelDropout, Dropout
from fact_jax.layers.factored import Features, mapped
from fact_jax.layers.linear import Dense, TemporalConv, zero_padding
from fact_jax.layers.projected import Projected, applied
from fact_jax.layers.window_attention import BlockAttention, SlidingAttention
from fact_jax.ops.arrays import Array, FrameMask, Frames, Seeds
from fact_jax.ops.fusion import computed_once
from fact_jax.ops.relu import relu

# What the values of sliding attention are made of; None: what its queries are.
Source = Float[Array, "B T h"] | None


class InstanceNorm(nn.Module):
    """Normalises every channel over the valid frames of its video (torch.nn.InstanceNorm1d without parameters).

    Epsilon 1e-5 and biased variance, the same in training and evaluation. A video of one frame gives 0, where PyTorch
    raises an error.
    """

    def __call__(self, x: Frames, mask: FrameMask) -> Frames:
        """The output is zero outside `mask`."""
        return _normalised(zero_padding(x, mask), mask)


@jax.custom_vjp
def _normalised(x, mask):
    return _normalise(x, mask)[0]


def _normalise(x, mask):
    centred = zero_padding(x - _means(x, mask), mask)
    scale = jax.lax.rsqrt(_means(jnp.square(centred), mask) + 1e-5)
    return centred * scale, (centred * scale, scale, mask)


def _gradient(saved, cotangent):
    normalised, scale, mask = saved
    lost = _means(cotangent, mask) + normalised * _means(cotangent * normalised, mask)
    return scale * zero_padding(cotangent - lost, mask), None


_normalised.defvjp(_normalise, _gradient)


def _means(x, mask):
    """Of every channel over the valid frames, outside of which `x` is finite, [B, 1, D]."""
    # A product, as XLA for CPUs sums over the rows of an array several times slower.
    shares = mask / jnp.maximum(jnp.sum(mask, axis=1, keepdims=True), 1)
    return jnp.einsum("bt,btd->bd", shares, x, precision="highest")[:, None]


class EncoderLayer(nn.Module):
    """Dilated convolution, normalisation over time, attention in windows as long as the dilation; residual.

    Attributes:
      attention_dim: channels of queries and keys.
      reach: frames between the taps of the convolution, and frames of a window.
      attention_scale: factor on what the attention adds.
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
    def __call__(self, x: Frames, mask: FrameMask, dropout_rng: Seeds | None = None, source: Source = None) -> Frames:
        """Input and output are zero outside `mask`."""
        dim = x.shape[-1]
        y = relu(TemporalConv(dim, self.reach, dtype=self.dtype, name="dilated")(x))
        normalised = InstanceNorm(name="norm")(y, mask)
        attended = self._attended(normalised, normalised if source is None else source, mask)
        y = Dense(dim, self.dtype, name="mix")(self.attention_scale * attended + y)
        return computed_once(zero_padding(x + Dropout(self.dropout_rate)(y, dropout_rng), mask))

    def _attended(self, x, source, mask):
        if self.windows == "block":
            return BlockAttention(self.attention_dim, self.reach, self.dtype, name="attention")(x, mask)
        settings = self.attention_dim, self.reach, self.windows == "banded", self.dtype, self.value_dim
        return SlidingAttention(*settings, name="attention")(x, source, mask)


class Encoder(nn.Module):
    """Layers with a reach of 1, 2, 4, ... frames (published branch `t` of FAFormer).

    Source: after Yi, Wen & Jiang, ASFormer: Transformer for Action Segmentation, BMVC 2021; published
    models_faformer/layers.py.

    Attributes as in `EncoderLayer`, and
      num_layers: layer l has dilation and window 2^l.
      reduction: the attention has dim // reduction channels.
      channel_dropout_rate: probability to drop an input channel for a whole video.
      dropout_rate: of the layers; 0.5 as published, whatever the other dropouts are.
      dtype: of the products, apart from those of the output map: class probabilities are read off it.
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
    def __call__(self, x: Projected | Frames, mask: FrameMask, dropout_rng: Seeds | None = None) -> Features:
        """Maps frames to `out_dim` channels; frames outside `mask` influence no valid frame."""
        return mapped(Dense(self.out_dim, name="output"), self.encoded(x, mask, dropout_rng))

    def encoded(
        self, x: Projected | Frames, mask: FrameMask, dropout_rng: Seeds | None = None, source: Source = None
    ) -> Float[Array, "B T E"]:
        """What the last layer gives, zero outside `mask`."""
        x = ChannelDropout(self.channel_dropout_rate)(x, dropout_rng)
        x = zero_padding(applied(Dense(self.dim, self.dtype, name="input"), x), mask)
        shared = self.attention_scale, self.dropout_rate, self.dtype, self.windows
        value_dim = self.dim // (self.value_reduction or self.reduction)
        for index in range(self.num_layers):
            layer = EncoderLayer(self.dim // self.reduction, 2**index, *shared, value_dim, name=f"layer_{index}")
            x = layer(x, mask, dropout_rng, source)
        return x
