"""Lists of labelled clips: a table with a row per clip, as published or your own.

Published lists have no headings: EPIC-Kitchens-100 `id,verb,noun`, Something-Something-V2 and Kinetics-400
`name label`. Your own may have them, in any order. Values may stand in quotation marks, and a list may be compressed.
"""

import csv
import dataclasses
import io
import zlib
from fractions import Fraction

from data_pipelines.core.problems import Problem, Problems
from data_pipelines.core.text_files import quote, read_packed, why_unreadable
from data_pipelines.core.wording import count
from data_pipelines.segmentation.segment_files import parse_time
from fact_jax.types import nearest

COLUMNS = ("video", "label", "verb", "noun", "start", "stop")
SINGLE, PAIR = ("label",), ("verb", "noun")  # what a list tells of a clip
_SEPARATORS = {",": "commas", " ": "spaces", "\t": "tabs", ";": "semicolons"}
# Without headings, by the number of values.
_FORMS = {
    2: ("video", "label"),
    3: ("video", "verb", "noun"),
    4: ("video", "label", "start", "stop"),
    5: ("video", "verb", "noun", "start", "stop"),
}
_PUBLISHED = {"epic": (",", _FORMS[3]), "ssv2": (" ", _FORMS[2]), "kinetics": (" ", _FORMS[2])}
_MAX_BYTES = 1 << 30


@dataclasses.dataclass(frozen=True)
class Row:
    """One row: a video, its labels in the order of `ClipList.labels`, and where in the video the clip is."""

    line: int
    video: str
    labels: tuple[str, ...]
    start: Fraction | None = None
    stop: Fraction | None = None


@dataclasses.dataclass(frozen=True)
class ClipList:
    """Rows of one list; `labels` is SINGLE or PAIR; columns with another name, which are not read; problems."""

    rows: tuple[Row, ...]
    labels: tuple[str, ...]
    unread: tuple[str, ...]
    problems: list[Problem]


def read_list(path, layout) -> ClipList:
    """Reads a list of one of config.LAYOUTS with all of its problems."""
    separator, columns = _PUBLISHED.get(layout, (",", None))
    lines, problems = _read_rows(path, separator)
    if not lines:
        return ClipList((), SINGLE, (), problems or [Problem(str(path), 0, "no rows", _expected(separator, columns))])
    body, unread = lines, ()
    if columns is None:
        columns, unread, wrong = _columns(path, *lines[0])
        if wrong:
            return ClipList((), SINGLE, (), [*problems, wrong])
        body = lines[1:] if _is_heading(lines[0][1]) else lines
        if not body:
            problems.append(Problem(str(path), 0, "no rows below the headings"))
    wrong = Problems(path)
    if {len(cells) for _, cells in body} != {len(columns)} and len({len(cells) for _, cells in body}) == 1:
        body = body[:1]  # all are like it: its problem is that of the list
    found = [row for line, cells in body if (row := _row(path, line, cells, columns, separator, wrong))]
    labels = PAIR if "verb" in columns else SINGLE
    return ClipList(tuple(found), labels, unread, problems + wrong.listed())


def _read_rows(path, separator):
    """([(line, cells)], problems), cells without white space around them; blank lines are left out."""
    try:
        text = read_packed(path, _MAX_BYTES)
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True, skipinitialspace=True)
        rows, start = [], 1
        for cells in reader:
            if any(cell.strip() for cell in cells):
                rows.append((start, [cell.strip() for cell in cells]))
            start = reader.line_num + 1
        return rows, []
    except (OSError, ValueError, zlib.error) as error:
        return [], [Problem(str(path), 0, why_unreadable(error), "expected a list of clips")]
    except csv.Error as error:
        return [], [Problem(str(path), reader.line_num, f"not a table ({error})", "see to the quotation marks")]


def _is_heading(cells):
    """Whether cells are names of columns: the first of them all, or most of them."""
    known = [cell for cell in cells if cell.lower() in COLUMNS]
    return "video" in (cell.lower() for cell in cells) or len(known) >= max(2, len(cells) - 1)


