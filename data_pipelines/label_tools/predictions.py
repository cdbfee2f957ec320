"""What `--mode predict` of segmentation and localization writes of videos: predictions/VIDEO.json."""

import pathlib

from data_pipelines.core.json_files import number_of, read_json, whole_of
from data_pipelines.label_tools.events import Event, Reading, Recording, tidy

FOLDER = "predictions"
# Files there that are of no single video, or no prediction.
_OTHERS = ("submission.json", "annotations.json")
_EXPECTED = "what --mode predict writes of a video"


def records(path):
    """The files of predictions in a folder, or in the folder "predictions" below it."""
    folder = path / FOLDER if (path / FOLDER).is_dir() else path
    paths = sorted(folder.glob("*.json")) if folder.is_dir() else []
    return [one for one in paths if one.name not in _OTHERS]


def read(folder, with_background):
    """(Reading of predictions, {video: (segments in rows, number of rows, path)} of those without seconds).

    Segmentation: background is left out unless `with_background`. Localization: all detections.
    """
    reading, in_rows = Reading(1e-6), {}
    for path in records(pathlib.Path(folder)):
        content, problems = read_json(path, _EXPECTED)
        reading.tell(problems)
        if problems:
            continue
        if isinstance(content, dict) and isinstance(content.get("results"), dict):
            _read_detections(reading, path, content)
        elif isinstance(content, dict) and isinstance(content.get("segments"), list) and "num_frames" in content:
            background = () if with_background else content.get("background") or ()
            _read_segments(reading, in_rows, path, content, background)
        else:
            expected = "expected segments or detections: representations and windows are not exported"
            reading.fault(path, 0, "no prediction of segments", expected)
    return reading, in_rows


def events_of_rows(segments, edges):
    """Events of predicted segments in rows, dicts with start, end, label and confidence; float64 `edges` [N + 1]."""
    return tuple(
        Event(tidy(edges[item["start"]]), tidy(edges[item["end"]]), item["label"], "", number_of(item["confidence"]))
        for item in segments
    )


def _read_detections(reading, path, content):
    duration = tidy(number_of(content.get("duration")) or 0.0)
    for video, found in content["results"].items():
        events, empty = [], 0
        for number, item in enumerate(found, 1):
            span = item.get("segment") if isinstance(item, dict) else None
            times = [number_of(value) for value in span] if isinstance(span, list) and len(span) == 2 else [None]
            score = number_of(item.get("score")) if isinstance(item, dict) else None
            if None in times or score is None or not isinstance(item.get("label"), str):
                reading.fault(path, 0, f"detection {number} of {video!r} is {str(item)[:60]}", f"expected {_EXPECTED}")
                continue
            start, end = max(tidy(times[0]), 0.0), tidy(times[1])
            empty += end <= start
            events += [Event(start, end, item["label"], "", score)] * (end > start)
        if empty:
            reading.notes.append(f"{video}: detections without a length, left out: {empty}")
        ordered = tuple(sorted(events, key=lambda event: event.order))
        reading.recordings.append(Recording(video, ordered, str(path), "", "", duration))


def _read_segments(reading, in_rows, path, content, background):
    total = whole_of(content["num_frames"]) or 0
    for number, item in enumerate(content["segments"], 1):
        rows = [whole_of(item.get(key)) for key in ("start", "end")] if isinstance(item, dict) else [None]
        is_one = None not in rows and 0 <= rows[0] < rows[1] <= total and isinstance(item.get("label"), str)
        if not is_one or number_of(item.get("confidence")) is None:
            reading.fault(path, 0, f"segment {number} is {str(item)[:60]}", f"expected {_EXPECTED}")
            return
    video, segments = str(content.get("video")), content["segments"]
    wanted = [item for item in segments if item["label"] not in background]
    seconds = [number_of(item.get(key)) for item in segments for key in ("start_sec", "end_sec")]
    if None in seconds:
        in_rows[video] = wanted, total, str(path)
        return
    events = tuple(
        Event(tidy(item["start_sec"]), tidy(item["end_sec"]), item["label"], "", number_of(item["confidence"]))
        for item in wanted
    )
    reading.recordings.append(Recording(video, events, str(path), "", "", tidy(max(seconds, default=0.0))))
