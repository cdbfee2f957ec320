"""State events as BORIS has them: a mark where a behaviour starts and one where it stops."""

import dataclasses

from data_pipelines.label_tools.events import Event, split_confidence

POINT, START, STOP, TOGGLE = "POINT", "START", "STOP", "STATE"


@dataclasses.dataclass(frozen=True)
class Mark:
    """A row of an observation.

    Attributes:
      kind: POINT, START or STOP; TOGGLE starts what has stopped, and stops what has started.
      time: seconds of the observation.
      subject, code, modifiers: what is paired has these alike.
      comment: a remark, which may state a confidence.
      place, line: where it stands.
    """

    kind: str
    time: float
    subject: str
    code: str
    modifiers: str = ""
    comment: str = ""
    place: str = ""
    line: int = 0

    @property
    def key(self):
        return self.subject, self.code, self.modifiers


def pair(reading, marks, path, observation, rules, end):
    """Events of Marks in the order of the file; what cannot be paired becomes Faults of a Reading.

    `end` are seconds of the observation at which its last video ends, 0.0 where nobody says.
    """
    events, started, before, left_out = [], {}, None, 0
    for mark in marks:
        if before and mark.time < before.time:
            found = f"{mark.place} at {mark.time:g} s comes after one at {before.time:g} s"
            expected = "expected events in the order of time, by which starts and stops are told: sort them in BORIS"
            reading.fault(path, mark.line, found, expected, observation=observation, tier=mark.subject)
        before = mark
        if mark.kind == POINT:
            events.append(_event(mark, mark, rules))
            continue
        start = started.get(mark.key)
        if mark.kind == START and start or mark.kind == STOP and not start:
            found = f"{mark.place}: {mark.code!r} at {mark.time:g} s "
            found += f"starts again before it stops ({start.place})" if start else "stops, but has not started"
            expected = "add what is missing in BORIS, or delete this one"
            reading.fault(path, mark.line, found, expected, observation=observation, tier=mark.subject)
        elif not start:
            started[mark.key] = mark
        else:
            del started[mark.key]
            if mark.time == start.time:
                found = f"{start.place}: {mark.code!r} stops when it starts, at {mark.time:g} s"
                expected = "delete both, or move one of them"
                reading.fault(path, start.line, found, expected, observation=observation, tier=mark.subject)
            else:
                events.append(_event(start, mark, rules))
    for start in started.values():
        if rules.unpaired == "to_end" and end > start.time:
            events.append(_event(start, dataclasses.replace(start, time=end), rules))
        elif rules.unpaired == "leave_out":
            left_out += 1
        else:
            found = f"{start.place}: the state event {start.code!r}, of {start.subject!r}, starts at {start.time:g} s "
            found += "and does not stop"
            expected = "add its stop in BORIS, or see --unpaired"
            if rules.unpaired == "to_end":
                expected = "nobody says how long the video is, so it cannot last to the end: --lengths or --videos"
            reading.fault(path, start.line, found, expected, observation=observation, tier=start.subject)
    if left_out:
        reading.notes.append(
            f"{path}: of observation {observation!r}, state events that do not stop: {left_out} left out"
        )
    return events


def _event(start, stop, rules):
    confidence = split_confidence(start.comment)[1]
    label = start.code
    if rules.modifiers and start.modifiers:
        label = f"{label}|{start.modifiers}"
    modifiers = "" if rules.modifiers else start.modifiers
    return Event(start.time, stop.time, label, start.subject, confidence, modifiers, start.place, start.line)
