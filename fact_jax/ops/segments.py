"""Segments of a video: from frame labels and back, overlap, duplicates (NumPy)."""

import numpy as np
from jaxtyping import Float, Int

# Seconds by which the ends of one segment, annotated twice, may differ; segments shorter than this are none.
DUPLICATE_TOLERANCE_SEC = 1e-3


def frames_to_segments(labels) -> tuple[Int[np.ndarray, " S"], Int[np.ndarray, " S"], Int[np.ndarray, " S"]]:
    """Splits frame labels, int [N], into maximal stretches of one label: (labels, starts, ends) of [start, end)."""
    labels = np.asarray(labels)
    if labels.ndim != 1:
        raise ValueError(f"labels must have one axis, got shape {labels.shape}")
    opens = np.concatenate([np.ones(min(labels.size, 1), bool), labels[1:] != labels[:-1]])
    starts = np.flatnonzero(opens)
    return labels[starts].astype(np.int64), starts, np.append(starts, labels.size)[1:]


def segments_to_frames(segment_labels, starts, ends) -> Int[np.ndarray, " N"]:
    """The inverse of `frames_to_segments`: int64 labels of contiguous segments that begin at frame 0."""
    return np.repeat(np.asarray(segment_labels, np.int64), np.asarray(ends) - np.asarray(starts))


def segment_tiou(first, second) -> Float[np.ndarray, "*batch P S"]:
    """Temporal intersection over union of every pair of (start, end), [..., P, 2] and [..., S, 2]; no epsilon.

    In [0, 1], of the type of the two. Two segments without length at one time give NaN.
    """
    first, second = np.asarray(first)[..., :, None, :], np.asarray(second)[..., None, :, :]
    overlap = np.minimum(first[..., 1], second[..., 1]) - np.maximum(first[..., 0], second[..., 0])
    overlap = np.maximum(overlap, 0)
    union = (first[..., 1] - first[..., 0]) + (second[..., 1] - second[..., 0]) - overlap
    with np.errstate(invalid="ignore", divide="ignore"):
        return overlap / union


def without_duplicates(segments, labels, tolerance: float = DUPLICATE_TOLERANCE_SEC) -> Int[np.ndarray, " kept"]:
    """Ascending indices of the segments that count: the first of several equal ones, none shorter than the tolerance.

    Equal labels with both ends this close, in the unit of the segments [S, 2], are one segment.
    """
    segments, labels = np.asarray(segments), np.asarray(labels)
    kept: list[int] = []
    for index, (segment, label) in enumerate(zip(segments, labels, strict=True)):
        equal = (np.abs(segments[kept] - segment) <= tolerance).all(axis=1) & (labels[kept] == label)
        if segment[1] - segment[0] >= tolerance and not equal.any():
            kept.append(index)
    return np.array(kept, np.int64)
