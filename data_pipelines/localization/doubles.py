"""Segments of a video that say nearly the same as another one, as where the annotations of two people were merged."""

import numpy as np

# Least overlap divided by union (tIoU) of two segments of one action that two people marked.
_NEAR_TIOU = 0.7
# Each segment is compared with this many that start next, so that a file of very many takes no long time.
_COMPARED = 32


def near_doubles(segments, labels):
    """How many of segments [N, 2] have another one of the same label [N] at nearly the same times; not the very same.

    Segments that are alike in all, which are counted elsewhere, stand for one.
    """
    number = 0
    for label in np.unique(labels):
        starts, ends = np.unique(segments[labels == label], axis=0).T  # by start
        is_near = np.zeros(len(starts), bool)
        for after in range(1, min(len(starts), _COMPARED + 1)):
            overlap = np.minimum(ends[:-after], ends[after:]) - starts[after:]
            union = np.maximum(ends[:-after], ends[after:]) - starts[:-after]
            found = (overlap >= _NEAR_TIOU * union) & (union > 0)
            is_near[:-after] |= found
            is_near[after:] |= found
        number += int(is_near.sum())
    return number
