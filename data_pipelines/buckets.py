"""Bucket lengths: the few padded lengths that videos are brought to, one compiled program each."""

import numpy as np

from fact_jax.types import UserError


def default_multiple(lengths):
    """The multiple that bucket lengths are rounded up to: 64 for long videos, down to 8 for short ones."""
    longest = max(lengths, default=0)
    return next((multiple for multiple in (64, 32, 16) if multiple * 8 <= longest), 8)


def choose_buckets(lengths, max_buckets, multiple=None):
    """The bucket lengths that pad these videos least.

    Exact, by dynamic programming over the distinct lengths rounded up: the largest is a bucket, and each video goes to
    the smallest bucket that holds it.

    Args:
      lengths: frames of every video, ints >= 0.
      max_buckets: most buckets (programs to compile), >= 1.
      multiple: buckets are multiples of it; None picks one by the longest video, see `default_multiple`.

    Returns:
      A tuple of ascending ints; fewer than `max_buckets` if more would not pad less, empty without videos.

    Raises:
      UserError: `max_buckets` or `multiple` is below 1.
    """
    lengths = np.asarray(lengths, np.int64)
    multiple = default_multiple(lengths) if multiple is None else multiple
    if max_buckets < 1 or multiple < 1:
        raise UserError(f"Buckets: max_buckets is {max_buckets} and multiple is {multiple}, expected 1 or more.")
    rounded = np.maximum(-(-lengths // multiple), 1) * multiple
    sizes, counts = np.unique(rounded, return_counts=True)
    if sizes.size == 0:
        return ()
    below = np.concatenate([[0], np.cumsum(counts)])  # below[i]: videos that fit into a size before sizes[i]
    # cost[i]: fewest padded frames of the first i sizes when the last of them is a bucket. The frames of the videos
    # themselves are left in: they are the same for every choice.
    cost = np.full(sizes.size + 1, np.inf)
    cost[0] = 0.0
    best, choice = None, []
    for _ in range(min(max_buckets, sizes.size)):
        longer = np.full(sizes.size + 1, np.inf)
        previous = np.zeros(sizes.size + 1, np.int64)
        for i in range(1, sizes.size + 1):
            totals = cost[:i] + sizes[i - 1] * (below[i] - below[:i])
            previous[i] = np.argmin(totals)
            longer[i] = totals[previous[i]]
        if best is not None and longer[-1] >= best:
            break
        cost, best = longer, longer[-1]
        choice.append(previous)
    buckets, i = [], sizes.size
    for previous in reversed(choice):
        buckets.append(int(sizes[i - 1]))
        i = previous[i]
    return tuple(reversed(buckets))


def check_buckets(buckets, lengths, video_ids):
    """Returns `buckets` ascending and without repeats, after checking that the largest holds every video.

    Raises:
      UserError: there is no bucket, one is below 1, or a video is longer than all of them; names the longest video.
    """
    buckets = tuple(sorted({int(bucket) for bucket in buckets}))
    if not buckets or buckets[0] < 1:
        raise UserError(f"Buckets are {buckets}, expected at least one length, all of 1 frame or more.")
    lengths = np.asarray(lengths, np.int64)
    too_long = int(np.sum(lengths > buckets[-1]))
    if too_long:
        longest = int(np.argmax(lengths))
        raise UserError(
            f"The largest bucket holds {buckets[-1]} frames, but {too_long} of {lengths.size} videos are longer; the "
            f"longest, {video_ids[longest]!r}, has {lengths[longest]}. Make the last bucket at least that long, or "
            "leave the buckets empty to have them chosen.")
    return buckets


def bucket_for(length, buckets):
    """The smallest of `buckets` that holds `length` frames.

    Raises:
      UserError: none does.
    """
    fitting = [bucket for bucket in buckets if bucket >= length]
    if not fitting:
        raise UserError(f"A video of {length} frames is longer than every bucket: {tuple(buckets)}.")
    return min(fitting)


def padding_waste(lengths, buckets):
    """Share of padded frames, in [0, 1), when every video is padded to its bucket; 0.0 without videos."""
    padded = sum(bucket_for(length, buckets) for length in lengths)
    return 1.0 - float(np.sum(lengths)) / padded if padded else 0.0
