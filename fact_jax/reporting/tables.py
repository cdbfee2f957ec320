"""Tables of an evaluation: per video and per class as CSV, the result with its protocol as Markdown."""

import csv
import io
import math

from fact_jax import files


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


def how_segments_are_scored(background_names):
    """The protocol in words and lines about its metrics; `background_names` are left out of Acc, Edit and F1."""
    excluded = ", ".join(f"`{name}`" for name in background_names)
    excluded = f"{excluded} excluded from Acc, Edit and F1" if excluded else "none excluded (background is evaluated)"
    return (
        f"background classes: {excluded}",
        "Percent. AccB counts all frames, Acc those whose truth is not background; Edit is a mean over videos;",
        "F1 has counts pooled over videos and the published epsilons, so a perfect score is 99.999.",
    )


def markdown_table(rows):
    """Lines of a Markdown table; `rows` are dicts with equal keys. Floats have two decimals, NaN is a dash."""
    header = list(rows[0])
    lines = ["| " + " | ".join(map(_markdown_value, header)) + " |"]
    lines.append("|" + "|".join("---:" if isinstance(rows[0][name], (int, float)) else "---" for name in header) + "|")
    lines += ["| " + " | ".join(_markdown_value(row[name]) for name in header) + " |" for row in rows]
    return lines


def write_tables(folder, state, class_names):
    """Writes the tables of a SegmentationState into `folder`; undefined scores are left empty.

    per_video.csv has a row per video, per_class.csv one per class with its name and whether it is background, means.csv
    one per mean over videos or classes.
    """
    rows = []
    for row in state.per_class():
        label = row["class_id"]
        about = {"class_name": class_names[label], "is_background": label in state.metric.background_ids}
        rows.append({"class_id": label} | about | row)
    files.atomic_write_text(f"{folder}/per_video.csv", to_csv(state.per_video()))
    files.atomic_write_text(f"{folder}/per_class.csv", to_csv(rows))
    files.atomic_write_text(f"{folder}/means.csv", to_csv(state.means()))


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
