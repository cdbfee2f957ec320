"""Files of annotation tools from Recordings: new ones, and what users have with more in it."""

import dataclasses
import pathlib

import numpy as np

from data_pipelines.core.json_files import read_json
from data_pipelines.core.problems import Problem, refuse
from data_pipelines.core.wording import count, name_some, verb
from data_pipelines.label_tools import (
    audacity,
    boris,
    boris_tables,
    boris_writing,
    cvat,
    elan,
    elan_writing,
    formats,
    label_studio,
    plain_csv,
    via,
    webvtt,
)
from data_pipelines.label_tools.media import file_name, frame_edges, video_name
from data_pipelines.label_tools.xml_files import read_xml, xml_text
from data_pipelines.video.frame_times import is_variable
from fact_jax.files import safe_name
from fact_jax.types import UserError

# Tools whose files hold more than our events.
GROWING = ("elan", "boris", "via", "label_studio", "cvat")


@dataclasses.dataclass(frozen=True)
class Written:
    """Texts by path, and lines for the user."""

    files: dict
    notes: list


def write(recordings, arguments, output, videos):
    """Written of Recordings for a tool; UserError names all that cannot be.

    Args:
      recordings: list of Recording.
      arguments: options of the command, see `export_labels`.
      output: path of the file, or of the folder where every video has one.
      videos: a MediaFolder, or None.
    """
    tool, notes = arguments.to, []
    if videos:
        recordings, notes = _with_media(recordings, videos)
    lost = _not_kept(recordings, tool)
    notes += [f"{formats.TOOLS[tool].title} does not keep: {', '.join(lost)}"] if lost else []
    makers = {
        "elan": _elan,
        "boris": _boris,
        "boris_tabular": _table,
        "boris_aggregated": _table,
        "via": _via,
        "label_studio": _label_studio,
        "cvat": _cvat,
        "audacity": _texts,
        "webvtt": _texts,
        "csv": _csv,
    }
    files, lines = makers[tool](recordings, arguments, output, videos)
    return Written(files, notes + lines)


def _with_media(recordings, videos):
    """(Recordings with the paths, lengths and rates of their videos, lines)."""
    opened, problems, notes = videos.open({one.video: one.media for one in recordings})
    refuse("the videos", problems)
    found = []
    for one in recordings:
        video = opened[one.video]
        index = getattr(video, "index", None)
        fps = 0.0 if index is None or is_variable(index.pts) else round(float(video.rate), 6)
        duration = round(float(frame_edges(video)[-1]), 6)
        media = str(pathlib.Path(video.path).resolve())
        found.append(dataclasses.replace(one, media=media, duration=duration, fps=fps))
    return found, notes


def _not_kept(recordings, tool):
    """What of these events a file of a tool does not hold."""
    events = [event for one in recordings for event in one.events]
    lost = []
    if tool not in ("boris", "boris_tabular", "boris_aggregated") and any(event.modifiers for event in events):
        lost.append("modifiers of BORIS")
    if tool in ("audacity", "cvat") and any(event.tier for event in events):
        lost.append("the name of the tier")
    return lost


def _paths(recordings, output, suffix):
    """{Recording: path of its file}: in a folder, or that of the only one."""
    if output.suffix == suffix:
        if len(recordings) > 1:
            raise UserError(f"--output is {output}, expected a folder: each of {len(recordings)} videos gets a file.")
        return {recordings[0]: output}
    return {one: output / f"{safe_name(one.video)}{suffix}" for one in recordings}


def _file(output, suffix):
    """The path of a single file; UserError where its name has another ending."""
    if not output.name.endswith(suffix):
        raise UserError(f"--output is {output}, expected a file that ends in {suffix}.")
    return output


def _texts(recordings, arguments, output, videos):
    del videos
    tool = {"audacity": audacity, "webvtt": webvtt}[arguments.to]
    paths = _paths(recordings, output, formats.TOOLS[arguments.to].suffix)
    # Only the name of such a file says of which video it is.
    others = [f"{path.name} ({one.video})" for one, path in paths.items() if path.stem != one.video]
    told = f"{count(others, 'file')} {verb(others, 'are')} not called as the video: {name_some(others)}"
    notes = [f"{told}; rename the video, or correct the file before it is imported"] if others else []
    return {path: tool.write(one) for one, path in paths.items()}, notes


