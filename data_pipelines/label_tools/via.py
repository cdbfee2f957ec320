"""Projects of the VGG Image Annotator, version 3 (.json): segments and points of videos.

`metadata` has an entry for every region: z are its seconds, one of a point, two of a segment, and av the values of
attributes. An attribute of which segments or points have values is a tier; the value of an attribute with options is
the number of an option. Regions in pictures (xy) are no events. Times are as the browser has them.

Source: VIA 3.0.11, _via_project.js, _via_metadata.js and _via_temporal_segmenter.js; data format 3.1.1.
"""

import json

from data_pipelines.core.json_files import number_of, read_json
from data_pipelines.core.problems import Problem
from data_pipelines.core.wording import count
from data_pipelines.label_tools import timeline
from data_pipelines.label_tools.choice import tiers_of
from data_pipelines.label_tools.events import Event, Reading
from data_pipelines.label_tools.media import file_name, video_name

RESOLUTION = 1e-5
CONFIDENCE = "confidence"
_EXPECTED = "a project of VIA 3 (.json)"
_TEXT, _SELECT = 1, 4
_VIDEO_FILE = 4
# Where a file is: chosen by the user, at an address, at a path.
_CHOSEN, _ADDRESS, _PATH = 1, 2, 3
_SEGMENT, _POINT = "FILE1_Z2_XY0", "FILE1_Z1_XY0"


def is_project(content):
    """Whether JSON content is a project."""
    keys = {"metadata", "attribute", "file", "view"}
    if not isinstance(content, dict) or not all(isinstance(content.get(key), dict) for key in keys):
        return False
    return all(isinstance(value, dict) for key in keys for value in content[key].values())


def read(path, rules):
    """Reading of a project, see `ReadRules`."""
    reading = Reading(RESOLUTION)
    content, problems = read_json(path, _EXPECTED)
    reading.tell(problems)
    if not problems and not is_project(content):
        reading.fault(path, 0, "no file, view, attribute and metadata", f"expected {_EXPECTED}")
    if reading.faults:
        return reading
    views = {view: found for view in content["view"] if (found := _media_of(content, view, rules))}
    events, spatial, whole = {view: [] for view in views}, 0, 0
    for name, region in content["metadata"].items():
        if not isinstance(region, dict) or str(region.get("vid")) not in views:
            reading.fault(path, 0, f"the region {name!r} is of no file", "open and save the project in VIA")
        elif region.get("xy"):
            spatial += 1
        elif not region.get("z"):
            whole += 1
        else:
            events[str(region["vid"])] += _events(reading, path, name, region, content["attribute"])
    if whole:
        reading.notes.append(f"{path}: {count(whole, 'remark')} on whole files, which are no events")
    if spatial:
        reading.notes.append(f"{path}: {count(spatial, 'region')} in pictures, which are no events")
    for view, media in views.items():
        video = video_name(media)
        piece = timeline.Piece(video, 0.0, rules.length_of(video), media)
        timeline.place(reading, events[view], [piece], path)
    return reading


def _media_of(content, view, rules):
    """The name of the video of a view, or "" of one of images."""
    listed = content["view"][view].get("fid_list")
    files = [content["file"].get(str(number)) for number in (listed if isinstance(listed, list) else ())]
    files = [one for one in files if isinstance(one, dict) and one.get("type") != 2]
    if not files:
        return ""
    chosen = files[min(max(rules.media, 1), len(files)) - 1]
    return str(chosen.get("src") or chosen.get("fname"))


def _events(reading, path, name, region, attributes):
    """The Events of a region: one for every attribute that has a value."""
    times = [number_of(value) for value in region["z"]] if isinstance(region["z"], list) else [None]
    if None in times or len(times) > 2:
        found = f"the region {name!r} is at {region['z']!r}"
        reading.fault(path, 0, found, "expected one or two seconds: correct it in VIA")
        return []
    values = region.get("av") if isinstance(region.get("av"), dict) else {}
    texts = {}
    for number, value in values.items():
        attribute = attributes.get(number)
        if not isinstance(attribute, dict):
            reading.fault(path, 0, f"the region {name!r} has the attribute {number}", "which the project does not have")
            continue
        options = attribute.get("options") or {}
        if not isinstance(options, dict):
            found = f"the attribute {number} has the options {options!r}"
            reading.fault(path, 0, found, "expected {number: text}: open and save the project in VIA")
            continue
        chosen = [part for part in str(value).split(",") if part] if attribute.get("type") == 2 else [str(value)]
        unknown = [part for part in chosen if options and part and part not in options]
        if unknown and attribute.get("type") != _TEXT:
            found = f"the region {name!r} has {unknown[0]!r} for {attribute.get('aname')!r}"
            reading.fault(path, 0, found, f"expected one of {', '.join(options)}")
            continue
        texts[str(attribute.get("aname"))] = [str(options.get(part, part)) for part in chosen if part]
    confidence = number_of(next(iter(texts.pop(CONFIDENCE, [])), None), quoted=True)
    named = {tier: found for tier, found in texts.items() if found} or {"": [""]}
    place = f"region {name!r}"
    ends = times[0], times[-1]
    if len(times) == 2 and times[0] == times[1]:
        reading.fault(path, 0, f"{place} has no length, at {times[0]:g} s", "drag it open in VIA, or delete it")
        return []
    return [Event(*ends, label, tier, confidence, "", place) for tier, found in named.items() for label in found]


