"""Label files that list segments: rows of start, end and label, as annotation tools and published datasets write them.

A table may have a header, and a column that names the video. Cells are parted by tabs, commas, semicolons or spaces;
`1-30 label`, as in the original files of Breakfast, is read too. Times stay exact: 0.29 seconds at 100 frames per
second are frame 29, which they are not as floating-point numbers.
"""

import csv
import dataclasses
import itertools
import re
from fractions import Fraction

from data_pipelines.core.names import why_no_class, why_no_video
from data_pipelines.core.problems import Problem, Problems
from data_pipelines.core.text_files import is_id, quote, read_lines
from data_pipelines.core.wording import count
from fact_jax.types import nearest

UNITS = ("seconds", "milliseconds", "frames")
ROLES = ("video", "start", "end", "label")
# Names of columns, in lower case, without units and with "_" for everything that is no letter.
_NAMES = {
    "video": ("video", "video_id", "video_name", "videoid", "videoname", "file", "filename", "file_name"),
    "start": ("start", "t_start", "start_time", "time_start", "begin", "begin_time", "onset", "from", "tmin"),
    "end": ("end", "t_end", "end_time", "time_end", "stop", "stop_time", "t_stop", "offset", "to", "tmax"),
    "label": ("label", "action", "class", "class_name", "label_name", "behavior", "behaviour", "activity", "gesture",
              "phase", "annotation"),
}  # fmt: skip
# What in the name of a column of times says in which unit they are.
_UNIT_WORDS = (
    ("milliseconds", r"ms|msec|msecs|millis|milliseconds?"),
    ("seconds", r"s|sec|secs|seconds?"),
    ("frames", r"frames?|fr"),
)
_NUMBER = re.compile(r"\d{1,12}(\.\d{0,18})?([eE][+-]?\d{1,2})?")
_CLOCK = re.compile(r"(?:(\d{1,4}):)?(\d{1,4}):(\d{1,2}(?:\.\d{1,18})?)")
_RANGE = re.compile(r"(\d+)-(\d+)\s+(?=\S)")


@dataclasses.dataclass(frozen=True)
class ListedSegment:
    """One row of a table: exact times in the unit of the table, where the row stands, and whose it is, if a column
    `subject` says it."""

    video: str
    start: Fraction
    end: Fraction
    label: str
    path: str
    line: int
    subject: str = ""

    @property
    def text(self):
        """For messages."""
        return f"{quote(self.label)} from {float(self.start):g} to {float(self.end):g}"


@dataclasses.dataclass(frozen=True)
class SegmentTable:
    """What a file lists.

    Attributes:
      segments: ListedSegments in the order of the file.
      unit: one of UNITS as the names of the columns tell, or "".
      looks_like_seconds: whether a time has a decimal point or a colon.
      unused: names or numbers of columns that were not used.
    """

    segments: tuple
    unit: str
    looks_like_seconds: bool
    unused: tuple
    problems: list


def read_segments(path, columns=None, video=None):
    """Reads a table of segments as a SegmentTable, with all of its problems.

    Args:
      path: text file, see the head of this module.
      columns: dict from roles of ROLES to the name of a column, or its number from 1 as text; those of other roles are
        found by their names or, in a file without a header, come in the order of ROLES.
      video: name of the video, for a file of one video; None = there is a column that names it.
    """
    lines, unreadable = read_lines(path)
    if unreadable or not lines:
        problems = unreadable or [Problem(str(path), 0, "no segments", "expected rows of start, end and label")]
        return SegmentTable((), "", False, (), problems)
    problems, roles = Problems(path), [role for role in ROLES if role != "video" or video is None]
    rows, wrong = _split_rows(path, lines, len(roles))
    problems.extend(wrong)
    if not rows:
        wrong = wrong or [Problem(str(path), 0, "no segments", "expected rows of start, end and label")]
        return SegmentTable((), "", False, (), wrong)
    places, header, wrong = _find_columns(path, rows, roles, dict(columns or {}))
    if wrong:
        return SegmentTable((), "", False, (), [*problems.listed(), *wrong])
    segments, looks_like_seconds = [], False
    whose = next((place for place, name in enumerate(header or ()) if name.lower() == "subject"), None)
    for number, cells in rows[1:] if header else rows:
        found = _read_row(path, number, cells, places, video, problems)
        if found:
            subject = cells[whose] if whose is not None and whose < len(cells) else ""
            segments.append(dataclasses.replace(found, subject=subject))
            looks_like_seconds |= any(set(".:") & set(cells[places[role]]) for role in ("start", "end"))
    if not segments and not problems.listed():
        problems.add(str(path), 0, "no segments below the header", "expected rows of start, end and label")
    used, width = set(places.values()), max(len(cells) for _, cells in rows)
    names = dict(enumerate(name or "(unnamed)" for name in header or ()))
    unused = tuple(names.get(i, str(i + 1)) for i in range(width) if i not in used)
    unit = _unit(header, places) if header else ""
    return SegmentTable(tuple(segments), unit, looks_like_seconds, unused, problems.listed())


def parse_time(text):
    """An exact Fraction from "12", "12.5", "1:02.5" or "0:01:02.5"; None from anything else."""
    if _NUMBER.fullmatch(text):
        return Fraction(text)
    if clock := _CLOCK.fullmatch(text):
        hours, minutes, seconds = clock.groups()
        return int(hours or 0) * 3600 + int(minutes) * 60 + Fraction(seconds)
    return None


