"""Files in which something is of another kind than it should be, or missing: a fault or a note, never a traceback."""

import copy
import json
import math

import numpy as np
import pytest

from data_pipelines.label_tools import formats
from data_pipelines.label_tools.rules import ReadRules
from tests.data_pipelines.label_tools.projects import CODES, SLOTS, boris, elan, observation, tier
from tests.data_pipelines.label_tools.test_other_tools import CVAT, VIA, region

ODD = (None, 3, -1.5, "x", "", [], {}, [1], {"a": 1}, True, float("nan"), "delete")
FRAMES = region("timelinelabels", {"ranges": [{"start": 26, "end": 50}], "timelinelabels": ["pour"]})
TASKS = [{"id": 1, "data": {"video": "talk.mp4"}, "annotations": [{"id": 7, "result": [FRAMES]}]}]
TEXTS = {
    "cvat": CVAT,
    "csv": "video,start,end,label\na,0,1,x\nb,1,2,y\n",
    "webvtt": "WEBVTT\n\n00:01.500 --> 01:00:02.000 align:start\n<v Ada>take <b>the</b>\n",
    "audacity": "0.5\t1\tpour (confidence 0.75)\n\\\t100.0\t200.0\n",
    "boris_aggregated": "Media file,Subject,Behavior,Behavior type,Start (s),Stop (s)\na.mp4,Ada,walk,STATE,1.0,2\n",
    "boris_tabular": "Subject,Behavior,Behavior type,Time\nAda,walk,START,1.0\nAda,walk,STOP,2\n",
}


def check(reading):
    """Where nothing is told, what was read can be used."""
    events = [] if reading.faults else [event for one in reading.recordings for event in one.events]
    for event in events:
        assert isinstance(event.label, str) and isinstance(event.tier, str)
        assert math.isfinite(event.end) and event.start <= event.end


def places(value, place=()):
    yield place
    for key in value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ():
        yield from places(value[key], (*place, key))


def changed(content, place, odd):
    content = copy.deepcopy(content)
    if not place:
        return odd
    inner = content
    for key in place[:-1]:
        inner = inner[key]
    if odd == "delete":
        del inner[place[-1]]
    else:
        inner[place[-1]] = odd
    return content


@pytest.mark.parametrize("tool", ["boris", "via", "label_studio"])
def test_other_values(tmp_path, tool):
    more = {"media_creation_date_as_offset": True, "info": {"media_creation_time": {"day1.mp4": 0}}}
    two = observation([(1, "Ada", "walk"), (2, "Ada", "walk")], ("a.mp4", "b.mp4"), {"a.mp4": 2, "b.mp4": 9})
    project = boris(tmp_path / "a.boris", {"o": two, "p": observation([(1, "Ada", "call")], **more)}, CODES)
    content = {"boris": json.loads(project.read_text()), "via": VIA, "label_studio": TASKS}[tool]
    rng = np.random.default_rng(0)
    cases = [(place, odd) for place in places(content) for odd in ODD]
    path = tmp_path / ("a.boris" if tool == "boris" else "a.json")
    for number in rng.permutation(len(cases))[:250]:
        path.write_text(json.dumps(changed(content, *cases[number])))
        formats.tool_of(path)
        check(formats.TOOLS[tool].read(path, ReadRules(tool_fps=25.0)))


@pytest.mark.parametrize("tool", [*TEXTS, "elan"])
def test_other_texts(tmp_path, tool):
    parts = tier("g", ("a1", "x", "ts1", "ts3"), ("a2", "y", "ts3", "ts5")) + tier(
        "w", ("a3", "z", "a1"), kind="symsub"
    )
    text = TEXTS.get(tool) or elan(tmp_path / "a.eaf", parts, SLOTS).read_text()
    rng = np.random.default_rng(0)
    path = tmp_path / f"a{formats.TOOLS[tool].suffix}"
    for _ in range(60):
        at, length = rng.integers(len(text)), rng.integers(0, 12)
        path.write_text(text[:at] + rng.choice(list('"<&\t,-x9\n')) + text[at + length :])
        formats.tool_of(path)
        check(formats.TOOLS[tool].read(path, ReadRules(tool_fps=25.0)))
