"""Turns label files that list segments (start, end, label) into one label per frame, or into annotations.

    python -m data_pipelines.convert_labels LABELS --output FOLDER --fps 15

LABELS is a folder with one .csv, .tsv or .txt file per video, or one table with a column that names the video. FOLDER
is that of the dataset: groundTruth/VIDEO.txt is written, as long as the features in FOLDER/features where there are
some. With `--to annotations`, annotations.json with times in seconds is written instead.
"""

import argparse
import collections
import dataclasses
import itertools
import json
import os
import pathlib
from fractions import Fraction

import numpy as np

from data_pipelines.core import command_line
from data_pipelines.core.feature_files import TIME_AXES
from data_pipelines.core.missing_files import HintedFolder
from data_pipelines.core.names import why_no_class
from data_pipelines.core.problems import Problem, group_alike, refuse
from data_pipelines.core.wording import count, name_some, verb
from data_pipelines.segmentation import segment_files
from data_pipelines.segmentation.config import SegmentationDataConfig
from data_pipelines.tools import feature_lengths
from data_pipelines.tools.frame_painting import OVERLAPS, ROUNDINGS, FrameRule, overlapping, paint
from data_pipelines.tools.unsplit_folder import slip_lines
from fact_jax.files import atomic_write_text, why_no_folder
from fact_jax.types import UserError

_SUFFIXES = (".csv", ".tsv", ".txt")
# Options that say how segments become frames.
_FOR_FRAMES = (
    "frames_per_label", "rounding", "background", "overlap", "features", "time_axis", "length_tolerance",
)  # fmt: skip
# Lines that a label file may have.
_MAX_FRAMES = 10_000_000
# Share of segments that begin one frame after another, from which on that is no chance.
_NEXT_FRAME = 0.1
_TOLERANCE = SegmentationDataConfig.length_tolerance


@dataclasses.dataclass(frozen=True)
class Listed:
    """All segments of a dataset: lists of ListedSegment by video, the unit of their times, and lines for the user."""

    segments: dict
    unit: str
    notes: list


def main(argv=None):
    """Runs the tool; returns 0."""
    arguments = _parse(argv)
    listed = _read(pathlib.Path(arguments.labels).expanduser(), arguments)
    to_frames = arguments.to == "frames"
    files, notes = (_frame_files if to_frames else _annotation_file)(listed, arguments)
    for line in listed.notes + notes:
        print(f"  {line}")
    output = pathlib.Path(arguments.output).expanduser()
    there = [name for name in files if (output / name).exists()]
    if there and not arguments.overwrite:
        what = f"{count(there, 'file')} in {output} {verb(there, 'exist')} already"
        raise UserError(f"{what}: {name_some(there)}. Add --overwrite.")
    with command_line.writing(output):
        for name, text in files.items():
            atomic_write_text(output / name, text)
    what = f"groundTruth/VIDEO.txt of {count(files, 'video')}" if to_frames else "annotations.json"
    folder = output / "groundTruth"
    others = sorted(path.name for path in folder.glob("*.txt") if f"{folder.name}/{path.name}" not in files)
    if to_frames and others:
        print(f"  label files of other videos stay as they are: {len(others)}, {name_some(others)}")
    print(f"wrote {what} to {output}")
    return 0


def _parse(argv):
    parser = command_line.parser("data_pipelines.convert_labels", __doc__, "Exit code: 0 written, 2 not.")
    add = parser.add_argument
    add("labels", help="folder with one file of segments per video, or one table with a column that names the video")
    add("--output", required=True, metavar="FOLDER", help="folder of the dataset, to which groundTruth/ is added")
    add("--to", choices=("frames", "annotations"), default="frames", help="what to write (default: frames)")
    text = "of the times (default: as the header says; seconds where times have a decimal point)"
    add("--unit", choices=segment_files.UNITS, help=text)
    rate = command_line.frame_rate()
    add("--fps", type=rate, help="label frames per second; with --unit frames and --to annotations, video frames")
    text = "frames of the times per label frame, for --unit frames (default: 1); the stride of the features"
    add("--frames_per_label", type=command_line.number(0.001, 1e6), metavar="N", help=text)
    add("--first_frame", type=int, choices=(0, 1), default=0, help="number of the first frame (default: 0)")
    add("--end_included", action="store_true", help="the frame with the number of the end belongs to the segment")
    text = "ends of segments to the nearest frame, halves up, or down to the frame they are in (default: round)"
    add("--rounding", choices=ROUNDINGS, default="round", help=text)
    add("--background", default="background", metavar="NAME", help="label of the gaps (default: background)")
    text = 'where segments share frames: "refuse", or show the one that started "first" or "last" (default: refuse)'
    add("--overlap", choices=OVERLAPS, default="refuse", help=text)
    add("--features", metavar="FOLDER", help="feature files VIDEO.npy (default: FOLDER/features, if there is one)")
    add("--time_axis", choices=TIME_AXES, help='"first" for (frames, channels) feature files (default: found)')
    text = f"frames by which a segment may end behind the features; it is cut (default: {_TOLERANCE})"
    add("--length_tolerance", type=int, default=_TOLERANCE, metavar="FRAMES", help=text)
    text = "columns of the table, ROLE=NAME or ROLE=NUMBER from 1; roles are video, start, end, label"
    add("--columns", type=_column, nargs="+", default=[], metavar="ROLE=COLUMN", help=text)
    add("--overwrite", action="store_true", help="replace files that exist")
    arguments = parser.parse_args(argv)
    _check_options(parser, arguments)
    return arguments


