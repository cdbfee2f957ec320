"""Label tracks of Audacity (.txt): a line of start, end and text, parted by tabs; start = end is a point.

The file is called as its video. Lines that begin with a backslash tell frequencies of the label before, and are left
out. Times have six digits. Tracks that are exported together stand in one file and cannot be told apart.

Source: "Importing and Exporting Labels" of the manual of Audacity.
"""

from data_pipelines.core.text_files import quote, read_lines
from data_pipelines.core.wording import count
from data_pipelines.label_tools import timeline
from data_pipelines.label_tools.events import Event, Reading, confidence_text, decimal_of, split_confidence
from data_pipelines.label_tools.media import video_name

RESOLUTION = 1e-6


def looks_like_one(lines):
    """Whether lines of a text file are those of a label track."""
    rows = [line.split("\t") for line in lines if line and not line.startswith("\\")]
    return bool(rows) and all(len(row) >= 2 and None not in map(decimal_of, row[:2]) for row in rows)


def read(path, rules):
    """Reading of a label track, see `ReadRules`."""
    reading = Reading(RESOLUTION)
    lines, problems = read_lines(path)
    reading.tell(problems)
    events, frequencies = [], 0
    for number, line in enumerate(lines, 1):
        if not line:
            continue
        if line.startswith("\\"):
            frequencies += 1
            continue
        cells = line.split("\t")
        times = [decimal_of(cell) for cell in cells[:2]]
        if len(cells) < 2 or None in times:
            reading.fault(path, number, quote(line), "expected start, end and text with tabs between, in seconds")
            continue
        label, confidence = split_confidence("\t".join(cells[2:]).strip())
        events.append(Event(*times, label, "", confidence, line=number))
    if frequencies:
        reading.notes.append(f"{path}: {count(frequencies, 'line')} with frequencies, which are not used")
    name = video_name(path.stem)
    timeline.place(reading, events, [timeline.Piece(name, 0.0, rules.length_of(name))], path)
    return reading


def write(recording):
    """Text of the label track of a Recording."""
    lines = []
    for event in recording.events:
        remark = confidence_text(event.confidence)
        lines.append(f"{event.start:.6f}\t{event.end:.6f}\t{event.label}{f' ({remark})' * bool(remark)}\n")
    return "".join(lines)
