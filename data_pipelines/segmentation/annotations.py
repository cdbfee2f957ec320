"""Parsers of the text files of a segmentation dataset: class mapping, frame labels and split lists.

Every parser returns what it could read together with the problems it met, so that a dataset's faults can be reported
all at once. Text is UTF-8; a byte order mark, CRLF line ends, blank lines at the end, white space around a line and a
missing last newline are all accepted. A blank line anywhere else is a problem, because it shifts what follows.

A file that is something else altogether (a table, a binary file) gives a few problems and a count, not a million of
them.
"""

import codecs
import dataclasses
import re
import unicodedata

import numpy as np

from fact_jax.files import read_data
from fact_jax.types import nearest

_QUOTE_LIMIT = 60
# More digits are no class id, and Python refuses to read thousands of them.
_MAX_ID_DIGITS = 9
# Lines of a text file; the labels of 90 hours at 30 frames per second.
_MAX_LINES = 10_000_000
# Characters of a class name; tables are as wide as the longest.
_MAX_CLASS_NAME = 200
# Bytes of a video's name: file systems take 255, with the ending of its files.
_MAX_VIDEO_NAME = 250
# Problems of one file that are told one by one.
_MAX_PROBLEMS = 20
_MAX_UNKNOWN = 10
# No text has these; they come from binary files and from UTF-16, and can change what a terminal shows.
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")


@dataclasses.dataclass(frozen=True)
class Problem:
    """One fault of a dataset.

    Attributes:
      path: file or folder it is about.
      line: line number from 1; 0 when it is about the whole file.
      found: what is there.
      expected: what should be there, or what to do; may be empty.
    """

    path: str
    line: int
    found: str
    expected: str = ""

    @property
    def text(self):
        """The problem without its place."""
        return f"{self.found}; {self.expected}" if self.expected else self.found

    def __str__(self):
        place = f"{self.path}:{self.line}" if self.line else self.path
        return f"{place}: {self.text}"


class Problems:
    """Collects problems; of those beyond a limit nothing is kept but their number."""

    def __init__(self, path, limit=_MAX_PROBLEMS):
        """
        Args:
          path: file or folder that they are about, for the last line.
          limit: how many are kept.
        """
        self._path, self._limit = str(path), limit
        self._kept, self._left_out = [], 0

    def add(self, *problem):
        """Adds Problem(*problem)."""
        self.extend([Problem(*problem)])

    def extend(self, problems):
        """Adds several of Problem."""
        for problem in problems:
            if len(self._kept) < self._limit:
                self._kept.append(problem)
            else:
                self._left_out += 1

    def listed(self):
        """Returns the problems, and one more that says how many were left out, if any."""
        if not self._left_out:
            return list(self._kept)
        return [*self._kept, Problem(self._path, 0, f"{self._left_out} more problems of this kind")]


def read_lines(path):
    """Reads a text file.

    Returns:
      (lines, problems): lines without surrounding white space and without blank lines at the end; a blank line in
      the middle stays as "" so that line i of the file is lines[i - 1]. No lines when the file cannot be read or is no
      text: not UTF-8, with control characters, or too large.
    """
    try:
        data = read_data(path)
    except FileNotFoundError:
        return [], [Problem(str(path), 0, "file is missing")]
    except OSError as error:
        return [], [Problem(str(path), 0, f"file cannot be read ({error.strerror})")]
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return [], [Problem(str(path), 0, "text in UTF-16", "save it as UTF-8")]
    try:
        text = data.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n").rstrip()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        return [], [Problem(str(path), line, f"byte 0x{data[error.start]:02x} is not UTF-8", "expected a text file")]
    if wrong := _CONTROL.search(text):
        line = text.count("\n", 0, wrong.start()) + 1
        return [], [Problem(str(path), line, f"control character {wrong[0]!r}", "expected a text file in UTF-8")]
    if (count := text.count("\n") + 1) > _MAX_LINES:
        return [], [Problem(str(path), 0, f"{count} lines", f"expected at most {_MAX_LINES}")]
    return ([line.strip() for line in text.split("\n")] if text else []), []


