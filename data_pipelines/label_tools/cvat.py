"""CVAT (.xml, "CVAT for video 1.1" and "CVAT for images 1.1"): runs of frames with a tag, a track or an attribute.

CVAT has no time ranges. A label lasts as long as a track of it is there (not outside), or as frames one after another
have its tag; the value of an attribute lasts as long as it stays the same, of the same track. Labels are the tier
"label", every attribute is a tier of its own. Numbers of frames are those of the video, counted from 0 as they decode,
also where a task has a part of it (start_frame) or every N-th frame (frame_filter): what has such a frame lasts to the
next one of the task. Times are those of the video, or number / rate.

Source: "XML annotation format" of CVAT's manual, version 1.1; cvat/apps/dataset_manager/bindings.py, which writes
start_frame + number * step.
"""

import numpy as np
from lxml import etree

from data_pipelines.core.json_files import number_of, whole_of
from data_pipelines.core.wording import count
from data_pipelines.label_tools import timeline
from data_pipelines.label_tools.events import Event, Reading
from data_pipelines.label_tools.frames import frame_of
from data_pipelines.label_tools.media import LENGTH_SLACK, frame_edges, video_name
from data_pipelines.label_tools.xml_files import read_xml

_EXPECTED = "annotations of CVAT, version 1.1 (.xml)"
LABEL, CONFIDENCE = "label", "confidence"
_KIND_HINT = "export the task as CVAT for video 1.1, or CVAT for images 1.1"


def read(path, rules):
    """Reading of a file, see `ReadRules`."""
    reading = Reading(1e-6)
    root, problems = read_xml(path, _EXPECTED)
    reading.tell(problems)
    if problems:
        return reading
    if root.tag != "annotations":
        reading.fault(path, 0, f"the root is {root.tag}", f"expected {_EXPECTED}")
        return reading
    task = next((found for name in ("task", "job") if (found := root.find(f"meta/{name}")) is not None), None)
    if task is None:
        reading.fault(path, 0, "no task in meta (of a project?)", f"{_KIND_HINT}, one task in a file")
        return reading
    media = _media(root, task, path)
    frames = task_frames(task)
    clock = _clock(reading, path, media, frames, rules)
    if clock is None:
        return reading
    runs = [*_track_runs(root, frames), *_tag_runs(root, frames)]
    events = []
    for label, tier, first, last, confidence, line in runs:
        if None in (first, last) or last <= first or first < 0:
            reading.fault(path, line, f"{label!r} has frames {first} to {last}", _KIND_HINT, tier=tier)
            continue
        events.append(Event(clock(first), clock(last), label, tier, confidence, "", f"frames {first}-{last - 1}", line))
    timeline.place(reading, events, [timeline.Piece(video_name(media), 0.0, clock(None), media)], path)
    return reading


def _media(root, task, path):
    """The name of the video's file, or of the task."""
    for place in ("source", "original_source", "name"):
        if text := (task.findtext(place) or root.findtext(f"meta/{place}") or "").strip():
            return text
    return path.stem


def task_frames(task):
    """The frames of the video that a task has, as a range; without an end, of length 0, where it tells no size."""
    start = max(whole_of(task.findtext("start_frame") or "0") or 0, 0)
    step = max(whole_of((task.findtext("frame_filter") or "").partition("step=")[2].strip() or "1") or 1, 1)
    size = max(whole_of((task.findtext("size") or "").strip()) or 0, 0)
    return range(start, start + step * size, step)


