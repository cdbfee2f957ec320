"""Labels by the times of the features (VIDEO.json): of segments in seconds, or of one label for every video frame."""

import collections
import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Int32

from data_pipelines.core.feature_times import FeatureTimes
from data_pipelines.core.names import why_no_video
from data_pipelines.core.problems import Problem, Problems
from data_pipelines.core.text_files import other_unicode_form, quote
from data_pipelines.core.wording import count, name_some
from data_pipelines.segmentation import segment_files
from data_pipelines.tools.frame_painting import overlapping, paint
from fact_jax.types import nearest

_BEHIND = 1.0  # seconds by which a segment may end after its video: times are rounded, and sound may be longer

_ONE_SUBJECT = (
    "python -m data_pipelines.import_labels {} --output FOLDER --to frames --subject NAME makes label files of it, "
    "--each of every one; then leave data.segment_file empty"
)


@dataclasses.dataclass(frozen=True)
class TimedLabels:
    """Labels int32 [rows] by video, problems, and lines for the user."""

    labels: dict[str, Int32[np.ndarray, " N"]]
    problems: list[Problem]
    notes: tuple[str, ...] = ()


def labels_of_segments(
    path: Path,
    videos: Sequence[str],
    times: Mapping[str, FeatureTimes],
    class_ids: Mapping[str, int],
    background: int | None,
) -> TimedLabels:
    """Labels of every row of `videos` from a table of segments, with the columns video, start, end (seconds) and label.

    A segment has the rows from the one that holds its start to before the one that holds its end. Segments of several
    subjects in one file are a problem: a row has one label. Rows without a segment are `background`, the id of a class;
    None: there is none, and gaps are problems.
    """
    table = segment_files.read_segments(path)
    problems, by_video = Problems(path, 10_000), collections.defaultdict(list)
    problems.extend(table.problems)
    if table.unit not in ("", "seconds"):
        problems.add(str(path), 1, f"times in {table.unit}", "expected seconds")
    for segment in table.segments:
        by_video[segment.video.removesuffix(".txt")].append(segment)
    if len(subjects := {segment.subject: segment for segment in table.segments}) > 1:
        names = name_some([name or "(none)" for name in subjects])
        line = min(segment.line for segment in subjects.values())
        found = f"segments of {len(subjects)} subjects, {names}"
        problems.add(str(path), line, found, f"expected those of one: {_ONE_SUBJECT.format(path)}")
    labels, short = {}, collections.Counter()
    for video in videos:
        if video not in by_video:
            expected = why_no_video(video) or "expected rows of every video in the split lists"
            problems.add(str(path), 0, f"no segment of video {quote(video)}", expected)
        elif video in times:
            own, lost = _rows_of(by_video[video], times[video], class_ids, background, problems)
            labels[video] = own
            short[video] = lost
    notes = []
    if lost := {video: number for video, number in short.items() if number}:
        where = name_some(lost)
        notes.append(
            f"shorter than a row of features, thus not shown: {count(sum(lost.values()), 'segment')}, in {where}"
        )
    if others := [video for video in by_video if video not in set(videos)]:
        notes.append(f"{path}: segments of {count(others, 'video')} in none of the lists: {name_some(others)}")
    if unused := [name for name in table.unused if name.lower() not in ("confidence", "subject")]:
        notes.append(f"{path}: columns that are not used: {name_some(unused)}")
    return TimedLabels({} if problems.listed() else labels, problems.listed(), tuple(notes))


def _rows_of(segments, times, class_ids, background, problems):
    """(int32 [rows] of a video, how many segments lie inside of a row); adds problems."""
    starts, ends = (np.array([float(getattr(segment, end)) for segment in segments]) for end in ("start", "end"))
    for segment, end in zip(segments, ends, strict=True):
        if segment.label not in class_ids:
            guess = nearest(segment.label, class_ids)
            expected = f"the nearest class is {quote(guess)}{other_unicode_form(segment.label, guess)}" if guess else ""
            problems.add(segment.path, segment.line, f"unknown label {quote(segment.label)}", expected)
        if end > times.duration + _BEHIND:
            found = f"{segment.text} s, and the video ends at {times.duration:.3f} s"
            problems.add(segment.path, segment.line, found, "are the times seconds, of this video?")
    first, behind = times.rows_between(starts, np.minimum(ends, times.duration))
    spans, names = list(zip(first.tolist(), behind.tolist(), strict=True)), [segment.label for segment in segments]
    for a, b in overlapping(spans, names):
        found = f"{segments[a].text} overlaps {segments[b].text} (line {segments[b].line})"
        problems.add(segments[a].path, segments[a].line, found, "a row of features has one label: part them")
    painted = paint(spans, names, times.rows)
    gaps = painted.labels < 0
    if background is None and gaps.any():
        place, second = segments[0].path, times.edges[np.flatnonzero(gaps)[0]]
        expected = "expected segments without gaps, or a class for them (config.data.background_ids)"
        problems.add(place, 0, f"no segment of {segments[0].video!r} at {second:.3f} s", expected)
    ids = np.array([*(class_ids.get(name, -1) for name in names), -1 if background is None else background], np.int32)
    return ids[painted.labels], len(painted.empty)


def labels_of_frames(
    labels: Mapping[str, Int32[np.ndarray, " F"]], times: Mapping[str, FeatureTimes]
) -> tuple[dict[str, Int32[np.ndarray, " N"]], tuple[str, ...]]:
    """({video: labels of its rows}, lines) of label files, of which some have a label for every video frame.

    There a row has the label that most of the frames have that are shown in it; of equally many the first one.
    """
    found, changed = {}, []
    for video, own in labels.items():
        frames = times[video].frames if video in times else None
        if frames is None or len(own) == times[video].rows or len(own) != times[video].video.get("frames"):
            found[video] = own
            continue
        changed.append(video)
        found[video] = np.array(
            [_most(own[a : max(b, a + 1)]) for a, b in zip(frames, frames[1:], strict=False)], np.int32
        )
    if not changed:
        return found, ()
    told = "have a label for every video frame; a row of features has the one that most of its frames have"
    return found, (f"the label files of {count(changed, 'video')} {told}: {name_some(changed)}",)


def _most(labels):
    names, first, numbers = np.unique(labels, return_index=True, return_counts=True)
    return min(zip(-numbers, first, names, strict=True))[2]
