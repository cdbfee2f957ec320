"""Reads what people annotated in a tool of their own, as labels of frames or as annotations.

    python -m data_pipelines.import_labels project.boris --output FOLDER --subject "No focal subject"
    python -m data_pipelines.import_labels documents/ --output FOLDER --tier gestures --to frames --videos videos/

Files of ELAN, BORIS (projects, tabular and aggregated events), VIA 3, Label Studio, CVAT, Audacity, WebVTT and plain
CSV are known by their ending and content. FOLDER gets annotations.json, or groundTruth/VIDEO.txt and mapping.txt, as
every command here and every run takes them. data_pipelines/label_tools/README.md tells what to export in every tool.
"""

import argparse
import pathlib
import shlex

from data_pipelines.core import command_line
from data_pipelines.core.input_files import find_files, skipped_lines
from data_pipelines.core.names import DIFFER_ALIKE, alike_names, why_no_class, why_no_video
from data_pipelines.core.problems import Problem, group_alike, refuse
from data_pipelines.core.text_files import quote
from data_pipelines.core.wording import count, name_some, verb
from data_pipelines.extraction.feature_file import known_indices
from data_pipelines.label_tools import checks, choice, folders, formats, frames, rows
from data_pipelines.label_tools.events import Reading, some_lines
from data_pipelines.label_tools.media import MediaFolder, file_name, video_name
from data_pipelines.label_tools.rules import UNPAIRED, ReadRules
from data_pipelines.tools.frame_painting import OVERLAPS
from data_pipelines.tools.unsplit_folder import slip_lines
from fact_jax.files import atomic_write_text, safe_name
from fact_jax.types import UserError

# Names that may be slips of the pen that are told.
_MOST_SLIPS = 5
_FOR_FRAMES = ("fps", "features", "time_axis", "overlap", "background")


def main(argv=None):
    """Runs the tool; returns 0."""
    arguments = _parse(argv)
    output = pathlib.Path(arguments.output).expanduser()
    index_dir = known_indices(output / "features", output / "video_index")
    videos = MediaFolder(pathlib.Path(arguments.videos).expanduser(), index_dir) if arguments.videos else None
    reading = _read(arguments, videos)
    what = arguments.files[0] if len(arguments.files) == 1 else "the files"
    recordings = _labelled(reading, arguments.keep_empty)
    runs, problems = choice.choose_tiers(recordings, reading.faults, arguments.tier, what, each=arguments.each)
    files, notes, labelled = {}, list(reading.notes), []
    for name, recordings in runs.items():
        folder = output / safe_name(name) if arguments.each else output
        made, kept, lines, wrong = _files_of(recordings, reading.resolution, folder, videos, arguments)
        files |= {folder / path: text for path, text in made.items()}
        labelled += kept
        notes += [f"{name}: {line}" if arguments.each else line for line in lines]
        problems += wrong
    refuse(what, group_alike(list(dict.fromkeys(problems)), what))
    if not any(one.events for one in labelled):
        for line in some_lines(notes):
            print(f"  {line}")
        raise UserError(f"{what} holds no events{_of(arguments)}.")
    there = [str(path.relative_to(output)) for path in files if path.exists() and path.name not in _GROWING]
    if there and not arguments.overwrite:
        what = f"{count(there, 'file')} in {output} {verb(there, 'exist')} already"
        raise UserError(f"{what}: {name_some(there)}. Add --overwrite.")
    for line in some_lines(notes):
        print(f"  {line}")
    with command_line.writing(output):
        for path, text in files.items():
            atomic_write_text(path, text)
    total = sum(len(one.events) for one in labelled)
    print(f"{count(total, 'event')} of {count({one.video for one in labelled}, 'video')}")
    print(f"wrote {name_some([str(path.relative_to(output)) for path in files], 6)} to {output}")
    first = output / safe_name(next(iter(runs))) if arguments.each else output
    print(f"to go on:\n  {shlex.join(['python', '-m', 'data_pipelines.make_splits', str(first), '--test', '0.25'])}")
    return 0


# They keep what others have written.
_GROWING = {folders.ANNOTATIONS, folders.MAPPING}


def _of(arguments):
    parts = [f"--tier {' '.join(arguments.tier)}"] * bool(arguments.tier)
    parts += [f"--observation {' '.join(arguments.observation)}"] * bool(arguments.observation)
    return f" with {' '.join(parts)}" if parts else ""


