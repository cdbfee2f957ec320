"""Our own folders: label files and annotations, written from Recordings and read as such."""

import json
import pathlib

from data_pipelines.core.json_files import number_of, read_json
from data_pipelines.core.names import means_background
from data_pipelines.core.problems import Problem
from data_pipelines.core.text_files import quote, read_lines
from data_pipelines.core.wording import name_some
from data_pipelines.label_tools.events import Event, Reading, Recording, tidy
from data_pipelines.localization.annotations import read_database
from data_pipelines.segmentation.annotations import read_mapping
from data_pipelines.segmentation.segment_files import looks_like_a_segment, read_segments
from fact_jax.types import nearest

ANNOTATIONS, LABELS, MAPPING = "annotations.json", "groundTruth", "mapping.txt"
# Of a folder of raw videos, see data_pipelines/representation: a label for every frame, or segments in seconds.
PHASES, VIDEOS = "labels", "videos"
# What annotations tell beside label and times, and what it is of an Event.
_BESIDE = {"subject": "tier", "confidence": "confidence", "modifiers": "modifiers"}


def annotation_text(recordings, folder, overwrite):
    """(text of annotations.json with these Recordings, lines, Problems); other videos of one that is there stay."""
    path, database, ids, notes, others = pathlib.Path(folder) / ANNOTATIONS, {}, {}, [], {}
    if path.exists():
        content, problems = read_json(path, "annotations in the form of ActivityNet")
        if not problems:
            known, problems = read_database(path)
            ids = dict(known.class_ids)
        if problems:
            return "", [], problems
        database = content.get("database", content)
        # A version, a taxonomy and the like.
        others = content if "database" in content else {}
        again = [one.video for one in recordings if one.video in database]
        if again and not overwrite:
            found = f"it has {name_some(again)} already"
            return "", [], [Problem(str(path), 0, found, "--overwrite replaces these videos, others stay")]
        notes.append(f"{ANNOTATIONS}: {len(database) - len(again)} other videos stay as they are")
    labels = sorted({event.label for one in recordings for event in one.events} - ids.keys())
    # Where ids are stated, new classes get the next ones; where none are, names alone number the classes.
    stated = any("label_id" in item for entry in database.values() for item in entry.get("annotations") or ())
    has_ids = stated or not any(entry.get("annotations") for entry in database.values())
    first = max(ids.values(), default=-1) + 1
    ids |= {label: first + number for number, label in enumerate(labels)}
    for one in recordings:
        subset = {key: value for key, value in database.get(one.video, {}).items() if key == "subset"}
        database[one.video] = subset | _entry(one, ids if has_ids else None)
    return json.dumps(others | {"database": database}, indent=1, ensure_ascii=False) + "\n", notes, []


def _entry(recording, ids):
    """The entry of a video."""
    told = {"duration": recording.duration, "fps": recording.fps, "file": recording.media}
    items = []
    for event in recording.events:
        item = {"label": event.label, "segment": [event.start, event.end]}
        if ids is not None:
            item["label_id"] = ids[event.label]
        if event.is_point:
            item["point"] = True
        values = {key: getattr(event, name) for key, name in _BESIDE.items()}
        items.append(item | {key: value for key, value in values.items() if value not in ("", None)})
    return {key: value for key, value in told.items() if value} | {"annotations": items}


def frame_files(rows, folder, background):
    """({name of a file: text}, lines, Problems) of {video: names of labels}; mapping.txt where there is none."""
    files = {f"{LABELS}/{video}.txt": "".join(f"{name}\n" for name in names) for video, names in rows.items()}
    used = {name for names in rows.values() for name in names}
    path = pathlib.Path(folder) / MAPPING
    if not path.exists():
        others = _classes_of(pathlib.Path(folder) / LABELS, files)
        ordered = sorted(
            used | others | {background}, key=lambda name: (name != background, not means_background(name), name)
        )
        files[MAPPING] = "".join(f"{number} {name}\n" for number, name in enumerate(ordered))
        return files, [], []
    class_ids, problems = read_mapping(path)
    for name in sorted(used - class_ids.keys()) if not problems else ():
        guess = nearest(name, class_ids)
        hint = f"did you mean {guess!r}?" if guess else "add it there, or remove the file to have it made anew"
        problems.append(Problem(str(path), 0, f"no class {quote(name)}, which the labels have", hint))
    return files, [], problems


