"""The parts of "I" and "U" blocks that run over predicted segments, at a padded number of segments.

Segments are stretches of frames with one most likely class. Their number depends on the data, so both modules take a
static `num_segments` and `update_segments` chooses one that suffices inside the compiled step.
"""

from typing import NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp

from fact_jax.layers.attention import CrossAttention
from fact_jax.layers.linear import Dense
from fact_jax.layers.recurrent import BidirectionalGRU
from fact_jax.models.fact.branches import DecoderForm, action_branch
from fact_jax.models.fact.classes import PlainClasses, VerbNounClasses, read_classes
from fact_jax.models.fact.config import BlockConfig
from fact_jax.ops import pooling

# An "I" block's GRU over segments, whatever the settings say (spec section 3, verb/noun variant).
INPUT_SEGMENT_LAYERS = 2


class SegmentExchange(NamedTuple):
    """Result of `SegmentUpdate` and `SegmentInput`, padded from P segments to T so that every P gives the same shapes.

    actions [B, M, h] and action_logits [B, M, A]; segment_logits [B, T, F]; and of an update, None otherwise:
    frames [B, T, f]: what the segment of each frame gathered from the actions; f2a_logits [B, M, T]; a2f_logits and
    a2f_attention [B, T, M].
    """

    actions: jax.Array
    action_logits: jax.Array
    segment_logits: jax.Array
    frames: jax.Array | None = None
    f2a_logits: jax.Array | None = None
    a2f_logits: jax.Array | None = None
    a2f_attention: jax.Array | None = None


class SegmentUpdate(nn.Module):
    """Pools frames into segments, runs a GRU over them and lets segments and actions exchange information ("U")."""

    config: BlockConfig
    classes: PlainClasses | VerbNounClasses
    dtype: str = "float32"

    @nn.compact
    def __call__(
        self,
        num_segments,
        frames,
        mask,
        segmentation,
        actions,
        token_mask,
        positions,
        frame_positions,
        dropout_rng=None,
    ):
        """Runs the exchange with the segments padded to `num_segments` (static, at least the largest count)."""
        config = self.config
        segments, segment_logits, segment_mask, segment_positions = _read_segments(
            self, config.segment_layers, num_segments, frames, mask, segmentation, frame_positions
        )
        actions, f2a_logits, _ = CrossAttention(config.action_dim, config.dropout_rate, dtype=self.dtype, name="f2a")(
            segments,
            actions,
            segment_mask,
            source_positions=segment_positions,
            query_positions=positions,
            dropout_rng=dropout_rng,
        )
        actions = action_branch(config, self.dtype, "action_branch")(actions, positions, token_mask, dropout_rng)
        actions, action_logits = read_classes(actions, self.classes.token_parts)
        gathered, a2f_logits, attention = CrossAttention(
            config.frame_dim, config.dropout_rate, dtype=self.dtype, name="a2f"
        )(
            actions,
            segments,
            token_mask,
            source_positions=positions,
            query_positions=segment_positions,
            dropout_rng=dropout_rng,
        )
        num_frames = frames.value.shape[1]
        return SegmentExchange(
            actions=actions,
            action_logits=action_logits,
            segment_logits=_pad(segment_logits, 1, num_frames),
            frames=pooling.spread(gathered, segmentation),
            f2a_logits=_pad(f2a_logits, 2, num_frames),
            a2f_logits=_pad(a2f_logits, 1, num_frames),
            a2f_attention=_pad(attention, 1, num_frames),
        )


class SegmentInput(nn.Module):
    """Pools frames into segments, runs a GRU over them and lets the action branch read the segments ("I")."""

    config: BlockConfig
    classes: PlainClasses | VerbNounClasses
    form: DecoderForm
    dtype: str = "float32"

    @nn.compact
    def __call__(
        self,
        num_segments,
        frames,
        mask,
        segmentation,
        actions,
        token_mask,
        positions,
        frame_positions,
        dropout_rng=None,
    ):
        """As in `SegmentUpdate`; the frames stay as they are."""
        segments, segment_logits, segment_mask, segment_positions = _read_segments(
            self, INPUT_SEGMENT_LAYERS, num_segments, frames, mask, segmentation, frame_positions
        )
        branch = action_branch(self.config, self.dtype, "action_branch", self.form)
        actions = branch(actions, positions, token_mask, dropout_rng, segments, segment_positions, segment_mask)
        actions, action_logits = read_classes(actions, self.classes.token_parts)
        return SegmentExchange(actions, action_logits, _pad(segment_logits, 1, frames.value.shape[1]))


def _read_segments(module, num_layers, num_segments, frames, mask, segmentation, frame_positions):
    """Pooled segments after the GRU: (features [B, P, h], logits, mask [B, P], positions [B, P, h] or None)."""
    hidden_dim, dtype = module.config.hidden_dim, module.dtype
    segment_mask = jnp.arange(num_segments)[None] < segmentation.count[:, None]
    segments = frames.along_time(lambda x: pooling.pool_mean(x, segmentation, mask, num_segments))
    segments = BidirectionalGRU(hidden_dim // 2, num_layers, dtype=dtype, name="gru")(segments, segment_mask)
    segments = Dense(hidden_dim, name="combine")(jax.nn.relu(segments))
    segments, segment_logits = read_classes(segments, module.classes.frame_parts)
    segment_positions = None
    if frame_positions is not None:
        centre = pooling.segment_centres(segmentation, mask, num_segments)
        segment_positions = jnp.take(frame_positions, centre, axis=0)
    return segments, segment_logits, segment_mask, segment_positions


def update_segments(
    module, buckets, segmentation, frames, mask, actions, token_mask, positions, frame_positions, dropout_rng
):
    """Runs a `SegmentUpdate` or `SegmentInput` at the smallest bucket that holds the batch's largest segment count.

    Args:
      module: the unbound submodule.
      buckets: sizes to try; T follows as the last one, so every count from 1 to T is exact.
      segmentation: Segmentation of the batch.
      frames, mask, actions, token_mask, positions, frame_positions, dropout_rng: what the module takes.

    Returns:
      SegmentExchange.
    """
    num_frames = frames.value.shape[1]
    # A size above T/2 would save less time than its copy of the program takes to compile.
    sizes = [size for size in sorted(buckets) if 2 * size <= num_frames] + [num_frames]

    def at_size(size):
        def run(module, frames, actions):
            return module(
                size, frames, mask, segmentation, actions, token_mask, positions, frame_positions, dropout_rng
            )

        return run

    if module.is_initializing():
        return at_size(sizes[0])(module, frames, actions)
    choice = jnp.sum(jnp.max(segmentation.count) > jnp.asarray(sizes[:-1], jnp.int32), dtype=jnp.int32)
    return nn.switch(choice, [at_size(size) for size in sizes], module, frames, actions)


def _pad(x, axis, size):
    widths = [(0, 0)] * x.ndim
    widths[axis] = (0, size - x.shape[axis])
    return jnp.pad(x, widths)
