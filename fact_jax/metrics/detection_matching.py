"""Which detections are right and which true segments are found, many videos and classes side by side (NumPy)."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float, Int

from fact_jax.ops.segments import segment_tiou


def match_detections(
    true_pairs: Int[np.ndarray, "S 2"],
    true_segments: Float[np.ndarray, "S 2"],
    pairs: Int[np.ndarray, "P 2"],
    segments: Float[np.ndarray, "P 2"],
    thresholds: Float[np.ndarray, " thresholds"],
    top_k: Sequence[int],
) -> tuple[Bool[np.ndarray, "P thresholds"], Bool[np.ndarray, "S thresholds tops"]]:
    """Compares detections with the true segments of the same video and class.

    From the best detection on, each takes the true segment that it overlaps most of those that are left and that it
    overlaps enough.

    Pairs are a video and a class each; of the detections of a pair the best come first. Thresholds are the least tIoU,
    and each recall looks at k detections for every true segment of a pair.

    Returns:
      (whether the detection took a true segment; whether one of the best detections overlaps the true segment enough,
      taken or not).
    """
    hits = np.zeros((len(pairs), len(thresholds)), bool)
    found = np.zeros((len(true_pairs), len(thresholds), len(top_k)), bool)
    if not len(true_pairs) or not len(pairs):
        return hits, found
    both = np.unique(np.concatenate([true_pairs, pairs]), axis=0, return_inverse=True)[1].reshape(-1)
    groups, true_groups = both[len(true_pairs) :], both[: len(true_pairs)]
    counts = np.bincount(true_groups, minlength=both.max() + 1)
    # Groups of equally many true segments together, as the published code sorts each such list, see `_take`.
    for count in np.unique(counts[true_groups]):
        detected, true = (_Lists(part, np.flatnonzero(counts == count)) for part in (groups, true_groups))
        _match_groups(detected, true, segments, true_segments, thresholds, top_k, hits, found)
    return hits, found


class _Lists:
    """The items of some of the groups: how many each has, and those of a rank."""

    def __init__(self, groups, chosen):
        self._order = np.argsort(groups, kind="stable")
        self.first = np.searchsorted(groups[self._order], chosen)
        self.count = np.searchsorted(groups[self._order], chosen, side="right") - self.first

    def items(self, chosen, rank):
        """The item of this rank of some of the groups."""
        return self._order[self.first[chosen] + rank]


def _match_groups(detected, true, segments, true_segments, thresholds, top_k, hits, found):
    """Fills `hits` and `found` for groups that have true segments; one detection of every group at a time."""
    count = true.count[0]
    true_items = true.items(slice(None), np.arange(count)[:, None]).T
    free = np.ones((*true_items.shape, len(thresholds)), bool)
    overlap = np.zeros((*true_items.shape, len(top_k)))
    for rank in range(detected.count.max(initial=0)):
        rows = np.flatnonzero(detected.count > rank)
        items = detected.items(rows, rank)
        tiou = segment_tiou(segments[items][:, None], true_segments[true_items[rows]])[:, 0]
        for column, k in enumerate(top_k):
            if rank < k * count:
                overlap[rows, :, column] = np.maximum(overlap[rows, :, column], tiou)
        _take(tiou, rows, items, free, thresholds, hits)
    found[true_items] = overlap[:, :, None, :] >= thresholds[:, None]


def _take(tiou, rows, items, free, thresholds, hits):
    """Each detection takes the free true segment that it overlaps most.

    Of several that it overlaps equally, the one that NumPy's default sort puts last: not a stable one, so it depends on
    how many there are and on the processor, here as in the published code.
    """
    near = np.flatnonzero(tiou.max(axis=1) >= thresholds.min())
    if not near.size:
        return
    rows, tiou = rows[near], tiou[near]
    order = np.argsort(tiou, axis=1)[:, ::-1]
    open_to = (tiou[:, :, None] >= thresholds) & free[rows]
    open_to = np.take_along_axis(open_to, order[:, :, None], axis=1)
    right = open_to.any(axis=1)
    best = np.take_along_axis(order, open_to.argmax(axis=1), axis=1)
    hits[items[near]] = right
    row, level = np.nonzero(right)
    free[rows[row], best[row, level], level] = False
