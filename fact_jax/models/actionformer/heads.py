"""The heads, shared by all levels, which they see as one sequence with gaps.

Source: published libs/modeling/meta_archs.py.
"""

import math
from collections.abc import Sequence

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Bool, Float, Shaped

from fact_jax.layers.linear import LayerNorm
from fact_jax.layers.masked_conv import MaskedConv
from fact_jax.models.actionformer.config import ActionFormerConfig
from fact_jax.ops.arrays import Array


def logit(probability: float) -> float:
    """The number whose sigmoid is `probability`."""
    return -math.log((1 - probability) / probability)


class Levels:
    """Levels behind one another in time, with gaps as wide as a convolution reaches: it serves all of them at once.

    Attributes:
      inside: bool [joined], False in the gaps.
    """

    def __init__(self, lengths: Sequence[int], gap: int):
        """Takes the frames of every level and those between two of them."""
        self._gap = gap
        ends = np.cumsum(np.add(lengths, gap)) - gap
        self._bounds = list(zip(ends - lengths, ends, strict=True))
        self.inside = np.zeros(ends[-1], bool)
        for start, end in self._bounds:
            self.inside[start:end] = True

    def join(self, levels: list[Shaped[Array, "B _ ..."]]) -> Shaped[Array, "B joined ..."]:
        """Frames of every level behind one another, zero (False) in the gaps."""
        parts = []
        for level in levels:
            gap = jnp.zeros((level.shape[0], self._gap, *level.shape[2:]), level.dtype)
            parts += [level, gap]
        return jnp.concatenate(parts[:-1], axis=1)

    def points(self, joined: Shaped[Array, "B joined ..."]) -> Shaped[Array, "B points ..."]:
        """Without the gaps: the frames of all levels, fine to coarse."""
        return jnp.concatenate([joined[:, start:end] for start, end in self._bounds], axis=1)


class Head(nn.Module):
    """Convolutions with norm and ReLU, then one more for the output, whose bias starts at `bias`.

    What a layer leaves at masked frames of a level is read by the next one; the gaps between levels are zero for all.
    """

    config: ActionFormerConfig
    features: int
    bias: float = 0.0

    @nn.compact
    def __call__(
        self, x: Float[Array, "B joined D"], mask: Bool[Array, "B joined"], inside: Bool[Array, " joined"]
    ) -> Float[Array, "B joined E"]:
        """Gives `features` channels; `inside`: see `Levels`."""
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
    def __call__(
        self, levels: list[Float[Array, "B _ D"]], masks: list[Bool[Array, "B _"]]
    ) -> tuple[Float[Array, "B points C"], Float[Array, "B points 2"], Bool[Array, "B points"]]:
        """Gives (logits, offsets >= 0 in strides of the level, mask) of the frames of all levels, fine to coarse."""
        config = self.config
        lengths = [level.shape[1] for level in levels]
        joint = Levels(lengths, config.head_kernel // 2)
        x, mask = joint.join(levels), joint.join(masks)
        start = logit(config.class_prior)
        logits = Head(config, config.num_classes, start, name="classification")(x, mask, joint.inside)
        offsets = Head(config, 2, name="regression")(x, mask, joint.inside)
        logits, offsets, mask = map(joint.points, (logits, offsets, mask))
        scales = self.param("level_scale", nn.initializers.ones, (len(levels),))
        scales = jnp.repeat(scales, np.array(lengths), total_repeat_length=sum(lengths))
        return logits, jax.nn.relu(offsets * scales[:, None]), mask
