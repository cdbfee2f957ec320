"""From features to a pyramid: embedding, positions, blocks at level 0, and blocks that go one level up each.

Source: published libs/modeling/backbones.py.
"""

import functools
import math

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from fact_jax.layers.linear import LayerNorm
from fact_jax.layers.masked_conv import MaskedConv
from fact_jax.models.actionformer.blocks import ConvBlock, Level, TransformerBlock
from fact_jax.models.actionformer.config import ActionFormerConfig
from fact_jax.ops.arrays import FrameMask, Frames, Seeds
from fact_jax.ops.resampling import interpolate


@functools.lru_cache(maxsize=8)
def positions(num_frames: int, max_frames: int, dim: int) -> Float[np.ndarray, "{num_frames} {dim}"]:
    """Sinusoids for every frame of a padded video, divided by sqrt(dim).

    The table has `max_frames` rows; for more frames it is stretched in straight lines, fewer take its first rows.
    """
    frame, channel = np.arange(max_frames)[:, None], np.arange(dim)[None]
    angle = frame / np.power(10000.0, 2 * (channel // 2) / dim)
    table = np.where(channel % 2 == 0, np.sin(angle), np.cos(angle)).astype(np.float32) / np.float32(math.sqrt(dim))
    return interpolate(table, num_frames) if num_frames > max_frames else table[:num_frames]


class Backbone(nn.Module):
    """The convTransformer and conv backbones."""

    config: ActionFormerConfig

    @nn.compact
    def __call__(self, features: Frames, mask: FrameMask, dropout_rng: Seeds | None) -> list[Level]:
        """Runs all blocks on features that are zero outside `mask`; gives the levels 0, ..., branch_layers."""
        config = self.config
        x = self._embed(self._project(features, mask), mask)
        if config.absolute_positions and config.backbone == "transformer":
            table = jnp.asarray(positions(x.shape[1], config.max_frames, config.dim))
            x = x + table * mask[..., None]
        for index in range(config.stem_layers):
            x, mask = self._block(0, 1, f"stem_{index}")(x, mask, dropout_rng)
        levels = [(x, mask)]
        for index in range(config.branch_layers):
            x, mask = self._block(1 + index, config.scale_factor, f"branch_{index}")(x, mask, dropout_rng)
            levels.append((x, mask))
        return levels

    def _project(self, features, mask):
        """Every stream mapped to channels of its own."""
        config = self.config
        if not config.stream_dims:
            return features
        if sum(config.stream_dims) != features.shape[-1]:
            raise ValueError(f"features have {features.shape[-1]} channels, model.stream_dims {config.stream_dims}")
        streams = jnp.split(features, np.cumsum(config.stream_dims)[:-1], axis=-1)
        projected = [
            MaskedConv(width, 1, dtype=config.dtype, name=f"projection_{index}")(stream, mask)[0]
            for index, (stream, width) in enumerate(zip(streams, config.stream_widths, strict=True))
        ]
        return jnp.concatenate(projected, axis=-1)

    def _embed(self, x, mask):
        config = self.config
        shared = {"use_bias": not config.embedding_norm, "dtype": config.dtype}
        for index in range(config.embedding_layers):
            conv = MaskedConv(config.dim, config.embedding_kernel, **shared, name=f"embedding_{index}")
            x, _ = conv(x, mask)
            if config.embedding_norm:
                x = LayerNorm(name=f"embedding_norm_{index}")(x)
            x = jax.nn.relu(x)
        return x

    def _block(self, level, stride, name):
        kept = nn.remat if self.config.remat else lambda block: block
        if self.config.backbone == "conv":
            return kept(ConvBlock)(self.config, stride, name=name)
        return kept(TransformerBlock)(self.config, self.config.window_sizes[level], stride, name=name)
