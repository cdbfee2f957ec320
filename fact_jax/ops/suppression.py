"""Non-maximum suppression on the host, of several groups of segments side by side (NumPy).

The published operator works through one list: it swaps the best item to the front, lowers the scores of the others, and
puts the last item in the place of one that it drops. So equal scores are resolved in an order that the swaps have
changed. Here every round takes the best item of every group at once; `_place` is where an item lies in the list of its
group, moved as the published swaps move it. All arithmetic is that of the operator, in float32.
"""

import numpy as np
from jaxtyping import Float, Int, Shaped

from fact_jax.types import check_choice

Segments, Scores = Float[np.ndarray, "P 2"], Float[np.ndarray, " P"]
Groups, Taken = Int[np.ndarray, " P"], Shaped[np.ndarray, " taken"]
DECAYS = ("gaussian", "linear", "hard")
_EPSILON = np.float32(1e-6)  # added to every length
_GONE = -np.float32(np.inf)  # score of an item that was taken or dropped
# Rounds between two looks at which groups can still give a result.
_ROUNDS_PER_LOOK = 8


def soft_suppress(
    segments: Segments, scores: Scores, groups: Groups, min_score, iou_threshold=0.1, most=None, *, decay, sigma=0.5
) -> tuple[Taken, Taken]:
    """Takes the best item again and again; those that overlap it lose score, and are dropped below `min_score`.

    Args:
      segments, scores: of the items.
      groups: ascending: items of different groups do not see each other.
      min_score: an item below it is dropped, though not the first one taken of a group: it is never looked at.
      iou_threshold: of "linear" and "hard".
      most: results needed of all groups together, those with the best scores; None = all.
      decay: what a score is multiplied with at an overlap of u: "gaussian" exp(-u^2 / sigma); from `iou_threshold` on,
        "linear" 1 - u and "hard" 0.
      sigma: of "gaussian".

    Returns:
      (indices of the items taken, their lowered scores), in the order of the groups and, in each, in the order in
      which they were taken. Of results that are not among the `most` best some may be left out, never one that is.
    """
    check_choice("decay", decay, DECAYS)
    width, threshold = np.float32(sigma), np.float32(iou_threshold)

    def lower(overlap, scores):
        if decay == "gaussian":
            return scores * np.exp(-(overlap * overlap) / width)
        weight = np.float32(0) if decay == "hard" else np.float32(1) - overlap
        return np.where(overlap >= threshold, weight, np.float32(1)) * scores

    return _Rounds(segments, scores, groups, swaps=True).run(lower, np.float32(min_score), most)


def hard_suppress(
    segments: Segments, scores: Scores, groups: Groups, min_score, iou_threshold, most=None
) -> tuple[Taken, Taken]:
    """Takes the best item again and again and drops those that overlap it by `iou_threshold` or more.

    Of equal scores the first one is taken. With a `min_score` more than 0, items not above it are left out from the
    start. The other arguments and the result are those of `soft_suppress`.
    """
    threshold = np.float32(iou_threshold)
    allowed = np.arange(len(scores)) if min_score <= 0 else np.flatnonzero(scores > np.float32(min_score))

    def lower(overlap, scores):
        return np.where(overlap >= threshold, _GONE, scores)

    rounds = _Rounds(segments[allowed], scores[allowed], groups[allowed], swaps=False)
    taken, kept = rounds.run(lower, -np.float32(np.finfo(np.float32).max), most)
    return allowed[taken], kept


