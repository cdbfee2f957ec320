"""Detections that non-maximum suppression chooses from: the best of every level."""

import dataclasses

import jax
import jax.numpy as jnp
from jaxtyping import Shaped

from fact_jax.models.actionformer.config import ActionFormerConfig
from fact_jax.models.actionformer.network import Outputs
from fact_jax.models.actionformer.objective import points_of
from fact_jax.ops.arrays import Array


@dataclasses.dataclass(frozen=True)
class CandidateConfig:
    """Which detections are kept. Published keys stand in brackets.

    Attributes:
      threshold: probability that they exceed (pre_nms_thresh).
      per_level: most of them from one level (pre_nms_topk).
      min_duration: length in grid units that they exceed (duration_thresh).
    """

    threshold: float = 0.001
    per_level: int = 2000
    min_duration: float = 0.05


def candidates(
    config: ActionFormerConfig, settings: CandidateConfig, outputs: Outputs, num_frames: int
) -> dict[str, Shaped[Array, "B P ..."]]:
    """Chooses candidates from outputs of the network for videos padded to `num_frames` grid steps.

    Returns:
      "segments" float32 [B, P, 2] in grid units, "scores" float32, "labels" int32 and "valid" bool [B, P]. P depends on
      the settings and the length; levels lie fine to coarse, each by falling score.
    """
    points = points_of(config, num_frames)
    probs = jax.nn.sigmoid(outputs.logits) * outputs.mask[..., None]
    levels, first = [], 0
    for length in config.level_lengths(num_frames):
        chosen = slice(first, first + length)
        first += length
        flat = probs[:, chosen].reshape(len(probs), -1)
        scores, indices = jax.lax.top_k(flat, min(settings.per_level, flat.shape[-1]))
        frame, labels = indices // config.num_classes, indices % config.num_classes
        offsets = jnp.take_along_axis(outputs.offsets[:, chosen], frame[..., None], axis=1)
        time = jnp.asarray(points.time[chosen])
        sides = offsets * points.stride[chosen][0]
        segments = jnp.stack([time[frame] - sides[..., 0], time[frame] + sides[..., 1]], axis=-1)
        valid = (scores > settings.threshold) & (segments[..., 1] - segments[..., 0] > settings.min_duration)
        levels.append({"segments": segments, "scores": scores, "labels": labels.astype(jnp.int32), "valid": valid})
    return {name: jnp.concatenate([level[name] for level in levels], axis=1) for name in levels[0]}
