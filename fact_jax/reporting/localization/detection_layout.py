"""Which detections of a video are drawn, in which lanes, and how long the time axis is."""

import numpy as np

# Seconds from which on the duration of a video, or the end of a segment, is not believed.
ENDLESS = 1e7


def best_detections(found, most, *, share=0.0):
    """The detections that are drawn: finite ones, the best first.

    Args:
      found: Detections.
      most: how many at most.
      share: of the best score that the others need.

    Returns:
      (Detections, their places in `found` int64 [P]).
    """
    finite = np.flatnonzero(np.isfinite(found.segments).all(axis=1))
    places = finite[np.argsort(-found.scores[finite], kind="stable")[:most]]
    if share and len(places):
        places = places[found.scores[places] >= share * found.scores[places[0]]]
    return found.at(places), places


def lanes(segments, most):
    """int64 [P]: the lane of every segment, the first in which it meets no earlier one; -1 where `most` are taken.

    Args:
      segments: float [P, 2], start and end.
      most: number of lanes.
    """
    taken, found = [[] for _ in range(most)], []
    for start, end in np.asarray(segments).tolist():
        free = (
            lane for lane, others in enumerate(taken) if not any(first < end and start < last for first, last in others)
        )
        lane = next(free, -1)
        if lane >= 0:
            taken[lane].append((start, end))
        found.append(lane)
    return np.array(found, np.int64)


def shown_duration(duration, found, true_segments=()):
    """Seconds of the time axis of a video: its duration or, where that is unknown or wrong, the last end.

    Args:
      duration: seconds; 0 or ENDLESS and more: unknown.
      found: Detections in seconds.
      true_segments: float [N, 2] in seconds.
    """
    ends = np.append(found.segments, true_segments)
    known = duration if duration < ENDLESS else 0.0
    return max(known, float(np.max(ends[ends < ENDLESS], initial=1e-3)))
