"""Annotations of a localization dataset: one JSON file in the form of ActivityNet, with every problem of it.

    {"database": {VIDEO: {"subset": "training", "duration": 82.7, "fps": 25.0,
                          "annotations": [{"label": "Ballet", "label_id": 3, "segment": [6.2, 77.7]}, ...]}, ...}}

Times are seconds. The name `duration_second`, and {VIDEO: ...} without "database", are read as well; numbers may be
strings, and the file may be compressed (.gz). `label_id` may be missing everywhere: classes are then numbered by name.
"""

import dataclasses
import json
import math
import pathlib
import zlib

import numpy as np

from data_pipelines.core.names import why_no_class, why_no_video
from data_pipelines.core.problems import Problems
from data_pipelines.core.text_files import quote, read_packed, read_table, why_unreadable
from fact_jax.types import nearest

# Seconds of a video whose duration is not known, as published.
UNKNOWN_DURATION = 1e8
_MAX_CLASSES = 100_000
_MAX_PROBLEMS = 1000


@dataclasses.dataclass(frozen=True)
class AnnotatedVideo:
    """What is known of one video without its features.

    Attributes:
      subset: in lower case; "" where none is stated.
      duration: seconds; UNKNOWN_DURATION where none is stated.
      fps: frames per second; 0.0 where none are stated.
      segments, labels: float64 [N, 2], start and end in seconds; int32 [N], class ids.
    """

    video_id: str
    subset: str
    duration: float
    fps: float
    segments: np.ndarray
    labels: np.ndarray


@dataclasses.dataclass(frozen=True)
class Database:
    """All videos of an annotation file: AnnotatedVideo by name, in its order; id by class name, over all subsets."""

    path: pathlib.Path
    videos: dict
    class_ids: dict

    def in_subsets(self, subsets):
        """The videos of these subsets, in the order of the file."""
        wanted = {subset.lower() for subset in subsets}
        return [video for video in self.videos.values() if video.subset in wanted]


def read_database(path, subsets=None):
    """Reads an annotation file, .json or .json.gz: (Database of what could be read, list of Problem).

    `subsets` is a dict from video to subset, which wins over what the file states.
    """
    path = pathlib.Path(path)
    problems = Problems(path, _MAX_PROBLEMS)

    def tell(found, expected="", line=0):
        problems.add(str(path), line, found, expected)

    entries = _read_entries(path, tell)
    class_ids = _number_classes(entries, tell)
    videos = {}
    for name, entry in entries.items():
        video = _read_entry(name, entry, class_ids, tell)
        if subsets and name in subsets:
            video = dataclasses.replace(video, subset=str(subsets[name]).lower())
        videos[name] = video
    return Database(path, videos, class_ids), problems.listed()


def read_subsets(path):
    """Reads a table with the columns "video" and "subset", .csv or .csv.gz; returns (dict, list of Problem)."""
    rows, problems = read_table(path, [("video", "subset")])
    return {row["video"]: row["subset"] for _, row in rows}, problems


def _read_entries(path, tell):
    """{video: entry}; {} where the file is no such thing."""
    doubles = []

    def unique(pairs):
        entries = dict(pairs)
        if len(entries) < len(pairs):
            seen = set()
            doubles.extend(key for key, _ in pairs if key in seen or seen.add(key))
        return entries

    try:
        content = json.loads(read_packed(path), object_pairs_hook=unique)
    except (OSError, ValueError, RecursionError, zlib.error) as error:
        tell(why_unreadable(error), "expected annotations in the form of ActivityNet", getattr(error, "lineno", 0))
        return {}
    for key in doubles:
        tell(f"{key!r} is there twice in one object", "expected every name once")
    entries = content.get("database", content) if isinstance(content, dict) else None
    if not isinstance(entries, dict) or not entries or not all(isinstance(e, dict) for e in entries.values()):
        tell("no videos", 'expected {"database": {VIDEO: {"subset": ..., "annotations": [...]}}}')
        return {}
    wrong = {name: why for name in entries if (why := why_no_video(name))}
    for name, why in wrong.items():
        tell(f"video {quote(name)}: {why}", "expected a name that leads to a file below the folder of features")
    return {name: entry for name, entry in entries.items() if name not in wrong}


