"""The four kinds of blocks (spec section 3).

All are called alike: (frames, mask, actions, token_mask, positions, frame_positions, dropout_rng) -> BlockOutput. `frames`
are the input features for the first block and the frame features of the block before for the others. `dtype` is that of
the products that do not lead straight to class probabilities.
"""

import flax.linen as nn
import flax.struct
import jax
import jax.numpy as jnp

from fact_jax.layers.attention import CrossAttention
from fact_jax.layers.factored import Factored
from fact_jax.layers.linear import Dense, product
from fact_jax.models.fact.branches import DecoderForm, action_branch, frame_branch
from fact_jax.models.fact.classes import PlainClasses, VerbNounClasses, read_classes, read_frame_classes
from fact_jax.models.fact.config import BlockConfig
from fact_jax.models.fact.segment_update import SegmentInput, SegmentUpdate, update_segments
from fact_jax.ops import pooling


@flax.struct.dataclass
class SegmentOutput:
    """Predicted segments of a "U" block, stretches of one most likely class of the frames that enter it; or of an "I"
    block, of its own frames.

    P is padded to the number of frames; entries from `segmentation.count` on mean nothing.

    Attributes:
      segmentation: segment of every frame and number of segments.
      mask: bool [B, P].
      classes: int32 [B, T], the class of every frame that makes these segments.
      logits: float [B, P, F], class logits of every segment.
    """

    segmentation: pooling.Segmentation
    mask: jax.Array
    classes: jax.Array
    logits: jax.Array


@flax.struct.dataclass
class BlockOutput:
    """Output of one block. F and A are the class channels of frames and of tokens: C and C+1, or V+N and V+N+2 for V
    verbs and N nouns (`fact_jax.models.fact.classes`).

    Attributes:
      frames: Factored [B, T, h]; the last F channels are class probabilities.
      action_features: float [B, M, h]; the last A channels are probabilities, "no action" among them.
      frame_logits: float [B, T, F].
      action_logits: float [B, M, A].
      f2a_logits: float [B, M, X], actions attending to X frames ("u") or segments ("U"); None in "i", "I".
      a2f_logits: float [B, X, M], frames or segments attending to actions; None in "i", "I".
      a2f_attention: float [B, T, M], the softmax of `a2f_logits` over valid tokens, at frame level; None in "i", "I".
      segments: SegmentOutput of a "U" or "I" block, else None.
    """

    frames: Factored
    action_features: jax.Array
    frame_logits: jax.Array
    action_logits: jax.Array
    f2a_logits: jax.Array | None = None
    a2f_logits: jax.Array | None = None
    a2f_attention: jax.Array | None = None
    segments: SegmentOutput | None = None

    @property
    def frame_features(self):
        """The frames as an array, float [B, T, h]."""
        return self.frames.value


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
    def __call__(self, features, mask, tokens, token_mask, positions, frame_positions, dropout_rng=None):
        frames = frame_branch(self.config, True, self.dtype, "frame_branch")(features, mask, dropout_rng)
        frames, frame_logits = read_frame_classes(frames, self.classes.frame_parts)
        branch = action_branch(self.config, self.dtype, "action_branch", self.form)
        actions = branch(tokens, positions, token_mask, dropout_rng, frames, frame_positions, mask)
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
    def __call__(self, features, mask, tokens, token_mask, positions, frame_positions, dropout_rng=None):
        frames = frame_branch(self.config, True, self.dtype, "frame_branch")(features, mask, dropout_rng)
        frames, frame_logits = read_frame_classes(frames, self.classes.frame_parts)
        labels = self.classes.most_likely(frames.value)
        segmentation = pooling.find_segments(labels, mask)
        module = SegmentInput(self.config, self.classes, self.form, self.dtype, name="segment_update")
        read = update_segments(
            module,
            self.segment_buckets,
            segmentation,
            frames,
            mask,
            tokens,
            token_mask,
            positions,
            frame_positions,
            dropout_rng,
        )
        segments = _segment_output(segmentation, labels, read.segment_logits)
        return BlockOutput(frames, read.actions, frame_logits, read.action_logits, segments=segments)


