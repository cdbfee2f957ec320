"""From events in seconds to a label for every row: a frame of the video, or a row of its features.

Row i holds edges[i] <= t < edges[i + 1]. A segment covers the rows from the one that holds its start to before the one
that holds its end, so segments that meet at a time neither overlap nor leave a gap.
"""

import numpy as np

from data_pipelines.core.feature_times import EXACT
from data_pipelines.core.problems import Problem
from data_pipelines.core.wording import count, name_some
from data_pipelines.label_tools.media import LENGTH_SLACK
from data_pipelines.tools.frame_painting import overlapping, paint

# Rows by which features may end before a video: their windows do not reach its end.
_BEYOND_ROWS = 15


def frame_of(seconds, edges, resolution):
    """The number of the row that holds a time; the number of rows, N, from its end on.

    Args:
      seconds: a time.
      edges: float64 [N + 1] seconds that rise.
      resolution: seconds to which the time was rounded: half of it before an edge is the edge.
    """
    number = np.searchsorted(edges, seconds + max(resolution / 2, EXACT), side="right") - 1
    return int(np.clip(number, 0, len(edges) - 1))


def label_rows(recordings, edges, resolution, background, overlap):
    """({video: names of labels, one a row}, lines for the user, Problems) of Recordings.

    Args:
      recordings: list of Recording, without points.
      edges: {video: float64 [N + 1]}, of those videos of which they are known.
      resolution: see `frame_of`.
      background: label of rows without an event.
      overlap: "refuse", "first" or "last", see `frame_painting.paint`.
    """
    rows, notes, problems = {}, [], []
    empty, gaps, total, hidden, cut = [], 0, 0, [], 0
    for recording in recordings:
        if recording.video not in edges:
            continue
        at = edges[recording.video]
        slack = max(LENGTH_SLACK, _BEYOND_ROWS * float(np.median(np.diff(at))))
        late = [event for event in recording.events if event.end > at[-1] + resolution]
        cut += len(late)
        problems += [_beyond_problem(recording, event, at[-1]) for event in late if event.end > at[-1] + slack]
        spans = [
            (frame_of(event.start, at, resolution), frame_of(event.end, at, resolution)) for event in recording.events
        ]
        labels = [event.label for event in recording.events]
        if overlap == "refuse":
            problems += [_overlap_problem(recording, *pair) for pair in overlapping(spans, labels)]
        painted = paint(spans, labels, len(at) - 1, overlap)
        names = [*labels, background]
        rows[recording.video] = [names[number] for number in painted.labels]
        empty += [f"{recording.video}: {recording.events[number].text}" for number in painted.empty]
        shown = set(painted.labels.tolist())
        covered = [n for n, (start, stop) in enumerate(spans) if stop > start and n not in shown]
        hidden += [f"{recording.video}: {recording.events[number].text}" for number in covered]
        gaps += int(np.sum(painted.labels < 0))
        total += len(painted.labels)
    if gaps:
        notes.append(f"gaps, {gaps} of {total} rows, are {background!r}")
    if gaps and any(event.label == background for one in recordings for event in one.events):
        notes.append(f"{background!r} is a label of events too; --background NAME keeps them apart")
    if cut:
        notes.append(f"{count(cut, 'event')} ended behind the last row: cut")
    for what, found in (("within a row, thus not shown", empty), ("covered by others, thus not shown", hidden)):
        if found:
            notes.append(f"{what}: {count(found, 'event')}: {name_some(found)}")
    return rows, notes, problems


def _beyond_problem(recording, event, end):
    found = f"{recording.video}: {event.text} ends behind the rows of labels, at {end:.3f} s"
    return Problem(recording.path, event.line, found, "are these the features of this video, and is --fps right?")


def _overlap_problem(recording, number, other):
    events = recording.events
    found = f"{recording.video}: {events[number].text} overlaps {events[other].text}"
    expected = 'a row has one label: --overlap "last" or "first" chooses it, --to annotations keeps both'
    return Problem(recording.path, events[number].line, found, expected)
