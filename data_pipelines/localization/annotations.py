"""Annotations of a localization dataset: one JSON file in the form of ActivityNet, with every problem of it.

    {"database": {VIDEO: {"subset": "training", "duration": 82.7, "fps": 25.0,
                          "annotations": [{"label": "Ballet", "label_id": 3, "segment": [6.2, 77.7]}, ...]}, ...}}

Times are seconds. The name `duration_second`, and {VIDEO: ...} without "database", are read as well; numbers may be
strings, and the file may be compressed (.gz). `label_id` may be missing everywhere: classes are then numbered by name.
"""

import dataclasses
import pathlib

import numpy as np

from data_pipelines.core.json_files import number_of, read_json
from data_pipelines.core.names import why_no_video
from data_pipelines.core.problems import Problems
from data_pipelines.core.text_files import QUOTE_LIMIT, quote, read_table
from data_pipelines.localization.class_numbers import ClassNumbers
from data_pipelines.localization.grouping import group_videos
from data_pipelines.localization.statements import frame_lines, taxonomy_lines
from fact_jax.types import nearest

# Seconds of a video whose duration is not known, as published.
UNKNOWN_DURATION = 1e8
# Longer is no video, and earlier than rounding makes it is not in the video.
MAX_SECONDS, EARLIEST = 1e7, -0.5
# Share by which frame rates may differ that are meant to be the same, such as 29.97 and 30.
NEAR_FPS = 0.01
# By how much two statements of one duration may differ.
_ROUNDED = 1.02
_MAX_PROBLEMS = 1000
# Segments from which on what most have alike is no chance.
_ENOUGH = 5


@dataclasses.dataclass(frozen=True)
class AnnotatedVideo:
    """What is known of one video without its features.

    Attributes:
      subset: in lower case; "" where none is stated.
      duration: seconds; UNKNOWN_DURATION where none is stated.
      fps: frames per second; 0.0 where none are stated. Both are nan where what is stated cannot be.
      segments, labels: float64 [N, 2], start and end in seconds; int32 [N], class ids.
      stated_subset: as it is written.
      overruled: the subset of the file, in lower case, where a table states another one; else "".
      other_key: the key that may hold the annotations of a video that has none under their own, or "".
    """

    video_id: str
    subset: str
    duration: float
    fps: float
    segments: np.ndarray
    labels: np.ndarray
    other_key: str = ""
    stated_subset: str = ""
    overruled: str = ""


@dataclasses.dataclass(frozen=True)
class Database:
    """All videos of an annotation file: AnnotatedVideo by name, in its order; id by class name, over all subsets.

    `notes` are lines about what the file states twice, and not alike.
    """

    path: pathlib.Path
    videos: dict
    class_ids: dict
    notes: tuple = ()

    def in_subsets(self, subsets):
        """The videos of these subsets, in the order of the file."""
        wanted = {subset.lower() for subset in subsets}
        return [video for video in self.videos.values() if video.subset in wanted]


def read_databases(paths, subsets=None):
    """Reads annotation files, .json or .json.gz, whose classes are numbered together.

    Returns (a Database of what could be read for every file, list of Problem). `subsets` is a dict from video to
    subset, which wins over what the files state.
    """
    files, problems = [], []
    numbering = ClassNumbers()
    for path in map(pathlib.Path, paths):
        told = Problems(path, _MAX_PROBLEMS)
        entries, taxonomy = _read_entries(path, told)
        numbering.add(path, entries, told)
        files.append((path, entries, taxonomy, told))
    class_ids = numbering.ids()
    databases = []
    for path, entries, taxonomy, told in files:
        if reversal := _reversal(entries):
            told.add(str(path), 0, *reversal)
        videos = {
            name: _read_entry(name, entry, class_ids, bool(reversal), _teller(path, told))
            for name, entry in entries.items()
        }
        videos = {name: _with_subset(video, subsets or {}) for name, video in videos.items()}
        notes = (*frame_lines(entries), *taxonomy_lines(taxonomy, class_ids))
        databases.append(Database(path, videos, class_ids, tuple(f"{path.name}: {note}" for note in notes)))
        problems += group_videos(told.listed())
    return databases, problems


