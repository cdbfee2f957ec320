"""Segments as plain CSV: video, start, end, label and, where they are known, confidence and subject.

Seconds; start = end is a point. It is what the page of a prediction saves. The header names the columns, in any order;
cells may be parted by commas, semicolons or tabs. Times are numbers with a decimal point or comma, or of a clock, such
as 0:01:02.5. Exported files are in UTF-8, exact to a millionth of a second.
"""

import collections
import csv
import io

from data_pipelines.core.names import why_no_video
from data_pipelines.core.text_files import quote
from data_pipelines.core.wording import count, name_some
from data_pipelines.label_tools import timeline
from data_pipelines.label_tools.boris_tables import read_rows
from data_pipelines.label_tools.events import Event, Reading, decimal_of, seconds_text, time_of
from fact_jax.types import nearest

RESOLUTION = 1e-6
NEEDED = ("video", "start", "end", "label")
_OPTIONAL = ("confidence", "subject")


def looks_like_one(rows):
    """Whether rows, lists of cells, are those of such a table."""
    return bool(rows) and set(NEEDED) <= {cell.lower() for cell in rows[0]}


def read(path, rules):
    """Reading of a table, see `ReadRules`."""
    reading = Reading(RESOLUTION)
    rows, wrong = read_rows(path)
    if wrong or not rows:
        reading.fault(path, 0, wrong or "no rows", f"expected the columns {', '.join(NEEDED)}")
        return reading
    header = [cell.lower() for cell in rows[0]]
    missing = [name for name in NEEDED if name not in header]
    unknown = [name for name in header if name not in (*NEEDED, *_OPTIONAL)]
    doubled = [name for name, number in collections.Counter(header).items() if number > 1]
    if missing or unknown or doubled:
        guesses = [f"{name!r} (did you mean {guess!r}?)" for name in unknown if (guess := nearest(name, missing))]
        told = [f"no column {name_some(missing, 6)}"] if missing else []
        told += [f"unknown columns {name_some(guesses or map(quote, unknown), 6)}"] if unknown else []
        told += [f"several columns {name_some(doubled)}"] if doubled else []
        expected = f"expected {', '.join(NEEDED)} and perhaps {', '.join(_OPTIONAL)}; remove or rename the others"
        reading.fault(path, 1, "; ".join(told), expected)
        return reading
    by_video = collections.defaultdict(list)
    for number, row in enumerate(rows[1:], 2):
        if any(row):
            video, event = _read_row(reading, path, number, row, header)
            if event:
                by_video[video].append(event)
    if not by_video and not reading.faults:
        reading.fault(path, 0, "no rows below the header", "expected a row for every segment")
    for video, events in by_video.items():
        timeline.place(reading, events, [timeline.Piece(video, 0.0, rules.length_of(video))], path)
    return reading


def _read_row(reading, path, number, row, header):
    """(video, Event) of a row, or ("", None) with a fault."""
    if len(row) != len(header):
        reading.fault(path, number, count(row, "cell"), f"expected {len(header)}, as in the header")
        return "", None
    cells = dict(zip(header, row, strict=True))
    tier = cells.get("subject", "")
    if why := why_no_video(cells["video"]):
        reading.fault(path, number, f"video {quote(cells['video'])}: {why}", "expected the name of a video", tier=tier)
        return "", None
    times = [time_of(cells[name]) for name in ("start", "end")]
    if None in times:
        wrong = "an event without end" if times[0] is not None and not cells["end"] else ""
        wrong = wrong or f"from {quote(cells['start'])} to {quote(cells['end'])}"
        expected = "expected seconds such as 12.5, or 0:00:12.5; start = end is a point"
        reading.fault(path, number, f"{quote(cells['label'])}: {wrong}", expected, tier=tier)
        return "", None
    confidence = decimal_of(cells.get("confidence", ""))
    if cells.get("confidence") and confidence is None:
        found = f"confidence {quote(cells['confidence'])}"
        reading.fault(path, number, found, "expected a number, or nothing", tier=tier)
    return cells["video"], Event(*times, cells["label"], tier, confidence, line=number)


def write(recordings):
    """Text of a table of all events of Recordings."""
    events = [(one.video, event) for one in recordings for event in one.events]
    has_confidence = any(event.confidence is not None for _, event in events)
    has_subject = any(event.tier for _, event in events)
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow([*NEEDED, *["confidence"] * has_confidence, *["subject"] * has_subject])
    for video, event in events:
        row = [video, seconds_text(event.start), seconds_text(event.end), event.label]
        row += ["" if event.confidence is None else repr(event.confidence)] * has_confidence
        writer.writerow([*row, *[event.tier] * has_subject])
    return buffer.getvalue()
