"""Subtitles and chapters in WebVTT (.vtt): a cue is an event, its text the label, its voice (<v NAME>) the tier.

The file is called as its video. Times have milliseconds, and a cue ends later than it starts: there are no points.
A confidence stands behind the label, in a span of its own: <c.confidence>0.93</c>.

Source: WebVTT, W3C Candidate Recommendation of 4 April 2019.
"""

import re

from data_pipelines.core.text_files import quote, read_lines
from data_pipelines.label_tools import timeline
from data_pipelines.label_tools.events import Event, Reading
from data_pipelines.label_tools.media import video_name

RESOLUTION = 1e-3
_TIME = re.compile(r"(?:(\d{2,}):)?([0-5]\d):([0-5]\d)\.(\d{3})")
_VOICE = re.compile(r"<v(?:\.[^\s>]*)?[ \t]+([^>]*)>")
_CONFIDENCE = re.compile(r"\s*<c\.confidence>([^<]*)</c>")
_TAG = re.compile(r"<[^>]*>")
_NAMED = {"&amp;": "&", "&lt;": "<", "&gt;": ">", "&nbsp;": "\u00a0", "&lrm;": "", "&rlm;": ""}


def read(path, rules):
    """Reading of a file, see `ReadRules`."""
    reading = Reading(RESOLUTION)
    lines, problems = read_lines(path)
    reading.tell(problems)
    if lines and not re.fullmatch(r"WEBVTT(?:[ \t].*)?", lines[0]):
        reading.fault(path, 1, quote(lines[0]), "expected WEBVTT in the first line")
        lines = []
    events = []
    for number, block in _blocks(lines):
        first = next((place for place, line in enumerate(block[:2]) if "-->" in line), None)
        if first is None:
            continue  # NOTE, STYLE, REGION
        event = _event(block[first], block[first + 1 :], number + first)
        if isinstance(event, str):
            expected = "expected two times such as 00:01:02.500 --> 00:01:04.000"
            reading.fault(path, number + first, event, expected)
        else:
            events.append(event)
            if event.is_point:
                reading.fault(path, event.line, f"{event.text} has no length", "a cue ends later than it starts")
    name = video_name(path.stem)
    timeline.place(reading, events, [timeline.Piece(name, 0.0, rules.length_of(name))], path)
    return reading


def _blocks(lines):
    """(number of its first line, lines) of what stands between blank lines, behind the header."""
    start = next((number for number, line in enumerate(lines) if not line), len(lines))
    block, first = [], start + 1
    for number, line in enumerate([*lines[start:], ""], start + 1):
        if line:
            first = number if not block else first
            block.append(line)
        elif block:
            yield first, block
            block = []


def _event(timing, payload, number):
    """Event of a cue, or what is wrong with its line of times."""
    start, _, rest = timing.partition("-->")
    times = [_TIME.fullmatch(text) for text in (start.strip(), (rest.split() or [""])[0])]
    if None in times:
        return quote(timing)
    seconds = [
        int(hours or 0) * 3600 + int(minutes) * 60 + int(whole) + int(rest) / 1000
        for hours, minutes, whole, rest in (found.groups() for found in times)
    ]
    text = " ".join(payload)
    voice, told = _VOICE.search(text), _CONFIDENCE.search(text)
    label = _plain(_TAG.sub("", _CONFIDENCE.sub("", text)))
    confidence = float(told[1]) if told and re.fullmatch(r"\d+(\.\d+)?(e-?\d+)?", told[1]) else None
    return Event(*seconds, label, _plain(voice[1]) if voice else "", confidence, line=number)


def _plain(text):
    for name, character in _NAMED.items():
        text = text.replace(name, character) if name != "&amp;" else text
    return text.replace("&amp;", "&").strip()


def _escaped(text):
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def write(recording):
    """Text of a file with a cue for every event of a Recording."""
    blocks = ["WEBVTT\n"]
    for number, event in enumerate(recording.events, 1):
        start = round(event.start * 1000)
        end = max(round(event.end * 1000), start + 1)
        voice = f"<v {_escaped(event.tier)}>" if event.tier else ""
        told = "" if event.confidence is None else f" <c.confidence>{event.confidence!r}</c>"
        blocks.append(f"{number}\n{_clock(start)} --> {_clock(end)}\n{voice}{_escaped(event.label)}{told}\n")
    return "\n".join(blocks)


def _clock(milliseconds):
    seconds, rest = divmod(milliseconds, 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02d}:{minutes:02d}:{seconds:02d}.{rest:03d}"
