"""Projects of BORIS (.boris), read.

A project is JSON. An observation has events [seconds, subject, behaviour, modifiers, comment, ...]; behaviours are
state events, of which every second one of a subject and modifiers is a stop, or point events. Seconds are those of the
observation: of player 1, whose media follow each other, plus the observation's time offset. Player N begins as many
seconds later as its own offset says.

Source: what BORIS 8.27 (write_event.py, core.py, project_functions.py) writes and reads.
"""

from data_pipelines.core.json_files import number_of, read_json
from data_pipelines.core.text_files import quote
from data_pipelines.core.wording import count, name_some
from data_pipelines.label_tools import pairing, timeline
from data_pipelines.label_tools.events import Reading
from data_pipelines.label_tools.media import video_name
from fact_jax.types import nearest

RESOLUTION = 1e-3
NO_SUBJECT = "No focal subject"
_FIELDS = ("seconds", "subject", "behaviour", "modifiers", "comment")
_EXPECTED = "a project of BORIS"


def read(path, rules):
    """Reading of a project, see `ReadRules`."""
    reading = Reading(RESOLUTION)
    content, problems = read_json(path, _EXPECTED)
    reading.tell(problems)
    if problems:
        return reading
    if why := why_no_project(content):
        reading.fault(path, 0, why, f"expected {_EXPECTED}")
        return reading
    observations = content["observations"]
    for name in rules.observations:
        if name not in observations:
            guess = nearest(name, observations)
            hint = f"did you mean {guess!r}?" if guess else f"there are {name_some(observations, 20)}"
            reading.fault(path, 0, f"no observation {name!r}", hint)
    types = behaviour_types(content)
    for name, observation in observations.items():
        if name in rules.observations or not rules.observations:
            _read_observation(reading, path, name, observation, types, rules)
    return reading


def why_no_project(content):
    """Why JSON content is no project, in words, or ""."""
    if not isinstance(content, dict) or not isinstance(content.get("observations"), dict):
        return "no observations"
    if not isinstance(content.get("behaviors_conf"), dict):
        return "no behaviours"
    if not isinstance(content.get("subjects_conf", {}), dict):
        return "no subjects"
    for what, part in (("observation", "observations"), ("behaviour", "behaviors_conf"), ("subject", "subjects_conf")):
        wrong = [name for name, value in content.get(part, {}).items() if not isinstance(value, dict)]
        if wrong:
            return f"the {what} {wrong[0]!r} is no object"
    return ""


def behaviour_types(content):
    """{code: pairing.TOGGLE, pairing.POINT or, where its type is none of BORIS, ""} of the behaviours of a project."""
    types = {}
    for behaviour in content["behaviors_conf"].values():
        if isinstance(behaviour, dict) and isinstance(behaviour.get("code"), str):
            told = str(behaviour.get("type")).lower()
            point = pairing.POINT if "point" in told else ""
            types[behaviour["code"]] = pairing.TOGGLE if "state" in told else point
    return types


def players(observation):
    """{number of a player: names of its media}; {} of an observation without media."""
    files = observation.get("file")
    if not isinstance(files, dict):
        return {}
    return {int(player): names for player, names in files.items() if player.isdecimal() and names and _are_names(names)}


def _are_names(names):
    return isinstance(names, list) and all(isinstance(name, str) and name for name in names)


def _entry(content, name):
    """The object that an object has under a name; {} where it has none."""
    value = content.get(name)
    return value if isinstance(value, dict) else {}


def stated(observation, what):
    """{name of a medium: positive number} of what BORIS knows of the media of an observation, "length" or "fps"."""
    values = _entry(_entry(observation, "media_info"), what)
    numbers = {name: number_of(value) for name, value in values.items()}
    return {name: number for name, number in numbers.items() if number and number > 0}


