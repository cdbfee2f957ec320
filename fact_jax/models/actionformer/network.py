"""The ActionFormer network: backbone, neck and heads."""

from typing import NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp

from fact_jax.layers.linear import LayerNorm, zero_padding
from fact_jax.layers.masked_conv import MaskedConv
from fact_jax.models.actionformer.backbone import Backbone
from fact_jax.models.actionformer.config import ActionFormerConfig
from fact_jax.models.actionformer.heads import Heads


class Outputs(NamedTuple):
    """What the network gives for B videos; P counts the frames of all levels with predictions, fine to coarse.

    Attributes:
      logits: float [B, P, C], of every class by itself.
      offsets: float [B, P, 2], distances to start and end of the instance in strides of the level, >= 0.
      mask: bool [B, P].
      backbone: list of float [B, T_l, D], of every level of the backbone.
      neck: list of float [B, T_l, neck_dim], of every level with predictions.
    """

    logits: jax.Array
    offsets: jax.Array
    mask: jax.Array
    backbone: list[jax.Array]
    neck: list[jax.Array]


class IdentityNeck(nn.Module):
    """A norm for every level, if that. Its output is not masked."""

    config: ActionFormerConfig

    @nn.compact
    def __call__(self, levels):
        """Maps the levels that have predictions, a list of (float [B, T_l, D], bool [B, T_l]), to features."""
        if not self.config.neck_norm:
            return [x for x, _ in levels]
        return [LayerNorm(name=f"norm_{index}")(x) for index, (x, _) in enumerate(levels)]


class PyramidNeck(nn.Module):
    """Adds every level to the next finer one, frames repeated, and smooths what comes out.

    Repeated frames stand at masked places, too, where the smoothing reads them.
    """

    config: ActionFormerConfig

    @nn.compact
    def __call__(self, levels):
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
    """ActionFormer as published, with all that its padding does to its numbers (spec, sections 1 to 3).

    The numbers of a video depend on the length it is padded to, `ActionFormerConfig.padded_length` when it is
    evaluated, and on nothing else of its batch.

    Source: Zhang, Wu & Li, ActionFormer: Localizing Moments of Actions with Transformers, ECCV 2022.
    """

    config: ActionFormerConfig

    @nn.compact
    def __call__(self, features, mask, dropout_rng=None):
        """Runs the network.

        Args:
          features: float [B, T, D_in]; values outside `mask` are ignored, whatever they are.
          mask: bool [B, T], True on a prefix. T is a multiple of the coarsest stride.
          dropout_rng: uint32 [B, 2], seeds of the videos (`fact_jax.ops.dropout_rng.video_seeds`); switches dropout on. None for
            evaluation.

        Returns:
          Outputs.
        """
        config = self.config
        config.level_lengths(features.shape[1])
        levels = Backbone(config, name="backbone")(zero_padding(features, mask), mask, dropout_rng)
        used = levels[config.first_level :]
        neck = PyramidNeck if config.neck == "fpn" else IdentityNeck
        necks = neck(config, name="neck")(used)
        logits, offsets, point_mask = Heads(config, name="heads")(necks, [level_mask for _, level_mask in used])
        return Outputs(logits, offsets, point_mask, [x for x, _ in levels], necks)
