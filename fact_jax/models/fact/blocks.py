"""The four kinds of blocks, and what they hand to the next one, to the losses, to the matching and to the decoding.

All blocks are called alike; `frames` are the input features for the first one and the frame features of the block
before for the others. `dtype` is that of the products that do not lead straight to class probabilities.

Source: FACT (CVPR 2024), published models/blocks.py and blocks_SepVerbNoun.py.
"""

from typing import NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Bool, Float, Int

from fact_jax.layers.factored import Features, features_of
from fact_jax.layers.linear import Dense, times
from fact_jax.models.fact.branches import DecoderForm, action_branch, cross_attention, frame_branch
from fact_jax.models.fact.classes import Classes, read_classes, read_frame_classes
from fact_jax.models.fact.config import BlockConfig
from fact_jax.models.fact.segment_update import BlockInput, SegmentInput, SegmentUpdate, update_segments
from fact_jax.ops import pooling
from fact_jax.ops.arrays import Array


class SegmentOutput(NamedTuple):
    """Predicted segments of a "U" block, stretches of one most likely class of the frames that enter it; or of an "I"
    block, of its own frames: `classes`, of every frame. P is padded to the number of frames, see the mask.
    """

    segmentation: pooling.Segmentation
    mask: Bool[Array, "B P"]
    classes: Int[Array, "B T"]
    logits: Float[Array, "B P F"]


class BlockOutput(NamedTuple):
    """Output of one block. F and A are the class channels of frames and of tokens: C and C+1, or V+N and V+N+2 for V
    verbs and N nouns (`fact_jax.models.fact.classes`). X are the frames ("u") or segments ("U") that actions attend to.

    Attributes:
      frames: the last F channels are class probabilities.
      action_features: the last A channels are probabilities, "no action" among them.
      frame_logits, action_logits: what these are made of.
      f2a_logits: actions attending to frames or segments; None in "i", "I".
      a2f_logits: frames or segments attending to actions; None in "i", "I".
      a2f_attention: the softmax of `a2f_logits` over valid tokens, at frame level; None in "i", "I".
      segments: of a "U" or "I" block, else None.
    """

    frames: Features
    action_features: Float[Array, "B M h"]
    frame_logits: Float[Array, "B T F"]
    action_logits: Float[Array, "B M A"]
    f2a_logits: Float[Array, "B M X"] | None = None
    a2f_logits: Float[Array, "B X M"] | None = None
    a2f_attention: Float[Array, "B T M"] | None = None
    segments: SegmentOutput | None = None


class InputBlock(nn.Module):
    """Block "i": the frame branch reads the features, the tokens read the frames; no exchange back."""

    config: BlockConfig
    classes: Classes
    form: DecoderForm
    dtype: str = "float32"

    @nn.compact
    def __call__(self, given: BlockInput) -> BlockOutput:
        rng = given.dropout_rng
        frames = frame_branch(self.config, True, self.dtype, "frame_branch")(given.frames, given.mask, rng)
        frames, frame_logits = read_frame_classes(frames, self.classes.frame_parts)
        branch = action_branch(self.config, self.dtype, "action_branch", self.form)
        tokens = given.actions, given.positions, given.token_mask, rng
        actions = branch(*tokens, frames, given.frame_positions, given.mask)
        actions, action_logits = read_classes(actions, self.classes.token_parts)
        return BlockOutput(frames, actions, frame_logits, action_logits)


class SegmentInputBlock(nn.Module):
    """Block "I": as "i", but the tokens read the segments that the frame branch predicts."""

    config: BlockConfig
    classes: Classes
    segment_buckets: tuple[int, ...]
    form: DecoderForm
    dtype: str = "float32"

    @nn.compact
    def __call__(self, given: BlockInput) -> BlockOutput:
        branch = frame_branch(self.config, True, self.dtype, "frame_branch")
        frames = branch(given.frames, given.mask, given.dropout_rng)
        frames, frame_logits = read_frame_classes(frames, self.classes.frame_parts)
        labels = self.classes.most_likely(frames.last(sum(self.classes.frame_parts)))
        segmentation = pooling.find_segments(labels, given.mask)
        module = SegmentInput(self.config, self.classes, self.form, self.dtype, name="segment_update")
        read = update_segments(module, self.segment_buckets, segmentation, given._replace(frames=frames))
        segments = _segment_output(segmentation, labels, read.segment_logits)
        return BlockOutput(frames, read.actions, frame_logits, read.action_logits, segments=segments)