def _csv(recordings, arguments, output, videos):
    del arguments, videos
    return {_file(output, ".csv"): plain_csv.write(recordings)}, []


def _table(recordings, arguments, output, videos):
    del videos
    if output.suffix not in (".csv", ".tsv"):
        raise UserError(f"--output is {output}, expected a file that ends in .csv or .tsv.")
    delimiter = "\t" if output.suffix == ".tsv" else ","
    return {output: boris_tables.write(recordings, arguments.to.removeprefix("boris_"), delimiter)}, []


def _boris(recordings, arguments, output, videos):
    del videos
    path = _file(output, ".boris")
    project = boris_writing.new_project(path.stem)
    suffix = ""
    if arguments.into:
        project = _content(arguments.into, boris.why_no_project, "of BORIS")
        suffix = f" ({arguments.name or 'prediction'})"
    into = arguments.into or path
    unknown = [one for one in recordings if not boris_writing.media_of(project, one)[0]]
    problems = boris_writing.add_observations(project, recordings, into, suffix=suffix, overwrite=arguments.overwrite)
    refuse(str(into), problems)
    return {path: boris_writing.project_text(project)}, _unknown_media(unknown)


def _via(recordings, arguments, output, videos):
    del videos
    path = _file(output, ".json")
    project = via.new_project(path.stem)
    if arguments.into:
        project = _content(arguments.into, lambda content: "" if via.is_project(content) else "no regions", "of VIA 3")
    refuse(str(arguments.into or path), via.add_regions(project, recordings, arguments.into or path))
    unknown = [] if arguments.into else recordings
    return {path: via.project_text(project)}, _unknown_media(unknown)


def _label_studio(recordings, arguments, output, videos):
    del videos
    path = _file(output, ".json")
    tasks = []
    if arguments.into:
        tasks = _content(arguments.into, lambda c: "" if label_studio.is_export(c) else "no tasks", "of Label Studio")
    rates = {arguments.tool_fps} if arguments.tool_fps else {one.fps for one in recordings}
    if len(rates) > 1 or not min(rates):
        told = name_some([f"{rate:g}" for rate in sorted(rates) if rate]) or "none is known"
        raise UserError(
            f"Label Studio counts frames of one rate for all videos of a project, and theirs are {told}. Give the "
            "frameRate of its <Video> tag, --tool_fps, or videos of one constant rate, --videos."
        )
    rate = rates.pop()
    refuse(str(path), label_studio.add_tasks(tasks, recordings, rate, arguments.into or path))
    config = path.with_name(f"{path.stem}.labelling.xml")
    files = {path: label_studio.export_text(tasks), config: label_studio.labelling_config(recordings, rate)}
    return files, [f"times are those of {rate:g} frames a second; {config.name} is the labelling interface for them"]


def _cvat(recordings, arguments, output, videos):
    files, notes, short, problems = {}, [], 0, []
    paths = _paths(recordings, output, ".xml")
    roots = _existing(arguments.into, ".xml", _cvat_video) if arguments.into else {}
    for one, path in paths.items():
        edges = _edges(one, arguments, videos)
        if edges is None:
            found = f"CVAT counts the frames of {one.video!r}"
            problems.append(Problem(one.path, 0, found, "give their folder, --videos, or their rate, --tool_fps"))
            continue
        if not arguments.into:
            root, lost = cvat.images_document(one, edges)
        elif one.video not in roots:
            problems.append(_none_into(arguments.into, one, roots))
            continue
        elif roots[one.video].find("meta//original_size") is None:
            found, expected = "no size of the pictures", "export the task as CVAT for video 1.1"
            problems.append(Problem(str(arguments.into), 0, found, expected))
            continue
        else:
            root = roots[one.video]
            labels, lost, outside = cvat.add_tracks(root, one, edges)
            if outside:
                told = f"{one.video}: {count(outside, 'event')} outside of the frames that the task has"
                notes.append(f"{told}: left out")
            notes.append(f"{one.video}: add these labels to the task in CVAT first: {name_some(labels, 30)}")
        short += lost
        files[path] = xml_text(root)
    refuse("the labels", problems)
    return files, notes + [text for text in [cvat.lost_text(short)] if text]


