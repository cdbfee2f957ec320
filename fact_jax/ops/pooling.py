"""Segments of equal frame labels inside compiled code: numbered, and pooled over their frames."""

from typing import NamedTuple

import jax
import jax.numpy as jnp


class Segmentation(NamedTuple):
    """Maximal stretches of one label in a padded batch.

    Attributes:
      index: int32 [B, T], number of the segment a frame belongs to; frames of the padding repeat the last segment.
      count: int32 [B], segments of every video (0 for a video without frames).
    """

    index: jax.Array
    count: jax.Array


def find_segments(labels, mask):
    """Numbers the segments of `labels` (int [B, T]) over the valid prefix given by `mask` (bool [B, T])."""
    opens = jnp.concatenate([mask[:, :1], (labels[:, 1:] != labels[:, :-1]) & mask[:, 1:]], axis=1)
    count = jnp.sum(opens, axis=1, dtype=jnp.int32)
    index = jnp.maximum(jnp.cumsum(opens, axis=1, dtype=jnp.int32) - 1, 0)
    return Segmentation(index, count)


def segment_lengths(segmentation, mask, num_segments):
    """Frames in every segment: float32 [B, num_segments], 0 beyond the last segment."""
    return pool_sum(jnp.ones(mask.shape + (1,), jnp.float32), segmentation, mask, num_segments)[..., 0]


def pool_sum(values, segmentation, mask, num_segments):
    """Sums `values` over the frames of every segment.

    Args:
      values: float [B, T, K].
      segmentation: of the batch.
      mask: bool [B, T], frames that count.
      num_segments: static P; segments numbered P or more are dropped, so P must not be below the largest count.

    Returns:
      float [B, P, K]; zeros beyond a video's last segment.
    """

    def one(values, index, mask):
        # Frames of the padding go to segment P, which segment_sum drops.
        index = jnp.where(mask, index, num_segments)
        return jax.ops.segment_sum(values, index, num_segments=num_segments, indices_are_sorted=True)

    return jax.vmap(one)(values, segmentation.index, mask)


def pool_mean(values, segmentation, mask, num_segments):
    """Averages `values` over the frames of every segment; zeros beyond the last segment. Arguments as in `pool_sum`."""
    lengths = segment_lengths(segmentation, mask, num_segments)
    return pool_sum(values, segmentation, mask, num_segments) / jnp.maximum(lengths, 1.0)[..., None]


def spread(segment_values, segmentation):
    """Repeats a value of every segment over the frames of the segment: [B, P, K] -> [B, T, K]."""
    return jnp.take_along_axis(segment_values, segmentation.index[..., None], axis=1, mode="clip")


def segment_centres(segmentation, mask, num_segments):
    """Middle frame (first + last) // 2 of every segment, its last frame included: int32 [B, num_segments].

    Entries beyond a video's last segment are 0.
    """
    time = jnp.arange(mask.shape[1])

    def one(index, mask):
        index = jnp.where(mask, index, num_segments)
        first = jax.ops.segment_min(time, index, num_segments=num_segments, indices_are_sorted=True)
        last = jax.ops.segment_max(time, index, num_segments=num_segments, indices_are_sorted=True)
        return first, last

    first, last = jax.vmap(one)(segmentation.index, mask)
    valid = jnp.arange(num_segments)[None] < segmentation.count[:, None]
    # Empty segments hold the extremes of the integer type: clear them before they are added.
    return (jnp.where(valid, first, 0) + jnp.where(valid, last, 0)) // 2


def class_fractions(segment_fractions, segment_labels, num_classes):
    """Adds up overlaps with segments of one class: float [B, P, S] and int [B, S] -> [B, P, C]."""
    onehot = jax.nn.one_hot(segment_labels, num_classes, dtype=segment_fractions.dtype)
    return jnp.matmul(segment_fractions, onehot, precision=jax.lax.Precision.HIGHEST)
