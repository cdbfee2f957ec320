"""Settings of ASFormer."""

import dataclasses
import math
from collections.abc import Mapping
from typing import ClassVar

from fact_jax.models.asformer import published
from fact_jax.models.asformer.network import AsformerNetwork
from fact_jax.models.frame_model import FrameModel
from fact_jax.types import UserError, check_choice

WINDOWS = ("released", "banded")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Asformer(FrameModel):
    """ASFormer.

    Attributes:
      num_decoders: stages behind the encoder; each refines the prediction of the one before.
      num_layers: of every stage; layer l has dilation and window 2^l.
      dim: N, channels of the layers.
      query_reduction, value_reduction: r1 and r2; queries and keys have N // r1 channels, values N // r2.
      windows: which frames a frame attends to, see `fact_jax.layers.window_attention.SlidingAttention`: "released" as
        the published weights are trained, "banded" as the published code means it.
      channel_dropout_rate: of the input features, for a whole video in training.
      dropout_rate: of all layers.
    """

    title: ClassVar[str] = "ASFormer"
    untold: ClassVar[Mapping[str, str]] = {"model.windows": "which frames a frame attends to"}

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
        """See `FrameModel.network`."""
        return AsformerNetwork(self)

    @property
    def other_multiply_adds(self):
        """Of a frame with the keys and values of its surroundings; see the base."""
        channels = self.dim // self.query_reduction + self.dim // self.value_reduction
        keys = sum(2 * 2**layer for layer in range(1, self.num_layers))
        return (1 + self.num_decoders) * keys * channels

    def links(self):
        """See `FrameModel.links`."""
        return published.links(self)

    @classmethod
    def infer(cls, tensors, path):
        """See `FrameModel.infer`."""
        return published.infer(tensors, path)

    def attention_scale(self, decoder: int) -> float:
        """Weight of the attention in every layer of a decoder, counted from 0; the encoder's is 1."""
        return math.exp(-3.0 * decoder)
