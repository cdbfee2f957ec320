"""Label Studio (.json): tasks with timeline labels of videos, labels of sound, and labels of time series.

A region of <TimelineLabels> counts frames from 1, its last one included; a frame lasts 1 / frameRate of the <Video>
tag, which the file does not hold. Regions of <Labels> at <Audio> are seconds, those of <TimeSeriesLabels> values of the
time column: seconds, or numbers of samples where their rate is given. The name of the control tag is the tier.

Source: control_tags.py of label-studio-sdk 2.1.2, and the pages of the tags.
"""

import json
import re
from xml.sax.saxutils import quoteattr

from data_pipelines.core.json_files import number_of, read_json
from data_pipelines.core.problems import Problem
from data_pipelines.core.wording import count, verb
from data_pipelines.label_tools import timeline
from data_pipelines.label_tools.events import Event, Reading, tidy
from data_pipelines.label_tools.media import file_name, video_name

_EXPECTED = "tasks that Label Studio exported as JSON"
_FRAMES, _SERIES, _SOUND = "timelinelabels", "timeserieslabels", "labels"
# What Label Studio puts before the name of an uploaded file.
_UPLOADED = re.compile(r"\A[0-9a-f]{8}-")
_NEED_RATE = "say which frameRate the <Video> tag of the project has: --tool_fps (24 where it has none)"


def is_export(content):
    """Whether JSON content is a list of tasks."""
    return isinstance(content, list) and bool(content) and all(_is_task(task) for task in content)


def _is_task(task):
    if not isinstance(task, dict) or not isinstance(task.get("data"), dict):
        return False
    return all(isinstance(task.get(name) or [], list) for name in ("annotations", "predictions"))


def read(path, rules):
    """Reading of an export, see `ReadRules`."""
    reading = Reading(1e-6)
    content, problems = read_json(path, _EXPECTED)
    reading.tell(problems)
    if not problems and not is_export(content):
        hint = "expected " + _EXPECTED + ": JSON, not JSON-MIN"
        reading.fault(path, 0, "no list of tasks with data and annotations", hint)
    if reading.faults:
        return reading
    others = {}
    for number, task in enumerate(content, 1):
        _read_task(reading, path, number, task, rules, others)
    for kind, times in sorted(others.items()):
        reading.notes.append(
            f"{path}: {count(times, 'region')} of type {kind!r} {verb(times, 'are')} not read: of no times"
        )
    return reading


def media_of(task):
    """The name of the video, sound or table of a task, as it was called before it was uploaded; "" for none."""
    values = {name: value for name, value in task["data"].items() if isinstance(value, str)}
    wanted = ("video", "video_url", "audio", "audio_url", "csv", "ts", "timeseries", "url")
    value = next((values[name] for name in wanted if values.get(name)), "")
    value = value or next((text for text in values.values() if re.search(r"\.\w{2,4}\Z", text)), "")
    value = task.get("file_upload") or value.partition("?d=")[2] or value
    return _UPLOADED.sub("", file_name(value)) if value else ""


def _read_task(reading, path, number, task, rules, others):
    place = f"task {task.get('id', number)}"
    media = media_of(task)
    if not media:
        reading.fault(path, 0, f"{place} has no video", 'expected "data": {"video": ...}')
        return
    annotations = [one for one in task.get("annotations") or [] if isinstance(one, dict)]
    annotations = [one for one in annotations if not one.get("was_cancelled")]
    if rules.observations:
        annotations = [one for one in annotations if str(one.get("id")) in rules.observations]
    if not annotations:
        guesses = len(task.get("predictions") or [])
        told = f", and {count(guesses, 'prediction')}: submit one in Label Studio to make it an annotation" * bool(
            guesses
        )
        reading.notes.append(f"{path}: {place} ({media}) has no annotation{told}")
    for annotation in annotations:
        name = str(annotation.get("id", "")) if len(annotations) > 1 else ""
        events = []
        regions = annotation.get("result") or []
        if not isinstance(regions, list):
            reading.fault(path, 0, f"{place} has a result that is no list", "export it again as JSON")
            continue
        for region in regions:
            kind = region.get("type") if isinstance(region, dict) else None
            if kind in (_FRAMES, _SERIES, _SOUND):
                events += _events(reading, path, place, region, rules)
            else:
                others[str(kind)] = others.get(str(kind), 0) + 1
        # Of a time series the file is a table.
        video = re.sub(r"\.[ct]sv\Z", "", video_name(media))
        piece = timeline.Piece(video, 0.0, rules.length_of(video), media)
        timeline.place(reading, events, [piece], path, name)