def _classes_of(folder, files):
    """Labels of the other label files that are there."""
    paths = [path for path in folder.glob("*.txt") if f"{LABELS}/{path.name}" not in files] if folder.is_dir() else []
    return {line for path in paths for line in read_lines(path)[0] if line}


def has_phases(path):
    """Whether a folder is one of raw videos with labels."""
    return not (path / LABELS).is_dir() and (path / PHASES).is_dir() and (path / VIDEOS).is_dir()


def read_annotations(path):
    """Reading of annotations.json, or of the folder that holds it."""
    path = pathlib.Path(path)
    path = path / ANNOTATIONS if path.is_dir() else path
    reading = Reading(1e-6)
    content, problems = read_json(path, "annotations in the form of ActivityNet")
    if not problems:
        problems = read_database(path)[1]
    reading.tell(problems)
    if problems:
        return reading
    for video, entry in content.get("database", content).items():
        events = []
        for number, item in enumerate(entry.get("annotations") or [], 1):
            start, end = (tidy(max(number_of(value, quoted=True), 0.0)) for value in item["segment"])
            # What an older export or another program calls it.
            score = number_of(item.get("confidence", item.get("score")))
            beside = {"tier": str(item.get("subject", "")), "modifiers": str(item.get("modifiers", ""))}
            place = f"{video}, annotation {number}"
            events.append(Event(start, end, item["label"], **beside, confidence=score, place=place))
        ordered = tuple(sorted(events, key=lambda event: event.order))
        duration = number_of(entry.get("duration", entry.get("duration_second")), quoted=True) or 0.0
        fps = number_of(entry.get("fps"), quoted=True) or 0.0
        reading.recordings.append(
            Recording(video, ordered, str(path), "", str(entry.get("file", "")), tidy(duration), fps)
        )
    return reading


def read_frames(folder):
    """({video: labels, one a row}, {video: segments}, {video: path of the file}, Problems) of label files.

    Segments are ListedSegments in seconds, which label files of raw videos may hold instead.
    """
    folder = pathlib.Path(folder)
    rows, segments, paths, problems = {}, {}, {}, []
    listed = has_phases(folder)
    for path in sorted((folder / (PHASES if listed else LABELS)).glob("*.txt")):
        lines, wrong = read_lines(path)
        paths[path.stem] = str(path)
        if listed and not wrong and any(map(looks_like_a_segment, lines[:2])):
            table = read_segments(path, video=path.stem)
            problems += table.problems
            segments[path.stem] = table.segments
            continue
        problems += wrong
        if blank := [number for number, line in enumerate(lines, 1) if not line]:
            problems.append(Problem(str(path), blank[0], "a blank line", "expected the name of a class"))
        elif not lines and not wrong:
            problems.append(Problem(str(path), 0, "no labels", "expected the name of a class in every line"))
        rows[path.stem] = lines
    return rows, segments, paths, problems


def runs_of(labels, edges, path, video, media="", background=()):
    """The Recording of labels, one a row, whose rows hold edges[i] <= t < edges[i + 1]; background is left out."""
    events, first = [], 0
    for number in range(1, len(labels) + 1):
        if number == len(labels) or labels[number] != labels[first]:
            if labels[first] not in background:
                place = f"rows {first}-{number - 1}"
                events.append(
                    Event(tidy(edges[first]), tidy(edges[number]), labels[first], place=place, line=first + 1)
                )
            first = number
    return Recording(video, tuple(events), path, "", media, tidy(edges[-1]))