def _parse(argv):
    parser = command_line.parser("data_pipelines.import_labels", __doc__, "Exit code: 0 written, 2 not.")
    add = parser.add_argument
    add("files", nargs="+", help="files of the tool, folders of them, or patterns")
    add("--from", dest="tool", choices=tuple(formats.TOOLS), help="the tool (default: by ending and content)")
    add("--output", required=True, metavar="FOLDER", help="folder of the dataset")
    text = "annotations.json, groundTruth/VIDEO.txt with mapping.txt, or both (default: annotations)"
    add("--to", nargs="+", choices=("annotations", "frames"), default=["annotations"], help=text)
    text = "tiers, tracks or subjects that are meant, together; needed where there are several"
    add("--tier", "--subject", nargs="+", default=[], metavar="NAME", help=text)
    add("--each", action="store_true", help="a folder below --output for every tier or subject")
    text = "observations of BORIS, or numbers of Label Studio's annotations, that are meant (default: all)"
    add("--observation", nargs="+", default=[], metavar="NAME", help=text)
    text = "number of BORIS' player, or of ELAN's linked medium, whose video is meant (default: the first video)"
    add("--media", type=int, metavar="NUMBER", help=text)
    add("--videos", metavar="FOLDER", help="the video files: checks lengths, and tells the times of frames")
    text = "seconds of media files of which the tool's file does not tell, where there are no --videos"
    add("--lengths", type=_length, nargs="+", default=[], metavar="FILE=SECONDS", help=text)
    text = "frames per second by which the tool counts: frameRate of Label Studio, rate of CVAT's task"
    add("--tool_fps", type=command_line.frame_rate(), default=0.0, metavar="FPS", help=text)
    add("--modifiers", action="store_true", help="modifiers of BORIS belong to the label: code|modifier")
    text = 'state events that do not stop: "refuse", "leave_out", or "to_end" of the video (default: refuse)'
    add("--unpaired", choices=UNPAIRED, default="refuse", help=text)
    add("--unnamed", metavar="LABEL", help="label of events without a text, '' to leave them out (default: refuse)")
    add("--without", nargs="+", default=[], metavar="LABEL", help="labels of events that are left out")
    text = "seconds that point events last, around their time (default: points in annotations, refused for frames)"
    add("--point_width", type=command_line.number(1e-3, 1e6), metavar="SECONDS", help=text)
    text = "videos without any event are labelled as well: nothing happens there (default: left out)"
    add("--keep_empty", action="store_true", help=text)
    add("--overwrite", action="store_true", help="replace labels of these videos; those of others stay")
    group = parser.add_argument_group("labels of frames")
    text = "label rows per second, where neither features/VIDEO.json nor the videos' own frames say when rows are"
    group.add_argument("--fps", type=command_line.frame_rate(), default=0.0, help=text)
    text = "feature files VIDEO.npy, as long as which labels get (default: FOLDER/features, if there is one)"
    group.add_argument("--features", metavar="FOLDER", help=text)
    text = '"first" for (frames, channels) feature files (default: found)'
    group.add_argument("--time_axis", choices=("first", "last"), help=text)
    text = 'where events share rows: "refuse", or show the one that started "first" or "last" (default: refuse)'
    group.add_argument("--overlap", choices=OVERLAPS, default="refuse", help=text)
    text = "label of the gaps (default: background)"
    group.add_argument("--background", default="background", metavar="NAME", help=text)
    arguments = parser.parse_args(argv)
    given = [f"--{name}" for name in _FOR_FRAMES if getattr(arguments, name) != parser.get_default(name)]
    if given and "frames" not in arguments.to:
        parser.error(f"{', '.join(given)}: for --to frames")
    if arguments.tier and arguments.each:
        parser.error("--tier chooses what goes together, --each takes all apart")
    if arguments.media is not None and arguments.media < 1:
        parser.error("--media counts from 1")
    if arguments.unnamed and (why := why_no_class(arguments.unnamed)):
        parser.error(f"--unnamed is {arguments.unnamed!r}, expected the name of a class ({why}), or ''")
    if why := why_no_class(arguments.background):
        parser.error(f"--background is {arguments.background!r}, expected the name of a class ({why})")
    return arguments


def _length(text):
    name, equals, seconds = text.rpartition("=")
    if not equals or not name:
        raise argparse.ArgumentTypeError(f"{text!r}; expected FILE=SECONDS")
    return name, command_line.number(1e-3, 1e7)(seconds)