def _clock(reading, path, media, frames, rules):
    """A function from a number of a frame of the video to its seconds, from None to those of the video; or None."""
    video = video_name(media)
    if rules.videos:
        videos, problems, _ = rules.videos.open({video: media})
        reading.tell(problems)
        if video not in videos:
            return None
        edges = frame_edges(videos[video])
        length, last = float(edges[-1]), len(edges) - 1
        mean = (length - float(edges[0])) / last
        if frames and (frames[-1] + 1 - last) * mean > LENGTH_SLACK:
            found = f"the task goes to frame {frames[-1]} of {media}; the video has {count(last, 'frame')}"
            reading.fault(path, 0, found, "is this the video that was labelled? Give the right one")
            return None

        def seconds(frame):
            if frame is None or last <= frame < last + frames.step:
                return length
            return float(edges[frame]) if frame < last else length + (frame - last) * mean

        return seconds
    if not rules.tool_fps:
        hint = "give the folder of the videos, --videos, or their rate, --tool_fps"
        reading.fault(path, 0, f"{media} is counted in frames", hint)
        return None
    length = rules.length_of(video)
    return lambda frame: length if frame is None else frame / rules.tool_fps


def _track_runs(root, frames):
    """(label, tier, first frame, frame after the last, confidence, line) of what tracks show."""
    for track in root.iterfind("track"):
        shapes = [shape for shape in track if isinstance(shape.tag, str) and shape.get("frame") is not None]
        shapes = [(whole_of(shape.get("frame")), shape) for shape in shapes]
        shapes = sorted(((frame, shape) for frame, shape in shapes if frame is not None), key=lambda pair: pair[0])
        ends = [frame for frame, _ in shapes[1:]]
        ends += [frames.stop if frames else shapes[-1][0] + frames.step] if shapes else []
        states = []
        for (frame, shape), end in zip(shapes, ends, strict=True):
            values = _attributes(shape) if shape.get("outside", "0") != "1" else None
            states.append((frame, end, values, shape.sourceline))
        yield from _runs_of(track.get("label", ""), states)


def _runs_of(label, states):
    """Runs of one track, or of one tag: states are (first, end, {attribute: value} or None for nothing, line)."""
    running = {}
    for first, end, values, line in states:
        told = number_of((values or {}).get(CONFIDENCE), quoted=True)
        now = {} if values is None else {LABEL: label} | {name: v for name, v in values.items() if name != CONFIDENCE}
        for tier, run in list(running.items()):
            if run[2] != first or now.get(tier) != run[0] or run[3] != told:
                yield (run[0], tier, *run[1:])
                del running[tier]
        for tier, value in now.items():
            if tier in running:
                running[tier][2] = end
            else:
                running[tier] = [value, first, end, told, line]
    for tier, run in running.items():
        yield (run[0], tier, *run[1:])


def _attributes(shape):
    return {
        one.get("name"): (one.text or "").strip() for one in shape.iterfind("attribute") if (one.text or "").strip()
    }


def _tag_runs(root, frames):
    """As `_track_runs`, of tags of images."""
    by_label = {}
    for image in root.iterfind("image"):
        frame = whole_of(image.get("id"))
        for tag in image.iterfind("tag"):
            values = _attributes(tag)
            key = tag.get("label", ""), values.get(CONFIDENCE)
            end = None if frame is None else frame + frames.step
            by_label.setdefault(key, []).append((frame, end, values, tag.sourceline))
    for (label, _), states in by_label.items():
        sound = sorted((state for state in states if state[0] is not None), key=lambda state: state[0])
        yield from _runs_of(label, sound)
        yield from ((label, LABEL, None, None, None, line) for frame, _, _, line in states if frame is None)