def read_database(path, subsets=None):
    """Reads one annotation file: (Database of what could be read, list of Problem); see `read_databases`."""
    databases, problems = read_databases([path], subsets)
    return databases[0], problems


def read_subsets(path):
    """Reads a table with the columns "video" and "subset", .csv or .csv.gz; returns (dict, list of Problem)."""
    rows, problems = read_table(path, [("video", "subset")])
    told, subsets, lines = Problems(path), {}, {}
    for line, row in rows:
        video = row["video"]
        if video in subsets:
            told.add(str(path), line, f"video {video!r} is there twice", f"expected once, as in line {lines[video]}")
        subsets.setdefault(video, row["subset"])
        lines.setdefault(video, line)
    return subsets, problems + told.listed()


def _with_subset(video, subsets):
    subset = subsets.get(video.video_id)
    if subset is None:
        return video
    overruled = video.subset if video.subset != subset.lower() else ""
    return dataclasses.replace(video, subset=subset.lower(), stated_subset=subset, overruled=overruled)


def _teller(path, told):
    """`tell(found, expected)` that adds problems of a file to Problems."""
    return lambda found, expected="": told.add(str(path), 0, found, expected)


def _read_entries(path, told):
    """({video: entry}, its "taxonomy" or None); {} where the file is no such thing."""
    content, problems = read_json(path, "annotations in the form of ActivityNet")
    told.extend(problems)
    if content is None:
        return {}, None
    entries = content.get("database", content) if isinstance(content, dict) else None
    if not isinstance(entries, dict) or not entries or not all(isinstance(e, dict) for e in entries.values()):
        expected = 'expected {"database": {VIDEO: {"subset": ..., "annotations": [...]}}}'
        told.add(str(path), 0, "no videos", expected)
        return {}, None
    wrong = {name: why for name in entries if (why := why_no_video(name))}
    for name, why in wrong.items():
        expected = "expected a name that leads to a file below the folder of features"
        told.add(str(path), 0, f"video {quote(name)}: {why}", expected)
    taxonomy = content.get("taxonomy") if "database" in content else None
    return {name: entry for name, entry in entries.items() if name not in wrong}, taxonomy


def _reversal(entries):
    """(found, expected) where most segments of a file end before they start, with the likely cause; else None."""
    items = [
        item for entry in entries.values() if isinstance(found := entry.get("annotations"), list) for item in found
    ]
    pairs = [item.get("segment") for item in items if isinstance(item, dict)]
    pairs = [[number_of(value, quoted=True) for value in pair] for pair in pairs if isinstance(pair, list)]
    pairs = np.array([pair for pair in pairs if len(pair) == 2 and None not in pair], np.float64).reshape(-1, 2)
    wrong = pairs[pairs[:, 1] < pairs[:, 0]]
    if len(pairs) < _ENOUGH or len(wrong) <= len(pairs) / 2:
        return None
    example = "from {:g} to {:g}".format(*wrong[0])
    found = f"{len(wrong)} of {len(pairs)} segments end before they start, such as one {example}"
    # Lengths are short: unlike starts, none comes near the end of a video.
    if len(wrong) == len(pairs) and pairs[:, 1].max() > 0.5 * pairs[:, 0].max():
        return f"{found}: they look like [end, start]", "expected [start, end] in seconds"
    return (
        f"{found}: they look like [start, length]",
        "expected [start, end] in seconds, which is [start, start + length]",
    )


