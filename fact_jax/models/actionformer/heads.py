"""The heads, shared by all levels, which they see as one sequence with gaps."""

import math

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from fact_jax.layers.linear import LayerNorm
from fact_jax.layers.masked_conv import MaskedConv
from fact_jax.models.actionformer.config import ActionFormerConfig


def logit(probability):
    """The number whose sigmoid is `probability`."""
    return -math.log((1 - probability) / probability)


class Levels:
    """Levels behind one another in time, with gaps as wide as a convolution reaches: it serves all of them at once.

    Attributes:
      inside: bool [J], False in the gaps; J frames in all.
    """

    def __init__(self, lengths, gap):
        """
        Args:
          lengths: frames of every level.
          gap: frames between two of them.
        """
        self._gap = gap
        pieces = []
        for length in lengths:
            pieces += [np.ones(length, bool), np.zeros(gap, bool)]
        self.inside = np.concatenate(pieces)[: -gap or None]

    def join(self, levels):
        """[B, T_l, ...] of every level -> [B, J, ...], zero (False) in the gaps."""
        pieces = []
        for level in levels:
            gap = jnp.zeros((level.shape[0], self._gap, *level.shape[2:]), level.dtype)
            pieces += [level, gap]
        return jnp.concatenate(pieces[:-1], axis=1)

    def points(self, joined):
        """[B, J, ...] -> [B, P, ...], without the gaps: the frames of all levels, fine to coarse."""
        edges = np.flatnonzero(np.diff(np.concatenate([[False], self.inside, [False]]).astype(np.int8)))
        pieces = [joined[:, start:end] for start, end in edges.reshape(-1, 2)]
        return jnp.concatenate(pieces, axis=1)


class Head(nn.Module):
    """Convolutions with norm and ReLU, then one more for the output.

    What a layer leaves at masked frames of a level is read by the next one; the gaps between levels are zero for all.

    Attributes:
      config: of the network.
      features: output channels.
      bias: of the output at the start.
    """

    config: ActionFormerConfig
    features: int
    bias: float = 0.0

    @nn.compact
    def __call__(self, x, mask, inside):
        """Maps x [B, J, D], mask (bool [B, J]) to [B, J, features]; `inside` (bool [J]): see `Levels`."""
        config = self.config
        kernel, dtype = config.head_kernel, config.dtype
        for index in range(config.head_layers - 1):
            conv = MaskedConv(config.head_dim, kernel, use_bias=not config.head_norm, dtype=dtype, name=f"conv_{index}")
            x, _ = conv(x, mask)
            if config.head_norm:
                x = LayerNorm(name=f"norm_{index}")(x)
            x = jnp.where(inside[:, None], jax.nn.relu(x), 0.0)
        return MaskedConv(self.features, kernel, bias=self.bias, dtype=dtype, name="output")(x, mask)[0]


class Heads(nn.Module):
    """Class logits and distances to start and end of every frame of every level."""

    config: ActionFormerConfig

    @nn.compact
    def __call__(self, levels, masks):
        """Runs both heads.

        Args:
          levels: list of float [B, T_l, neck_dim].
          masks: list of bool [B, T_l].

        Returns:
          (logits float [B, P, C], offsets float [B, P, 2] in strides of the level, >= 0, mask bool [B, P]), where P
          counts the frames of all levels, fine to coarse.
        """
        config = self.config
        lengths = [level.shape[1] for level in levels]
        joint = Levels(lengths, config.head_kernel // 2)
        x, mask = joint.join(levels), joint.join(masks)
        start = logit(config.class_prior)
        logits = Head(config, config.num_classes, start, name="classification")(x, mask, joint.inside)
        offsets = Head(config, 2, name="regression")(x, mask, joint.inside)
        logits, offsets, mask = map(joint.points, (logits, offsets, mask))
        scales = self.param("level_scale", nn.initializers.ones, (len(levels),))
        offsets = jax.nn.relu(
            offsets * jnp.repeat(scales, np.array(lengths), total_repeat_length=sum(lengths))[:, None]
        )
        return logits, offsets, mask
