"""Tables as CSV and as Markdown, from dicts with the same keys."""

import csv
import io
import math


def to_csv(rows):
    """Text of a CSV file with a header line, "" without rows, of dicts with the same keys in the same order.

    Floats have four decimals, NaN is an empty field, truth values are 0 and 1.
    """
    if not rows:
        return ""
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, fieldnames=list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: _csv_value(value) for name, value in row.items()} for row in rows)
    return buffer.getvalue()


def markdown_table(rows):
    """Lines of a Markdown table; `rows` are dicts with equal keys. Floats have two decimals, NaN is a dash."""
    header = list(rows[0])
    lines = ["| " + " | ".join(map(_markdown_value, header)) + " |"]
    lines.append("|" + "|".join("---:" if isinstance(rows[0][name], (int, float)) else "---" for name in header) + "|")
    lines += ["| " + " | ".join(_markdown_value(row[name]) for name in header) + " |" for row in rows]
    return lines


def _csv_value(value):
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, float):
        return "" if math.isnan(value) else f"{value:.4f}"
    return value


def _markdown_value(value):
    if isinstance(value, float):
        return "–" if math.isnan(value) else f"{value:.2f}"
    return str(value).replace("|", "\\|")
