"""Text files that somebody else wrote: their lines, or what is wrong with them, and how to quote them in a message.

Text is UTF-8; a byte order mark, CRLF line ends, blank lines at the end, white space around a line and a missing last
newline are all accepted.
"""

import codecs
import csv
import gzip
import io
import re
import unicodedata
import zlib

from data_pipelines.core.problems import Problem, Problems
from data_pipelines.core.wording import count
from fact_jax.files import MAX_TEXT_BYTES, read_data

QUOTE_LIMIT = 60
# More digits are no class id, and Python refuses to read thousands of them.
_MAX_ID_DIGITS = 9
# Lines of a text file; the labels of 90 hours at 30 frames per second.
_MAX_LINES = 10_000_000
# No text has these; they come from binary files and from UTF-16, and can change what a terminal shows.
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")


def read_lines(path):
    """Reads a text file: (lines, problems).

    Lines have no white space around them, and none at the end is blank; a blank one in the middle stays as "" so that
    line i of the file is lines[i - 1]. There are none when the file cannot be read or is no text: not UTF-8, with
    control characters, or too large.
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
    if (num_lines := text.count("\n") + 1) > _MAX_LINES:
        return [], [Problem(str(path), 0, f"{num_lines} lines", f"expected at most {_MAX_LINES}")]
    return ([line.strip() for line in text.split("\n")] if text else []), []


def read_packed(path, limit=None):
    """Text of a file, unpacked if it is compressed (gzip), of at most `limit` bytes; None: as any text file.

    `why_unreadable` tells why it raises OSError, ValueError or zlib.error.
    """
    content = read_data(path, limit) if limit else read_data(path)
    limit = limit or MAX_TEXT_BYTES
    if content[:2] == b"\x1f\x8b":
        try:
            content = gzip.open(io.BytesIO(content)).read(limit + 1)
        except EOFError:
            raise ValueError("the compressed file is cut short") from None
        if len(content) > limit:
            raise ValueError(f"more than {limit} bytes when unpacked")
    return content.decode("utf-8-sig")


def why_unreadable(error):
    """What to say of a file for which `read_packed` or a parser raised an error."""
    if isinstance(error, FileNotFoundError):
        return "file is missing"
    return f"file cannot be read ({getattr(error, 'strerror', None) or str(error)[:120]})"


def read_table(path, forms):
    """Reads a CSV file, which may be compressed, with the columns of one of `forms` in its header.

    Returns (list of (line number, dict of texts), none when the file cannot be read; problems). A row that is shorter
    or longer than the header, and a value with white space around it, are problems and left out.
    """
    try:
        reader = csv.reader(io.StringIO(read_packed(path), newline=""), strict=True)
        rows = [(reader.line_num, row) for row in reader if row]
    except (OSError, ValueError, zlib.error) as error:
        return [], [Problem(str(path), 0, why_unreadable(error), "expected a CSV file")]
    except csv.Error as error:
        return [], [Problem(str(path), reader.line_num, f"not a CSV file ({error})")]
    header = rows[0][1] if rows else []
    columns = next((form for form in forms if set(form) <= set(header)), None)
    if columns is None:
        return [], [_wrong_columns(path, header, forms)]
    problems, sound = Problems(path), []
    for name in columns:
        if header.count(name) > 1:
            problems.add(str(path), 1, f"the column {quote(name)} is there {header.count(name)} times", "expected once")
    for number, row in rows[1:]:
        if len(row) != len(header):
            problems.add(str(path), number, count(row, "value"), f"expected {len(header)}, as in the header")
            continue
        values = {name: row[header.index(name)] for name in columns}
        loose = [name for name, value in values.items() if value != value.strip()]
        for name in loose:
            problems.add(str(path), number, f"white space around {quote(values[name])}", f"expected a plain {name}")
        if not loose:
            sound.append((number, values))
    if len(rows) == 1:
        problems.add(str(path), 0, "no rows")
    return sound, problems.listed()


def _wrong_columns(path, header, forms):
    expected = "expected the columns " + " or ".join(", ".join(form) for form in forms)
    plain = {name.strip().lower() for name in header}
    if any({name.lower() for name in form} <= plain for form in forms):
        expected += ", without capitals that differ and without white space around them"
    return Problem(str(path), 1, f"columns {quote(', '.join(header))}", expected)


def is_id(text):
    """Whether `text` is a class id or a count: ASCII digits, 9 at most."""
    return text.isascii() and text.isdigit() and len(text) <= _MAX_ID_DIGITS


def other_unicode_form(name, guess):
    """A remark if two different names look the same: é is one character in Unicode's form NFC, two in NFD."""
    same = name != guess and unicodedata.normalize("NFC", name) == unicodedata.normalize("NFC", guess)
    return " in another Unicode form (NFC and NFD)" if same else ""


def quote(text):
    """`text` in quotation marks, special characters escaped, cut to a length fit for a message."""
    return repr(text) if len(text) <= QUOTE_LIMIT else repr(text[:QUOTE_LIMIT]) + "..."
