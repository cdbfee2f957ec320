"""What is exported: Recordings of label files, annotations, predictions or plain CSV."""

import dataclasses
import pathlib

from data_pipelines.core.names import means_background
from data_pipelines.label_tools import folders, plain_csv, predictions, rows
from data_pipelines.label_tools.events import Event, Reading, Recording, tidy
from data_pipelines.label_tools.rules import ReadRules
from fact_jax.types import UserError


@dataclasses.dataclass(frozen=True)
class RowRules:
    """How rows of labels lie in time, see `rows.find_edges`."""

    features: str | None = None
    fps: float = 0.0
    videos: object = None
    time_axis: str | None = None


def kind_of(path):
    """What a path holds that can be exported: "annotations", "frames", "predictions" or "csv".

    UserError where it holds nothing of the kind, or several.
    """
    path = pathlib.Path(path)
    if path.is_file():
        kinds = {".csv": "csv", ".json": "annotations"}
        if path.suffix in kinds:
            return kinds[path.suffix]
        raise UserError(f"{path} is neither annotations (.json) nor segments (.csv).")
    places = (
        ("predictions", (path / predictions.FOLDER).is_dir() and bool(predictions.records(path))),
        ("annotations", (path / folders.ANNOTATIONS).is_file()),
        ("frames", (path / folders.LABELS).is_dir() or folders.has_phases(path)),
    )
    found = [kind for kind, is_there in places if is_there]
    if not found and predictions.records(path):
        return "predictions"
    if not found:
        wanted = f"{folders.ANNOTATIONS} nor {folders.LABELS}/ nor {predictions.FOLDER}/VIDEO.json"
        raise UserError(f"{path} holds neither {wanted}, nor {folders.PHASES}/ with {folders.VIDEOS}/.")
    if len(found) > 1:
        raise UserError(f"{path} holds {' and '.join(found)}. Choose with --what.")
    return found[0]


def read(path, kind, rules, background, with_background):
    """Reading of what a path holds, `kind` as `kind_of` says.

    Args:
      path: a folder or file.
      kind: "annotations", "frames", "predictions" or "csv".
      rules: RowRules.
      background: label of rows that become gaps; None: the one that means background.
      with_background: whether such rows become segments as well.
    """
    path = pathlib.Path(path)
    if kind == "csv":
        return plain_csv.read(path, ReadRules())
    if kind == "annotations":
        return folders.read_annotations(path)
    if kind == "frames":
        return _read_frames(path, rules, background, with_background)
    reading, in_rows = predictions.read(path, with_background)
    recordings = [_unplaced(video, where, number, rules) for video, (_, number, where) in in_rows.items()]
    edges = _edges(recordings, path, rules, reading)
    for video, (segments, number, where) in in_rows.items():
        if video not in edges:
            continue
        if len(edges[video]) - 1 != number:
            _tell_lengths(reading, where, f"the prediction of {video!r} has {number} rows", len(edges[video]) - 1)
            continue
        events = predictions.events_of_rows(segments, edges[video])
        duration = round(float(edges[video][-1]), 6)
        reading.recordings.append(Recording(video, events, where, "", "", duration))
    return reading


def _read_frames(path, rules, background, with_background):
    reading = Reading(1e-6)
    labels, segments, paths, problems = folders.read_frames(path)
    reading.tell(problems)
    used = {name for names in labels.values() for name in names}
    used |= {one.label for listed in segments.values() for one in listed}
    meant = sorted(name for name in used if means_background(name))
    if background is None and len(meant) > 1 and not with_background:
        raise UserError(f"{path}: the labels {', '.join(meant)} mean background. Say which one: --background NAME.")
    left_out = () if with_background else (background,) if background else meant
    recordings = [_unplaced(video, paths[video], len(names), rules) for video, names in labels.items()]
    edges = _edges(recordings, path, rules, reading)
    for video, names in labels.items():
        if video not in edges or not names:
            continue
        if len(edges[video]) - 1 != len(names):
            _tell_lengths(reading, paths[video], f"{len(names)} labels", len(edges[video]) - 1)
            continue
        reading.recordings.append(folders.runs_of(names, edges[video], paths[video], video, background=left_out))
    for video, listed in segments.items():
        events = [
            Event(tidy(float(one.start)), tidy(float(one.end)), one.label, line=one.line)
            for one in listed
            if one.label not in left_out
        ]
        ordered = tuple(sorted(events, key=lambda event: event.order))
        reading.recordings.append(Recording(video, ordered, paths[video]))
    return reading


def _unplaced(video, path, number, rules):
    """A Recording without events of a video of which so many rows are labelled."""
    return Recording(video, (), path, duration=number / rules.fps if rules.fps else 0.0)


def _edges(recordings, path, rules, reading):
    """{video: edges}; what is not known becomes Faults of a Reading."""
    if not recordings:
        return {}
    features = rules.features or str(path / "features")
    edges, notes, problems = rows.find_edges(
        recordings,
        features,
        fps=rules.fps,
        videos=rules.videos,
        time_axis=rules.time_axis,
        must_be_there=bool(rules.features),
    )
    reading.notes += notes
    reading.tell(problems)
    return edges


def _tell_lengths(reading, path, found, number):
    expected = f"the times that were given are of {number} rows: are features, --fps and --videos right?"
    reading.fault(path, 0, found, expected)
