"""The three kinds of blocks (spec section 3)."""

import flax.linen as nn
import jax
import jax.numpy as jnp

from fact_jax.layers.attention import CrossAttention
from fact_jax.layers.linear import Dense
from fact_jax.models.fact.branches import action_branch, frame_branch, read_classes
from fact_jax.models.fact.config import BlockConfig
from fact_jax.models.fact.outputs import BlockOutput, SegmentOutput
from fact_jax.models.fact.segment_update import SegmentUpdate
from fact_jax.ops import segments as seg


class InputBlock(nn.Module):
    """Block "i": the frame branch reads the features, the tokens read the frames; no exchange back."""

    config: BlockConfig
    num_classes: int

    @nn.compact
    def __call__(self, features, mask, tokens, token_mask, positions, frame_positions, noise=None):
        frames = frame_branch(self.config, True, "frame_branch")(features, mask, noise)
        frames, frame_logits = read_classes(frames, self.num_classes)
        branch = action_branch(self.config, "action_branch", zero_start=True)
        actions = branch(tokens, positions, token_mask, frames, frame_positions, mask, noise)
        actions, action_logits = read_classes(actions, self.num_classes + 1)
        return BlockOutput(frames, actions, frame_logits, action_logits)


class UpdateBlock(nn.Module):
    """Block "u": actions gather from frames, then frames gather from the updated actions."""

    config: BlockConfig
    num_classes: int

    @nn.compact
    def __call__(self, frames, mask, actions, token_mask, positions, frame_positions, noise=None):
        config = self.config
        # The smoothness loss compares these logits between tokens, where the bias of the keys does count.
        f2a = CrossAttention(config.action_dim, config.dropout_rate, inert_key_bias=False, name="f2a")
        actions, f2a_logits, _ = f2a(
            frames, actions, mask, source_positions=frame_positions, query_positions=positions, noise=noise
        )
        actions = action_branch(config, "action_branch")(actions, positions, token_mask, noise)
        actions, action_logits = read_classes(actions, self.num_classes + 1)
        frames, a2f_logits, a2f_attention = CrossAttention(config.frame_dim, config.dropout_rate, name="a2f")(
            actions, frames, token_mask, source_positions=positions, query_positions=frame_positions, noise=noise
        )
        frames = frame_branch(config, False, "frame_branch")(frames, mask, noise)
        frames, frame_logits = read_classes(frames, self.num_classes)
        return BlockOutput(frames, actions, frame_logits, action_logits, f2a_logits, a2f_logits, a2f_attention)


class TemporalBlock(nn.Module):
    """Block "U": the exchange runs over predicted segments instead of frames.

    Attributes:
      segment_buckets: sizes to which the segments are padded; the smallest that holds the batch's largest number of
        segments is chosen inside the compiled step, T when none does, so every count from 1 to T is exact.
    """

    config: BlockConfig
    num_classes: int
    segment_buckets: tuple[int, ...]

    @nn.compact
    def __call__(self, frames, mask, actions, token_mask, positions, frame_positions, noise=None):
        num_frames = frames.shape[1]
        classes = jnp.argmax(frames[..., -self.num_classes :], axis=-1)
        runs = seg.find_runs(classes, mask)
        update = SegmentUpdate(self.config, self.num_classes, name="segment_update")
        # A size above T/2 would save less time than its copy of the program takes to compile.
        sizes = [size for size in sorted(self.segment_buckets) if 2 * size <= num_frames] + [num_frames]

        def at_size(size):
            def run(update, frames, actions):
                return update(size, frames, mask, runs, actions, token_mask, positions, frame_positions, noise)

            return run

        if self.is_initializing():
            exchange = at_size(sizes[0])(update, frames, actions)
        else:
            largest = jnp.max(runs.count)
            choice = jnp.sum(largest > jnp.asarray(sizes[:-1], jnp.int32), dtype=jnp.int32)
            exchange = nn.switch(choice, [at_size(size) for size in sizes], update, frames, actions)
        updated = jnp.concatenate([exchange.frames, frames], axis=-1)
        updated = jax.nn.relu(Dense(self.config.frame_dim, name="merge")(updated))
        frames = frame_branch(self.config, False, "frame_branch")(updated, mask, noise)
        frames, frame_logits = read_classes(frames, self.num_classes)
        segments = SegmentOutput(
            runs=runs,
            mask=jnp.arange(num_frames)[None] < runs.count[:, None],
            classes=classes,
            logits=exchange.segment_logits,
        )
        return BlockOutput(
            frames,
            exchange.actions,
            frame_logits,
            exchange.action_logits,
            exchange.f2a_logits,
            exchange.a2f_logits,
            seg.spread(exchange.a2f_attention, runs),
            segments,
        )
