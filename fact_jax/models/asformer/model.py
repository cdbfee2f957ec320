"""ASFormer: an encoder over frames, and decoders that refine its prediction.

Source: Yi, Wen & Jiang, ASFormer: Transformer for Action Segmentation, BMVC 2021, arXiv:2110.08568; published model.py.
Deviation: padding does not show. The published code normalises over it, and takes one video at a time.
"""

import dataclasses
import math
from typing import ClassVar

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Float

from fact_jax.layers.encoder import Encoder, Source
from fact_jax.layers.linear import Dense, zero_padding
from fact_jax.models.asformer import published
from fact_jax.models.frame_model import FrameModelConfig
from fact_jax.ops.arrays import Array, FrameMask, Frames, Seeds
from fact_jax.types import UserError, check_choice

WINDOWS = ("released", "banded")


@dataclasses.dataclass(frozen=True, kw_only=True)
class ASFormerConfig(FrameModelConfig):
    """ASFormer.

    Attributes:
      num_decoders: stages behind the encoder; each refines the prediction of the one before.
      num_layers: of every stage; layer l has dilation and window 2^l.
      dim: channels of the layers.
      query_reduction, value_reduction: r1 and r2; queries and keys have dim // r1 channels, values dim // r2.
      windows: which frames a frame attends to, see `fact_jax.layers.window_attention.SlidingAttention`: "released" as
        the published weights are trained, "banded" as the published code means it.
      channel_dropout_rate: of the input features, for a whole video in training.
      dropout_rate: of all layers.
    """

    title: ClassVar[str] = "ASFormer"

    num_decoders: int
    num_layers: int
    dim: int
    query_reduction: int
    value_reduction: int
    windows: str
    channel_dropout_rate: float
    dropout_rate: float

    def __post_init__(self):
        check_choice("config.model.windows", self.windows, WINDOWS)
        for name in ("query_reduction", "value_reduction"):
            if getattr(self, name) > self.dim:
                raise UserError(
                    f"config.model.{name} is {getattr(self, name)}, config.model.dim {self.dim}: no channel is left to "
                    f"attend with. Set {name} to {self.dim} or less."
                )

    @property
    def network(self):
        return ASFormer(self)

    @property
    def conv_channels(self):
        return self.dim

    @property
    def other_multiply_adds(self):
        """Of a frame with the keys and values of its surroundings; see the base."""
        channels = self.dim // self.query_reduction + self.dim // self.value_reduction
        keys = sum(2 * 2**layer for layer in range(1, self.num_layers))
        return (1 + self.num_decoders) * keys * channels

    links = published.links
    infer = staticmethod(published.infer)

    def attention_scale(self, decoder: int) -> float:
        """Weight of the attention in every layer of a decoder, counted from 0; the encoder's is 1."""
        return math.exp(-3.0 * decoder)


class Stage(Encoder):
    """One stage: class logits and the features that they are read off."""

    @nn.compact
    def __call__(
        self, x: Frames, mask: FrameMask, dropout_rng: Seeds | None = None, source: Source = None
    ) -> tuple[Float[Array, "B T C"], Float[Array, "B T E"]]:
        """Gives (logits, features), both zero outside `mask`; frames outside of it influence no valid frame."""
        features = self.encoded(x, mask, dropout_rng, source)
        return zero_padding(Dense(self.out_dim, name="output")(features), mask), features


class ASFormer(nn.Module):
    """The encoder reads features, every decoder the class probabilities of the stage before.

    The attention of a decoder mixes the last features of the stage before, the same in all its layers, and counts less
    from decoder to decoder.
    """

    config: ASFormerConfig

    @nn.compact
    def __call__(
        self, features: Frames, mask: FrameMask, dropout_rng: Seeds | None = None
    ) -> Float[Array, "stages B T C"]:
        """Gives the logits of all stages; see `FrameModelConfig.network`."""
        config = self.config
        encoder = self._stage("encoder", 1.0, config.channel_dropout_rate)
        logits, last = encoder(zero_padding(features, mask), mask, dropout_rng)
        stages = [logits]
        for index in range(config.num_decoders):
            decoder = self._stage(f"decoder_{index}", config.attention_scale(index))
            logits, last = decoder(zero_padding(jax.nn.softmax(logits), mask), mask, dropout_rng, last)
            stages.append(logits)
        return jnp.stack(stages)

    def _stage(self, name, attention_scale, channel_dropout_rate=0.0):
        config = self.config
        width = config.dim, config.num_layers, config.num_classes, config.query_reduction
        rates = attention_scale, channel_dropout_rate, config.dropout_rate
        return Stage(*width, *rates, config.dtype, config.windows, config.value_reduction, name=name)
