"""What a block hands to the next one, to the losses, to the matching and to the decoding."""

import flax.struct
import jax

from fact_jax.ops.segments import Runs


@flax.struct.dataclass
class SegmentOutput:
    """Predicted segments of a "U" block: the runs of the most likely class of the frames that enter it.

    P is padded to the number of frames; entries from `runs.count` on mean nothing.

    Attributes:
      runs: run of every frame and number of runs.
      mask: bool [B, P].
      classes: int32 [B, T], the class whose runs these are.
      logits: float [B, P, C], class logits of every segment.
    """

    runs: Runs
    mask: jax.Array
    classes: jax.Array
    logits: jax.Array


@flax.struct.dataclass
class BlockOutput:
    """Output of one block.

    Attributes:
      frame_features: float [B, T, h]; the last C channels are the class probabilities.
      action_features: float [B, M, h]; the last C+1 channels are probabilities, the last one of "no action".
      frame_logits: float [B, T, C].
      action_logits: float [B, M, C+1].
      f2a_logits: float [B, M, X], actions attending to X frames ("u") or segments ("U"); None in "i".
      a2f_logits: float [B, X, M], frames or segments attending to actions; None in "i".
      a2f_attention: float [B, T, M], the softmax of `a2f_logits` over valid tokens, at frame level; None in "i".
      segments: SegmentOutput of a "U" block, else None.
    """

    frame_features: jax.Array
    action_features: jax.Array
    frame_logits: jax.Array
    action_logits: jax.Array
    f2a_logits: jax.Array | None = None
    a2f_logits: jax.Array | None = None
    a2f_attention: jax.Array | None = None
    segments: SegmentOutput | None = None
