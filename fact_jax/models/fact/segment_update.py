"""The part of a "U" block that runs over predicted segments, at a padded number of segments."""

from typing import NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp

from fact_jax.layers.attention import CrossAttention
from fact_jax.layers.linear import Dense
from fact_jax.layers.recurrent import BidirectionalGRU
from fact_jax.models.fact.branches import action_branch, read_classes
from fact_jax.models.fact.config import BlockConfig
from fact_jax.ops import segments as seg


class SegmentExchange(NamedTuple):
    """Result of `SegmentUpdate`, padded from P segments to T so that every P gives the same shapes.

    frames [B, T, f]: what the segment of each frame gathered from the actions; actions [B, M, h] and
    action_logits [B, M, C+1]; segment_logits [B, T, C]; f2a_logits [B, M, T]; a2f_logits and a2f_attention [B, T, M].
    """

    frames: jax.Array
    actions: jax.Array
    action_logits: jax.Array
    segment_logits: jax.Array
    f2a_logits: jax.Array
    a2f_logits: jax.Array
    a2f_attention: jax.Array


class SegmentUpdate(nn.Module):
    """Pools frames into segments, runs a GRU over them and lets segments and actions exchange information."""

    config: BlockConfig
    num_classes: int

    @nn.compact
    def __call__(self, num_segments, frames, mask, runs, actions, token_mask, positions, frame_positions, noise=None):
        """Runs the exchange with the segments padded to `num_segments` (static, at least the largest count)."""
        config = self.config
        segment_mask = jnp.arange(num_segments)[None] < runs.count[:, None]
        segments = seg.pool_mean(frames, runs, mask, num_segments)
        segments = BidirectionalGRU(config.hidden_dim // 2, config.segment_layers, name="gru")(segments, segment_mask)
        segments = Dense(config.hidden_dim, name="combine")(jax.nn.relu(segments))
        segments, segment_logits = read_classes(segments, self.num_classes)

        segment_positions = None
        if frame_positions is not None:
            centre = seg.run_centres(runs, mask, num_segments)
            segment_positions = jnp.take(frame_positions, centre, axis=0)
        actions, f2a_logits, _ = CrossAttention(config.action_dim, config.dropout_rate, name="f2a")(
            segments, actions, segment_mask, source_positions=segment_positions, query_positions=positions, noise=noise
        )
        actions = action_branch(config, "action_branch")(actions, positions, token_mask, noise)
        actions, action_logits = read_classes(actions, self.num_classes + 1)
        gathered, a2f_logits, attention = CrossAttention(config.frame_dim, config.dropout_rate, name="a2f")(
            actions, segments, token_mask, source_positions=positions, query_positions=segment_positions, noise=noise
        )
        missing = frames.shape[1] - num_segments

        def pad(x, axis):
            widths = [(0, 0)] * x.ndim
            widths[axis] = (0, missing)
            return jnp.pad(x, widths)

        return SegmentExchange(
            frames=seg.spread(gathered, runs),
            actions=actions,
            action_logits=action_logits,
            segment_logits=pad(segment_logits, 1),
            f2a_logits=pad(f2a_logits, 2),
            a2f_logits=pad(a2f_logits, 1),
            a2f_attention=pad(attention, 1),
        )