def _edges(recording, arguments, videos):
    """float64 [N + 1] seconds between frames, or None where nobody tells them."""
    if videos:
        return frame_edges(videos.open({recording.video: recording.media})[0][recording.video])
    if not arguments.tool_fps:
        return None
    end = recording.duration or max((event.end for event in recording.events), default=0.0)
    return np.arange(max(int(np.ceil(round(end * arguments.tool_fps, 6))), 1) + 1) / arguments.tool_fps


def _elan(recordings, arguments, output, videos):
    del videos
    files, problems = {}, []
    paths = _paths(recordings, output, ".eaf")
    roots = _existing(arguments.into, ".eaf", _elan_video) if arguments.into else {}
    for one, path in paths.items():
        root, origin = elan_writing.new_document(one.media), 0
        if arguments.into:
            if one.video not in roots:
                problems.append(_none_into(arguments.into, one, roots))
                continue
            root = roots[one.video]
            found = elan.videos_of(root.find("HEADER"))
            origin = int(found[0].get("TIME_ORIGIN", "0")) if found else 0
            if early := [event for event in one.events if round(event.start * 1000) < origin]:
                what = f"{count(early, 'event')} of {one.video!r} before the document begins, at {origin / 1000:g} s"
                problems.append(Problem(str(arguments.into), 0, what, "ELAN cannot show them: leave them out"))
                continue
        there = elan_writing.add_tiers(root, one, origin)
        expected = "choose another --name, or give the document without it"
        problems += [Problem(str(arguments.into), 0, f"the tier {tier!r} exists already", expected) for tier in there]
        files[path] = xml_text(root)
    refuse("the labels", problems)
    return files, _unknown_media(recordings) if not arguments.into else []


def _existing(into, suffix, video_of):
    """{video: root element} of the files that --into names."""
    into = pathlib.Path(into).expanduser()
    paths = sorted(into.glob(f"*{suffix}")) + sorted(into.glob(f"*{suffix}.gz")) if into.is_dir() else [into]
    if not paths:
        raise UserError(f"--into is {into}, which holds no {suffix} file.")
    roots, problems = {}, []
    for path in paths:
        root, wrong = read_xml(path, f"a {suffix} file")
        problems += wrong
        if wrong:
            continue
        for name in {video_of(root, path), video_name(path.name.removesuffix(".gz").removesuffix(suffix))}:
            roots.setdefault(name, root)
    refuse("--into", problems)
    return roots


def _elan_video(root, path):
    header = root.find("HEADER")
    if root.tag != "ANNOTATION_DOCUMENT" or header is None or root.find("TIME_ORDER") is None:
        raise UserError(f"{path}: expected a document of ELAN.")
    found = elan.videos_of(header)
    return video_name(elan.media_of(found[0])) if found else path.name.removesuffix(".gz").removesuffix(".eaf")


def _cvat_video(root, path):
    return video_name((root.findtext("meta//source") or root.findtext("meta//name") or path.stem).strip())


def _none_into(into, recording, roots):
    return Problem(str(into), 0, f"no file of the video {recording.video!r}", f"there are {name_some(roots, 8)}")


def _content(path, why_not, expected):
    """The content of a JSON file; UserError where it is not what is expected."""
    content, problems = read_json(pathlib.Path(path).expanduser(), f"a file {expected}")
    refuse(str(path), problems)
    if why := why_not(content):
        raise UserError(f"{path}: {why}; expected a file {expected}.")
    return content


def _unknown_media(recordings):
    """A line about videos whose files nobody knows."""
    without = [one.video for one in recordings if file_name(one.media) in ("", one.video)]
    if not without:
        return []
    return [f"the file of {count(without, 'video')} is not known, {name_some(without)}: --videos FOLDER tells it"]
