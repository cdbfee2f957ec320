"""Segments of equal frame labels inside compiled code: numbered, and pooled over their frames."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Float, Int

from fact_jax.ops.arrays import Array, FrameMask, Frames


class Segmentation(NamedTuple):
    """Maximal stretches of one label in a padded batch: the number of every frame's (padding repeats the last one)."""

    index: Int[Array, "B T"]
    count: Int[Array, " B"]


def find_segments(labels: Int[Array, "B T"], mask: FrameMask) -> Segmentation:
    """Numbers the segments of `labels` over the valid prefix given by `mask`."""
    opens = jnp.concatenate([mask[:, :1], (labels[:, 1:] != labels[:, :-1]) & mask[:, 1:]], axis=1)
    count = jnp.sum(opens, axis=1, dtype=jnp.int32)
    index = jnp.maximum(jnp.cumsum(opens, axis=1, dtype=jnp.int32) - 1, 0)
    return Segmentation(index, count)


def segment_lengths(segmentation: Segmentation, mask: FrameMask, num_segments: int) -> Float[Array, "B {num_segments}"]:
    """Frames in every segment, 0 beyond the last one."""
    return pool_sum(jnp.ones(mask.shape + (1,), jnp.float32), segmentation, mask, num_segments)[..., 0]


def pool_sum(
    values: Frames, segmentation: Segmentation, mask: FrameMask, num_segments: int
) -> Float[Array, "B {num_segments} D"]:
    """Sums `values` over the frames of every segment; zeros beyond a video's last segment.

    Segments numbered `num_segments` or more are dropped, so it must not be below the largest count.
    """

    def one(values, index, mask):
        # Frames of the padding go to segment P, which segment_sum drops.
        index = jnp.where(mask, index, num_segments)
        return jax.ops.segment_sum(values, index, num_segments=num_segments, indices_are_sorted=True)

    return jax.vmap(one)(values, segmentation.index, mask)


def pool_mean(
    values: Frames, segmentation: Segmentation, mask: FrameMask, num_segments: int
) -> Float[Array, "B {num_segments} D"]:
    """Averages `values` over the frames of every segment; see `pool_sum`."""
    lengths = segment_lengths(segmentation, mask, num_segments)
    return pool_sum(values, segmentation, mask, num_segments) / jnp.maximum(lengths, 1.0)[..., None]


def spread(segment_values: Float[Array, "B P D"], segmentation: Segmentation) -> Frames:
    """Repeats a value of every segment over the frames of the segment."""
    return jnp.take_along_axis(segment_values, segmentation.index[..., None], axis=1, mode="clip")


def segment_centres(segmentation: Segmentation, mask: FrameMask, num_segments: int) -> Int[Array, "B {num_segments}"]:
    """Middle frame (first + last) // 2 of every segment, its last frame included; 0 beyond the last segment."""
    time = jnp.arange(mask.shape[1])

    def one(index, mask):
        index = jnp.where(mask, index, num_segments)
        ends = jax.ops.segment_min, jax.ops.segment_max
        return tuple(end(time, index, num_segments=num_segments, indices_are_sorted=True) for end in ends)

    first, last = jax.vmap(one)(segmentation.index, mask)
    valid = jnp.arange(num_segments)[None] < segmentation.count[:, None]
    # Empty segments hold the extremes of the integer type: clear them before they are added.
    return (jnp.where(valid, first, 0) + jnp.where(valid, last, 0)) // 2


def class_fractions(
    segment_fractions: Float[Array, "B P S"], segment_labels: Int[Array, "B S"], num_classes: int
) -> Float[Array, "B P {num_classes}"]:
    """Adds up overlaps with segments of one class."""
    onehot = jax.nn.one_hot(segment_labels, num_classes, dtype=segment_fractions.dtype)
    return jnp.matmul(segment_fractions, onehot, precision=jax.lax.Precision.HIGHEST)