def _check_options(parser, arguments):
    """Ends the program with a message if options contradict each other or cannot be."""
    if arguments.to == "annotations":
        given = [f"--{name}" for name in _FOR_FRAMES if getattr(arguments, name) != parser.get_default(name)]
        if given:
            parser.error(f"{', '.join(given)}: for labels of frames; --to annotations keeps the segments as they are")
    roles = [role for role, _ in arguments.columns]
    if len(set(roles)) < len(roles):
        parser.error("--columns names a column twice for one role")
    columns = [column for _, column in arguments.columns]
    if len(set(columns)) < len(columns):
        parser.error("--columns names one column for two roles")
    if arguments.frames_per_label and arguments.unit in ("seconds", "milliseconds"):
        parser.error("--frames_per_label is for --unit frames; with times, --fps says it all")
    if why := why_no_class(arguments.background):
        parser.error(f"--background is {arguments.background!r}, expected the name of a class ({why})")
    if arguments.background != arguments.background.strip():
        parser.error("--background has white space around it")
    if arguments.length_tolerance < 0:
        parser.error("--length_tolerance must be 0 or more")


def _column(text):
    role, equals, name = text.partition("=")
    if role not in segment_files.ROLES or not equals or not name:
        raise argparse.ArgumentTypeError(f"{text!r}; expected ROLE=COLUMN, a role of {', '.join(segment_files.ROLES)}")
    return role, name


def _read(source, arguments):
    """Listed segments of a file or a folder; a UserError names all problems."""
    if source.is_dir():
        paths = sorted(path for path in source.iterdir() if path.suffix.lower() in _SUFFIXES and path.is_file())
        if not paths:
            raise UserError(f"{source} holds no {', '.join(_SUFFIXES)} file; expected one per video.")
        videos = [path.stem for path in paths]
    else:
        paths, videos = [source], [None]
    tables, columns = {}, dict(arguments.columns)
    for path, video in zip(paths, videos, strict=True):
        tables[path] = segment_files.read_segments(path, columns, video)
    problems = group_alike([problem for table in tables.values() for problem in table.problems], source)
    problems += [
        Problem(str(source), 0, f"{name!r} is there with several endings", "expected one file per video")
        for name, times in collections.Counter(videos).items()
        if times > 1
    ]
    segments = collections.defaultdict(list)
    for table in tables.values():
        for segment in table.segments:
            segments[segment.video.removesuffix(".txt")].append(segment)
    problems += [
        Problem(found[0].path, found[0].line, f"video {video!r}", "expected a name without folders")
        for video, found in segments.items()
        if arguments.to == "frames" and ("/" in video or "\\" in video)
    ]
    if first := arguments.first_frame:
        early = [s for found in segments.values() for s in found if s.start < first]
        problems += [Problem(s.path, s.line, s.text, f"frames are counted from {first}") for s in early]
    refuse(f"{source}", problems)
    unit, notes = _choose_unit(source, tables.values(), arguments)
    unused = sorted({name for table in tables.values() for name in table.unused})
    notes += [f"columns that are not used: {name_some(unused, 6)}"] if unused else []
    if unit == "frames" and not arguments.end_included:
        notes += _included_ends(segments.values(), first)
    videos = collections.Counter(label for found in segments.values() for label in {s.label for s in found})
    notes += slip_lines(dict(sorted(videos.items())))
    total = sum(map(len, segments.values()))
    return Listed(
        dict(segments), unit, [f"{count(total, 'segment')} of {count(segments, 'video')}, times in {unit}", *notes]
    )


