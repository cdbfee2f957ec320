"""Bucket lengths: the few padded lengths that videos are brought to, one compiled program each."""

import dataclasses
from collections.abc import Mapping

import numpy as np

from data_pipelines.core.wording import count, verb
from fact_jax.types import UserError


@dataclasses.dataclass(frozen=True)
class Padding:
    """What batches are padded to.

    Attributes:
      frames: of the videos in them.
      padded_frames: of all their rows, those without a video included: what is computed.
      batches: from padded length, ascending, to the number of batches of that length; each length is a program.
    """

    frames: int
    padded_frames: int
    batches: Mapping[int, int]

    @property
    def waste(self):
        """Share of the computed frames that is padding, in [0, 1); 0.0 without batches."""
        return 1.0 - self.frames / self.padded_frames if self.padded_frames else 0.0


def default_multiple(lengths):
    """The multiple that bucket lengths are rounded up to: 64 for long videos, down to 8 for short ones."""
    longest = max(lengths, default=0)
    return next((multiple for multiple in (64, 32, 16) if multiple * 8 <= longest), 8)


def choose_buckets(lengths, max_buckets, max_padding=0.0, *, multiple=None):
    """The fewest bucket lengths that pad these videos little enough: ascending ints, none without videos.

    Each video goes to the smallest bucket that holds it. For every number of buckets the lengths that pad least are
    found exactly, by dynamic programming over the distinct lengths rounded up; the number grows until the padding is
    small enough.

    Args:
      lengths: frames of every video, ints >= 0.
      max_buckets: most buckets (programs to compile), >= 1.
      max_padding: share of padded frames, in [0, 1), that is small enough, video by video; more buckets than it
        takes are not made. Out of reach, as 0.0 mostly is, there are as many buckets as still pad less.
      multiple: buckets are multiples of it; None picks one by the longest video, see `default_multiple`.

    Raises:
      UserError: `max_buckets` or `multiple` is below 1, or `max_padding` not in [0, 1).
    """
    lengths = np.asarray(lengths, np.int64)
    multiple = default_multiple(lengths) if multiple is None else multiple
    if max_buckets < 1 or multiple < 1:
        raise UserError(f"Buckets: max_buckets is {max_buckets} and multiple is {multiple}, expected 1 or more.")
    if not 0 <= max_padding < 1:
        raise UserError(f"Buckets: max_padding is {max_padding}, expected a share of 0 or more and below 1.")
    rounded = np.maximum(-(-lengths // multiple), 1) * multiple
    sizes, counts = np.unique(rounded, return_counts=True)
    below = np.concatenate([[0], np.cumsum(counts)])  # below[i]: videos that fit into a size before sizes[i]
    enough = lengths.sum() / (1.0 - max_padding)  # padded frames, those of the videos included
    # cost[i]: fewest padded frames of the first i sizes when the last of them is a bucket.
    cost = np.full(sizes.size + 1, np.inf)
    cost[0] = 0.0
    choice = []
    while len(choice) < min(max_buckets, sizes.size) and cost[-1] > enough:
        longer, previous = _one_more_bucket(cost, sizes, below)
        if longer[-1] >= cost[-1]:
            break
        cost = longer
        choice.append(previous)
    buckets, i = [], sizes.size
    for previous in reversed(choice):
        buckets.append(int(sizes[i - 1]))
        i = previous[i]
    return tuple(reversed(buckets))


def _one_more_bucket(cost, sizes, below):
    """A step of the dynamic programming: (new cost [n + 1], previous [n + 1]: sizes that the buckets before serve)."""
    longer = np.full(sizes.size + 1, np.inf)
    previous = np.zeros(sizes.size + 1, np.int64)
    for i in range(1, sizes.size + 1):
        totals = cost[:i] + sizes[i - 1] * (below[i] - below[:i])
        previous[i] = np.argmin(totals)
        longer[i] = totals[previous[i]]
    return longer, previous


def check_buckets(buckets, lengths, video_ids):
    """Returns `buckets` ascending and without repeats, after checking that the largest holds every video.

    A UserError says that there is no bucket, one is below 1, or how long the longest video is.
    """
    buckets = tuple(sorted({int(bucket) for bucket in buckets}))
    if not buckets or buckets[0] < 1:
        raise UserError(f"Buckets are {buckets}, expected at least one length, all of 1 frame or more.")
    lengths = np.asarray(lengths, np.int64)
    too_long = int(np.sum(lengths > buckets[-1]))
    if too_long:
        longest = int(np.argmax(lengths))
        longer = f"{too_long} of {count(lengths, 'video')} {verb(too_long, 'are')} longer"
        raise UserError(
            f"The largest bucket holds {count(int(buckets[-1]), 'frame')}, but {longer}; the "
            f"longest, {video_ids[longest]!r}, has {lengths[longest]}. Make the last bucket at least that long, or "
            "leave the buckets empty to have them chosen."
        )
    return buckets


def bucket_for(length, buckets):
    """The smallest of `buckets` that holds `length` frames; a UserError if none does."""
    fitting = [bucket for bucket in buckets if bucket >= length]
    if not fitting:
        raise UserError(f"A video of {length} frames is longer than every bucket: {tuple(buckets)}.")
    return min(fitting)
