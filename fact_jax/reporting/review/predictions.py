"""What --mode predict left in a folder, as a Review: the records predictions/VIDEO.json of three kinds of work."""

import json
from pathlib import Path

import numpy as np

from fact_jax import files
from fact_jax.reporting.review.content import Review, ReviewedVideo, Track


def read_predictions(folder) -> Review | None:
    """The Review of the predictions below `folder`; None where there are none with segments."""
    records = [record for path in sorted((Path(folder) / "predictions").glob("*.json")) if (record := _read(path))]
    read = [(read_one, record) for record in records for key, read_one in _KINDS.items() if key in record]
    if not read:
        return None
    names = dict.fromkeys(name for _, record in read for name in _class_names(record))
    classes = {name: number for number, name in enumerate(names)}
    background = {name for _, record in read for name in record.get("background", ())}
    videos = {video.video_id: video for read_one, record in read for video in read_one(Path(folder), record, classes)}
    models = [record["made_from"].get("model", {}) for _, record in read]
    return Review(
        title=", ".join(sorted({str(model.get("name", "predictions")) for model in models})),
        class_names=tuple(classes),
        background=tuple(sorted(classes[name] for name in background if name in classes)),
        videos=tuple(videos[name] for name in sorted(videos)),
    )


def _read(path):
    """The content of the record of a prediction, None of any other file."""
    try:
        record = json.loads(files.read_data(path))
    except (OSError, ValueError, RecursionError):
        return None
    return record if isinstance(record, dict) and isinstance(record.get("made_from"), dict) else None


def _class_names(record):
    """Names of all classes, as far as a record has them; of clips with several heads, a label is a pair of names."""
    names = record.get("class_names", ())
    if isinstance(names, dict):
        names = next(iter(names.values())) if len(names) == 1 else ()
    return names


def _source(record):
    return str(record["made_from"].get("source", {}).get("path", ""))


def _id(classes, name):
    return classes.setdefault(str(name), len(classes))


def _labelled(folder, record, classes):
    """The video of a record of segmentation."""
    rows = [(_id(classes, row["label"]), row["start"], row["end"], row["confidence"]) for row in record["segments"]]
    track = Track.of(rows)
    yield ReviewedVideo(
        video_id=record["video"],
        predicted=track,
        rows=int(record["num_frames"]),
        fps=float(record.get("fps") or 0.0),
        source=_source(record),
        confidence=_confidence(folder, record, track, classes),
    )


def _confidence(folder, record, track, classes):
    """float64 [N], the probability of the class of every row, where the probabilities were written."""
    path = folder / "predictions" / f"{files.safe_name(record['video'])}.npz"
    if str(path.relative_to(folder)) not in record.get("files", {}) or not path.is_file():
        return None
    with np.load(path, allow_pickle=False) as stored:
        places = {name: place for place, name in enumerate(stored["class_names"].tolist())}
        probabilities = stored["probabilities"]
    names = list(classes)
    columns = [places[names[label]] for label in track.labels.tolist()]
    of_row = np.repeat(columns, np.diff(track.bounds, axis=1)[:, 0])
    return probabilities[np.arange(len(of_row)), of_row].astype(np.float64)


def _detected(folder, record, classes):
    """The videos of a record of localization."""
    del folder
    for video_id, found in record["results"].items():
        rows = [(_id(classes, one["label"]), *map(float, one["segment"]), float(one["score"])) for one in found]
        fps = record["made_from"].get("options", {}).get("fps") or 0.0
        duration = float(record.get("duration") or 0.0)
        yield ReviewedVideo(
            video_id=video_id, predicted=Track.of(rows), duration=duration, fps=float(fps), source=_source(record)
        )


def _recognised(folder, record, classes):
    """The video of a record of recognition: the most likely label of every window."""
    del folder
    rows = [
        (_id(classes, likely["label"]), float(window["start"]), float(window["end"]), float(likely["probability"]))
        for window in record["windows"]
        for likely in window["likely"][:1]
    ]
    duration = max((row[2] for row in rows), default=0.0)
    yield ReviewedVideo(video_id=record["video"], predicted=Track.of(rows), duration=duration, source=_source(record))


# What only the records of one kind have -> its reader.
_KINDS = {"segments": _labelled, "results": _detected, "windows": _recognised}
