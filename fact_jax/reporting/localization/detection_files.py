"""Detections as files: JSON in the form of an ActivityNet submission and CSV, times in seconds."""

import csv
import io
import json
import math

from fact_jax import files

JSON_FILE, CSV_FILE = "detections.json", "detections.csv"
CSV_HEADER = ("video-id", "t-start", "t-end", "label", "score")
FRAME_HEADER = ("frame-start", "frame-end")  # where frames are known; the second one is no longer part of it


def submission(detections, class_names, origin="", *, external=False, frames_at=None):
    """The content of a JSON file, of Detections in seconds by video and the names of the classes by their ids.

    Returns:
      dict: {"version": ..., "results": {VIDEO: [{"label", "segment", "score"}, ...]}, "external_data": {...}}, the best
      detections first. Segments that are no numbers (see `nms.suppress`) are left out. `origin` says what made them,
      `external` whether the scores of another system took part. `frames_at`, from a video and seconds to the
      frames shown then or None, gives entries "frames" as well.
    """
    results = {}
    for video in sorted(detections):
        rows = rows_of(detections[video], class_names)
        results[video] = [{"label": name, "segment": [start, end], "score": score} for start, end, name, score in rows]
        if (frames := _frames_of(video, rows, frames_at)) is not None:
            results[video] = [row | {"frames": pair} for row, pair in zip(results[video], frames, strict=True)]
    return {"version": "VERSION 1.3", "results": results, "external_data": {"used": external, "details": origin}}


def _frames_of(video, rows, frames_at):
    """[[first frame, frame behind the last one]] of detections that `rows_of` gave; None where nobody knows."""
    frames = frames_at(video, [row[:2] for row in rows]) if frames_at and rows else None
    return None if frames is None else frames.tolist()


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


def to_csv(detections, class_names, frames_at=None):
    """CSV text: a line per detection, video after video; with frames where `frames_at` knows them of all videos."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    rows = {video: rows_of(detections[video], class_names) for video in sorted(detections)}
    frames = {video: _frames_of(video, found, frames_at) for video, found in rows.items()}
    has_frames = any(frames.values()) and all(frames[video] is not None for video in rows if rows[video])
    writer.writerow(CSV_HEADER + FRAME_HEADER * has_frames)
    for video, found in rows.items():
        more = frames[video] if has_frames and found else [()] * len(found)
        writer.writerows((video, *row, *pair) for row, pair in zip(found, more, strict=True))
    return buffer.getvalue()


def write_detections(folder, detections, class_names, origin="", *, external=False):
    """Writes detections.json and detections.csv into `folder`; see `submission`."""
    content = submission(detections, class_names, origin, external=external)
    files.atomic_write_text(f"{folder}/{JSON_FILE}", to_json(content))
    files.atomic_write_text(f"{folder}/{CSV_FILE}", to_csv(detections, class_names))
