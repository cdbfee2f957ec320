"""Segments of a video that say nearly the same as another one, as where the annotations of two people were merged."""

import collections
import itertools

import numpy as np

# Least overlap divided by union (tIoU) of two segments of one action that two people marked.
_NEAR_TIOU = 0.7
# Share of the segments of a class that come under another one too where the one is a kind of the other.
_IMPLIED = 0.9
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


def twins(videos):
    """(how many annotations of AnnotatedVideos have the very times of one of another class, pairs of classes).

    Where nearly every segment of a class comes under another one as well, it is a kind of that, as cliff diving is of
    diving in THUMOS14; such pairs are left out. The pairs of class ids are those most often found first.
    """
    places, totals = collections.defaultdict(set), collections.Counter()
    for video in videos:
        for segment, label in zip(video.segments.tolist(), video.labels.tolist(), strict=True):
            places[video.video_id, *segment].add(label)
    found = collections.Counter()
    for labels in places.values():
        totals.update(labels)
        found.update(itertools.combinations(sorted(labels), 2))
    odd = {pair for pair, times in found.items() if times < _IMPLIED * min(totals[label] for label in pair)}
    number = 0
    for labels in places.values():
        number += len({label for pair in itertools.combinations(sorted(labels), 2) if pair in odd for label in pair})
    return number, [pair for pair, _ in found.most_common() if pair in odd]