def _read(arguments, videos):
    """Reading of all files."""
    paths, problems = find_files(arguments.files, formats.SUFFIXES)
    refuse("the files", problems)
    rules = ReadRules(
        tuple(arguments.observation),
        arguments.media or 0,
        arguments.modifiers,
        arguments.unpaired,
        arguments.tool_fps,
        dict(arguments.lengths),
        videos,
    )
    reading, of_form, tools = Reading(0.0), {}, set()
    for path in paths:
        tool = arguments.tool or formats.tool_of(path)
        if not tool:
            for problem in formats.why_of_none(path):
                reading.fault(problem.path, problem.line, problem.found, problem.expected)
            continue
        tools.add(tool)
        found = formats.TOOLS[tool].read(path, rules)
        reading.extend(found)
        of_form.setdefault(f"{formats.TOOLS[tool].title}, times to {found.resolution:g} s", []).append(str(path))
    given = [flag for flag in formats.FLAGS if getattr(arguments, flag.removeprefix("--"))]
    given = [flag for flag in given if flag != "--unpaired" or arguments.unpaired != "refuse"]
    for flag, titles in formats.flags_without_place(given, tools).items() if tools else ():
        found = f"{flag} has no place in files of {name_some([formats.TOOLS[tool].title for tool in sorted(tools)])}"
        reading.fault(" ".join(arguments.files), 0, found, f"it is for {', '.join(titles)}; leave it out")
    reading.notes = [f"{name_some(files)}: {form}" for form, files in of_form.items()] + reading.notes
    reading.notes += skipped_lines(arguments.files, formats.SUFFIXES)
    return reading


def _labelled(reading, keep_empty):
    """The Recordings of a Reading with an event or, with `keep_empty`, all; a line tells the others."""
    empty = [one.observation or one.video for one in reading.recordings if not one.events]
    if not empty or keep_empty:
        return reading.recordings
    told = f"{count(empty, 'video')} without any event left out: {name_some(empty)}"
    reading.notes.append(f"{told} (--keep_empty: nothing happens in them)")
    return [one for one in reading.recordings if one.events]


def _files_of(recordings, resolution, folder, videos, arguments):
    """({name of a file: text}, Recordings, lines, Problems) of one run: its Recordings as they are written."""
    recordings, notes, problems = choice.name_events(recordings, arguments.unnamed)
    recordings, lines, wrong = choice.leave_out(recordings, arguments.without)
    notes += lines
    problems += wrong + choice.double_problems(recordings)
    if problems:
        return {}, [], notes, problems
    if empty := [one.video for one in recordings if not one.events]:
        notes.append(f"{count(empty, 'video')} without an event of what was chosen: {name_some(empty)}")
    if ended := [one.video for one in recordings if file_name(one.video) != video_name(one.video)]:
        told = f"{count(ended, 'video')} {verb(ended, 'are')} called with the ending of a file: {name_some(ended)}"
        notes.append(f"{told}; so have to be their features, {ended[0]}.npy")
    if videos:
        recordings, lines, wrong = checks.check_videos(recordings, videos, resolution)
        notes += lines
        problems += wrong
    if arguments.point_width:
        recordings, lines = choice.widen_points(recordings, arguments.point_width)
        notes += lines
    videos_of = {}
    for one in recordings:
        for label in {event.label for event in one.events}:
            videos_of[label] = videos_of.get(label, 0) + 1
    notes += [
        f"the labels {', '.join(map(quote, names))} {DIFFER_ALIKE}, and are classes of their own"
        for names in alike_names(sorted(videos_of))
    ]
    notes += choice.repeat_lines(recordings)
    if len(recordings) > 1:
        slips = slip_lines(dict(sorted(videos_of.items())))
        notes += slips[:_MOST_SLIPS] + [f"and {len(slips) - _MOST_SLIPS} more such names"] * (len(slips) > _MOST_SLIPS)
    files = {}
    if "annotations" in arguments.to:
        points = sum(event.is_point for one in recordings for event in one.events)
        notes += [f"{count(points, 'point event')} stay points: their start is their end"] if points else []
        text, lines, wrong = folders.annotation_text(recordings, folder, arguments.overwrite)
        files[folders.ANNOTATIONS] = text
        notes += lines
        problems += wrong
    if "frames" in arguments.to:
        made, lines, wrong = _frame_files(recordings, resolution, folder, videos, arguments)
        files |= made
        notes += lines
        problems += wrong
    return files, recordings, notes, problems


def _frame_files(recordings, resolution, folder, videos, arguments):
    problems = choice.point_problems(recordings, "a row of labels has a length")
    features = pathlib.Path(arguments.features or folder / "features").expanduser()
    edges, notes, wrong = rows.find_edges(
        recordings,
        features,
        fps=arguments.fps,
        videos=videos,
        time_axis=arguments.time_axis,
        must_be_there=bool(arguments.features),
    )
    problems += wrong
    problems += [problem for one in recordings if (problem := _no_file_name(one))]
    segments = [choice.without_points(one) for one in recordings]
    labels, lines, wrong = frames.label_rows(segments, edges, resolution, arguments.background, arguments.overlap)
    files, more, faults = folders.frame_files(labels, folder, arguments.background)
    return files, notes + lines + more, problems + wrong + faults


def _no_file_name(recording):
    if "/" in recording.video or "\\" in recording.video or why_no_video(recording.video):
        return Problem(recording.path, 0, f"video {recording.video!r}", "expected a name without folders")
    return None


if __name__ == "__main__":
    command_line.run(main)
