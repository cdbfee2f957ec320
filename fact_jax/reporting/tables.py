"""Tables as CSV and as Markdown, from dicts with the same keys."""

import csv
import io
import math

from fact_jax.reporting import shares


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
    """Lines of a Markdown table; `rows` are dicts with equal keys. Floats have two decimals, NaN is a dash.

    Scores up to 1, see `shares`, have four, in a column of that name or in a row whose "score" is one.
    """
    header = list(rows[0])
    lines = ["| " + " | ".join(map(_markdown_value, header)) + " |"]
    lines.append("|" + "|".join("---:" if isinstance(rows[0][name], (int, float)) else "---" for name in header) + "|")
    for row in rows:
        digits = [max(shares.decimals(name), shares.decimals(row.get("score", ""))) for name in header]
        cells = (_markdown_value(row[name], count) for name, count in zip(header, digits, strict=True))
        lines.append("| " + " | ".join(cells) + " |")
    return lines


def _csv_value(value):
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, float):
        return "" if math.isnan(value) else f"{value:.4f}"
    return value


def _markdown_value(value, digits=2):
    if isinstance(value, float):
        return "–" if math.isnan(value) else f"{value:.{digits}f}"
    return str(value).replace("|", "\\|")