def new_project(name):
    """The content of a project without files."""
    config = {"file": {"loc_prefix": {"1": "", "2": "", "3": "", "4": ""}}, "ui": {"file_content_align": "center"}}
    about = {
        "pid": "__VIA_PROJECT_ID__",
        "rev": "__VIA_PROJECT_REV_ID__",
        "rev_timestamp": "__VIA_PROJECT_REV_TIMESTAMP__",
    }
    about |= {"pname": name, "creator": "data_pipelines.export_labels", "data_format_version": "3.1.1", "vid_list": []}
    return {"project": about, "config": config, "attribute": {}, "file": {}, "view": {}, "metadata": {}}


def add_regions(project, recordings, path):
    """Adds the events of Recordings to the content of a project, each tier as an attribute; returns Problems.

    With Problems nothing is added: an attribute of this name exists.
    """
    names = {one.get("aname") for one in project["attribute"].values()}
    tiers = [tier or "label" for tier in tiers_of(recordings)]
    if there := [tier for tier in tiers if tier in names]:
        return [
            Problem(str(path), 0, f"the attribute {tier!r} exists already", "choose another --name") for tier in there
        ]
    options, numbers = {}, {}
    for tier, name in zip(tiers_of(recordings), tiers, strict=True):
        events = [event for one in recordings for event in one.events if event.tier == tier]
        labels = sorted({event.label for event in events})
        options[tier] = {label: str(number) for number, label in enumerate(labels, 1)}
        kind = _POINT if all(event.is_point for event in events) else _SEGMENT
        chosen = {number: label for label, number in options[tier].items()}
        numbers[tier] = _add_attribute(project, name, kind, _SELECT, chosen)
    told = any(event.confidence is not None for one in recordings for event in one.events)
    known = next((number for number, one in project["attribute"].items() if one.get("aname") == CONFIDENCE), None)
    confidence = (known or _add_attribute(project, CONFIDENCE, _SEGMENT, _TEXT, {})) if told else None
    for one in recordings:
        view = _view_of(project, one)
        for number, event in enumerate(one.events):
            values = {numbers[event.tier]: options[event.tier][event.label]}
            if event.confidence is not None:
                values[confidence] = repr(event.confidence)
            times = [event.start] if event.is_point else [event.start, event.end]
            name = _free(project["metadata"], f"{view}_{numbers[event.tier]}{number:06d}")
            project["metadata"][name] = {"vid": view, "flg": 0, "z": times, "xy": [], "av": values}
    return []


def _add_attribute(project, name, anchor, kind, options):
    number = _next(project["attribute"])
    project["attribute"][number] = {
        "aname": name,
        "anchor_id": anchor,
        "type": kind,
        "desc": "",
        "options": options,
        "default_option_id": "",
    }
    return number


def _view_of(project, recording):
    """The number of the view of a video, which is added where there is none."""
    for number, view in project["view"].items():
        files = [project["file"].get(str(one), {}) for one in view.get("fid_list") or ()]
        if any(video_name(str(one.get("src") or one.get("fname"))) == recording.video for one in files):
            return number
    number, media = _next(project["file"]), recording.media or recording.video
    place = _ADDRESS if media.startswith("http") else _PATH if file_name(media) != media else _CHOSEN
    file = {"fid": number, "fname": file_name(media), "type": _VIDEO_FILE, "loc": place, "src": media}
    project["file"][number] = file
    view = _next(project["view"])
    project["view"][view] = {"fid_list": [number]}
    project.setdefault("project", {}).setdefault("vid_list", []).append(view)
    return view


def _next(numbered):
    return str(max((int(name) for name in numbered if name.isdigit()), default=0) + 1)


def _free(taken, name):
    while name in taken:
        name += "_"
    return name


def project_text(project):
    """The text of a project."""
    return json.dumps(project, ensure_ascii=False) + "\n"
