"""Which of the events that a file holds are meant: tiers or subjects, events without a name, points."""

import collections
import dataclasses
import re

from data_pipelines.core.names import why_no_class
from data_pipelines.core.problems import Problem
from data_pipelines.core.text_files import quote
from data_pipelines.core.wording import count, name_some
from data_pipelines.label_tools.events import tidy
from fact_jax.types import nearest

# Of tools in whose tiers or subjects events may not overlap: further ones, which belong to the first.
_LANE = re.compile(r"(.+) \(overlap (\d+)\)")


def lane_name(tier, number):
    """The name of the tier that holds what overlaps in the ones before: number 0 is `tier` itself."""
    return f"{tier} (overlap {number + 1})" if number else tier


def lanes(events, span, key=lambda event: None):
    """Splits events, in the order of their starts, into lists in which none overlaps another one of its key.

    `span(event)` is (start, end), or None of what overlaps nothing.
    """
    found, ends = [], []
    for event in events:
        start, end = span(event) or (float("inf"), float("-inf"))
        of = key(event)
        free = next((number for number, last in enumerate(ends) if last.get(of, float("-inf")) <= start), len(found))
        if free == len(found):
            found.append([])
            ends.append({})
        found[free].append(event)
        ends[free][of] = max(ends[free].get(of, float("-inf")), end)
    return found


def join_lanes(recordings):
    """The Recordings with what `lane_name` names in the tier it belongs to."""
    tiers = {event.tier for recording in recordings for event in recording.events}
    base = {tier: found[1] for tier in tiers if (found := _LANE.fullmatch(tier)) and found[1] in tiers}
    return [
        _with_events(
            recording, [dataclasses.replace(event, tier=base.get(event.tier, event.tier)) for event in recording.events]
        )
        for recording in recordings
    ]


def tiers_of(recordings):
    """{tier: number of its events}, by name."""
    numbers = collections.Counter(event.tier for recording in recordings for event in recording.events)
    return dict(sorted(numbers.items()))


def choose_tiers(recordings, faults, wanted, what, *, each=False, together=False):
    """({name of a run: Recordings with the events of its tiers}, Problems).

    Args:
      recordings: list of Recording.
      faults: list of Fault; those of tiers that are not wanted do not count.
      wanted: names of tiers, all of which go into one run called ""; (): there has to be one alone.
      what: the file, for messages.
      each: whether every tier becomes a run of its own, called as it.
      together: whether all go into one run where none are wanted.
    """
    recordings = join_lanes(recordings)
    there = tiers_of(recordings)
    listed = ", ".join(
        f"{tier!r} ({'no name, ' * (not tier)}{count(number, 'event')})" for tier, number in there.items()
    )
    problems = [fault.problem for fault in faults if not wanted or fault.tier is None or fault.tier in wanted]
    for tier in wanted:
        # A tier of which every event is at fault is there all the same.
        if tier not in there and tier not in {fault.tier for fault in faults}:
            guess = nearest(tier, there)
            hint = f"did you mean {guess!r}?" if guess else "choose one of these"
            found = f"no tier or subject {tier!r}: there are {listed or 'none'}"
            problems.append(Problem(str(what), 0, found, hint))
    if wanted:
        return {"": _only(recordings, set(wanted))}, problems
    if each:
        return {tier: _only(recordings, {tier}) for tier in there}, problems
    if len(there) > 1 and not together:
        found = f"{count(there, 'tier')} or subjects: {listed}"
        hint = "choose with --tier NAME (several names go together), or --each makes one folder of each"
        problems.append(Problem(str(what), 0, found, hint))
        return {}, problems
    return {"": recordings}, problems


def _with_events(recording, events):
    return dataclasses.replace(recording, events=tuple(sorted(events, key=lambda event: event.order)))


def _only(recordings, tiers):
    return [_with_events(one, [event for event in one.events if event.tier in tiers]) for one in recordings]


