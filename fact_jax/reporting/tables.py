"""Tables of an evaluation: per video and per class as CSV, the result with its protocol as Markdown."""

import csv
import io
import math

from fact_jax import files


def per_video_csv(state):
    """Text of per_video.csv: a row per video of a SegmentationState, undefined scores left empty."""
    return to_csv(state.per_video())


def per_class_csv(state, class_names):
    """Text of per_class.csv: a row per class of a SegmentationState with its name and whether it is background."""
    rows = []
    for row in state.per_class():
        class_id = row.pop("class_id")
        background = class_id in state.metric.background_ids
        rows.append({"class_id": class_id, "class_name": class_names[class_id], "is_background": background} | row)
    return to_csv(rows)


def to_csv(rows):
    """Text of a CSV file with a header line.

    Args:
      rows: dicts with the same keys in the same order.

    Returns:
      str; "" without rows. Floats have four decimals, NaN is an empty field, truth values are 0 and 1.
    """
    if not rows:
        return ""
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, fieldnames=list(rows[0]), lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow({name: _csv_value(value) for name, value in row.items()})
    return buffer.getvalue()


def results_markdown(metrics, *, dataset, split, how_scored, num_videos, selection=""):
    """Text of results.md: one table line of scores, and how they were measured.

    Args:
      metrics: scores in percent by published name.
      dataset: name of the dataset.
      split: which videos were scored, e.g. "split1, test".
      how_scored: the protocol in words, and sentences about the metrics; see `how_segments_are_scored`.
      num_videos: how many videos were scored.
      selection: which parameters were scored, e.g. "best F1@0.50 on the test videos, step 4000"; "" = not stated.

    Returns:
      str, ending in a newline.
    """
    plural = "video" if num_videos == 1 else "videos"
    protocol, *sentences = how_scored
    protocol = f"Protocol: {dataset}, {split}, {num_videos} {plural}; {protocol}."
    lines = [f"# Results: {dataset}", "", *markdown_table([dict(metrics)]), "", protocol, *sentences]
    if selection:
        lines += [f"Parameters: {selection}."]
    return "\n".join(lines) + "\n"


def how_segments_are_scored(background_names):
    """The protocol of segmentation in words, and lines about its metrics.

    Args:
      background_names: names of the classes left out of Acc, Edit and F1; empty = background is evaluated.

    Returns:
      tuple of str.
    """
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
    """Writes per_video.csv and per_class.csv of a SegmentationState into `folder`; returns their paths."""
    return [
        files.atomic_write_text(f"{folder}/per_video.csv", per_video_csv(state)),
        files.atomic_write_text(f"{folder}/per_class.csv", per_class_csv(state, class_names)),
    ]


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
