"""Segments of a video: from frame labels and back, overlap, duplicates (NumPy)."""

import numpy as np
from jaxtyping import Float, Int

# Seconds by which the ends of one segment, annotated twice, may differ; segments shorter than this are none.
DUPLICATE_TOLERANCE_SEC = 1e-3


def frames_to_segments(labels) -> tuple[Int[np.ndarray, " S"], Int[np.ndarray, " S"], Int[np.ndarray, " S"]]:
    """Splits frame labels, int [N], into maximal stretches of one label.

    Returns:
      (segment_labels, starts, ends), int64; segment s covers frames starts[s] <= n < ends[s]. All empty for N == 0.
    """
    labels = np.asarray(labels)
    if labels.ndim != 1:
        raise ValueError(f"labels must have one axis, got shape {labels.shape}")
    if labels.size == 0:
        return np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0, np.int64)
    starts = np.concatenate([[0], np.flatnonzero(labels[1:] != labels[:-1]) + 1])
    ends = np.concatenate([starts[1:], [labels.size]])
    return labels[starts].astype(np.int64), starts.astype(np.int64), ends.astype(np.int64)


def segments_to_frames(segment_labels, starts, ends) -> Int[np.ndarray, " N"]:
    """The inverse of `frames_to_segments`: int64 labels of contiguous segments that begin at frame 0."""
    return np.repeat(np.asarray(segment_labels, np.int64), np.asarray(ends) - np.asarray(starts))


def segment_tiou(first, second) -> Float[np.ndarray, "*batch P S"]:
    """Temporal intersection over union of every pair of (start, end), without an epsilon.

    Args:
      first: float [..., P, 2].
      second: float [..., S, 2].

    Returns:
      in [0, 1], of the type of the two. Two segments without length at one time give NaN.
    """
    first, second = np.asarray(first)[..., :, None, :], np.asarray(second)[..., None, :, :]
    overlap = np.minimum(first[..., 1], second[..., 1]) - np.maximum(first[..., 0], second[..., 0])
    overlap = np.maximum(overlap, 0)
    union = (first[..., 1] - first[..., 0]) + (second[..., 1] - second[..., 0]) - overlap
    with np.errstate(invalid="ignore", divide="ignore"):
        return overlap / union


def without_duplicates(segments, labels, tolerance: float = DUPLICATE_TOLERANCE_SEC) -> Int[np.ndarray, " kept"]:
    """Which segments of a video count: the first of several equal ones, and none that is shorter than the tolerance.

    Args:
      segments: float [S, 2], start and end.
      labels: int [S].
      tolerance: in the unit of the segments; equal labels with both ends this close are one segment.

    Returns:
      int64, their indices, ascending.
    """
    kept = []
    for index, ((start, end), label) in enumerate(zip(segments, labels, strict=True)):
        if end - start < tolerance:
            continue
        duplicates = (
            abs(start - segments[other][0]) <= tolerance
            and abs(end - segments[other][1]) <= tolerance
            and label == labels[other]
            for other in kept
        )
        if not any(duplicates):
            kept.append(index)
    return np.array(kept, np.int64)
