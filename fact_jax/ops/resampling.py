"""Temporal down-sampling of features and labels, up-sampling of predictions, resampling, on the host (NumPy).

Source: FACT (CVPR 2024), published utils/dataset.py and utils/evaluate.py; see the functions for the exact rules.
"""

import numpy as np
from jaxtyping import Float, Int, Shaped


def downsampled_length(num_frames: int, sample_rate: int) -> int:
    """Returns how many of `num_frames` frames are left at one in `sample_rate`: the ceiling of the quotient."""
    _check_rate(sample_rate)
    return -(-num_frames // sample_rate)


def downsample_labels(labels, sample_rate: int) -> Int[np.ndarray, " T"]:
    """Replaces every chunk of `sample_rate` (>= 1) frames of int [N] labels by its most frequent one.

    The last chunk may be shorter. Of equally frequent labels, the first in the chunk wins.
    """
    _check_rate(sample_rate)
    labels = np.asarray(labels)
    if labels.ndim != 1:
        raise ValueError(f"labels must have one axis, got shape {labels.shape}")
    if sample_rate == 1 or labels.size == 0:
        return labels.copy()
    num_chunks = downsampled_length(labels.size, sample_rate)
    padding = num_chunks * sample_rate - labels.size
    chunks = np.pad(labels, (0, padding)).reshape(num_chunks, sample_rate)
    valid = np.pad(np.ones(labels.size, bool), (0, padding)).reshape(num_chunks, sample_rate)
    votes = np.zeros(chunks.shape, np.int64)
    for offset in range(sample_rate):
        votes += (chunks == chunks[:, offset : offset + 1]) & valid[:, offset : offset + 1]
    # Padded frames may match a real label but cast no vote; they may not win a tie either.
    winners = np.argmax(np.where(valid, votes, 0), axis=1)
    return chunks[np.arange(num_chunks), winners]


def nearest_index(num_source: int, num_target: int) -> Int[np.ndarray, " frames"]:
    """Index of the source frame that every target frame repeats when a sequence is stretched (or shrunk).

    It is min(floor(float32(i) * float32(num_source / num_target)), num_source - 1), or i itself when the lengths are
    equal. Single precision is part of the rule: neither repetition by the sample rate nor exact integer division gives
    the same frames.
    """
    if num_source < 1 or num_target < 0:
        raise ValueError(f"cannot stretch {num_source} frames to {num_target}")
    if num_source == num_target:
        return np.arange(num_target, dtype=np.int64)
    scale = np.float32(num_source) / np.float32(max(num_target, 1))
    index = np.floor(np.arange(num_target, dtype=np.int64).astype(np.float32) * scale)
    return np.minimum(index.astype(np.int64), num_source - 1)


def upsample(values: Shaped[np.ndarray, "T ..."], num_frames: int) -> Shaped[np.ndarray, "frames ..."]:
    """Stretches `values` (T >= 1) to `num_frames` by the rule of `nearest_index`."""
    values = np.asarray(values)
    return values[nearest_index(len(values), num_frames)]


def interpolate(values, num_target: int) -> Float[np.ndarray, "frames ..."]:
    """Resamples a sequence, float [T, ...], in straight lines between its frames, without smoothing where it shrinks.

    The frames of both sequences are the middles of equal stretches of the same time (PyTorch's linear `interpolate`
    with align_corners=False); what lies before the first middle or behind the last one equals it. Gives float32, the
    values themselves where num_target == T.
    """
    values = np.asarray(values, np.float32)
    num_source = len(values)
    if num_source < 1 or num_target < 1:
        raise ValueError(f"cannot resample {num_source} frames to {num_target}")
    if num_source == num_target:
        return values
    # Single precision is part of the rule: of the ratio, and of the position, which is rounded once.
    scale = np.float64(np.float32(num_source) / np.float32(num_target))
    position = (scale * (np.arange(num_target) + 0.5) - 0.5).astype(np.float32)
    position = np.clip(position, np.float32(0), np.float32(num_source - 1))
    before = np.floor(position).astype(np.int64)
    after = np.minimum(before + 1, num_source - 1)
    fraction = (position - before.astype(np.float32)).reshape(-1, *(1,) * (values.ndim - 1))
    return (np.float32(1) - fraction) * values[before] + fraction * values[after]


def _check_rate(sample_rate):
    if sample_rate < 1:
        raise ValueError(f"the sample rate must be at least 1, got {sample_rate}")
