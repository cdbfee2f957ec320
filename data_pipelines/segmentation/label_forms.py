"""What a label file holds where it does not hold one class name per line, and what to do about it."""

import re

from data_pipelines.core.problems import Problem
from data_pipelines.core.text_files import is_id, quote
from data_pipelines.core.wording import count
from data_pipelines.segmentation.segment_files import cells_of, looks_like_a_segment, parse_time

# Lines that are looked at, and the share of them that must have one form.
_LOOKED_AT = 1000
_MOST = 0.9
ONE_PER_FRAME = "expected one class name per frame"
_CONVERT = f"{ONE_PER_FRAME}, which python -m data_pipelines.convert_labels makes of them"
_LABEL_FIRST = f"{_CONVERT} with --columns label=1 start=2 end=3"
_NAMES_FOR_IDS = (
    f"{ONE_PER_FRAME}: write the names of the class list for them; or, where the numbers are meant to be the names, "
    'list them there: "0 0", "1 1", ...'
)
_ONE_COLUMN = f"{ONE_PER_FRAME} and nothing else: drop the first column"
_REPEAT = f"{ONE_PER_FRAME} and nothing else: drop the number or, where it counts frames, repeat the name as often"
_LARGEST = f"{ONE_PER_FRAME}: write the name of the class of every row"
# What is said of whole files of another form; of those whose lines are frames all the same.
ADVICE = frozenset((_CONVERT, _LABEL_FIRST, _NAMES_FOR_IDS, _ONE_COLUMN, _REPEAT, _LARGEST))
FRAME_FORMS = frozenset((_NAMES_FOR_IDS, _ONE_COLUMN, _LARGEST))


def other_form(path, lines, class_ids):
    """The Problem of a label file that is of another form as a whole, or None.

    `lines` are those of the file, `class_ids` the ids by class name.
    """
    sample = [line for line in lines if line][:_LOOKED_AT]
    unknown = [line for line in sample if line not in class_ids]
    if not unknown or len(unknown) < _MOST * len(sample):
        return None
    if class_ids and _most(unknown, _is_whole):
        numbers = sorted(int(float(line)) for line in unknown if _is_whole(line))
        found = f"numbers from {numbers[0]} to {numbers[-1]} instead of class names (ids: 0 to {len(class_ids) - 1})"
        return Problem(str(path), 0, found, _NAMES_FOR_IDS)
    forms = (
        ("rows of numbers", _LARGEST, _is_row_of_numbers),
        ("segments", _CONVERT, looks_like_a_segment),
        ("segments", _LABEL_FIRST, _is_label_with_times),
        ("a number and a class", _ONE_COLUMN, lambda line: _after_number(line) in class_ids),
        ("a class and a number", _REPEAT, lambda line: _before_number(line) in class_ids),
    )
    for what, advice, holds in forms:
        if _most(unknown, holds):
            return Problem(str(path), 0, f"{what}, such as {quote(next(filter(holds, unknown)))}", advice)
    return None


def why_unknown(label, class_ids):
    """What to say of one unknown label that is known in another form, or ""."""
    bare = label.strip("\"'`")
    if bare != label and bare in class_ids:
        return f"the class list has {quote(bare)}, without quotation marks"
    tokens = label.replace(",", " ").replace(";", " ").replace("|", " ").split()
    if len(tokens) > 1 and all(token in class_ids for token in tokens):
        return f"{count(tokens, 'class name')} on one line; {ONE_PER_FRAME}"
    return ""


def _most(lines, holds):
    """Whether this holds for most lines; the first one may be a header."""
    return sum(map(holds, lines)) >= _MOST * max(len(lines) - 1, 1)


def _is_whole(line):
    """Whether a line is a whole number, 3 or 3.0, of few digits."""
    return is_id(re.sub(r"\.0+$", "", line.removeprefix("-")))


def _is_row_of_numbers(line):
    cells = cells_of(line)
    return len(cells) > 3 and all(map(_is_number, cells))


def _is_label_with_times(line):
    cells = cells_of(line)
    return len(cells) == 3 and all(parse_time(cell) is not None for cell in cells[1:])


def _after_number(line):
    """What follows a number and a separator, or None."""
    found = re.fullmatch(r"[\d.]+\s*[\s,;:]\s*(.+)", line)
    return found and found[1]


def _before_number(line):
    """What a separator and a number follow, or None."""
    found = re.fullmatch(r"(.+?)\s*[\s,;:]\s*[\d.]+", line)
    return found and found[1]


def _is_number(cell):
    try:
        float(cell)
    except ValueError:
        return False
    return True