def read_mapping(path):
    """Reads the class list: one `<id> <name>` per line; a name may contain spaces.

    Returns:
      (class_ids, problems): dict from class name to id, of every well-formed line. Without problems, the ids are
      0..C-1, each once.
    """
    lines, unreadable = read_lines(path)
    if unreadable:
        return {}, unreadable
    if not lines:
        return {}, [Problem(str(path), 0, "no classes", "expected one '<id> <class name>' per line")]
    problems = Problems(path)
    class_ids, line_of_id, line_of_name = {}, {}, {}
    for number, line in enumerate(lines, 1):
        text, name = (line.split(None, 1) + ["", ""])[:2]
        if not (is_id(text) and name):
            problems.add(str(path), number, quote(line), "expected '<id> <class name>'")
            continue
        if len(name) > _MAX_CLASS_NAME:
            found = f"class name of {len(name)} characters, {quote(name)}"
            problems.add(str(path), number, found, f"expected at most {_MAX_CLASS_NAME}")
            continue
        class_id = int(text)
        if class_id in line_of_id:
            problems.add(str(path), number, f"class id {class_id} again", f"first on line {line_of_id[class_id]}")
        if name in line_of_name:
            found = f"class name {quote(name)} again"
            problems.add(str(path), number, found, f"first on line {line_of_name[name]}")
        line_of_id.setdefault(class_id, number)
        line_of_name.setdefault(name, number)
        class_ids.setdefault(name, class_id)
    if not problems.listed():
        for class_id, number in line_of_id.items():
            if class_id >= len(lines):
                expected = f"expected the ids 0 to {len(lines) - 1}, each once"
                problems.add(str(path), number, f"class id {class_id} of {len(lines)} classes", expected)
    return class_ids, problems.listed()


def read_labels(path, class_ids):
    """Reads the frame labels of one video: one class name per line.

    Args:
      path: the label file.
      class_ids: dict from class name to id.

    Returns:
      (labels, problems): int32 [N], -1 where the name is unknown. An unknown name is reported once per file, at its
      first line; of more than ten unknown names the others are counted.
    """
    lines, problems = read_lines(path)
    if not lines and not problems:
        problems.append(Problem(str(path), 0, "no labels", "expected one class name per frame"))
    labels = np.fromiter((class_ids.get(line, -1) for line in lines), np.int32, len(lines))
    unknown = {}
    for index in np.flatnonzero(labels < 0):
        first, count = unknown.get(lines[index], (index + 1, 0))
        unknown[lines[index]] = (int(first), count + 1)
    for name, (number, count) in list(unknown.items())[:_MAX_UNKNOWN]:
        times = f" ({count} lines)" if count > 1 else ""
        if not name:
            problems.append(Problem(str(path), number, f"blank line{times}", "expected a class name"))
            continue
        guess = nearest(name[:_QUOTE_LIMIT], class_ids)
        expected = f"the nearest class is {quote(guess)}{other_form(name, guess)}"
        expected = expected if guess else "expected a name of the class list"
        problems.append(Problem(str(path), number, f"unknown label {quote(name)}{times}", expected))
    if len(unknown) > _MAX_UNKNOWN:
        found = f"{len(unknown) - _MAX_UNKNOWN} more unknown labels"
        problems.append(Problem(str(path), 0, found, "expected one class name per frame"))
    return labels, problems


def read_split(path):
    """Reads a list of videos: one id per line, with or without ".txt".

    Returns:
      (video_ids, problems): ids in file order, each once.
    """
    lines, unreadable = read_lines(path)
    if unreadable:
        return [], unreadable
    if not lines:
        return [], [Problem(str(path), 0, "no videos", "expected one video name per line")]
    problems, line_of = Problems(path), {}
    for number, line in enumerate(lines, 1):
        video_id = line.removesuffix(".txt")
        if not video_id:
            problems.add(str(path), number, "blank line", "expected a video name")
        elif "/" in video_id or "\\" in video_id or video_id in (".", ".."):
            problems.add(str(path), number, quote(line), "expected a video name without folders")
        elif (size := len(video_id.encode())) > _MAX_VIDEO_NAME:
            found = f"a name of {size} bytes, {quote(line)}"
            problems.add(str(path), number, found, f"expected a video name of at most {_MAX_VIDEO_NAME}")
        elif video_id in line_of:
            problems.add(str(path), number, f"video {quote(video_id)} again", f"first on line {line_of[video_id]}")
        else:
            line_of[video_id] = number
    return list(line_of), problems.listed()


def is_id(text):
    """Whether `text` is a class id or a count: ASCII digits, 9 at most."""
    return text.isascii() and text.isdigit() and len(text) <= _MAX_ID_DIGITS


def other_form(name, guess):
    """A remark if two different names look the same: é is one character in Unicode's form NFC, two in NFD."""
    same = name != guess and unicodedata.normalize("NFC", name) == unicodedata.normalize("NFC", guess)
    return " in another Unicode form (NFC and NFD)" if same else ""


def quote(text):
    """`text` in quotation marks, special characters escaped, cut to a length fit for a message."""
    return repr(text) if len(text) <= _QUOTE_LIMIT else repr(text[:_QUOTE_LIMIT]) + "..."
