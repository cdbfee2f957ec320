"""MS-TCN and MS-TCN++ as networks of their own: stages of dilated layers, each refining the one before.

Source: Abu Farha & Gall, MS-TCN, CVPR 2019 (github.com/yabufarha/ms-tcn); Li, Abu Farha, Liu, Cheng & Gall, MS-TCN++,
TPAMI 2020 (github.com/sj-li/MS-TCN2). Both are published for batches of one video. MS-TCN multiplies every layer with
the mask, MS-TCN++ with none; here frames outside of the mask are zero after every layer of both, so that a video gives
the same logits however it is padded, and those of the published code where it is not.
"""

import dataclasses
from typing import ClassVar

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Float

from fact_jax.layers.frame_branches import DilatedStage, DualDilatedStage, compose_layers
from fact_jax.layers.linear import zero_padding
from fact_jax.models.frame_model import FrameModelConfig
from fact_jax.models.mstcn import published
from fact_jax.ops.arrays import Array, FrameMask, Frames, Seeds
from fact_jax.ops.dropout_rng import fold


@dataclasses.dataclass(frozen=True, kw_only=True)
class MSTCNConfig(FrameModelConfig):
    """MS-TCN.

    Attributes:
      num_stages: each reads the prediction of the one before.
      num_layers: of every stage; layer l has dilation 2^l.
      dim: channels of the layers.
      dropout_rate: of every layer.
    """

    title: ClassVar[str] = "MS-TCN"

    num_stages: int
    num_layers: int
    dim: int
    dropout_rate: float

    @property
    def network(self):
        return MSTCN(self)

    @property
    def conv_channels(self):
        return self.dim

    links = published.links
    infer = staticmethod(published.infer)


@dataclasses.dataclass(frozen=True, kw_only=True)
class MSTCNPlusPlusConfig(FrameModelConfig):
    """MS-TCN++.

    Attributes:
      num_layers: of the first stage, the prediction; layer l joins the dilations 2^l and 2^(num_layers-1-l).
      num_refinements: stages after it.
      num_refinement_layers: of each of them; layer l has dilation 2^l.
      share_refinements: these stages have one set of parameters.
      dim: channels of the layers.
      dropout_rate: of every layer.
    """

    title: ClassVar[str] = "MS-TCN++"

    num_layers: int
    num_refinements: int
    num_refinement_layers: int
    share_refinements: bool
    dim: int
    dropout_rate: float

    @property
    def network(self):
        return MSTCNPlusPlus(self)

    @property
    def conv_channels(self):
        return self.dim

    def compose(self, params, num_frames):
        """The dual layers as one convolution each, where that saves more products than it takes; see the base."""
        if num_frames is not None and num_frames <= 2 * self.dim:
            return params
        return {**params, "prediction": compose_layers(params["prediction"], self.num_layers)}

    links = published.links_plus_plus
    infer = staticmethod(published.infer_plus_plus)


class MSTCN(nn.Module):
    """Stages of dilated residual layers; the first reads features, the others class probabilities."""

    config: MSTCNConfig

    @nn.compact
    def __call__(
        self, features: Frames, mask: FrameMask, dropout_rng: Seeds | None = None
    ) -> Float[Array, "stages B T C"]:
        """Gives the logits of all stages; see `FrameModelConfig.network`."""
        config, outputs, x = self.config, [], features
        for stage in range(config.num_stages):
            outputs.append(_stage(config, config.num_layers, f"stage_{stage}")(x, mask, dropout_rng).value)
            x = _probabilities(outputs[-1], mask)
        return jnp.stack(outputs)


class MSTCNPlusPlus(nn.Module):
    """A stage of dual dilated layers, then stages as those of MS-TCN."""

    config: MSTCNPlusPlusConfig

    @nn.compact
    def __call__(
        self, features: Frames, mask: FrameMask, dropout_rng: Seeds | None = None
    ) -> Float[Array, "stages B T C"]:
        """Gives the logits of all stages; see `FrameModelConfig.network`."""
        config = self.config
        width = config.dim, config.num_layers, config.num_classes, config.dropout_rate
        form = {"map_input": True, "last_dropout": True, "dtype": config.dtype}
        prediction = DualDilatedStage(*width, **form, name="prediction")
        outputs = [prediction(features, mask, dropout_rng).value]
        own_parameters = 1 if config.share_refinements else config.num_refinements
        stages = [
            _stage(config, config.num_refinement_layers, f"refinement_{number}") for number in range(own_parameters)
        ]
        for number in range(config.num_refinements):
            stage = stages[min(number, len(stages) - 1)]
            # Stages that share their parameters draw dropouts of their own.
            own = dropout_rng if dropout_rng is None or not config.share_refinements else fold(dropout_rng, number)
            outputs.append(stage(_probabilities(outputs[-1], mask), mask, own).value)
        return jnp.stack(outputs)


def _stage(config, num_layers, name):
    return DilatedStage(
        config.dim, num_layers, config.num_classes, config.dropout_rate, map_input=True, dtype=config.dtype, name=name
    )


def _probabilities(logits, mask):
    return zero_padding(jax.nn.softmax(logits), mask)