def _choose_unit(source, tables, arguments):
    """(unit, lines for the user)."""
    told = {table.unit for table in tables if table.unit}
    if arguments.unit:
        if told - {arguments.unit}:
            raise UserError(f"{source}: the header says {' and '.join(sorted(told))}, --unit says {arguments.unit}.")
        return arguments.unit, []
    if len(told) == 1:
        return told.pop(), ["the unit is that of the header"]
    if not told and any(table.looks_like_seconds for table in tables):
        return "seconds", ["the unit is seconds, as times have a decimal point or a colon; --unit frames otherwise"]
    found = " and ".join(sorted(told)) if told else "whole numbers, and no header that says of what"
    raise UserError(f"{source}: times are {found}. Say in which unit: --unit seconds, milliseconds or frames.")


def _rule(unit, arguments):
    """The FrameRule of times in a unit; a UserError says which option is missing or is for another unit."""
    if unit == "frames":
        if arguments.fps:
            raise UserError("--fps is for times in seconds; for numbers of frames, --frames_per_label says how many.")
        rate = 1 / Fraction(str(arguments.frames_per_label or 1))
        return FrameRule(rate, arguments.rounding, arguments.first_frame, arguments.end_included)
    if arguments.first_frame or arguments.end_included or arguments.frames_per_label:
        raise UserError(f"--first_frame, --end_included and --frames_per_label are for frames; times are {unit}.")
    if not arguments.fps:
        raise UserError(f"Times are {unit}: say how many label frames a second has, --fps 15 for example.")
    return FrameRule(Fraction(str(arguments.fps)) / (1000 if unit == "milliseconds" else 1), arguments.rounding)


def _frame_files(listed, arguments):
    """({name of a file: text}, lines for the user); a UserError names all problems."""
    rule = _rule(listed.unit, arguments)
    lengths, notes, problems = _feature_lengths(listed, arguments)
    painted, spans = {}, {}
    for video, segments in listed.segments.items():
        spans[video] = [rule.span(segment.start, segment.end) for segment in segments]
        labels = [segment.label for segment in segments]
        if (end := max(stop for _, stop in spans[video])) > _MAX_FRAMES:
            found, expected = f"video {video!r} has {count(end, 'frame')}", "are fps and unit right?"
            problems.append(Problem(segments[0].path, 0, found, f"expected at most {_MAX_FRAMES}; {expected}"))
            continue
        if arguments.overlap == "refuse":
            problems += [_overlap_problem(segments[a], segments[b]) for a, b in overlapping(spans[video], labels)]
        painted[video] = paint(spans[video], labels, lengths.get(video), arguments.overlap)
        if painted[video].beyond > arguments.length_tolerance:
            problems.append(_beyond_problem(video, segments, spans[video], lengths[video]))
        elif not painted[video].labels.size:
            problems.append(Problem(segments[0].path, 0, f"video {video!r} has no frame", "are fps and unit right?"))
    refuse(f"{arguments.labels}", problems)
    files = {}
    for video, segments in listed.segments.items():
        names = [*(segment.label for segment in segments), arguments.background]
        files[f"groundTruth/{video}.txt"] = "".join(f"{names[number]}\n" for number in painted[video].labels)
    return files, notes + _painting_notes(listed, painted, spans, arguments)


def _feature_lengths(listed, arguments):
    """({video: frames} of the feature files, lines for the user, problems)."""
    folder = pathlib.Path(arguments.features or os.path.join(arguments.output, "features")).expanduser()
    if reason := why_no_folder(folder):
        if arguments.features:
            raise UserError(f"--features is {folder}, which {reason}.")
        return {}, [f"no features in {folder}: every video ends with its last segment"], []
    lengths, notes, problems = feature_lengths.read_lengths(folder, arguments.time_axis)
    without = [name for name in lengths if name not in listed.segments]
    if without:
        notes.append(f"no segments, thus no labels: {count(without, 'feature file')}, {name_some(without)}")
    known = lengths.keys() | {pathlib.Path(problem.path).stem for problem in problems}
    hinted = HintedFolder(folder, ".npy", "expected one .npy file per video that has segments")
    missing = [video for video in listed.segments if video not in known]
    if longer := [video for video in missing if pathlib.Path(video).stem in known]:
        video = longer[0]
        found = (
            f"{count(longer, 'video')} named with an ending that features lack, such as {video!r}: {folder.name} has "
        )
        found += f"'{pathlib.Path(video).stem}.npy'"
        problems.append(Problem(arguments.labels, 0, found, f"remove {pathlib.Path(video).suffix!r} from the names"))
        missing = [video for video in missing if video not in set(longer)]
    problems += [hinted.hint(Problem(str(folder / f"{video}.npy"), 0, "file is missing")) for video in missing]
    return lengths, notes, problems


def _overlap_problem(segment, other):
    where = f"line {other.line}" + (f" of {other.path}" if other.path != segment.path else "")
    expected = 'a frame has one label; --overlap "last" or "first" chooses it'
    return Problem(segment.path, segment.line, f"{segment.text} overlaps {other.text} ({where})", expected)


