"""Parsers of the text files of a segmentation dataset: class mapping, frame labels and split lists.

Every parser returns what it could read together with the problems it met, so that a dataset's faults can be reported
all at once. Text is UTF-8; a byte order mark, CRLF line ends, blank lines at the end, white space around a line and a
missing last newline are all accepted. A blank line anywhere else is a problem, because it shifts what follows.
"""

import dataclasses
import pathlib

import numpy as np

from fact_jax.types import nearest

_QUOTE_LIMIT = 60
# More digits are no class id, and Python refuses to read thousands of them.
_MAX_ID_DIGITS = 9


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


def read_lines(path):
    """Reads a text file.

    Returns:
      (lines, problems): lines without surrounding white space and without blank lines at the end; a blank line in
      the middle stays as "" so that line i of the file is lines[i - 1]. No lines when the file cannot be read.
    """
    try:
        data = pathlib.Path(path).read_bytes()
    except FileNotFoundError:
        return [], [Problem(str(path), 0, "file is missing")]
    except OSError as error:
        return [], [Problem(str(path), 0, f"file cannot be read ({error.strerror})")]
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        return [], [Problem(str(path), line, f"byte 0x{data[error.start]:02x} is not UTF-8", "expected a text file")]
    lines = [line.strip() for line in text.replace("\r\n", "\n").replace("\r", "\n").split("\n")]
    while lines and not lines[-1]:
        lines.pop()
    return lines, []


def read_mapping(path):
    """Reads the class list: one `<id> <name>` per line; a name may contain spaces.

    Returns:
      (class_ids, problems): dict from class name to id, of every well-formed line. Without problems, the ids are
      0..C-1, each once.
    """
    lines, problems = read_lines(path)
    if not lines and not problems:
        problems.append(Problem(str(path), 0, "no classes", "expected one '<id> <class name>' per line"))
    class_ids, line_of_id, line_of_name = {}, {}, {}
    for number, line in enumerate(lines, 1):
        text, name = (line.split(None, 1) + ["", ""])[:2]
        if not (is_id(text) and name):
            problems.append(Problem(str(path), number, quote(line), "expected '<id> <class name>'"))
            continue
        class_id = int(text)
        if class_id in line_of_id:
            problems.append(
                Problem(str(path), number, f"class id {class_id} again", f"first on line {line_of_id[class_id]}")
            )
        if name in line_of_name:
            problems.append(
                Problem(str(path), number, f"class name {quote(name)} again", f"first on line {line_of_name[name]}")
            )
        line_of_id.setdefault(class_id, number)
        line_of_name.setdefault(name, number)
        class_ids.setdefault(name, class_id)
    if not problems:
        for class_id, number in line_of_id.items():
            if class_id >= len(lines):
                expected = f"expected the ids 0 to {len(lines) - 1}, each once"
                problems.append(Problem(str(path), number, f"class id {class_id} of {len(lines)} classes", expected))
    return class_ids, problems


def read_labels(path, class_ids):
    """Reads the frame labels of one video: one class name per line.

    Args:
      path: the label file.
      class_ids: dict from class name to id.

    Returns:
      (labels, problems): int32 [N], -1 where the name is unknown. An unknown name is reported once per file, at its
      first line.
    """
    lines, problems = read_lines(path)
    if not lines and not problems:
        problems.append(Problem(str(path), 0, "no labels", "expected one class name per frame"))
    labels = np.fromiter((class_ids.get(line, -1) for line in lines), np.int32, len(lines))
    unknown = {}
    for index in np.flatnonzero(labels < 0):
        first, count = unknown.get(lines[index], (index + 1, 0))
        unknown[lines[index]] = (int(first), count + 1)
    for name, (number, count) in unknown.items():
        times = f" ({count} lines)" if count > 1 else ""
        if not name:
            problems.append(Problem(str(path), number, f"blank line{times}", "expected a class name"))
            continue
        guess = nearest(name[:_QUOTE_LIMIT], class_ids)
        expected = f"the nearest class is {quote(guess)}" if guess else "expected a name of the class list"
        problems.append(Problem(str(path), number, f"unknown label {quote(name)}{times}", expected))
    return labels, problems


def read_split(path):
    """Reads a list of videos: one id per line, with or without ".txt".

    Returns:
      (video_ids, problems): ids in file order, each once.
    """
    lines, problems = read_lines(path)
    if not lines and not problems:
        problems.append(Problem(str(path), 0, "no videos", "expected one video name per line"))
    line_of = {}
    for number, line in enumerate(lines, 1):
        video_id = line.removesuffix(".txt")
        if not video_id:
            problems.append(Problem(str(path), number, "blank line", "expected a video name"))
        elif "/" in video_id or "\\" in video_id or video_id in (".", ".."):
            problems.append(Problem(str(path), number, quote(line), "expected a video name without folders"))
        elif video_id in line_of:
            problems.append(
                Problem(str(path), number, f"video {quote(video_id)} again", f"first on line {line_of[video_id]}")
            )
        else:
            line_of[video_id] = number
    return list(line_of), problems


def is_id(text):
    """Whether `text` is a class id or a count: ASCII digits, 9 at most."""
    return text.isascii() and text.isdigit() and len(text) <= _MAX_ID_DIGITS


def quote(text):
    """`text` in quotation marks, special characters escaped, cut to a length fit for a message."""
    return repr(text) if len(text) <= _QUOTE_LIMIT else repr(text[:_QUOTE_LIMIT]) + "..."