def cells_of(line):
    """The cells of a line, however they are parted; the line itself where quotation marks do not close."""
    try:
        return _split(line, _delimiter(line), 0)
    except csv.Error:
        return [line]


def looks_like_a_segment(line):
    """Whether a line of a label file is a row of times and a label instead of a label."""
    cells = cells_of(line)
    return len(cells) >= 3 and all(parse_time(cell) is not None for cell in cells[:2])


def _delimiter(line):
    """The character that parts the cells of a line, or None for white space."""
    return next((character for character in "\t;," if character in line), None)


def _split(line, delimiter, num_cells):
    """The cells of a line; parted by white space, the last of `num_cells` may hold more (0: none does)."""
    if delimiter is None:
        return _RANGE.sub(r"\1 \2 ", line, count=1).split(None, num_cells - 1)
    cells = next(csv.reader([line], delimiter=delimiter, skipinitialspace=True, strict=True), [])
    return [cell.strip() for cell in cells]


def _split_rows(path, lines, num_cells):
    """([(line number, cells)], problems) of all lines that are not blank."""
    delimiter, rows, problems = _delimiter(lines[0]), [], []
    for number, line in enumerate(lines, 1):
        try:
            cells = _split(line, delimiter, num_cells)
        except csv.Error as error:
            problems.append(Problem(str(path), number, quote(line), f"expected cells in a row ({error})"))
            continue
        if delimiter == ";":
            # Such tables come from places that write a decimal comma.
            cells = [cell.replace(",", ".") if re.fullmatch(r"\d+,\d+", cell) else cell for cell in cells]
        if any(cells):
            rows.append((number, cells))
    return rows, problems


def _find_columns(path, rows, roles, given):
    """({role: place of its column from 0}, header or None, problems)."""
    number, first = rows[0]
    places = {role: int(name) - 1 for role, name in given.items() if is_id(name) and int(name) > 0}
    in_order = {role: places.get(role, place) for place, role in enumerate(roles)}
    times = [first[in_order[role]] if in_order[role] < len(first) else "" for role in ("start", "end")]
    if all(parse_time(text) is not None for text in times):
        named = [f"{role}={name}" for role, name in given.items() if role not in places]
        wrong = [Problem(str(path), number, "no header", f"--columns {' '.join(named)} names columns of one")]
        return in_order, None, wrong if named else []
    if not given and "video" not in roles and len(first) > 2 and None not in map(parse_time, first[1:3]):
        found = "the columns look like label, start, end; expected start, end, label"
        return {}, None, [Problem(str(path), number, found, "--columns label=1 start=2 end=3 says so")]
    if any(re.match(r"[-+.\d]", text) for text in times):
        # A row of segments whose times cannot be read: its own problem says so.
        return in_order, None, []
    header, problems = first, []
    plain = [_plain(name) for name in header]
    for role in roles:
        if role in places:
            continue
        wanted = [given[role]] if role in given else _NAMES[role]
        found = [i for i, name in enumerate(header) if name in wanted or (role not in given and plain[i] in wanted)]
        if len(found) == 1:
            places[role] = found[0]
            continue
        what = count(found, "column") if found else "no column"
        guess = nearest(given[role], header) if role in given else ""
        hint = f"did you mean {guess!r}?" if guess else f"say which: --columns {role}=NAME"
        problems.append(Problem(str(path), number, f"{what} for the {role} in {quote(', '.join(header))}", hint))
    for role, other in itertools.combinations(places, 2):
        if places[role] == places[other]:
            found = f"the column {header[places[role]]!r} is both {role} and {other}"
            problems.append(Problem(str(path), number, found, f"say which is which: --columns {role}=NAME"))
    return places, header, problems


def _plain(name):
    """The name of a column in lower case, without its unit."""
    words = re.sub(r"[^a-z]+", "_", name.lower()).strip("_")
    for _, unit in _UNIT_WORDS:
        words = re.sub(rf"_({unit})$", "", words)
    return words


def _unit(header, places):
    """The unit that the names of the columns of times tell, or ""."""
    words = [re.split(r"[^a-z]+", header[places[role]].lower()) for role in ("start", "end")]
    for unit, pattern in _UNIT_WORDS:
        if all(any(re.fullmatch(pattern, word) for word in found if word) for found in words):
            return unit
    return ""


def _read_row(path, number, cells, places, video, problems):
    """ListedSegment of a row, or None with a problem added."""
    needed = max(places.values()) + 1
    if len(cells) < needed:
        problems.add(str(path), number, quote(" ".join(cells)), f"expected {needed} cells or more")
        return None
    start, end = (parse_time(cells[places[role]]) for role in ("start", "end"))
    if start is None or end is None:
        found = f"from {quote(cells[places['start']])} to {quote(cells[places['end']])}"
        problems.add(str(path), number, found, "expected times of 0 or more, such as 12, 12.5 or 0:12.5")
        return None
    if end < start:
        found = f"a segment that ends before it starts: from {float(start):g} to {float(end):g}"
        problems.add(str(path), number, found, "expected start <= end")
        return None
    label = cells[places["label"]]
    if why := why_no_class(label):
        problems.add(str(path), number, f"label {quote(label)}", f"expected the name of a class ({why})")
        return None
    name = video if video is not None else cells[places["video"]]
    if why := why_no_video(name):
        problems.add(str(path), number, f"{why}: {quote(name)}", "expected the name of a video in every row")
        return None
    return ListedSegment(name, start, end, label, str(path), number)
