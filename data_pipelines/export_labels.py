"""Writes labels and predictions as files of the tool in which people look at them and correct them.

    python -m data_pipelines.export_labels PREDICTED --to boris --output predicted.boris --into project.boris
    python -m data_pipelines.export_labels FOLDER --to elan --output documents/ --videos videos/

PREDICTED is what `--mode predict` of segmentation or localization wrote, FOLDER a dataset folder of label files or
annotations, or one of raw videos with labels. With `--into`, everything that a file of the tool holds stays as it is,
and predictions go into tiers, subjects or observations of their own. data_pipelines/label_tools/README.md tells how to
open them in every tool.
"""

import dataclasses
import pathlib

from data_pipelines.core import command_line
from data_pipelines.core.problems import Problem, group_alike, refuse
from data_pipelines.core.wording import count, name_some, verb
from data_pipelines.label_tools import choice, folders, formats, sources, writing
from data_pipelines.label_tools.events import some_lines
from data_pipelines.label_tools.media import MediaFolder
from fact_jax.files import atomic_write_text
from fact_jax.types import UserError, nearest


def main(argv=None):
    """Runs the tool; returns 0."""
    arguments = _parse(argv)
    source = pathlib.Path(arguments.source).expanduser()
    output = pathlib.Path(arguments.output).expanduser()
    kind = arguments.what or sources.kind_of(source)
    if kind == "frames" and folders.has_phases(source):
        arguments.videos = arguments.videos or str(source / folders.VIDEOS)
    index_dir = (output if formats.TOOLS[arguments.to].per_video else output.parent) / "video_index"
    videos = MediaFolder(pathlib.Path(arguments.videos).expanduser(), index_dir) if arguments.videos else None
    rules = sources.RowRules(arguments.features, arguments.fps, videos, arguments.time_axis)
    reading = sources.read(source, kind, rules, arguments.background, arguments.with_background)
    name = arguments.name or ("prediction" if kind == "predictions" else "")
    recordings = [_named(one, name) for one in reading.recordings if not arguments.only or one.video in arguments.only]
    problems = _unknown_videos(reading.recordings, arguments.only, source)
    recordings, notes = _chosen(recordings, arguments)
    together = formats.TOOLS[arguments.to].has_tiers
    runs, wrong = choice.choose_tiers(recordings, reading.faults, arguments.tier, str(source), together=together)
    problems += wrong
    # Without a choice there is nothing but its problem.
    recordings = runs.get("", [])
    if arguments.point_width:
        recordings, lines = choice.widen_points(recordings, arguments.point_width)
        notes += lines
    if not formats.TOOLS[arguments.to].has_points:
        problems += choice.point_problems(recordings, f"{formats.TOOLS[arguments.to].title} has no points")
    refuse(str(source), group_alike(problems, source))
    if not any(one.events for one in recordings):
        raise UserError(f"{source} holds no events to export.")
    written = writing.write(recordings, arguments, output, videos)
    there = [str(path) for path in written.files if path.exists()]
    if there and not arguments.overwrite:
        what = f"{count(there, 'file')} {verb(there, 'exist')} already"
        raise UserError(f"{what}: {name_some(there)}. Add --overwrite.")
    for line in some_lines([*reading.notes, *notes, *written.notes]):
        print(f"  {line}")
    with command_line.writing(output):
        for path, text in written.files.items():
            atomic_write_text(path, text)
    total = sum(len(one.events) for one in recordings)
    print(f"{count(total, 'event')} of {count(recordings, 'video')}")
    print(f"wrote {name_some(map(str, written.files), 6)}")
    return 0


