"""Which detections are right and which true segments are found, many videos and classes side by side (NumPy)."""

import numpy as np

from fact_jax.ops.segments import segment_tiou


def match_detections(true_pairs, true_segments, pairs, segments, thresholds, top_k):
    """Compares detections with the true segments of the same video and class.

    From the best detection on, each takes the true segment that it overlaps most of those that are left and that it
    overlaps enough.

    Args:
      true_pairs: int64 [N, 2], video and class of every true segment.
      true_segments: float64 [N, 2].
      pairs: int64 [P, 2], of the detections, the best ones of a pair first.
      segments: float64 [P, 2].
      thresholds: float64 [L], least tIoU.
      top_k: R numbers; the k-th recall looks at k detections for every true segment of a pair.

    Returns:
      hits bool [P, L]: the detection took a true segment; found bool [N, L, R]: one of the best detections overlaps
      the true segment enough, taken or not.
    """
    hits = np.zeros((len(pairs), len(thresholds)), bool)
    found = np.zeros((len(true_pairs), len(thresholds), len(top_k)), bool)
    if not len(true_pairs) or not len(pairs):
        return hits, found
    both = np.unique(np.concatenate([true_pairs, pairs]), axis=0, return_inverse=True)[1].reshape(-1)
    groups, true_groups = both[len(true_pairs) :], both[: len(true_pairs)]
    counts = np.bincount(true_groups, minlength=both.max() + 1)
    lists, true_lists = _sorted(groups), _sorted(true_groups)
    # Groups of equally many true segments together, as the published code sorts each such list, see `_take`.
    for count in np.unique(counts[true_groups]):
        chosen = np.flatnonzero(counts == count)
        _match_groups(
            _Lists(*lists, chosen), _Lists(*true_lists, chosen), segments, true_segments, thresholds, top_k, hits, found
        )
    return hits, found


def _sorted(groups):
    """(groups ascending, their items)."""
    order = np.argsort(groups, kind="stable")
    return groups[order], order


class _Lists:
    """The items of some of the groups: `count` [G], and `items(places, rank)` gives those of a rank."""

    def __init__(self, groups, order, chosen):
        self.first = np.searchsorted(groups, chosen)
        self.count = np.searchsorted(groups, chosen, side="right") - self.first
        self._order = order

    def items(self, places, rank):
        """The item of this rank of the groups at these places."""
        return self._order[self.first[places] + rank]


def _match_groups(detected, true, segments, true_segments, thresholds, top_k, hits, found):
    """Fills `hits` and `found` for groups that have true segments; one detection of every group at a time."""
    count = true.count[0]
    truth = true.items(slice(None), np.arange(count)[:, None]).T
    free = np.ones((*truth.shape, len(thresholds)), bool)
    overlap = np.zeros((*truth.shape, len(top_k)))
    for rank in range(detected.count.max(initial=0)):
        places = np.flatnonzero(detected.count > rank)
        items = detected.items(places, rank)
        tiou = segment_tiou(segments[items][:, None], true_segments[truth[places]])[:, 0]
        for column, k in enumerate(top_k):
            if rank < k * count:
                overlap[places, :, column] = np.maximum(overlap[places, :, column], tiou)
        _take(tiou, places, items, free, thresholds, hits)
    found[truth] = overlap[:, :, None, :] >= thresholds[:, None]


def _take(tiou, places, items, free, thresholds, hits):
    """Each detection takes the free true segment that it overlaps most.

    Of several that it overlaps equally, the one that NumPy's default sort puts last: not a stable one, so it depends on
    how many there are and on the processor, here as in the published code.
    """
    near = np.flatnonzero(tiou.max(axis=1) >= thresholds.min())
    if not near.size:
        return
    places, tiou = places[near], tiou[near]
    order = np.argsort(tiou, axis=1)[:, ::-1]
    open_to = (tiou[:, :, None] >= thresholds) & free[places]
    open_to = np.take_along_axis(open_to, order[:, :, None], axis=1)
    right = open_to.any(axis=1)
    best = np.take_along_axis(order, open_to.argmax(axis=1), axis=1)
    hits[items[near]] = right
    row, level = np.nonzero(right)
    free[places[row], best[row, level], level] = False
