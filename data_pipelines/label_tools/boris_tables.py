"""Tables of events that BORIS exports (CSV, TSV), read: tabular events, and aggregated events.

Tabular: a row for every event, state events with START and STOP; older versions (7) have a block of facts about the
observation before the header. Aggregated: a row for every state event with start and stop, or point event; also without
its header. Both have seconds of the observation; "Time offset (s)", where it is stated, is part of them.

Source: export_events.py and export_observation.py of BORIS 8.27, and the tables of version 7 among its tests.
"""

import collections
import csv
import dataclasses
import io
import re

from data_pipelines.core.text_files import quote, read_packed, why_unreadable
from data_pipelines.core.wording import count
from data_pipelines.label_tools import pairing, timeline
from data_pipelines.label_tools.boris import NO_SUBJECT, RESOLUTION
from data_pipelines.label_tools.events import Event, Reading, confidence_text, split_confidence, time_of
from data_pipelines.label_tools.media import file_name, video_name

# Columns of both forms, by what they are to us; the names of versions 7 and 8.
_COLUMNS = {
    "observation": ("Observation id",),
    "media": ("Media file name", "Media file path", "Media file"),
    "length": ("Media duration (s)", "Total length"),
    "fps": ("FPS (frame/s)", "FPS"),
    "source": ("Source",),
    "offset": ("Time offset (s)",),
    "subject": ("Subject",),
    "behaviour": ("Behavior",),
    "type": ("Behavior type", "Status"),
    "time": ("Time",),
    "start": ("Start (s)",),
    "stop": ("Stop (s)",),
    "comment": ("Comment", "Comment start"),
}
_MODIFIERS = re.compile(r"Modifiers?( #?\d+)?")
# Cells that version 7 does not have.
_VERSION_8 = re.compile(r"player #\d+:|Media file(\(s\))?\Z|Live observation\Z")
_NO_VALUE = ("", "NA", "Not found")


@dataclasses.dataclass(frozen=True)
class Row:
    """A row of a table: cells by what they are, see `_COLUMNS`, modifiers joined by "|"."""

    line: int
    cells: dict

    def __getitem__(self, name):
        return self.cells.get(name, "")


def form_of(rows):
    """ "tabular", "aggregated" or "" of the rows of a file, lists of texts."""
    for row in rows:
        if {"Behavior", "Start (s)", "Stop (s)"} <= set(row):
            return "aggregated"
        if {"Behavior", "Time"} <= set(row) and {"Behavior type", "Status"} & set(row):
            return "tabular"
    return "aggregated" if rows and all(_type_column(row) for row in rows if any(row)) else ""


def read_rows(path):
    """(rows as lists of texts, []) of a file of cells parted by tabs, commas or semicolons, or ([], what is wrong)."""
    try:
        text = read_packed(path)
    except (OSError, ValueError) as error:
        return [], why_unreadable(error)
    # The first line is a header, or one of names: what parts its cells parts all.
    first = next((line for line in text.splitlines() if line.strip()), "")
    delimiter = max("\t;,", key=first.count)
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True))
    except csv.Error as error:
        return [], f"not a table ({error})"
    return [[cell.strip() for cell in row] for row in rows], ""


def read(path, rules):
    """Reading of a table, see `ReadRules`."""
    reading = Reading(RESOLUTION)
    rows, wrong = read_rows(path)
    form = form_of(rows)
    if wrong or not form:
        expected = "expected events that BORIS exported, tabular or aggregated (CSV or TSV)"
        reading.fault(path, 0, wrong or "no columns Behavior and Time, or Start (s) and Stop (s)", expected)
        return reading
    by_observation = collections.defaultdict(list)
    for row in _read(rows, path, reading):
        by_observation[row["observation"]].append(row)
    for name in rules.observations:
        if name not in by_observation:
            reading.fault(path, 0, f"no observation {name!r}", f"there are {', '.join(by_observation)}")
    for name, found in by_observation.items():
        if not rules.observations or name in rules.observations:
            _read_observation(reading, path, name, found, form, rules)
    if not by_observation and not reading.faults:
        reading.fault(path, 0, "no events", "expected rows below the header")
    return reading


