"""Which videos go to which part of a split, so that every part has its share of the videos and of every class.

Units, which are videos or groups of them, are dealt out by iterative stratification (Sechidis, Tsoumakas & Vlahavas, On
the Stratification of Multi-Label Data, ECML 2011): the class with the fewest units left comes first, and goes to the
part that lacks it most. Ties are broken by chance, by the seed; of several tries the best is kept.
"""

import collections
import re

import numpy as np

from data_pipelines.core.text_files import quote
from data_pipelines.core.wording import count, name_some

_TRIES = 16
# What two names of one group may be written with or without.
_BETWEEN, _ZEROS = re.compile(r"[\s_.-]+"), re.compile(r"(?<!\d)0+(?=\d)")


def assign_parts(counts, sizes, shares, seed=0, *, training=None):
    """int64 [n], the part of every unit; each part gets one at least.

    Args:
      counts: int [n, C], how many videos of a unit have a class.
      sizes: int [n], videos of every unit; n is at least the number of parts.
      shares: shares of the videos that the parts are to have; their sum is 1.
      seed: whole number of 0 or more.
      training: list of lists of parts that are trained with, in which every class should be; None = part 0 alone.
    """
    counts, sizes, shares = np.asarray(counts, np.int64), np.asarray(sizes, np.int64), np.asarray(shares, float)
    if len(sizes) < len(shares):
        raise ValueError(f"{len(sizes)} units for {len(shares)} parts")
    chance, best = np.random.default_rng(seed), None
    for _ in range(_TRIES):
        parts = _fill_empty(_deal(counts, sizes, shares, chance), counts, sizes, len(shares))
        cost = _cost(parts, counts, sizes, shares, training or [[0]])
        if best is None or cost < best[0]:
            best = cost, parts
    return best[1]


def _deal(counts, sizes, shares, chance):
    num_units, num_parts = len(sizes), len(shares)
    order = chance.random(num_units)
    left, parts = np.ones(num_units, bool), np.zeros(num_units, np.int64)
    wanted_size, wanted, remaining = shares * sizes.sum(), np.outer(shares, counts.sum(0)), counts.sum(0)
    while left.any():
        present = np.flatnonzero(remaining > 0)
        candidates = np.flatnonzero(left)
        need = wanted_size
        if present.size:
            rarest = present[np.argmin(remaining[present])]
            candidates = candidates[counts[candidates, rarest] > 0]
            need = wanted[:, rarest]
        # Large groups first: the small ones even out what is left.
        unit = min(candidates, key=lambda i: (-sizes[i], order[i]))
        open_parts = [part for part in range(num_parts) if wanted_size[part] > 0] or range(num_parts)
        part = max(open_parts, key=lambda i: (need[i], wanted_size[i], chance.random()))
        parts[unit], left[unit] = part, False
        remaining = remaining - counts[unit]
        wanted_size[part] -= sizes[unit]
        wanted[part] -= counts[unit]
    return parts


def _fill_empty(parts, counts, sizes, num_parts):
    """Every part without a unit takes the smallest one of the part with most units, and of those a common one."""
    parts, common = parts.copy(), counts.sum(0)
    for part in set(range(num_parts)) - set(parts.tolist()):
        [fullest] = np.bincount(parts, minlength=num_parts).argsort(kind="stable")[-1:]
        rarest = [min(common[row > 0], default=0) for row in counts]
        unit = min(np.flatnonzero(parts == fullest), key=lambda i: (sizes[i], -rarest[i], i))
        parts[unit] = part
    return parts


def _cost(parts, counts, sizes, shares, training):
    """(classes that a training part lacks, how far the numbers of videos are from the shares, the same of classes)."""
    num_parts = len(shares)
    held = np.zeros((num_parts, counts.shape[1]), np.int64)
    np.add.at(held, parts, counts)
    totals = counts.sum(0)
    lacking = sum(int(np.sum((held[trained].sum(0) == 0) & (totals > 0))) for trained in training)
    size_gap = np.abs(np.bincount(parts, sizes, num_parts) - shares * sizes.sum()).sum()
    class_gap = np.abs(held - np.outer(shares, totals)).sum() / max(totals.sum(), 1)
    return lacking, float(size_gap), float(class_gap)


def group_lines(groups):
    """Lines about groups, {video: group}, that keep no videos together, and those of nearly the same name."""
    names, alike = sorted(set(groups.values())), collections.defaultdict(list)
    if len(names) == len(groups):
        yield f"--group_by has no effect: each of the {count(groups, 'video')} is a group of its own"
    for name in names:
        alike[_ZEROS.sub("", _BETWEEN.sub("", name.casefold()))].append(name)
    for found in alike.values():
        if len(found) > 1:
            shown = name_some([quote(name) for name in found], 5)
            yield (
                f"the groups {shown} differ in capitals, zeros or separators alone, and are different groups: if they "
                "are one, videos of it are trained with and tested on"
            )
