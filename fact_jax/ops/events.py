"""Labelled events of a video: overlap, and doubles (NumPy)."""

import numpy as np

# Seconds by which the ends of one event, annotated twice, may differ; events shorter than this are none.
DOUBLE_TOLERANCE_SEC = 1e-3


def segment_tiou(first, second):
    """Temporal intersection over union of every pair, without an epsilon.

    Args:
      first: float [..., N, 2], start and end.
      second: float [..., M, 2].

    Returns:
      Array [..., N, M] in [0, 1], of the type of the two. Two segments without length at one place give NaN.
    """
    first, second = np.asarray(first)[..., :, None, :], np.asarray(second)[..., None, :, :]
    overlap = np.minimum(first[..., 1], second[..., 1]) - np.maximum(first[..., 0], second[..., 0])
    overlap = np.maximum(overlap, 0)
    union = (first[..., 1] - first[..., 0]) + (second[..., 1] - second[..., 0]) - overlap
    with np.errstate(invalid="ignore", divide="ignore"):
        return overlap / union


def without_doubles(segments, labels, tolerance=DOUBLE_TOLERANCE_SEC):
    """Which events of a video count: the first of several equal ones, and none that is shorter than the tolerance.

    Args:
      segments: float [N, 2], start and end.
      labels: int [N].
      tolerance: in the unit of the segments; equal labels with both ends this close are one event.

    Returns:
      int64 [K], their places, ascending.
    """
    kept = []
    for place, ((start, end), label) in enumerate(zip(segments, labels, strict=True)):
        if end - start < tolerance:
            continue
        doubles = (
            abs(start - segments[other][0]) <= tolerance
            and abs(end - segments[other][1]) <= tolerance
            and label == labels[other]
            for other in kept
        )
        if not any(doubles):
            kept.append(place)
    return np.array(kept, np.int64)
