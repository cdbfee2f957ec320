"""JSON files that somebody else wrote: their content with every name once, and the numbers in them."""

import json
import math
import re
import zlib

from data_pipelines.core.problems import Problem
from data_pipelines.core.text_files import quote, read_packed, why_unreadable

# What a number looks like as text; float() takes "1_0", " 1" and "nan" as well.
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)
# Longer whole numbers are none of a dataset, and Python refuses to read thousands of digits.
_MAX_DIGITS = 30


def read_json(path, expected, limit=None):
    """Reads a JSON file, which may be compressed (gzip): (content, problems); None for one that cannot be read.

    A name that an object has twice is a problem, with its line where the text tells it. `expected` says what the file
    should be; `limit`: see `text_files.read_packed`.
    """
    doubles = []

    def unique(pairs):
        entries = dict(pairs)
        if len(entries) < len(pairs):
            seen = set()
            doubles.extend(key for key, _ in pairs if key in seen or seen.add(key))
        return entries

    try:
        text = read_packed(path, limit)
        content = json.loads(text, object_pairs_hook=unique, parse_int=_whole_number)
    except (OSError, ValueError, RecursionError, zlib.error) as error:
        return None, [Problem(str(path), getattr(error, "lineno", 0), why_unreadable(error), f"expected {expected}")]
    doubled = [(_second_line(text, key), f"{quote(key)} is there twice in one object") for key in doubles]
    return content, [Problem(str(path), *place, "expected every name once") for place in doubled]


def _whole_number(text):
    return int(text) if len(text) <= _MAX_DIGITS else float(text)


def _second_line(text, key):
    """Line of the second time that an object names `key`; 0 where it is not named exactly twice."""
    places = [found.start() for found in re.finditer(re.escape(json.dumps(key)) + r"\s*:", text)]
    return text.count("\n", 0, places[1]) + 1 if len(places) == 2 else 0


def number_of(value, *, quoted=False):
    """A finite float of a JSON number, or with `quoted` of its text; None for anything else."""
    if isinstance(value, str) and quoted and _NUMBER.fullmatch(value):
        value = float(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def whole_of(value):
    """An int of a whole number or its text; None for anything else."""
    number = number_of(value, quoted=True)
    return int(number) if number is not None and number == int(number) else None
