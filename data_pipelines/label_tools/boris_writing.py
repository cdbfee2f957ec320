"""Projects of BORIS (.boris), written: new ones, and observations beside those of a project.

In a project of somebody else nothing is changed but what is added: observations of their own for the events, and the
behaviours and subjects that it lacks.
"""

import datetime
import json

from data_pipelines.core.problems import Problem
from data_pipelines.label_tools.boris import NO_SUBJECT, behaviour_types, players, stated
from data_pipelines.label_tools.choice import lane_name, lanes, tiers_of
from data_pipelines.label_tools.events import confidence_text, tidy
from data_pipelines.label_tools.media import video_name
from data_pipelines.label_tools.pairing import POINT, TOGGLE

MADE_BY = "made by data_pipelines.export_labels"
_KINDS = {POINT: "Point event", TOGGLE: "State event"}


def new_project(name):
    """The content of a project without observations."""
    return {
        "time_format": "hh:mm:ss",
        "project_date": _now(),
        "project_name": name,
        "project_description": "",
        "project_format_version": "7.0",
        "subjects_conf": {},
        "behaviors_conf": {},
        "observations": {},
        "behavioral_categories": [],
        "independent_variables": {},
        "coding_map": {},
        "behaviors_coding_map": [],
        "converters": {},
    }


def add_observations(project, recordings, path, *, suffix="", overwrite=False):
    """Adds an observation for every Recording to the content of a project; returns Problems, and then adds nothing.

    An observation is called as its video with `suffix`. One of that name is replaced with `overwrite` if it was made
    here; one of somebody else never is.
    """
    there = project["observations"]
    project.setdefault("subjects_conf", {})
    problems = [
        Problem(str(path), 0, f"the observation {name!r} exists already", _what_to_do(there[name]))
        for one in recordings
        if (name := one.video + suffix) in there and not (overwrite and _is_ours(there[name]))
    ]
    wanted = {}
    for one in recordings:
        for event in one.events:
            wanted.setdefault(event.label, set()).add(POINT if event.is_point else TOGGLE)
    types = behaviour_types(project)
    for label, kinds in sorted(wanted.items()):
        kinds = kinds | ({types[label]} if label in types else set())
        if len(kinds) > 1:
            expected = "rename one kind, or --point_width SECONDS makes points last as long"
            problems.append(Problem(str(path), 0, f"{label!r} is a point event here and a state event there", expected))
    if problems:
        return problems
    for label, kinds in sorted(wanted.items()):
        if label not in types:
            modifiers = _modifiers([e for one in recordings for e in one.events if e.label == label])
            _append(project["behaviors_conf"], _behaviour(label, kinds.pop(), modifiers))
    for one in recordings:
        media = media_of(project, one)
        there[one.video + suffix] = _observation(project, one, media, is_live=not (media[0] or suffix))
    return []


def media_of(project, recording):
    """(name or "", seconds or 0, fps or 0) of a video's file: as the project has it, else as the Recording does."""
    for observation in project["observations"].values():
        for names in players(observation).values():
            for name in names:
                if video_name(name) == recording.video:
                    lengths, rates = stated(observation, "length"), stated(observation, "fps")
                    return name, lengths.get(name, 0.0), rates.get(name, 0.0)
    return recording.media, recording.duration, recording.fps


def _what_to_do(observation):
    if _is_ours(observation):
        return "--overwrite replaces it, as it was made here"
    return "choose another --name"


def _is_ours(observation):
    return str(observation.get("description", "")).startswith(MADE_BY)


def _observation(project, recording, media, *, is_live):
    """An observation: of the video's file, or live, without one, where nobody knows it."""
    name, length, fps = media[0] or recording.video, *media[1:]
    events = []
    for tier in tiers_of([recording]):
        of_tier = [event for event in recording.events if event.tier == tier]
        for number, lane in enumerate(lanes(of_tier, _span, lambda event: (event.label, event.modifiers))):
            subject = "" if tier in ("", NO_SUBJECT) and not number else lane_name(tier or NO_SUBJECT, number)
            if subject and all(one.get("name") != subject for one in project["subjects_conf"].values()):
                _append(project["subjects_conf"], {"key": "", "name": subject, "description": MADE_BY})
            events += [row for event in lane for row in _rows(event, subject)]
    # At one moment what stops comes before what starts.
    events.sort(key=lambda row: row[:2])
    info = {"length": {}, "fps": {}, "hasVideo": {name: True}, "hasAudio": {name: False}, "offset": {"1": 0.0}}
    if length:
        info["length"][name] = length
    if fps:
        info["fps"][name] = fps
    return {
        "file": {} if is_live else {"1": [name]},
        "type": "LIVE" if is_live else "MEDIA",
        "date": _now(),
        "description": MADE_BY,
        "time offset": 0.0,
        "events": [row[2] for row in events],
        "observation time interval": [0, 0],
        "independent_variables": {},
        "visualize_spectrogram": False,
        "visualize_waveform": False,
        "close_behaviors_between_videos": False,
    } | ({"scan_sampling_time": 0} if is_live else {"media_info": info})


def _span(event):
    """(start, end) of a state event as it is stored, which no other one of its kind may overlap; None of a point."""
    return None if event.is_point else tuple(row[0] for row in _rows(event, ""))


def _rows(event, subject):
    """(seconds, order at a moment, [what BORIS stores]) of an event."""
    start, end = _seconds(event.start), _seconds(event.end)
    remark = confidence_text(event.confidence)
    fields = subject, event.label, event.modifiers
    if event.is_point:
        return [(start, 1, [start, *fields, remark])]
    end = max(end, tidy(start + 0.001))
    return [(start, 2, [start, *fields, remark]), (end, 0, [end, *fields, ""])]


def _seconds(seconds):
    return round(seconds, 3)


def _behaviour(code, kind, modifiers):
    return {
        "type": _KINDS[kind],
        "key": "",
        "code": code,
        "description": "",
        "category": "",
        "modifiers": modifiers,
        "excluded": "",
        "coding map": "",
    }


def _modifiers(events):
    """The sets of modifiers that events have, as BORIS stores them."""
    sets = {}
    for event in events:
        for number, value in enumerate(event.modifiers.split("|") if event.modifiers else []):
            sets.setdefault(number, {})[value] = None
    return {
        str(number): {"name": "", "type": 0, "values": [value for value in values if value != "None"]}
        for number, values in sorted(sets.items())
    }


def _append(numbered, value):
    """Adds a value to an object whose names are numbers."""
    last = max((int(name) for name in numbered if name.isdigit()), default=-1)
    numbered[str(last + 1)] = value


def _now():
    return datetime.datetime.now().isoformat(timespec="seconds")


def project_text(project):
    """The text of a project."""
    return json.dumps(project, indent=1, ensure_ascii=False) + "\n"
