"""Points of a pyramid over time, and which instances they have to find."""

from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Bool, Float, Int

from fact_jax.ops.arrays import Array

# Instances so much longer than the shortest one at a point, in grid units, count as equally short.
NEAR_TIE = 1e-3


class Points(NamedTuple):
    """All frames of all levels, fine to coarse, in grid units; `low` and `high` bound what the level regresses."""

    time: Float[np.ndarray, " points"]
    low: Float[np.ndarray, " points"]
    high: Float[np.ndarray, " points"]
    stride: Float[np.ndarray, " points"]


class Targets(NamedTuple):
    """What the points of B videos have to find.

    Attributes:
      classes: 1.0 for every class of an instance at the point, several at near-ties.
      offsets: distances to start and end of the instance in strides; without meaning where no class is 1.
    """

    classes: Float[Array, "B points C"]
    offsets: Float[Array, "B points 2"]


def pyramid_points(lengths: Sequence[int], strides: Sequence[int], ranges: Sequence[tuple[float, float]]) -> Points:
    """The Points of levels: frames, grid steps between two frames, and (low, high) of each."""
    levels = []
    for length, stride, (low, high) in zip(lengths, strides, ranges, strict=True):
        time = np.arange(length, dtype=np.float32) * np.float32(stride)
        levels.append((time, *(np.full(length, value, np.float32) for value in (low, high, stride))))
    return Points(*map(np.concatenate, zip(*levels, strict=True)))


def assign(
    points: Points,
    segments: Float[Array, "B S 2"],
    labels: Int[Array, "B S"],
    segment_mask: Bool[Array, "B S"],
    num_classes: int,
    *,
    radius: float | None,
) -> Targets:
    """Gives every point the shortest instance that it may find, or no class; without gradients.

    Segments, instances with their labels, are in grid units. An instance is found by the points inside of it and within
    `radius` strides of its centre; None: by all inside of it.

    Source: ActionFormer (ECCV 2022), published libs/modeling/meta_archs.py.
    """
    # [B, points, S]
    time, low, high, stride = (jnp.asarray(part)[None, :, None] for part in points)
    start, end = segments[:, None, :, 0], segments[:, None, :, 1]
    left, right = time - start, end - time
    if radius is None:
        inside = jnp.minimum(left, right)
    else:
        centre = 0.5 * (start + end)
        nearest = jnp.maximum(centre - stride * radius, start), jnp.minimum(centre + stride * radius, end)
        inside = jnp.minimum(time - nearest[0], nearest[1] - time)
    farthest = jnp.maximum(left, right)
    found = (inside > 0) & (farthest >= low) & (farthest <= high) & segment_mask[:, None]
    lengths = jnp.where(found, end - start, jnp.inf)
    shortest = jnp.min(lengths, axis=-1, keepdims=True)
    tied = (found & (lengths <= shortest + NEAR_TIE)).astype(jnp.float32)
    one_hot = jax.nn.one_hot(labels, num_classes, dtype=jnp.float32)
    classes = jnp.minimum(jnp.einsum("bpn,bnc->bpc", tied, one_hot), 1.0)
    chosen = jnp.take_along_axis(segments, jnp.argmin(lengths, axis=-1)[..., None], axis=1)
    distances = jnp.stack([time[..., 0] - chosen[..., 0], chosen[..., 1] - time[..., 0]], axis=-1)
    return jax.tree.map(jax.lax.stop_gradient, Targets(classes, distances / stride))
