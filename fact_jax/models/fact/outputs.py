"""What a block hands to the next one, to the losses, to the matching and to the decoding."""

import flax.struct
import jax

from fact_jax.layers.factored import Factored
from fact_jax.ops.segments import Runs


@flax.struct.dataclass
class SegmentOutput:
    """Predicted segments of a "U" block, the runs of the most likely class of the frames that enter it; or of an "I"
    block, those of its own frames.

    P is padded to the number of frames; entries from `runs.count` on mean nothing.

    Attributes:
      runs: run of every frame and number of runs.
      mask: bool [B, P].
      classes: int32 [B, T], the class whose runs these are.
      logits: float [B, P, F], class logits of every segment.
    """

    runs: Runs
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
