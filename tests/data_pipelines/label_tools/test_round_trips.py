"""Drawn events survive the way into a file of every tool and back, up to what the tool keeps and how it rounds."""

import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_pipelines import import_labels
from data_pipelines.label_tools import formats
from tests.data_pipelines.label_tools import drawn

EXAMPLES = settings(max_examples=12, deadline=None)
NAMES = {"boris": "a.boris", "boris_tabular": "a.tsv", "boris_aggregated": "a.csv", "via": "a.json", "csv": "a.csv"}
# What the tool calls events without a subject.
NAMELESS = {"elan": "labels", "boris": "No focal subject", "via": "label"}
NAMELESS |= {"boris_tabular": "No focal subject", "boris_aggregated": "No focal subject"}


def back(tool, items, *options, tiers=()):
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        source = drawn.write(folder / "from", {"talk": items})
        exported = drawn.export(source, tool, folder / NAMES.get(tool, "files"), *options)
        found = drawn.load(exported, folder / "to", *(["--tier", *tiers] if tiers else []))
    return found["talk"]


@pytest.mark.parametrize("tool", ["boris", "boris_tabular", "boris_aggregated", "via", "csv"])
@EXAMPLES
@given(data=st.data())
def test_tools_with_points_and_tiers(tool, data):
    confident = tool != "csv" or data.draw(st.booleans())
    items = data.draw(drawn.annotations(confidence=confident))
    if tool == "boris_tabular":
        # Starts and stops of one label at one time are told apart by subjects alone.
        items = without_overlaps(items)
    tiers = {item.get("subject", "") for item in items}
    expected = [
        item | ({"subject": name} if (name := item.get("subject") or NAMELESS.get(tool)) else {}) for item in items
    ]
    named = sorted(tier or NAMELESS.get(tool, "") for tier in tiers)
    found = back(tool, items, tiers=named)
    assert found == sorted(expected, key=drawn.order)


@pytest.mark.parametrize("tool", ["elan", "webvtt"])
@EXAMPLES
@given(data=st.data())
def test_tools_without_points(tool, data):
    items = data.draw(drawn.annotations(points=False))
    tiers = {item.get("subject", "") for item in items}
    named = sorted(tier or NAMELESS.get(tool, "") for tier in tiers)
    expected = [
        item | ({"subject": name} if (name := item.get("subject") or NAMELESS.get(tool)) else {}) for item in items
    ]
    assert back(tool, items, tiers=named) == sorted(expected, key=drawn.order)


@EXAMPLES
@given(items=drawn.annotations(step=1e-6, tiers=("",)))
def test_audacity(items):
    assert back("audacity", items) == items


@EXAMPLES
@given(items=drawn.annotations(step=0.04, points=False, tiers=("label", "left"), confidence=False))
def test_label_studio_in_frames(items):
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        source = drawn.write(folder / "from", {"talk": items})
        exported = drawn.export(source, "label_studio", folder / "a.json", "--tool_fps", "25")
        tiers = sorted({item["subject"] for item in items})
        found = drawn.load(exported, folder / "to", "--tool_fps", "25", "--tier", *tiers)
    assert found["talk"] == items


@EXAMPLES
@given(items=drawn.annotations(step=0.04, points=False, tiers=("",), overlap=False))
def test_cvat_in_frames(items):
    """Short ones, and none that touches another: CVAT has tags of frames alone."""
    for item in items:
        start, end = item["segment"]
        item["segment"] = [start, round(min(end, start + 1.2), 6)]
    items = [
        item
        for item, later in zip(items, [*items[1:], None], strict=True)
        if not later or item["segment"][1] < later["segment"][0]
    ]
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        source = drawn.write(folder / "from", {"talk": items}, duration=4000.0)
        exported = drawn.export(source, "cvat", folder / "files", "--tool_fps", "25")
        found = drawn.load(exported, folder / "to", "--tool_fps", "25")
    assert found["talk"] == [item | {"subject": "label"} for item in items]


def without_overlaps(items):
    kept, ends = [], {}
    for item in items:
        key = item["label"], item.get("subject")
        if ends.get(key, -1) < item["segment"][0]:
            kept.append(item)
            ends[key] = item["segment"][1]
    return kept


@pytest.mark.parametrize("tool", [name for name in formats.TOOLS if name != "via"])
@settings(max_examples=6, deadline=None)
@given(
    rate=st.sampled_from([10.0, 15.0, 23.976, 25.0, 29.97, 30.0, 59.94, 120.0]),
    labels=st.lists(st.sampled_from(["background", "pour", "stir"]), min_size=1, max_size=60),
)
def test_labels_of_frames_come_back(tool, rate, labels):
    """Whatever a tool rounds times to, frames are those that they were."""
    counts = {"label_studio", "cvat"}
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        (folder / "from" / "groundTruth").mkdir(parents=True)
        labels = [*labels, "pour"]
        (folder / "from" / "groundTruth" / "talk.txt").write_text("".join(f"{name}\n" for name in labels))
        (folder / "to" / "features").mkdir(parents=True)
        np.save(folder / "to" / "features" / "talk.npy", np.zeros((3, len(labels)), np.float32))
        name = {"label_studio": "a.json"} | NAMES
        own = ["--tool_fps", str(rate)] if tool in counts else []
        exported = drawn.export(folder / "from", tool, folder / name.get(tool, "files"), "--fps", str(rate), *own)
        options = ["--to", "frames", "--fps", str(rate), "--time_axis", "last", *own]
        assert import_labels.main([str(exported), "--output", str(folder / "to"), *options]) == 0
        found = (folder / "to" / "groundTruth" / "talk.txt").read_text().split("\n")[:-1]
        classes = (folder / "to" / "mapping.txt").read_text().split("\n")[:-1]
    assert found == labels
    assert classes == [
        f"{number} {name}" for number, name in enumerate(["background", *sorted(set(labels) - {"background"})])
    ]