def _beyond_problem(video, segments, spans, length):
    number = max(range(len(spans)), key=lambda i: spans[i][1])
    found = f"{segments[number].text} ends at frame {spans[number][1]}; the features of {video!r} have {length}"
    expected = f"are fps and unit right? --length_tolerance {spans[number][1] - length} cuts it"
    if spans[0][0] > length:
        expected = (
            "all segments start behind the features: are the times those of a tape or a clock? Take its start off"
        )
    return Problem(segments[number].path, segments[number].line, found, expected)


def _painting_notes(listed, painted, spans, arguments):
    """What was done that the files do not show."""
    notes = []
    gaps = {video: int(np.sum(found.labels < 0)) for video, found in painted.items()}
    if total := sum(gaps.values()):
        frames = sum(found.labels.size for found in painted.values())
        notes.append(f"gaps, {total} of {frames} frames, are {arguments.background!r}")
    used = {segment.label for segments in listed.segments.values() for segment in segments}
    if total and arguments.background in used:
        notes.append(f"{arguments.background!r} is a label of segments too; --background NAME keeps them apart")
    early = [video for video, found in painted.items() if 2 * max(spans[video])[1] < found.labels.size]
    if early and 2 * len(early) > len(painted):
        notes.append(f"segments end before half of the features in {count(early, 'video')}: are fps and unit right?")
    cut = {video: found.beyond for video, found in painted.items() if found.beyond}
    if cut:
        notes.append(f"{count(cut, 'video')} had ends up to {max(cut.values())} frames behind the features: cut")
    lost = {
        "shorter than a frame, thus not shown": {video: len(found.empty) for video, found in painted.items()},
        "covered by others or cut, thus not shown": {
            video: _num_hidden(found.labels, spans[video]) for video, found in painted.items()
        },
    }
    for what, numbers in lost.items():
        if total := sum(numbers.values()):
            where = name_some([video for video, number in numbers.items() if number])
            notes.append(f"{what}: {count(total, 'segment')}, in {where}")
    if joined := sum(found.joined for found in painted.values()):
        pairs = f"{count(joined, 'pair')} of neighbours"
        notes.append(f"one segment in the frames, as the label goes on: {pairs}")
    return notes


def _num_hidden(labels, spans):
    """How many segments with frames are not among the numbers that the frames show."""
    shown = set(labels.tolist())
    return sum(stop > start and number not in shown for number, (start, stop) in enumerate(spans))


def _included_ends(by_video, first_frame):
    """The line, if any, about segments that begin one frame after the end of the one before, and hardly any at it."""
    gaps, starts = collections.Counter(), []
    for segments in by_video:
        ordered = sorted(segments, key=lambda segment: segment.start)
        starts.append(ordered[0].start)
        gaps.update(after.start - before.end for before, after in itertools.pairwise(ordered))
    single, pairs = gaps[1], gaps.total()
    if not single or single < _NEXT_FRAME * pairs or single < 10 * gaps[0] or (single < 3 and single < pairs):
        return []
    counted = " and, if frames are counted from 1, --first_frame 1" if not first_frame and min(starts) > 0 else ""
    return [
        f"{single} of {pairs} segments start one frame after the end of the one before, {gaps[0] or 'none'} at it: if "
        f"ends belong to their segments, add --end_included{counted}"
    ]


def _annotation_file(listed, arguments):
    """({"annotations.json": text}, lines for the user)."""
    first, included = arguments.first_frame, arguments.end_included
    if listed.unit == "frames":
        if not arguments.fps:
            raise UserError("Times are frames: say how many of them a second has, --fps 30 for example.")
        scale = 1 / Fraction(str(arguments.fps))
    elif first or included:
        raise UserError(f"--first_frame and --end_included are for frames; times are {listed.unit}.")
    else:
        scale = Fraction(1, 1000 if listed.unit == "milliseconds" else 1)
    labels = sorted({segment.label for segments in listed.segments.values() for segment in segments})
    ids = {label: number for number, label in enumerate(labels)}
    database = {}
    for video, segments in listed.segments.items():
        rows = [
            {
                "label": segment.label,
                "label_id": ids[segment.label],
                "segment": [
                    round(float((segment.start - first) * scale), 6),
                    round(float((segment.end - first + included) * scale), 6),
                ],
            }
            for segment in sorted(segments, key=lambda segment: (segment.start, segment.end))
        ]
        database[video] = ({"fps": arguments.fps} if arguments.fps else {}) | {"annotations": rows}
    notes = [f"{count(labels, 'class')}; python -m data_pipelines.make_splits chooses the subsets"]
    return {"annotations.json": json.dumps({"database": database}, indent=1, ensure_ascii=False) + "\n"}, notes


if __name__ == "__main__":
    command_line.run(main)
