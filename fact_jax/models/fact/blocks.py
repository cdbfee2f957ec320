"""The four kinds of blocks (spec section 3).

All are called alike: (frames, mask, actions, token_mask, positions, frame_positions, noise) -> BlockOutput. `frames`
are the input features for the first block and the frame features of the block before for the others. `dtype` is that of
the products that do not lead straight to class probabilities.
"""

import flax.linen as nn
import jax
import jax.numpy as jnp

from fact_jax.layers.attention import CrossAttention
from fact_jax.layers.linear import Dense, product
from fact_jax.models.fact.branches import DecoderForm, action_branch, frame_branch
from fact_jax.models.fact.classes import PlainClasses, VerbNounClasses, read_classes, read_frame_classes
from fact_jax.models.fact.config import BlockConfig
from fact_jax.models.fact.outputs import BlockOutput, SegmentOutput
from fact_jax.models.fact.segment_update import SegmentInput, SegmentUpdate, run_over_segments
from fact_jax.ops import segments as seg


class InputBlock(nn.Module):
    """Block "i": the frame branch reads the features, the tokens read the frames; no exchange back.

    Attributes:
      form: of the decoder.
    """

    config: BlockConfig
    classes: PlainClasses | VerbNounClasses
    form: DecoderForm
    dtype: str = "float32"

    @nn.compact
    def __call__(self, features, mask, tokens, token_mask, positions, frame_positions, noise=None):
        frames = frame_branch(self.config, True, self.dtype, "frame_branch")(features, mask, noise)
        frames, frame_logits = read_frame_classes(frames, self.classes.frame_parts)
        branch = action_branch(self.config, self.dtype, "action_branch", self.form)
        actions = branch(tokens, positions, token_mask, noise, frames, frame_positions, mask)
        actions, action_logits = read_classes(actions, self.classes.token_parts)
        return BlockOutput(frames, actions, frame_logits, action_logits)


class SegmentInputBlock(nn.Module):
    """Block "I": as "i", but the tokens read the segments that the frame branch predicts. Attributes as there."""

    config: BlockConfig
    classes: PlainClasses | VerbNounClasses
    segment_buckets: tuple[int, ...]
    form: DecoderForm
    dtype: str = "float32"

    @nn.compact
    def __call__(self, features, mask, tokens, token_mask, positions, frame_positions, noise=None):
        frames = frame_branch(self.config, True, self.dtype, "frame_branch")(features, mask, noise)
        frames, frame_logits = read_frame_classes(frames, self.classes.frame_parts)
        labels = self.classes.most_likely(frames.value)
        runs = seg.find_runs(labels, mask)
        module = SegmentInput(self.config, self.classes, self.form, self.dtype, name="segment_update")
        read = run_over_segments(
            module, self.segment_buckets, runs, frames, mask, tokens, token_mask, positions, frame_positions, noise
        )
        segments = _segment_output(runs, labels, read.segment_logits)
        return BlockOutput(frames, read.actions, frame_logits, read.action_logits, segments=segments)


class UpdateBlock(nn.Module):
    """Block "u": actions gather from frames, then frames gather from the updated actions."""

    config: BlockConfig
    classes: PlainClasses | VerbNounClasses
    dtype: str = "float32"

    @nn.compact
    def __call__(self, frames, mask, actions, token_mask, positions, frame_positions, noise=None):
        config = self.config
        # The smoothness loss compares these logits between tokens, where the bias of the keys does count.
        f2a = CrossAttention(config.action_dim, config.dropout_rate, False, self.dtype, name="f2a")
        actions, f2a_logits, _ = f2a(
            frames, actions, mask, source_positions=frame_positions, query_positions=positions, noise=noise
        )
        actions = action_branch(config, self.dtype, "action_branch")(actions, positions, token_mask, noise)
        actions, action_logits = read_classes(actions, self.classes.token_parts)
        a2f = CrossAttention(config.frame_dim, config.dropout_rate, dtype=self.dtype, name="a2f")
        frames, a2f_logits, a2f_attention = a2f(
            actions, frames, token_mask, source_positions=positions, query_positions=frame_positions, noise=noise
        )
        frames = frame_branch(config, False, self.dtype, "frame_branch")(frames, mask, noise)
        frames, frame_logits = read_frame_classes(frames, self.classes.frame_parts)
        return BlockOutput(frames, actions, frame_logits, action_logits, f2a_logits, a2f_logits, a2f_attention)


class TemporalBlock(nn.Module):
    """Block "U": the exchange runs over predicted segments instead of frames.

    Attributes:
      segment_buckets: see `fact_jax.models.fact.segment_update.run_over_segments`.
    """

    config: BlockConfig
    classes: PlainClasses | VerbNounClasses
    segment_buckets: tuple[int, ...]
    dtype: str = "float32"

    @nn.compact
    def __call__(self, frames, mask, actions, token_mask, positions, frame_positions, noise=None):
        labels = self.classes.most_likely(frames.value)
        runs = seg.find_runs(labels, mask)
        module = SegmentUpdate(self.config, self.classes, self.dtype, name="segment_update")
        exchange = run_over_segments(
            module, self.segment_buckets, runs, frames, mask, actions, token_mask, positions, frame_positions, noise
        )
        updated = jax.nn.relu(self._merge(exchange.frames, frames))
        frames = frame_branch(self.config, False, self.dtype, "frame_branch")(updated, mask, noise)
        frames, frame_logits = read_frame_classes(frames, self.classes.frame_parts)
        return BlockOutput(
            frames,
            exchange.actions,
            frame_logits,
            exchange.action_logits,
            exchange.f2a_logits,
            exchange.a2f_logits,
            seg.spread(exchange.a2f_attention, runs),
            _segment_output(runs, labels, exchange.segment_logits),
        )

    def _merge(self, gathered, frames):
        """Affine map of both next to each other, float [B, T, f]."""
        dim = gathered.shape[-1]
        kernel, bias = Dense(self.config.frame_dim, name="merge").weights(dim + frames.value.shape[-1])
        x, lower = frames.operands(kernel[dim:])
        both, kernel = jnp.concatenate([gathered, x], axis=-1), jnp.concatenate([kernel[:dim], lower])
        return product("bti,io->bto", both, kernel, self.dtype) + bias


def _segment_output(runs, labels, logits):
    mask = jnp.arange(labels.shape[1])[None] < runs.count[:, None]
    return SegmentOutput(runs=runs, mask=mask, classes=labels, logits=logits)