class UpdateBlock(nn.Module):
    """Block "u": actions gather from frames, then frames gather from the updated actions."""

    config: BlockConfig
    classes: Classes
    dtype: str = "float32"

    @nn.compact
    def __call__(self, given: BlockInput) -> BlockOutput:
        config, rng = self.config, given.dropout_rng
        # The smoothness loss compares these logits between tokens, where the bias of the keys does count.
        f2a = cross_attention(config, config.action_dim, self.dtype, "f2a", inert_key_bias=False)
        positions = {"source_positions": given.frame_positions, "query_positions": given.positions}
        actions, f2a_logits, _ = f2a(given.frames, given.actions, given.mask, **positions, dropout_rng=rng)
        actions = action_branch(config, self.dtype, "action_branch")(actions, given.positions, given.token_mask, rng)
        actions, action_logits = read_classes(actions, self.classes.token_parts)
        a2f = cross_attention(config, config.frame_dim, self.dtype, "a2f")
        positions = {"source_positions": given.positions, "query_positions": given.frame_positions}
        frames, a2f_logits, a2f_attention = a2f(actions, given.frames, given.token_mask, **positions, dropout_rng=rng)
        frames = frame_branch(config, False, self.dtype, "frame_branch")(frames, given.mask, rng)
        frames, frame_logits = read_frame_classes(frames, self.classes.frame_parts)
        return BlockOutput(frames, actions, frame_logits, action_logits, f2a_logits, a2f_logits, a2f_attention)


class TemporalBlock(nn.Module):
    """Block "U": the exchange runs over predicted segments instead of frames."""

    config: BlockConfig
    classes: Classes
    segment_buckets: tuple[int, ...]
    dtype: str = "float32"

    @nn.compact
    def __call__(self, given: BlockInput) -> BlockOutput:
        before = features_of(given.frames)
        labels = self.classes.most_likely(before.last(sum(self.classes.frame_parts)))
        segmentation = pooling.find_segments(labels, given.mask)
        module = SegmentUpdate(self.config, self.classes, self.dtype, name="segment_update")
        exchange = update_segments(module, self.segment_buckets, segmentation, given)
        updated = jax.nn.relu(self._merge(exchange.frames, before))
        frames = frame_branch(self.config, False, self.dtype, "frame_branch")(updated, given.mask, given.dropout_rng)
        frames, frame_logits = read_frame_classes(frames, self.classes.frame_parts)
        attention = pooling.spread(exchange.a2f_attention, segmentation)
        segments = _segment_output(segmentation, labels, exchange.segment_logits)
        logits = frame_logits, exchange.action_logits, exchange.f2a_logits, exchange.a2f_logits
        return BlockOutput(frames, exchange.actions, *logits, attention, segments)

    def _merge(self, gathered, frames):
        """Affine map of both next to each other, float [B, T, f]."""
        dim = gathered.shape[-1]
        kernel, bias = Dense(self.config.frame_dim, name="merge").weights(dim + frames.shape[-1])
        x, lower = frames.operands(kernel[dim:])
        both, kernel = jnp.concatenate([gathered, x], axis=-1), jnp.concatenate([kernel[:dim], lower])
        return times(both, kernel, self.dtype) + bias


def _segment_output(segmentation, labels, logits):
    mask = jnp.arange(labels.shape[1])[None] < segmentation.count[:, None]
    return SegmentOutput(segmentation, mask, labels, logits)