def _events(reading, path, place, region, rules):
    """Events of a region, one for each range and label."""
    value, tier = region.get("value"), str(region.get("from_name") or "")
    where = f"{place}, region {region.get('id')}"
    labels = value.get(region["type"]) if isinstance(value, dict) else None
    ranges = value.get("ranges") if region["type"] == _FRAMES and isinstance(value, dict) else [value]
    if not isinstance(labels, list) or not isinstance(ranges, list):
        reading.fault(path, 0, f"{where} has no {region['type']}", "export it again as JSON", tier=tier)
        return []
    events = []
    for span in ranges:
        start, end = (number_of(span.get(name)) if isinstance(span, dict) else None for name in ("start", "end"))
        if start is None or end is None:
            reading.fault(path, 0, f"{where} is at {span!r}", "expected numbers for start and end", tier=tier)
            continue
        if region["type"] == _FRAMES:
            if not rules.tool_fps:
                reading.fault(path, 0, f"{where} counts frames", _NEED_RATE)
                return []
            start, end = (start - 1) / rules.tool_fps, end / rules.tool_fps
        elif region["type"] == _SERIES and rules.tool_fps:
            start, end = start / rules.tool_fps, end / rules.tool_fps
        if start == end and not (region["type"] == _SERIES and value.get("instant")):
            reading.fault(path, 0, f"{where} has no length, at {start:g} s", "drag it open, or delete it", tier=tier)
            continue
        told = number_of(region.get("score"))
        events += [Event(tidy(start), tidy(end), str(label), tier, told, "", where) for label in labels or [""]]
    return events


def add_tasks(tasks, recordings, rate, path):
    """Adds the events of Recordings to a list of tasks as predictions, or as annotations where none has a confidence.

    Tasks of their videos get them; others are added. Returns Problems; with some nothing is added.
    """
    by_video = {}
    for task in tasks:
        by_video.setdefault(video_name(media_of(task)) if media_of(task) else "", []).append(task)
    problems = [
        Problem(str(path), 0, f"{count(by_video[one.video], 'task')} of the video {one.video!r}", "expected one")
        for one in recordings
        if len(by_video.get(one.video, ())) > 1
    ]
    for one in recordings:
        for task in by_video.get(one.video, ()):
            names = {made.get("model_version") for made in task.get("predictions") or [] if isinstance(made, dict)}
            if _model(one) in names:
                found = f"the task of {one.video!r} has predictions of {_model(one)!r} already"
                problems.append(Problem(str(path), 0, found, "choose another --name, or give tasks without them"))
    if problems:
        return problems
    for one in recordings:
        if one.video not in by_video:
            tasks.append({"data": {"video": one.media or one.video}})
            by_video[one.video] = tasks[-1:]
        task = by_video[one.video][0]
        regions = [_region(event, number, rate) for number, event in enumerate(one.events, 1)]
        told = [event.confidence for event in one.events if event.confidence is not None]
        if told:
            made = {"model_version": _model(one), "score": sum(told) / len(told), "result": regions}
            task.setdefault("predictions", []).append(made)
        else:
            task.setdefault("annotations", []).append({"result": regions})
    return []


def _model(recording):
    """What the predictions of a Recording are called."""
    return next((event.tier for event in recording.events if event.tier), "label")


def _region(event, number, rate):
    """A region of <TimelineLabels> of an event: the frames of its rounded times, one at least."""
    start = round(event.start * rate)
    end = max(round(event.end * rate), start + 1)
    region = {
        "id": f"fact{number:06d}",
        "type": _FRAMES,
        "from_name": event.tier or "label",
        "to_name": "video",
        "value": {"ranges": [{"start": start + 1, "end": end}], _FRAMES: [event.label]},
    }
    return region if event.confidence is None else region | {"score": event.confidence}


def export_text(tasks):
    """The text of a list of tasks."""
    return json.dumps(tasks, indent=1, ensure_ascii=False) + "\n"


def labelling_config(recordings, rate):
    """The labelling interface that shows exported tasks: a <TimelineLabels> for every tier."""
    tiers = {}
    for one in recordings:
        for event in one.events:
            tiers.setdefault(event.tier or "label", set()).add(event.label)
    lines = ["<View>", f'  <Video name="video" value="$video" frameRate="{rate:g}"/>']
    for tier, labels in sorted(tiers.items()):
        lines.append(f'  <TimelineLabels name={quoteattr(tier)} toName="video">')
        lines += [f"    <Label value={quoteattr(label)}/>" for label in sorted(labels)]
        lines.append("  </TimelineLabels>")
    return "\n".join([*lines, "</View>"]) + "\n"