class UpdateBlock(nn.Module):
    """Block "u": actions gather from frames, then frames gather from the updated actions."""

    config: BlockConfig
    classes: PlainClasses | VerbNounClasses
    dtype: str = "float32"

    @nn.compact
    def __call__(self, frames, mask, actions, token_mask, positions, frame_positions, dropout_rng=None):
        config = self.config
        # The smoothness loss compares these logits between tokens, where the bias of the keys does count.
        f2a = CrossAttention(config.action_dim, config.dropout_rate, False, self.dtype, name="f2a")
        actions, f2a_logits, _ = f2a(
            frames, actions, mask, source_positions=frame_positions, query_positions=positions, dropout_rng=dropout_rng
        )
        actions = action_branch(config, self.dtype, "action_branch")(actions, positions, token_mask, dropout_rng)
        actions, action_logits = read_classes(actions, self.classes.token_parts)
        a2f = CrossAttention(config.frame_dim, config.dropout_rate, dtype=self.dtype, name="a2f")
        frames, a2f_logits, a2f_attention = a2f(
            actions,
            frames,
            token_mask,
            source_positions=positions,
            query_positions=frame_positions,
            dropout_rng=dropout_rng,
        )
        frames = frame_branch(config, False, self.dtype, "frame_branch")(frames, mask, dropout_rng)
        frames, frame_logits = read_frame_classes(frames, self.classes.frame_parts)
        return BlockOutput(frames, actions, frame_logits, action_logits, f2a_logits, a2f_logits, a2f_attention)


class TemporalBlock(nn.Module):
    """Block "U": the exchange runs over predicted segments instead of frames.

    Attributes:
      segment_buckets: see `fact_jax.models.fact.segment_update.update_segments`.
    """

    config: BlockConfig
    classes: PlainClasses | VerbNounClasses
    segment_buckets: tuple[int, ...]
    dtype: str = "float32"

    @nn.compact
    def __call__(self, frames, mask, actions, token_mask, positions, frame_positions, dropout_rng=None):
        labels = self.classes.most_likely(frames.value)
        segmentation = pooling.find_segments(labels, mask)
        module = SegmentUpdate(self.config, self.classes, self.dtype, name="segment_update")
        exchange = update_segments(
            module,
            self.segment_buckets,
            segmentation,
            frames,
            mask,
            actions,
            token_mask,
            positions,
            frame_positions,
            dropout_rng,
        )
        updated = jax.nn.relu(self._merge(exchange.frames, frames))
        frames = frame_branch(self.config, False, self.dtype, "frame_branch")(updated, mask, dropout_rng)
        frames, frame_logits = read_frame_classes(frames, self.classes.frame_parts)
        return BlockOutput(
            frames,
            exchange.actions,
            frame_logits,
            exchange.action_logits,
            exchange.f2a_logits,
            exchange.a2f_logits,
            pooling.spread(exchange.a2f_attention, segmentation),
            _segment_output(segmentation, labels, exchange.segment_logits),
        )

    def _merge(self, gathered, frames):
        """Affine map of both next to each other, float [B, T, f]."""
        dim = gathered.shape[-1]
        kernel, bias = Dense(self.config.frame_dim, name="merge").weights(dim + frames.value.shape[-1])
        x, lower = frames.operands(kernel[dim:])
        both, kernel = jnp.concatenate([gathered, x], axis=-1), jnp.concatenate([kernel[:dim], lower])
        return product("bti,io->bto", both, kernel, self.dtype) + bias


def _segment_output(segmentation, labels, logits):
    mask = jnp.arange(labels.shape[1])[None] < segmentation.count[:, None]
    return SegmentOutput(segmentation=segmentation, mask=mask, classes=labels, logits=logits)