def _columns(path, line, cells):
    """(names of the columns of your own list, None where one is not read; names of these; a Problem or None)."""
    if not _is_heading(cells):
        if len(cells) in _FORMS:
            return _FORMS[len(cells)], (), None
        for form in _FORMS.values():
            if _parted_by_others(cells, form, ","):
                return None, (), Problem(str(path), line, *_wrong_separator(cells, form, ","))
        return None, (), Problem(str(path), line, count(cells, "value"), _expected(",", None))
    names = [cell.lower() for cell in cells]
    for name, given in zip(names, cells, strict=True):
        if name not in COLUMNS and (guess := nearest(name, [c for c in COLUMNS if c not in names])):
            return None, (), Problem(str(path), line, f"unknown column {quote(given)}", f"did you mean {guess!r}?")
    twice = next((name for name in names if name in COLUMNS and names.count(name) > 1), "")
    if twice:
        return None, (), Problem(str(path), line, f"two columns are called {twice!r}", "expected every column once")
    has_pair = {"verb", "noun"} & set(names)
    needed = ("video", *(PAIR if has_pair else SINGLE), *({"start", "stop"} & set(names) and ("start", "stop")))
    lacking = [name for name in needed if name not in names]
    if lacking or (has_pair and "label" in names):
        expected = "expected video, label (or verb and noun) and, for parts of videos, start and stop"
        return None, (), Problem(str(path), line, f"columns {quote(', '.join(cells))}", expected)
    columns = tuple(name if name in COLUMNS else None for name in names)
    return columns, tuple(cell for cell, name in zip(cells, columns, strict=True) if name is None), None


def _row(path, line, cells, columns, separator, problems):
    """The Row of some cells, or None where a problem of them was added."""
    if len(cells) != len(columns):
        wrong = _wrong_separator(cells, columns, separator)
        problems.add(str(path), line, *(wrong or (count(cells, "value"), _expected(separator, columns))))
        return None
    if _is_heading(cells):
        problems.add(str(path), line, f"headings {quote(separator.join(cells))}", "expected them in line 1 or nowhere")
        return None
    values = {name: cell for name, cell in zip(columns, cells, strict=True) if name}
    empty = [name for name, value in values.items() if not value and name not in ("start", "stop")]
    if empty:
        problems.add(str(path), line, f"nothing in the column {empty[0]}", _expected(separator, columns))
        return None
    labels = tuple(values[name] for name in (PAIR if "verb" in columns else SINGLE))
    times = [values.get("start", ""), values.get("stop", "")]
    if not any(times):
        return Row(line, values["video"], labels)
    start, stop = map(parse_time, times)
    if start is None or stop is None:
        wrong = next(text for text, time in zip(times, (start, stop), strict=True) if time is None)
        expected = "expected seconds, such as 12.5 or 1:02.5, for start and stop, or nothing for both"
        problems.add(str(path), line, f"time {quote(wrong)}", expected)
        return None
    if start >= stop:
        found = f"a clip from {float(start):g} to {float(stop):g} s"
        problems.add(str(path), line, found, "expected a stop after the start")
        return None
    return Row(line, values["video"], labels, start, stop)


def _parted_by_others(cells, columns, separator):
    """The separator that parts the text of a row into as many values as there are columns, or ""."""
    text = separator.join(cells)
    others = [other for other in _SEPARATORS if other != separator]
    return next((other for other in others if len(text.split(other)) == len(columns)), "")


def _wrong_separator(cells, columns, separator):
    """(found, expected) where another separator parts a row rightly, else ()."""
    other = _parted_by_others(cells, columns, separator)
    if not other:
        return ()
    found = f"values parted by {_SEPARATORS[other]}: {quote(separator.join(cells))}"
    return found, _expected(separator, columns)


def _expected(separator, columns):
    if columns is None:
        forms = " or ".join(",".join(form) for form in _FORMS.values())
        return f"expected values parted by {_SEPARATORS[separator]}, without headings {forms}"
    names = separator.join(name or "..." for name in columns)
    return f"expected {names}, parted by {_SEPARATORS[separator]}"