class _Rounds:
    """The items that are left, in arrays that lie group by group; those that are gone stay a while, with score -inf."""

    def __init__(self, segments, scores, groups, *, swaps):
        starts, ends = np.asarray(segments, np.float32).reshape(-1, 2).T
        self._start, self._end = np.ascontiguousarray(starts), np.ascontiguousarray(ends)
        self._length = self._end - self._start + _EPSILON
        self._score = np.array(scores, np.float32)
        self._group = np.asarray(groups)
        self._item = np.arange(len(self._score))
        self._swaps = swaps
        self._place = self._item.copy()
        self._sort_out(self._item)
        self._place -= np.repeat(self._opens, self._sizes)

    def run(self, lower, min_score, most):
        """(taken, scores) of all groups."""
        taken, number = [], 0
        while self._left:
            best = self._best()
            taken.append((self._group[best], self._item[best], self._score[best]))
            self._round(best, number, lower, min_score)
            number += 1
            if number % _ROUNDS_PER_LOOK == 0:
                self._look(taken, most)
        if not taken:
            return np.zeros(0, np.int64), np.zeros(0, np.float32)
        group, items, scores = (np.concatenate(parts) for parts in zip(*taken, strict=True))
        order = np.argsort(group, kind="stable")
        return items[order], scores[order]

    def _best(self):
        """Positions of the best item of every group that has any."""
        highest = np.maximum.reduceat(self._score, self._opens)
        best = np.flatnonzero((self._score == np.repeat(highest, self._sizes)) & (self._score > _GONE))
        if best.size > np.count_nonzero(highest > _GONE):
            # Of equal scores the one that lies first in its list.
            best = best[np.lexsort((self._place[best], self._index[best]))]
            groups = self._index[best]
            best = best[np.concatenate([[True], groups[1:] != groups[:-1]])]
        return best

    def _round(self, best, number, lower, min_score):
        """Lowers the scores of the others, and lets go of what was taken or dropped."""
        if self._swaps:
            # The one at the front of the list goes where the best was.
            self._place[np.flatnonzero(self._place == number)] = self._place[best]
        start, end, length = (self._of_group(values, best) for values in (self._start, self._end, self._length))
        overlap = np.minimum(self._end, end)
        overlap -= np.maximum(self._start, start)
        np.maximum(overlap, np.float32(0), out=overlap)
        length += self._length
        length -= overlap
        overlap /= length
        self._score[best] = _GONE
        self._place[best] = -1
        gone = self._score == _GONE
        with np.errstate(invalid="ignore"):  # what is gone, times zero
            self._score = lower(overlap, self._score)
        dropped = (self._score < min_score) > gone
        self._left -= best.size
        self._score[gone] = _GONE
        if dropped.any():
            self._drop(dropped, gone, number)

    def _of_group(self, values, best):
        """Spreads the value of the best item of a group over the group."""
        spread = np.zeros(self._opens.size, np.float32)
        spread[self._index[best]] = values[best]
        return np.repeat(spread, self._sizes)

    def _drop(self, dropped, gone, number):
        """The last items of a list go to the places of the dropped ones, from the first such place on."""
        self._score[dropped] = _GONE
        self._left -= np.count_nonzero(dropped)
        if not self._swaps:
            return
        stays = ~(dropped | gone)
        end = np.repeat(number + 1 + np.add.reduceat(stays, self._opens, dtype=np.int64), self._sizes)
        beyond = self._place >= end
        holes, fillers = np.flatnonzero(dropped & ~beyond), np.flatnonzero(stays & beyond)
        holes = holes[np.lexsort((self._place[holes], self._index[holes]))]
        fillers = fillers[np.lexsort((-self._place[fillers], self._index[fillers]))]
        self._place[fillers] = self._place[holes]
        self._place[dropped] = -1

    def _look(self, taken, most):
        """Removes what is gone, where that is much, and groups none of whose items can be among the `most` best."""
        keep = self._score > _GONE
        if most is not None:
            scores = np.concatenate([found for _, _, found in taken])
            if scores.size >= most:
                least = np.partition(scores, scores.size - most)[scores.size - most]
                # Single items stay: where they lie in their list decides between equal ones that are taken later.
                # Scores never rise.
                keep &= np.repeat(np.maximum.reduceat(self._score, self._opens) >= least, self._sizes)
        kept = np.flatnonzero(keep)
        if kept.size < min(self._left, 0.8 * keep.size):
            self._sort_out(kept)

    def _sort_out(self, kept):
        """Keeps these positions only."""
        for name in ("_start", "_end", "_length", "_score", "_group", "_item", "_place"):
            setattr(self, name, getattr(self, name)[kept])
        changes = np.concatenate([[True], self._group[1:] != self._group[:-1]])[: self._group.size]
        self._opens = np.flatnonzero(changes)
        self._sizes = np.diff(np.append(self._opens, self._group.size))
        self._index = np.cumsum(changes) - 1
        self._left = self._item.size
