"""Edit distance and tIoU matching of two segmentations of one video (NumPy, host), fast for thousands of segments.

Segments are the (labels, starts, ends) of `fact_jax.ops.segments.frames_to_segments`: S true ones, P predicted ones.
"""

import math
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int


def levenshtein(first, second) -> int:
    """Least number of insertions, deletions and substitutions between two lists of labels; either may be empty."""
    first, second = np.asarray(first), np.asarray(second)
    columns = np.arange(second.size + 1)
    row = columns
    for position, label in enumerate(first, start=1):
        # Deletions and substitutions look at the row above only. A chain of insertions then gives
        # new[j] = min over i <= j of (best[i] + j - i), a running minimum of best[i] - i.
        best = np.concatenate([[position], np.minimum(row[1:] + 1, row[:-1] + (second != label))])
        row = np.minimum.accumulate(best - columns) + columns
    return int(row[-1])


def edit_score(predicted, true) -> float:
    """(1 - distance / length of the longer list) * 100 of the labels of the segments; NaN if both lists are empty."""
    longer = max(len(predicted), len(true))
    if longer == 0:
        return math.nan
    return (1.0 - levenshtein(predicted, true) / longer) * 100.0


class Candidates(NamedTuple):
    """The best true segment (its number) of every predicted segment that has one of its label to overlap with."""

    true_index: Int[np.ndarray, " K"]
    tiou: Float[np.ndarray, " K"]


def best_overlaps(predicted: tuple, true: tuple) -> Candidates:
    """Finds, for every predicted segment, the true segment of the same label with the largest tIoU (first on ties).

    Both, (labels, starts, ends), tile the same N frames (none if N == 0), so only P + S - 1 pairs can overlap; all
    others have tIoU 0 and never hit.
    """
    predicted_labels, predicted_starts, predicted_ends = predicted
    true_labels, true_starts, true_ends = true
    # Between two cuts neither side changes its segment: what lies there is the whole overlap of one pair.
    cuts = np.union1d(predicted_starts, true_starts)
    p = np.searchsorted(predicted_starts, cuts, side="right") - 1
    s = np.searchsorted(true_starts, cuts, side="right") - 1
    same = predicted_labels[p] == true_labels[s]
    p, s = p[same], s[same]
    starts = np.stack([predicted_starts[p], true_starts[s]])
    ends = np.stack([predicted_ends[p], true_ends[s]])
    tiou = (ends.min(0) - starts.max(0)) / (ends.max(0) - starts.min(0))
    order = np.lexsort((s, -tiou, p))
    _, first = np.unique(p[order], return_index=True)
    return Candidates(s[order][first], tiou[order][first])


def hit_segments(candidates: Candidates, threshold: float) -> Int[np.ndarray, " hits"]:
    """Numbers of the true segments that are hit at `threshold`, sorted, each once: later ones are false positives."""
    return np.unique(candidates.true_index[candidates.tiou >= threshold])