def _number_classes(entries, tell):
    """Id by class name: as the file says or, where it says none at all, by name."""
    ids, stated = {}, {}
    for video, entry in entries.items():
        for item in entry.get("annotations") or ():
            if not isinstance(item, dict) or not isinstance(item.get("label"), str):
                continue
            name, found = item["label"], item.get("label_id")
            if name not in ids and (why := why_no_class(name)):
                tell(f"video {video!r}: {why}: {quote(name)}", "expected a name that can be shown")
            number = _whole(found)
            if found is not None and (number is None or not 0 <= number < _MAX_CLASSES):
                tell(f"video {video!r}: label_id is {found!r}", "expected a whole number")
                continue
            ids.setdefault(name, number)
            if number is None:
                continue
            if ids[name] not in (None, number):
                tell(f"video {video!r}: class {name!r} has label_id {found!r}", f"it had {ids[name]!r} before")
            elif stated.setdefault(number, name) != name:
                tell(f"video {video!r}: label_id {number} is of {name!r}", f"it was of {stated[number]!r} before")
            else:
                ids[name] = number
    if not stated:
        return {name: number for number, name in enumerate(sorted(ids))}
    return {name: number for name, number in ids.items() if number is not None}


def _whole(value):
    """An int from a number or its text, or None."""
    if isinstance(value, bool):
        return None
    try:
        number = int(value)
        return number if float(value) == number else None
    except (TypeError, ValueError, OverflowError):
        return None


def _number(value):
    """A float from a number or its text, or None."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _read_entry(name, entry, class_ids, tell):
    """AnnotatedVideo with what is sound of an entry."""

    def tell_video(found, expected=""):
        tell(f"video {name!r}: {found}", expected)

    subset = entry.get("subset", "")
    if not isinstance(subset, str):
        tell_video(f"subset is {subset!r}", "expected its name")
        subset = ""
    duration = _positive(entry, ("duration", "duration_second"), UNKNOWN_DURATION, tell_video)
    fps = _positive(entry, ("fps",), 0.0, tell_video)
    items = entry.get("annotations", [])
    if not isinstance(items, list):
        tell_video("annotations are no list", "expected [{'label': ..., 'segment': [start, end]}, ...]")
        items = []
    found = [_read_item(f"annotation {number}", item, class_ids, tell_video) for number, item in enumerate(items, 1)]
    found = [item for item in found if item]
    segments = np.array([item[:2] for item in found], np.float64).reshape(-1, 2)
    labels = np.array([item[2] for item in found], np.int32)
    return AnnotatedVideo(name, subset.lower(), duration, fps, segments, labels)


def _positive(entry, names, otherwise, tell):
    value = next((entry[name] for name in names if entry.get(name) is not None), None)
    if value is None:
        return otherwise
    number = _number(value)
    if number is None or number <= 0:
        tell(f"{names[0]} is {value!r}", "expected a number more than 0")
        return otherwise
    return number


def _read_item(place, item, class_ids, tell):
    """(start, end, class id) of one annotation, or None."""
    segment = item.get("segment") if isinstance(item, dict) else None
    if not isinstance(segment, list) or len(segment) != 2:
        tell(f"{place} has no segment", "expected 'segment': [start, end] in seconds")
        return None
    start, end = map(_number, segment)
    if start is None or end is None or end < start:
        tell(f"{place} is from {segment[0]!r} to {segment[1]!r}", "expected seconds, start <= end")
        return None
    label = item.get("label")
    if not isinstance(label, str) or label not in class_ids:
        guess = nearest(label, class_ids) if isinstance(label, str) else ""
        tell(f"{place} has the label {label!r} without an id", f"did you mean {guess!r}?" if guess else "")
        return None
    return start, end, class_ids[label]