def images_document(recording, edges):
    """The root element of "CVAT for images 1.1" with a tag in every frame of every event of a Recording.

    `edges` are float64 [N + 1] seconds of the N frames. Returns (root, number of events shorter than a frame, which get
    the one they begin in).
    """
    spans, short = _spans(recording.events, edges)
    root = etree.Element("annotations")
    etree.SubElement(root, "version").text = "1.1"
    task = etree.SubElement(etree.SubElement(root, "meta"), "task")
    for name, text in (("name", recording.video), ("size", str(len(edges) - 1)), ("mode", "interpolation")):
        etree.SubElement(task, name).text = text
    etree.SubElement(task, "start_frame").text = "0"
    etree.SubElement(task, "source").text = recording.media or recording.video
    labels = etree.SubElement(task, "labels")
    has_confidence = any(event.confidence is not None for event in recording.events)
    for name in sorted({event.label for event in recording.events}):
        label = etree.SubElement(labels, "label")
        etree.SubElement(label, "name").text = name
        etree.SubElement(label, "type").text = "tag"
        if has_confidence:
            attribute = etree.SubElement(etree.SubElement(label, "attributes"), "attribute")
            fields = (("name", CONFIDENCE), ("mutable", "True"), ("input_type", "text"), ("default_value", ""))
            for field, text in (*fields, ("values", "")):
                etree.SubElement(attribute, field).text = text
    by_frame = {}
    for event, (first, last) in spans:
        for frame in range(first, last):
            by_frame.setdefault(frame, []).append(event)
    for frame, events in sorted(by_frame.items()):
        image = etree.SubElement(root, "image", id=str(frame), name=f"frame_{frame:06d}")
        for event in events:
            tag = etree.SubElement(
                image, "tag", label=event.label, source="manual" if event.confidence is None else "auto"
            )
            if event.confidence is not None:
                etree.SubElement(tag, "attribute", name=CONFIDENCE).text = repr(event.confidence)
    return root, short


def add_tracks(root, recording, edges):
    """Adds the events of a Recording to "CVAT for video 1.1": a track over the whole picture for each.

    Its label is the event's, with "TIER: " before it, so that nothing is mixed with tracks of others. Tracks begin and
    end at frames of the task. Returns (labels that the task needs, number of events shorter than a frame, number of
    those outside of the task's part of the video, which are left out); `edges` are those of the whole video. UserError
    is left to the caller where there is no size of pictures.
    """
    frames = task_frames(root.find("meta/task") if root.find("meta/task") is not None else root.find("meta/job"))
    frames = frames or range(frames.start, len(edges) - 1, frames.step)
    frames = range(frames.start, min(frames.stop, len(edges) - 1), frames.step)
    at = [*(edges[frame] for frame in frames), edges[min(frames[-1] + frames.step, len(edges) - 1)]] if frames else []
    inside = [event for event in recording.events if at and event.start < at[-1] and event.end > at[0]]
    spans, short = _spans(inside, np.asarray(at))
    size = root.find("meta//original_size")
    width, height = (size.findtext(name) for name in ("width", "height"))
    last = max(
        (int(track.get("id")) for track in root.iterfind("track") if (track.get("id") or "").isdigit()), default=-1
    )
    names = {}
    for number, (event, (first, end)) in enumerate(spans, last + 1):
        name = names.setdefault(event, f"{event.tier}: {event.label}" if event.tier else event.label)
        track = etree.SubElement(root, "track", id=str(number), label=name, source="auto")
        boxes = [(frames[first], "0"), *([(frames[end], "1")] if end < len(frames) else [])]
        for frame, outside in boxes:
            box = etree.SubElement(track, "box", frame=str(frame), keyframe="1", outside=outside, occluded="0")
            for corner, value in (("xtl", "0"), ("ytl", "0"), ("xbr", width), ("ybr", height)):
                box.set(corner, value)
            box.set("z_order", "0")
            if event.confidence is not None:
                etree.SubElement(box, "attribute", name=CONFIDENCE).text = repr(event.confidence)
    return sorted(set(names.values())), short, len(recording.events) - len(inside)


def _spans(events, edges):
    """([(event, (first frame, frame after the last))], how many are shorter than a frame)."""
    spans, short = [], 0
    for event in events:
        first, last = (int(frame_of(seconds, edges, 1e-6)) for seconds in (event.start, event.end))
        first = min(first, len(edges) - 2)
        short += last <= first
        spans.append((event, (first, max(last, first + 1))))
    return spans, short


def lost_text(short):
    """A line about events shorter than a frame, or ""."""
    return f"{count(short, 'event')} shorter than a frame: they get one" if short else ""
