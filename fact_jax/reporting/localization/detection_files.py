"""Detections as files: JSON in the form of an ActivityNet submission and CSV, times in seconds."""

import csv
import io
import json
import math

from fact_jax import files

JSON_FILE, CSV_FILE = "detections.json", "detections.csv"
CSV_HEADER = ("video-id", "t-start", "t-end", "label", "score")


def submission(detections, class_names, origin="", *, external=False):
    """The content of a JSON file, of Detections in seconds by video and the names of the classes by their ids.

    Returns:
      dict: {"version": ..., "results": {VIDEO: [{"label", "segment", "score"}, ...]}, "external_data": {...}}, the best
      detections first. Segments that are no numbers (see `nms.suppress`) are left out. `origin` says what made them,
      `external` whether the scores of another system took part.
    """
    results = {}
    for video in sorted(detections):
        rows = rows_of(detections[video], class_names)
        results[video] = [{"label": name, "segment": [start, end], "score": score} for start, end, name, score in rows]
    return {"version": "VERSION 1.3", "results": results, "external_data": {"used": external, "details": origin}}


def rows_of(found, class_names):
    """(start, end, class name, score) of every detection of a video, with the digits that float32 has."""
    rows = zip(found.segments.tolist(), found.scores.tolist(), found.labels.tolist(), strict=True)
    return [
        (digits(start), digits(end), class_names[label], digits(score))
        for (start, end), score, label in rows
        if math.isfinite(start) and math.isfinite(end)
    ]


def digits(value):
    """A number with the digits that float32 has."""
    return float(f"{value:.9g}")


def to_json(content):
    """JSON text with a line per detection."""
    videos = []
    for video, rows in content["results"].items():
        lines = ",\n".join(f"      {json.dumps(row, ensure_ascii=False)}" for row in rows)
        videos.append(f"    {json.dumps(video, ensure_ascii=False)}: " + (f"[\n{lines}\n    ]" if rows else "[]"))
    whole = json.dumps(content | {"results": {}}, indent=2, ensure_ascii=False)
    results = '"results": {\n' + ",\n".join(videos) + "\n  }" if videos else '"results": {}'
    return whole.replace('"results": {}', results, 1) + "\n"


def to_csv(detections, class_names):
    """CSV text: a line per detection, video after video."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(CSV_HEADER)
    for video in sorted(detections):
        writer.writerows((video, *row) for row in rows_of(detections[video], class_names))
    return buffer.getvalue()


def write_detections(folder, detections, class_names, origin="", *, external=False):
    """Writes detections.json and detections.csv into `folder`; see `submission`."""
    content = submission(detections, class_names, origin, external=external)
    files.atomic_write_text(f"{folder}/{JSON_FILE}", to_json(content))
    files.atomic_write_text(f"{folder}/{CSV_FILE}", to_csv(detections, class_names))