def double_problems(recordings):
    """Problems of two Recordings of one video."""
    by_video = collections.defaultdict(list)
    for recording in recordings:
        by_video[recording.video].append(recording)
    problems = []
    for video, found in by_video.items():
        if len(found) > 1:
            media = len({recording.media for recording in found}) > 1
            names = [recording.observation or recording.path for recording in found]
            told = f"the video {video!r} is labelled {len(found)} times: {name_some(names, 8)}"
            hint = "choose with --observation NAME" if found[0].observation else "give one of these files"
            if len({(recording.path, recording.observation) for recording in found}) == 1:
                told = f"{found[0].observation or 'it'!r} has the video {video!r} {len(found)} times among its media"
                hint = "a video is labelled once: take the others out in the tool"
            hint += "; or these are different files of one name: rename them" * media
            problems.append(Problem(found[0].path, 0, told, hint))
    return problems


def repeat_lines(recordings):
    """A line about events that are there several times: the same label and times, of one tier or of several."""
    repeats = []
    for recording in recordings:
        numbers = collections.Counter((event.label, event.start, event.end) for event in recording.events)
        repeats += [
            f"{recording.video}: {quote(label)} from {start:g} to {end:g} s, {number} times"
            for (label, start, end), number in numbers.items()
            if number > 1
        ]
    return [f"{count(repeats, 'event')} there several times, all of which are kept: {name_some(repeats)}"] * bool(
        repeats
    )


def name_events(recordings, unnamed):
    """(Recordings whose events all have the name of a class, lines, Problems of those that have none).

    `unnamed` is the label of events without a text, "" to leave them out, None to refuse them.
    """
    problems, named, notes, blank = [], [], [], 0
    for recording in recordings:
        kept = []
        for event in recording.events:
            label = event.label.strip()
            if not label:
                blank += 1
                if unnamed is None:
                    text = f"{event.place} from {event.start:g} to {event.end:g} s has no text"
                    expected = "give it one, or --unnamed LABEL does so (--unnamed '' leaves such out)"
                    problems.append(Problem(recording.path, event.line, text.strip(), expected))
                elif unnamed:
                    kept.append(dataclasses.replace(event, label=unnamed))
                continue
            if why := why_no_class(label):
                expected = f"expected the name of a class ({why})"
                problems.append(Problem(recording.path, event.line, f"{event.place} label {quote(label)}", expected))
            kept.append(dataclasses.replace(event, label=label))
        named.append(_with_events(recording, kept))
    if blank:
        notes.append(f"{count(blank, 'event')} without a text: " + (f"{unnamed!r}" if unnamed else "left out"))
    return named, notes, problems


def leave_out(recordings, labels):
    """(Recordings without events of these labels, lines, Problems of labels that nothing has)."""
    there = collections.Counter(event.label for one in recordings for event in one.events)
    problems = []
    for label in labels:
        if label not in there:
            guess = nearest(label, there)
            hint = f"did you mean {guess!r}?" if guess else f"there are {name_some(there, 20)}"
            path = recordings[0].path if recordings else ""
            problems.append(Problem(path, 0, f"--without {label!r}, which no event has as its label", hint))
    kept = [_with_events(one, [event for event in one.events if event.label not in labels]) for one in recordings]
    total = sum(there[label] for label in labels)
    return kept, [f"{count(total, 'event')} of {name_some(map(repr, labels))} left out"] if labels else [], problems


def widen_points(recordings, width):
    """(Recordings whose points last `width` seconds, within their video where its end is known; lines)."""
    changed, widened = 0, []
    for recording in recordings:
        events = []
        for event in recording.events:
            if event.is_point:
                changed += 1
                start, end = max(event.start - width / 2, 0.0), event.end + width / 2
                end = min(end, recording.duration) if recording.duration else end
                event = dataclasses.replace(event, start=tidy(start), end=tidy(end))
            events.append(event)
        widened.append(_with_events(recording, events))
    return widened, [f"{count(changed, 'point event')} made {width:g} s long"] if changed else []


def without_points(recording):
    """A Recording without its point events."""
    return dataclasses.replace(recording, events=tuple(event for event in recording.events if not event.is_point))


def point_problems(recordings, why, most=5):
    """Problems, one a label, of point events where there is no place for them."""
    by_label = collections.defaultdict(list)
    for recording in recordings:
        for event in recording.events:
            if event.is_point:
                by_label[event.label].append((recording, event))
    problems = []
    for label, found in sorted(by_label.items()):
        places = [f"{recording.video} at {event.start:g} s" for recording, event in found]
        told = f"{label!r} has {count(found, 'point event')}: {name_some(places, most)}"
        problems.append(Problem(found[0][0].path, 0, told, f"{why}; --point_width SECONDS makes them as long"))
    return problems
