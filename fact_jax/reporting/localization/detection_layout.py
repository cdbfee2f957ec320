"""Which detections of a video are drawn, in which lanes, and how long the time axis is."""

import numpy as np

# Seconds from which on the duration of a video, or the end of a segment, is not believed.
ENDLESS = 1e7


def best_detections(found, most, *, share=0.0):
    """The detections that are drawn, finite ones, the best first: at most `most`, with a `share` of the best score.

    Returns:
      (Detections, their places in `found` int64 [P]).
    """
    finite = np.flatnonzero(np.isfinite(found.segments).all(axis=1))
    places = finite[np.argsort(-found.scores[finite], kind="stable")[:most]]
    if share and len(places):
        places = places[found.scores[places] >= share * found.scores[places[0]]]
    return found.at(places), places


def lanes(segments, most):
    """int64 [P]: the first lane in which each of segments [P, 2] meets no earlier one; -1 where `most` are taken."""
    taken, found = [[] for _ in range(most)], []
    for start, end in np.asarray(segments).tolist():
        meets = (any(first < end and start < last for first, last in others) for others in taken)
        lane = next((lane for lane, met in enumerate(meets) if not met), -1)
        if lane >= 0:
            taken[lane].append((start, end))
        found.append(lane)
    return np.array(found, np.int64)


def shown_duration(duration, found, true_segments=()):
    """Seconds of the time axis of a video: its duration or, where that is 0 (unknown) or ENDLESS, the last end."""
    ends = np.append(found.segments, true_segments)
    known = duration if duration < ENDLESS else 0.0
    return max(known, float(np.max(ends[ends < ENDLESS], initial=1e-3)))
