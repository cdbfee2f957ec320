"""The ActionFormer network: backbone, neck and heads."""

from typing import NamedTuple

import flax.linen as nn
import jax.numpy as jnp
from jaxtyping import Bool, Float

from fact_jax.layers.linear import LayerNorm, zero_padding
from fact_jax.layers.masked_conv import MaskedConv
from fact_jax.models.actionformer.backbone import Backbone
from fact_jax.models.actionformer.blocks import Level
from fact_jax.models.actionformer.config import ActionFormerConfig
from fact_jax.models.actionformer.heads import Heads
from fact_jax.ops.arrays import Array, FrameMask, Frames, Seeds


class Outputs(NamedTuple):
    """What the network gives for B videos; points are the frames of all levels with predictions, fine to coarse.

    Attributes:
      logits: of every class by itself.
      offsets: distances to start and end of the instance in strides of the level, >= 0.
      mask: points inside of the video.
      backbone, neck: frames of every level, and of every level with predictions.
    """

    logits: Float[Array, "B points C"]
    offsets: Float[Array, "B points 2"]
    mask: Bool[Array, "B points"]
    backbone: list[Float[Array, "B T_level D"]]
    neck: list[Float[Array, "B T_level E"]]


class IdentityNeck(nn.Module):
    """A norm for every level, if that. Its output is not masked."""

    config: ActionFormerConfig

    @nn.compact
    def __call__(self, levels: list[Level]) -> list[Float[Array, "B _ E"]]:
        """Maps the levels that have predictions to features."""
        if not self.config.neck_norm:
            return [x for x, _ in levels]
        return [LayerNorm(name=f"norm_{index}")(x) for index, (x, _) in enumerate(levels)]


class PyramidNeck(nn.Module):
    """Adds every level to the next finer one, frames repeated, and smooths what comes out.

    Repeated frames stand outside the mask, too, where the smoothing reads them.
    """

    config: ActionFormerConfig

    @nn.compact
    def __call__(self, levels: list[Level]) -> list[Float[Array, "B _ E"]]:
        """As `IdentityNeck`, with neck_dim channels."""
        config = self.config
        dim, use_bias, dtype = config.neck_dim, not config.neck_norm, config.dtype
        sides = [
            MaskedConv(dim, 1, use_bias=use_bias, dtype=dtype, name=f"lateral_{index}")(x, mask)[0]
            for index, (x, mask) in enumerate(levels)
        ]
        for index in range(len(sides) - 1, 0, -1):
            sides[index - 1] = sides[index - 1] + jnp.repeat(sides[index], config.scale_factor, axis=1)
        outputs = []
        for index, (x, (_, mask)) in enumerate(zip(sides, levels, strict=True)):
            y, _ = MaskedConv(dim, depthwise=True, use_bias=use_bias, name=f"smooth_{index}")(x, mask)
            outputs.append(LayerNorm(name=f"norm_{index}")(y) if config.neck_norm else y)
        return outputs


class ActionFormer(nn.Module):
    """ActionFormer as published, with all that its padding does to its numbers.

    The numbers of a video depend on whether anything lies behind it, where it is padded to fewer frames than
    `ActionFormerConfig.exact_length`, beyond max_frames on the padded length itself, and on nothing else of its batch.

    Source: published libs/modeling/meta_archs.py.
    """

    config: ActionFormerConfig

    @nn.compact
    def __call__(self, features: Frames, mask: FrameMask, dropout_rng: Seeds | None = None) -> Outputs:
        """Runs the network; T is a multiple of the coarsest stride. Features outside `mask` are ignored."""
        config = self.config
        config.level_lengths(features.shape[1])
        levels = Backbone(config, name="backbone")(zero_padding(features, mask), mask, dropout_rng)
        used = levels[config.first_level :]
        neck = PyramidNeck if config.neck == "fpn" else IdentityNeck
        necks = neck(config, name="neck")(used)
        logits, offsets, point_mask = Heads(config, name="heads")(necks, [level_mask for _, level_mask in used])
        return Outputs(logits, offsets, point_mask, [x for x, _ in levels], necks)