def _read_entry(name, entry, class_ids, is_reversed, tell):
    """AnnotatedVideo with what is sound of an entry; of a file that `is_reversed` no single segment is told to be."""

    def tell_video(found, expected=""):
        tell(f"video {name!r}: {found}", expected)

    subset = entry.get("subset", "")
    if not isinstance(subset, str):
        tell_video(f"subset is {subset!r}", "expected its name")
        subset = ""
    elif subset != subset.strip():
        tell_video(f"white space around the subset {subset!r}", "expected its plain name")
    duration = _positive(entry, ("duration", "duration_second"), UNKNOWN_DURATION, tell_video)
    fps = _positive(entry, ("fps",), 0.0, tell_video)
    items = entry.get("annotations") or []
    if not isinstance(items, list):
        tell_video("annotations are no list", "expected [{'label': ..., 'segment': [start, end]}, ...]")
        items = []
    found = [
        _read_item(f"annotation {number}", item, class_ids, is_reversed, tell_video)
        for number, item in enumerate(items, 1)
    ]
    found = [item for item in found if item]
    segments = np.array([item[:2] for item in found], np.float64).reshape(-1, 2)
    labels = np.array([item[2] for item in found], np.int32)
    return AnnotatedVideo(name, subset.lower(), duration, fps, segments, labels, _other_key(entry), subset)


def _other_key(entry):
    """The key that may hold the annotations of an entry without their own key, or ""."""
    if entry.get("annotations") is not None:
        return ""
    others = (key for key, value in entry.items() if isinstance(value, list | dict) and value)
    return next((key for key in others if all(isinstance(item, list | dict) for item in _items(entry[key]))), "")


def _items(value):
    return value.values() if isinstance(value, dict) else value


def _positive(entry, names, otherwise, tell):
    """The number that an entry has under one of `names`: `otherwise` where it has none, nan where it cannot be."""
    values = {name: entry[name] for name in names if entry.get(name) is not None}
    if not values:
        return otherwise
    numbers = {name: number_of(value, quoted=True) for name, value in values.items()}
    for name, number in numbers.items():
        if number is None or not 0 < number <= MAX_SECONDS:
            tell(f"{name} is {_shown(values[name])}", "expected a number more than 0")
            return float("nan")
    if max(numbers.values()) > _ROUNDED * min(numbers.values()):
        tell(" and ".join(f"{name} is {_shown(value)}" for name, value in values.items()), "expected one of them")
    return next(iter(numbers.values()))


def _read_item(place, item, class_ids, is_reversed, tell):
    """(start, end, class id) of one annotation, or None."""
    segment = item.get("segment") if isinstance(item, dict) else None
    if isinstance(segment, list) and len(segment) > 2:
        found = f"{place} has a segment of {len(segment)} entries, {_shown(segment)}"
        tell(found, "expected 'segment': [start, end] in seconds, and scores or the like beside it")
        return None
    if not isinstance(segment, list) or len(segment) != 2:
        tell(f"{place} has no segment", "expected 'segment': [start, end] in seconds")
        return None
    start, end = (number_of(value, quoted=True) for value in segment)
    if None not in (start, end) and is_reversed:
        # Told once for the file; that there are segments is true all the same.
        start, end = sorted((start, end))
    if start is None or end is None or end < start:
        tell(f"{place} is from {_shown(segment[0])} to {_shown(segment[1])}", "expected seconds, start <= end")
        return None
    if start < EARLIEST or end > MAX_SECONDS:
        tell(f"{place} is from {start:g} to {end:g}", "expected seconds from the start of the video")
        return None
    label = item.get("label")
    if not isinstance(label, str):
        # Told once for the file, by ClassNumbers.
        return None
    if label not in class_ids:
        guess = nearest(label, class_ids)
        hint = f"did you mean {guess!r}?" if guess else "others have one: expected 'label_id' for all, or for none"
        tell(f"{place} has the label {_shown(label)} without an id", hint)
        return None
    return start, end, class_ids[label]


def _shown(value):
    """A value of the file for a message."""
    return quote(value) if isinstance(value, str) else repr(value)[:QUOTE_LIMIT]