def _parse(argv):
    parser = command_line.parser("data_pipelines.export_labels", __doc__, "Exit code: 0 written, 2 not.")
    add = parser.add_argument
    text = "folder of predictions, of label files or of annotations; annotations.json, or segments as plain CSV"
    add("source", help=text)
    add("--to", required=True, choices=tuple(formats.TOOLS), help="the tool")
    text = "file to write; a folder where the tool has a file for every video (ELAN, CVAT, Audacity, WebVTT)"
    add("--output", required=True, metavar="PATH", help=text)
    text = "file of the tool, or folder of such, to which the events are added; it is read, and --output written"
    add("--into", metavar="PATH", help=text)
    text = "what of a folder that holds several (default: what is there)"
    add("--what", choices=("predictions", "annotations", "frames"), help=text)
    text = "tier, subject or observation of events that have none (default: prediction, for predictions)"
    add("--name", help=text)
    add("--tier", "--subject", nargs="+", default=[], metavar="NAME", help="tiers or subjects to export (default: all)")
    add("--only", nargs="+", default=[], metavar="VIDEO", help="names of videos to export (default: all)")
    add("--videos", metavar="FOLDER", help="the video files: their names, lengths, rates and times of frames")
    text = "frames per second by which the tool counts, where they are not those of --videos (Label Studio, CVAT)"
    add("--tool_fps", type=command_line.frame_rate(), default=0.0, metavar="FPS", help=text)
    text = "leave out what is less sure"
    add("--min_confidence", type=command_line.number(0, 1), metavar="SHARE", help=text)
    add("--most", type=int, metavar="NUMBER", help="the surest events of every video, so many")
    text = "seconds that point events last, around their time (default: refused by tools without points)"
    add("--point_width", type=command_line.number(1e-3, 1e6), metavar="SECONDS", help=text)
    text = "label of rows that are no events (default: the one that means background)"
    add("--background", metavar="NAME", help=text)
    add("--with_background", action="store_true", help="background becomes events as well")
    add("--overwrite", action="store_true", help="replace files, and what was exported into --into before")
    group = parser.add_argument_group("times of labels of frames, and of predictions without seconds")
    text = "rows per second, where neither features/VIDEO.json nor the videos' own frames say when rows are"
    group.add_argument("--fps", type=command_line.frame_rate(), default=0.0, help=text)
    text = "feature files with VIDEO.json (default: features/ of the folder, if there is one)"
    group.add_argument("--features", metavar="FOLDER", help=text)
    group.add_argument("--time_axis", choices=("first", "last"), help='"first" for (frames, channels) feature files')
    arguments = parser.parse_args(argv)
    if arguments.most is not None and arguments.most < 1:
        parser.error("--most must be 1 or more")
    counting = formats.FLAGS["--tool_fps"]
    if arguments.tool_fps and arguments.to not in counting:
        parser.error(f"--tool_fps is for {', '.join(counting)}: {arguments.to} has seconds")
    if arguments.into and arguments.to not in writing.GROWING:
        parser.error(f"--into is for {', '.join(writing.GROWING)}: files of {arguments.to} hold nothing else")
    return arguments


def _named(recording, name):
    """The Recording whose events all have a tier, if there is a name for it."""
    events = tuple(dataclasses.replace(event, tier=event.tier or name) for event in recording.events)
    return dataclasses.replace(recording, events=events)


def _unknown_videos(recordings, only, source):
    """Problems of videos that are asked for and not there."""
    there = [one.video for one in recordings]
    unknown = [video for video in only if video not in there]
    hints = {video: nearest(video, there) for video in unknown}
    return [
        Problem(str(source), 0, f"no video {video!r}", f"did you mean {hint!r}?" if hint else "see its files")
        for video, hint in hints.items()
    ]


def _chosen(recordings, arguments):
    """(Recordings without what is too unsure, lines)."""
    kept, left_out = [], 0
    for one in recordings:
        events = [e for e in one.events if e.confidence is None or e.confidence >= (arguments.min_confidence or 0.0)]
        if arguments.most and len(events) > arguments.most:
            events = sorted(events, key=lambda event: -(event.confidence or 0.0))[: arguments.most]
        left_out += len(one.events) - len(events)
        kept.append(dataclasses.replace(one, events=tuple(sorted(events, key=lambda event: event.order))))
    asked = "less sure than --min_confidence, or more than --most"
    notes = [f"{count(left_out, 'event')} left out: {asked}"] * bool(left_out)
    unsure = sum(event.confidence is None for one in recordings for event in one.events)
    if unsure and (arguments.min_confidence or arguments.most):
        told = "--min_confidence keeps them, --most takes them for the least sure"
        notes.append(f"{count(unsure, 'event')} without a confidence: {told}")
    return kept, notes


if __name__ == "__main__":
    command_line.run(main)