def _read(rows, path, reading):
    """Rows of a table by their columns; Faults of those that are too short."""
    header = next((number for number, row in enumerate(rows) if "Behavior" in row), None)
    if header is None:
        if number := next((number for number, row in enumerate(rows, 1) if any(map(_VERSION_8.match, row))), 0):
            expected = "whose columns are not always the same: export the table again, with its header"
            reading.fault(path, number, "no header above rows of BORIS 8", expected)
            return []
        return [Row(number, _without_header(row)) for number, row in enumerate(rows, 1) if any(row)]
    titles = rows[header]
    places = {name: [titles.index(title) for title in known if title in titles] for name, known in _COLUMNS.items()}
    columns = {name: found[0] for name, found in places.items() if found}
    modifiers = [place for place, title in enumerate(rows[header]) if _MODIFIERS.fullmatch(title)]
    facts = {row[0]: row[1] for row in rows[:header] if len(row) > 1 and row[0]}
    told = {"observation": facts.get("Observation id", ""), "offset": facts.get("Time offset (s)", "")}
    found = []
    for number, row in enumerate(rows[header + 1 :], header + 2):
        if not any(row):
            continue
        if len(row) != len(rows[header]):
            expected = f"expected {len(rows[header])}, as in the header"
            reading.fault(path, number, f"{count(row, 'cell')}, {quote(' '.join(row))}", expected)
            continue
        texts = [row[place] for place in modifiers]
        cells = {"modifiers": "|".join(texts).rstrip("|")}
        found.append(Row(number, told | {name: row[place] for name, place in columns.items()} | cells))
    return found


def _type_column(row):
    """The column of an aggregated row without a header in which its type is, or 0."""
    places = [place for place, cell in enumerate(row) if cell in ("STATE", "POINT")]
    if len(places) != 1 or places[0] < 6 or len(row) < places[0] + 4:
        return 0
    return places[0] if time_of(row[places[0] + 1]) is not None else 0


def _without_header(row):
    """Cells of an aggregated row by the places that version 7 has them in."""
    kind = _type_column(row)
    # The file stands before the total length and the frames per second.
    media = next(
        (i for i in range(2, kind - 4) if time_of(row[i + 1]) is not None and time_of(row[i + 2]) is not None), 2
    )
    names = {"observation": 0, "media": media, "length": media + 1, "fps": media + 2, "subject": kind - 4}
    names |= {"behaviour": kind - 3, "modifiers": kind - 1, "type": kind, "start": kind + 1, "stop": kind + 2}
    return {name: row[place] for name, place in names.items()} | {
        "comment": row[kind + 4] if len(row) > kind + 4 else ""
    }


def _read_observation(reading, path, name, rows, form, rules):
    times = ("time",) if form == "tabular" else ("start", "stop")
    sound = []
    for row in rows:
        numbers = [time_of(row[column]) for column in times]
        wrong = [row[column] for column, number in zip(times, numbers, strict=True) if number is None]
        if wrong:
            told = f"{row['behaviour']!r} is at {', '.join(map(repr, wrong))}"
            is_open = form == "aggregated" and row["type"] == "STATE" and numbers[0] is not None
            told = (
                f"the state event {row['behaviour']!r} starts at {numbers[0]} s and does not stop" if is_open else told
            )
            subject = row["subject"] or NO_SUBJECT
            expected = "expected seconds: put it right in BORIS and export again"
            reading.fault(path, row.line, told, expected, observation=name, tier=subject)
        else:
            sound.append((row, *numbers))
    sound_rows = [row for row, *_ in sound]
    offset = time_of(next((row["offset"] for row in sound_rows if row["offset"]), "0")) or 0.0
    media = _media(sound, rules)
    pieces = timeline.in_a_row(*media, offset) if media[0] else [timeline.Piece(name or video_name(path.stem), offset)]
    if not media[0]:
        reading.notes.append(f"{path}: no media file is named: the video is called {pieces[0].video!r}")
    if form == "tabular":
        last = pieces[-1]
        marks = [_mark(row, time) for row, time in sound]
        for row, mark in zip(sound_rows, marks, strict=True):
            if mark.kind not in (pairing.POINT, pairing.START, pairing.STOP):
                expected = "expected START, STOP or POINT"
                reading.fault(path, row.line, f"the type of the event is {row['type']!r}", expected, observation=name)
        marks = [mark for mark in marks if mark.kind in (pairing.POINT, pairing.START, pairing.STOP)]
        end = last.start + last.length if last.length else 0.0
        events = pairing.pair(reading, marks, path, name, rules, end)
    else:
        events = [_event(row, start, stop, rules) for row, start, stop in sound]
    timeline.place(reading, events, pieces, path, name)


def _mark(row, time):
    kind = row["type"].upper().removeprefix("STATE ") or pairing.POINT
    subject = row["subject"] or NO_SUBJECT
    place = f"line {row.line}"
    return pairing.Mark(kind, time, subject, row["behaviour"], row["modifiers"], row["comment"], place)