def _read_observation(reading, path, name, observation, types, rules):
    def fault(found, expected, tier=None):
        reading.fault(path, 0, f"observation {name!r}: {found}", expected, observation=name, tier=tier)

    if str(observation.get("type")) == "IMAGES":
        return fault("its events are of images, not of a video", "leave it out: --observation names the others")
    pieces = _pieces(observation, name, rules, fault)
    if pieces is None:
        return None
    if len(there := players(observation)) > 1 and not rules.media:
        told = f"players {', '.join(map(str, sorted(there)))} have media; the video is {pieces[0].media!r} (--media)"
        reading.notes.append(f"{path}: observation {name!r}: {told}")
    marks = _marks(observation, name, types, fault)
    if not there:
        reading.notes.append(f"{path}: the observation {name!r} is live, without media: its video is called as it is")
    if unread := sum(bool(mark.comment) and "confidence" not in mark.comment for mark in marks):
        reading.notes.append(f"{path}: {count(unread, 'comment')} of observation {name!r} stay in the project")
    last = pieces[-1]
    end = last.start + last.length if last.length else 0.0
    events = pairing.pair(reading, marks, path, name, rules, end)
    return timeline.place(reading, events, pieces, path, name)


def _pieces(observation, name, rules, fault):
    """Pieces of the media of an observation, or None with a fault."""
    offset = number_of(observation.get("time offset", 0) or 0, quoted=True)
    if offset is None:
        return fault(f"its time offset is {observation['time offset']!r}", "expected seconds")
    media = players(observation)
    if not isinstance(observation.get("file") or {}, dict):
        return fault(f"its media are {quote(str(observation['file']))}", 'expected {"1": [names of files]}')
    wrong = {player: names for player, names in _entry(observation, "file").items() if names and not _are_names(names)}
    if wrong:
        return fault(f"the media of its players are {quote(str(wrong))}", "expected lists of names")
    if not media:
        return [timeline.Piece(name, offset)]
    player = rules.media or min(media)
    if player not in media:
        numbers = ", ".join(map(str, sorted(media)))
        return fault(f"no media in player {player}", f"--media chooses a player: it has {numbers}")
    info = _entry(observation, "media_info")
    shift = number_of(_entry(info, "offset").get(str(player), 0) or 0, quoted=True)
    if shift is None:
        return fault(f"the offset of player {player} is no number", "expected seconds")
    if observation.get("media_creation_date_as_offset"):
        created = number_of(_entry(info, "media_creation_time").get(media[player][0]))
        if created is None or len(media[player]) > 1:
            return fault(
                "times count from when the media were made", "uncheck 'Use the media creation date/time' in BORIS"
            )
        offset += created
    lengths = stated(observation, "length")
    fps = stated(observation, "fps")
    names = media[player]
    several = len(names) > 1
    told = {medium: rules.length_of(medium, needed=several and medium not in lengths) for medium in names}
    lengths |= {medium: seconds for medium, seconds in told.items() if seconds}
    return timeline.in_a_row(
        [(video_name(medium), medium, fps.get(medium, 0.0)) for medium in names], lengths, offset + shift
    )


def _marks(observation, name, types, fault):
    """Marks of the events of an observation that can be read; faults of the others."""
    marks = []
    events = observation.get("events")
    if not isinstance(events, list):
        fault("no events", "expected a list")
        return []
    for number, event in enumerate(events, 1):
        place = f"event {number}"
        if not isinstance(event, list) or len(event) < len(_FIELDS):
            fault(f"{place} is {quote(str(event))}", f"expected [{', '.join(_FIELDS)}]")
            continue
        subject = str(event[1] or "") or NO_SUBJECT
        time, code = number_of(event[0]), event[2]
        if time is None:
            fault(f"{place}, {code!r}, is at {event[0]!r}", "expected seconds: correct it in BORIS", subject)
        elif not isinstance(code, str) or code not in types:
            guess = nearest(str(code), types)
            hint = f"did you mean {guess!r}?" if guess else "add it in BORIS, as a state or point event"
            fault(f"{place}: the behaviour {code!r} is not in the ethogram", hint, subject)
        elif not types[code]:
            expected = "expected a state event or a point event: put its type right in BORIS"
            fault(f"{place}: the behaviour {code!r} is of no known type", expected, subject)
        else:
            texts = [str(value or "") for value in event[3:5]]
            where = f"observation {name!r}, {place}"
            marks.append(pairing.Mark(types[code], time, subject, code, *texts, where))
    return marks
