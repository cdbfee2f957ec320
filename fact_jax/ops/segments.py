"""Runs of equal labels, on the host (NumPy) and inside compiled code (JAX)."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np


def frames_to_segments(labels):
    """Splits frame labels into maximal runs of one label.

    Args:
      labels: int array [N], N >= 0 (NumPy).

    Returns:
      (segment_labels [S], starts [S], ends [S]), int64; segment s covers frames starts[s] <= n < ends[s].
      All empty for N == 0.
    """
    labels = np.asarray(labels)
    if labels.ndim != 1:
        raise ValueError(f"labels must have one axis, got shape {labels.shape}")
    if labels.size == 0:
        return np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0, np.int64)
    starts = np.concatenate([[0], np.flatnonzero(labels[1:] != labels[:-1]) + 1])
    ends = np.concatenate([starts[1:], [labels.size]])
    return labels[starts].astype(np.int64), starts.astype(np.int64), ends.astype(np.int64)


def segments_to_frames(segment_labels, starts, ends):
    """The inverse of `frames_to_segments`: int64 [N] labels of contiguous segments that begin at frame 0."""
    return np.repeat(np.asarray(segment_labels, np.int64), np.asarray(ends) - np.asarray(starts))


class Runs(NamedTuple):
    """Maximal runs of one label in a padded batch.

    Attributes:
      index: int32 [B, T], number of the run a frame belongs to; frames of the padding repeat the last run.
      count: int32 [B], runs of every video (0 for a video without frames).
    """

    index: jax.Array
    count: jax.Array


def find_runs(labels, mask):
    """Numbers the runs of `labels` (int [B, T]) over the valid prefix given by `mask` (bool [B, T])."""
    opens = jnp.concatenate([mask[:, :1], (labels[:, 1:] != labels[:, :-1]) & mask[:, 1:]], axis=1)
    count = jnp.sum(opens, axis=1, dtype=jnp.int32)
    index = jnp.maximum(jnp.cumsum(opens, axis=1, dtype=jnp.int32) - 1, 0)
    return Runs(index, count)


def run_lengths(runs, mask, num_runs):
    """Frames in every run: float32 [B, num_runs], 0 beyond the last run."""
    return pool_sum(jnp.ones(mask.shape + (1,), jnp.float32), runs, mask, num_runs)[..., 0]


def pool_sum(values, runs, mask, num_runs):
    """Sums `values` over the frames of every run.

    Args:
      values: float [B, T, K].
      runs: Runs of the batch.
      mask: bool [B, T], frames that count.
      num_runs: static P; runs numbered P or more are dropped, so P must not be below the largest count.

    Returns:
      float [B, P, K]; zeros beyond a video's last run.
    """

    def one(values, index, mask):
        # Frames of the padding go to run P, which segment_sum drops.
        index = jnp.where(mask, index, num_runs)
        return jax.ops.segment_sum(values, index, num_segments=num_runs, indices_are_sorted=True)

    return jax.vmap(one)(values, runs.index, mask)


def pool_mean(values, runs, mask, num_runs):
    """Averages `values` over the frames of every run; zeros beyond the last run. Arguments as in `pool_sum`."""
    lengths = run_lengths(runs, mask, num_runs)
    return pool_sum(values, runs, mask, num_runs) / jnp.maximum(lengths, 1.0)[..., None]


def spread(segment_values, runs):
    """Repeats a value of every run over the frames of the run: [B, P, K] -> [B, T, K]."""
    return jnp.take_along_axis(segment_values, runs.index[..., None], axis=1, mode="clip")


def run_centres(runs, mask, num_runs):
    """Middle frame (first + last) // 2 of every run, its last frame included: int32 [B, num_runs].

    Entries beyond a video's last run are 0.
    """
    time = jnp.arange(mask.shape[1])

    def one(index, mask):
        index = jnp.where(mask, index, num_runs)
        first = jax.ops.segment_min(time, index, num_segments=num_runs, indices_are_sorted=True)
        last = jax.ops.segment_max(time, index, num_segments=num_runs, indices_are_sorted=True)
        return first, last

    first, last = jax.vmap(one)(runs.index, mask)
    valid = jnp.arange(num_runs)[None] < runs.count[:, None]
    # Empty runs hold the extremes of the integer type: clear them before they are added.
    return (jnp.where(valid, first, 0) + jnp.where(valid, last, 0)) // 2


def class_fractions(segment_fractions, segment_labels, num_classes):
    """Adds up overlaps with segments of one class: float [B, P, S] and int [B, S] -> [B, P, C]."""
    onehot = jax.nn.one_hot(segment_labels, num_classes, dtype=segment_fractions.dtype)
    return jnp.matmul(segment_fractions, onehot, precision=jax.lax.Precision.HIGHEST)