def _event(row, start, stop, rules):
    label = row["behaviour"]
    if rules.modifiers and row["modifiers"]:
        label = f"{label}|{row['modifiers']}"
    modifiers = "" if rules.modifiers else row["modifiers"]
    confidence = split_confidence(row["comment"])[1]
    return Event(start, stop, label, row["subject"] or NO_SUBJECT, confidence, modifiers, "", row.line)


def _media(sound, rules):
    """([(video, file name, fps)] in the order of time, {file name: seconds}) of the rows of an observation."""
    names, lengths, fps = [], {}, {}
    for row, *_ in sorted(sound, key=lambda found: found[1]):
        listed = _listed(row, rules.media or 1)
        names += [name for name, *_ in listed if name not in names]
        lengths |= {name: length for name, length, _ in listed if length}
        fps |= {name: rate for name, _, rate in listed if rate}
    # The total length of version 7 is that of all media together.
    totals = {time_of(row["length"]) for row, *_ in sound} - {None}
    if len(names) == 1 and len(totals) == 1:
        lengths.setdefault(names[0], totals.pop())
    told = {name: rules.length_of(name, needed=len(names) > 1 and name not in lengths) for name in names}
    lengths |= {name: seconds for name, seconds in told.items() if seconds}
    missing = [name for name in names if name not in lengths]
    if len(missing) == 1 and len(totals) == 1 and len(names) > 1:
        lengths[missing[0]] = totals.pop() - sum(lengths.values())
    return [(video_name(name), name, fps.get(name, 0.0)) for name in names], lengths


def _listed(row, player):
    """[(name, seconds or None, frames per second or None)] of the media that a row names."""
    sources = [one for one in row["source"].split("|") if one.startswith(f"player #{player}:")]
    if sources:
        names = sources[0].partition(":")[2].split(";")
        parts = [(row[column].split("|") + [""] * player)[player - 1].split(";") for column in ("length", "fps")]
        lengths, rates = ([time_of(cell) for cell in cells] for cells in parts)
        if len(lengths) == len(rates) == len(names):
            return list(zip(names, lengths, rates, strict=True))
        return [(name, None, None) for name in names]
    name = row["media"]
    return [] if name in _NO_VALUE else [(name, None, time_of(row["fps"]))]


def write(recordings, form, delimiter):
    """Text of a table with the columns of BORIS 8: every video an observation of its own."""
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, delimiter=delimiter, lineterminator="\r\n")
    most = max(
        (event.modifiers.count("|") + 1 for one in recordings for event in one.events if event.modifiers), default=0
    )
    modifiers = [f"Modifier #{number + 1}" for number in range(most)]
    start = ["Observation id", "Observation type", "Source", "Time offset (s)", "Media duration (s)"]
    middle = ["Subject", "Behavior", "Behavioral category", *modifiers, "Behavior type"]
    if form == "tabular":
        writer.writerow([*start, "FPS", *middle, "Time", "Media file name", "Comment"])
    else:
        ends = ["Start (s)", "Stop (s)", "Duration (s)", "Media file name", "Comment start", "Comment stop"]
        writer.writerow([*start, "FPS (frame/s)", *middle, *ends])
    for one in recordings:
        media = one.media or one.video
        number = [f"{value:.3f}" if value else "NA" for value in (one.duration, one.fps)]
        first = [one.video, "Media file", f"player #1:{media}", "0.0", *number]
        rows = _tabular_rows if form == "tabular" else _aggregated_rows
        for middle_cells, last_cells in rows(one, most, file_name(media)):
            writer.writerow(first + middle_cells + last_cells)
    return buffer.getvalue()


def _cells(event, most):
    texts = event.modifiers.split("|") if event.modifiers else []
    subject = "" if event.tier == NO_SUBJECT else event.tier
    return [subject or NO_SUBJECT, event.label, "", *texts, *[""] * (most - len(texts))]


def _aggregated_rows(recording, most, media):
    for event in recording.events:
        kind, duration = ("POINT", "NA") if event.is_point else ("STATE", f"{event.end - event.start:.3f}")
        times = [f"{event.start:.3f}", f"{event.end:.3f}", duration]
        yield [*_cells(event, most), kind], [*times, media, confidence_text(event.confidence), ""]


def _tabular_rows(recording, most, media):
    rows = []
    for event in recording.events:
        cells = _cells(event, most)
        if event.is_point:
            rows.append((event.start, 1, [*cells, "POINT"], confidence_text(event.confidence)))
        else:
            rows.append((event.start, 2, [*cells, "START"], confidence_text(event.confidence)))
            rows.append((event.end, 0, [*cells, "STOP"], ""))
    # At one moment what stops comes before what starts.
    for time, _, cells, remark in sorted(rows, key=lambda row: row[:2]):
        yield cells, [f"{time:.3f}", media, remark]
