"""Videos that fall into two groups by their values, as where two extractors, layers or scalings were mixed.

A group may be half of the videos, so that no video is unlike most others. What is told are groups without anything
between them: videos differ by nature, but then in all degrees.
"""

import math
import statistics
from typing import NamedTuple

import numpy as np

from data_pipelines.core.wording import count, name_some

# Videos from which on there are groups, of the smaller one, and its share of all.
_MIN_VIDEOS, _MIN_GROUP, _GROUP_SHARE = 5, 2, 0.2
# How many times as large as those of the other group values are, of a few videos and of many.
_OF_FEW, _OF_MANY, _MANY = 3.0, 2.0, 10
# Spread of the norms of frames, see `value_measures.VideoValues`, of which all are the same and of which they vary.
SAME_NORM, OTHER_NORM = 0.001, 0.02
# Share of the values below 0 that is no chance, and channels from which on none below 0 is none.
SOME_NEGATIVE, _MIN_CHANNELS = 0.05, 32


class Split(NamedTuple):
    """A line about two groups of videos, and the names of the videos of one of them."""

    line: str
    group: frozenset


def scale_split(values, lists):
    """Split, or None, of {video: VideoValues} by their root mean squares; `lists` are names of videos by subset."""
    ranked = sorted((video for video in values if 0 < values[video].rms < math.inf), key=lambda v: values[v].rms)
    if len(ranked) < _MIN_VIDEOS:
        return None
    logs = np.log([values[video].rms for video in ranked])
    least = max(_MIN_GROUP, math.ceil(_GROUP_SHARE * len(ranked)))
    places = range(least, len(ranked) - least + 1)
    if not places:
        return None
    place = max(places, key=lambda place: logs[place] - logs[place - 1])
    gap = logs[place] - logs[place - 1]
    # Within each group, all but a few are far more alike than the two groups are.
    spreads = [np.ptp(np.quantile(part, (0.1, 0.9), method="nearest")) for part in (logs[:place], logs[place:])]
    if gap < math.log(_OF_MANY if len(ranked) >= _MANY else _OF_FEW) or max(spreads) > gap / 2:
        return None
    larger = frozenset(ranked[place:])
    texts = []
    for is_larger in (False, True):
        group = [video for video in values if video in ranked and (video in larger) == is_larger]
        texts.append(f"{who(group, lists)} at about {statistics.median(values[v].rms for v in group):.2g}")
    return Split(
        f"values fall into two groups (root mean square): {texts[0]}, {texts[1]}. Were two extractors, or two "
        "scalings, mixed? Features of all videos have to be made alike",
        larger,
    )


def norm_split(values, lists):
    """Split, or None, of {video: VideoValues}: frames of the same norm in some, of norms that vary in the others."""
    known = {video: found for video, found in values.items() if found.norm_spread is not None}
    same = [video for video, found in known.items() if found.norm_spread <= SAME_NORM]
    others = [video for video, found in known.items() if found.norm_spread >= OTHER_NORM]
    if not same or not others or len(same) + len(others) < max(len(known), 3):
        return None
    norm = statistics.median(known[video].norm for video in same)
    usual = statistics.median(known[video].norm for video in others)
    spread = statistics.median(known[video].norm_spread for video in others)
    return Split(
        f"all frames have the same norm ({norm:.2g}) in {who(same, lists)}; norms vary, by {spread:.0%} around "
        f"{usual:.2g}, in {who(others, lists)}. Were only some normalised (L2)? Normalise all of them, or none",
        frozenset(same),
    )


def sign_split(values, lists):
    """Split, or None, of {video: VideoValues}: no value below 0 in some, many in the others."""
    known = {
        video: found
        for video, found in values.items()
        if found.negative is not None and found.num_channels >= _MIN_CHANNELS and not found.is_whole
    }
    none = [video for video, found in known.items() if found.negative == 0]
    others = [video for video, found in known.items() if found.negative >= SOME_NEGATIVE]
    if not none or not others or len(none) + len(others) < max(len(known), 3):
        return None
    share = statistics.median(known[video].negative for video in others)
    return Split(
        f"no value is below 0 in {who(none, lists)}, but {share:.0%} are in {who(others, lists)}. Were two extractors, "
        "layers or scalings mixed? Features of all videos have to be made alike",
        frozenset(none),
    )


def who(group, lists):
    """ "the test videos", or "3 videos (v1, v2, v3)"."""
    names = [name for name, videos in lists.items() if set(videos) == set(group)]
    if names and len(group) > 1:
        return f"the {len(group)} {'training' if names[0] == 'train' else names[0]} videos"
    return f"{count(group, 'video')} ({name_some(group)})"
