"""The parts of "I" and "U" blocks that run over predicted segments, at a padded number of segments.

Segments are stretches of frames with one most likely class. Their number depends on the data, so both modules take a
static `num_segments` and `update_segments` chooses one that suffices inside the compiled step.

Source: published models/blocks.py (TDU) and blocks_SepVerbNoun.py.
"""

import functools
from typing import NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Bool, Float

from fact_jax.layers.factored import Features
from fact_jax.layers.linear import Dense
from fact_jax.layers.projected import Projected
from fact_jax.layers.recurrent import BidirectionalGRU
from fact_jax.models.fact.branches import DecoderForm, action_branch, cross_attention
from fact_jax.models.fact.classes import Classes, read_classes
from fact_jax.models.fact.config import BlockConfig
from fact_jax.ops import pooling
from fact_jax.ops.arrays import Array, FrameMask, Frames, Seeds

# An "I" block's GRU over segments, whatever the settings say, as published.
INPUT_SEGMENT_LAYERS = 2


class BlockInput(NamedTuple):
    """What a block gets; the positions are added to tokens and to frames in attentions.

    `frames` are the input features for the first block, what the block before made of them for the others.
    """

    frames: Features | Projected | Frames
    mask: FrameMask
    actions: Float[Array, "B M E"]
    token_mask: Bool[Array, "B M"]
    positions: Float[Array, "videos M d"] | None
    frame_positions: Float[Array, "T h"] | None
    dropout_rng: Seeds | None


class SegmentExchange(NamedTuple):
    """Result of `SegmentUpdate` and `SegmentInput`, padded from P segments to T so that every P gives the same shapes.

    An update alone has what follows `segment_logits`; `frames` are what the segment of each frame gathered from the
    actions.
    """

    actions: Float[Array, "B M h"]
    action_logits: Float[Array, "B M A"]
    segment_logits: Float[Array, "B T F"]
    frames: Float[Array, "B T E"] | None = None
    f2a_logits: Float[Array, "B M T"] | None = None
    a2f_logits: Float[Array, "B T M"] | None = None
    a2f_attention: Float[Array, "B T M"] | None = None


class SegmentUpdate(nn.Module):
    """Pools frames into segments, runs a GRU over them and lets segments and actions exchange information ("U")."""

    config: BlockConfig
    classes: Classes
    dtype: str = "float32"

    @nn.compact
    def __call__(self, num_segments: int, segmentation: pooling.Segmentation, given: BlockInput) -> SegmentExchange:
        """Runs the exchange with the segments padded to `num_segments` (static, at least the largest count)."""
        config, rng, num_frames = self.config, given.dropout_rng, given.mask.shape[1]
        read = _read_segments(self, config.segment_layers, num_segments, segmentation, given)
        segments, segment_logits, segment_mask, segment_positions = read
        f2a = cross_attention(config, config.action_dim, self.dtype, "f2a")
        positions = {"source_positions": segment_positions, "query_positions": given.positions}
        actions, f2a_logits, _ = f2a(segments, given.actions, segment_mask, **positions, dropout_rng=rng)
        actions = action_branch(config, self.dtype, "action_branch")(actions, given.positions, given.token_mask, rng)
        actions, action_logits = read_classes(actions, self.classes.token_parts)
        a2f = cross_attention(config, config.frame_dim, self.dtype, "a2f")
        positions = {"source_positions": given.positions, "query_positions": segment_positions}
        gathered, a2f_logits, attention = a2f(actions, segments, given.token_mask, **positions, dropout_rng=rng)
        f2a_logits = _pad(f2a_logits, 2, num_frames)
        segment_logits, a2f_logits, attention = (
            _pad(part, 1, num_frames) for part in (segment_logits, a2f_logits, attention)
        )
        frames = pooling.spread(gathered, segmentation)
        return SegmentExchange(actions, action_logits, segment_logits, frames, f2a_logits, a2f_logits, attention)


class SegmentInput(nn.Module):
    """Pools frames into segments, runs a GRU over them and lets the action branch read the segments ("I")."""

    config: BlockConfig
    classes: Classes
    form: DecoderForm
    dtype: str = "float32"

    @nn.compact
    def __call__(self, num_segments: int, segmentation: pooling.Segmentation, given: BlockInput) -> SegmentExchange:
        """As in `SegmentUpdate`; the frames stay as they are."""
        read = _read_segments(self, INPUT_SEGMENT_LAYERS, num_segments, segmentation, given)
        segments, segment_logits, segment_mask, segment_positions = read
        branch = action_branch(self.config, self.dtype, "action_branch", self.form)
        tokens = given.actions, given.positions, given.token_mask, given.dropout_rng
        actions = branch(*tokens, segments, segment_positions, segment_mask)
        actions, action_logits = read_classes(actions, self.classes.token_parts)
        return SegmentExchange(actions, action_logits, _pad(segment_logits, 1, given.mask.shape[1]))


def _read_segments(module, num_layers, num_segments, segmentation, given):
    """Pooled segments after the GRU: (features [B, P, h], logits, mask [B, P], positions [B, P, h] or None)."""
    hidden_dim, dtype = module.config.hidden_dim, module.dtype
    segment_mask = jnp.arange(num_segments)[None] < segmentation.count[:, None]
    segments = given.frames.along_time(lambda x: pooling.pool_mean(x, segmentation, given.mask, num_segments))
    segments = BidirectionalGRU(hidden_dim // 2, num_layers, dtype=dtype, name="gru")(segments, segment_mask)
    segments = Dense(hidden_dim, name="combine")(jax.nn.relu(segments))
    segments, segment_logits = read_classes(segments, module.classes.frame_parts)
    segment_positions = None
    if given.frame_positions is not None:
        centre = pooling.segment_centres(segmentation, given.mask, num_segments)
        segment_positions = jnp.take(given.frame_positions, centre, axis=0)
    return segments, segment_logits, segment_mask, segment_positions


def update_segments(module: nn.Module, buckets: tuple[int, ...], segmentation: pooling.Segmentation, given: BlockInput):
    """Runs a `SegmentUpdate` or `SegmentInput` at the smallest bucket that holds the batch's largest segment count.

    T follows as the last bucket, so every count from 1 to T is exact.
    """
    num_frames = given.mask.shape[1]
    # A size above T/2 would save less time than its copy of the program takes to compile.
    sizes = [size for size in sorted(buckets) if 2 * size <= num_frames] + [num_frames]

    def run(module, frames, actions, size):
        return module(size, segmentation, given._replace(frames=frames, actions=actions))

    if module.is_initializing():
        return run(module, given.frames, given.actions, sizes[0])
    choice = jnp.sum(jnp.max(segmentation.count) > jnp.asarray(sizes[:-1], jnp.int32), dtype=jnp.int32)
    branches = [functools.partial(run, size=size) for size in sizes]
    return nn.switch(choice, branches, module, given.frames, given.actions)


def _pad(x, axis, size):
    widths = [(0, 0)] * x.ndim
    widths[axis] = (0, size - x.shape[axis])
    return jnp.pad(x, widths)
