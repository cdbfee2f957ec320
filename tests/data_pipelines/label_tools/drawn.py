"""Drawn events, and a way from them to a file of a tool and back."""

import json

import pytest
from hypothesis import strategies as st

from data_pipelines import export_labels, import_labels
from fact_jax.types import UserError

# What text formats could trip over.
LABELS = ("pour", "take cup", 'say "a, b"', "a<b & c", "Ärmel→", "x|y", "confidence", "tab; 2.5", "#1")


@st.composite
def annotations(draw, *, step=0.001, points=True, tiers=("", "left", "right hand"), overlap=True, confidence=True):
    """The items of one video of annotations.json, in its order: times are whole multiples of `step` seconds."""
    items, last = [], 0
    kinds = {label: draw(st.booleans()) for label in LABELS} if points else {}
    for _ in range(draw(st.integers(1, 8))):
        label = draw(st.sampled_from(LABELS))
        start = draw(st.integers(0, 90_000)) if overlap else last + draw(st.integers(1, 500))
        length = 0 if kinds.get(label) else draw(st.integers(1, 5000))
        last = start + length
        item = {"label": label, "segment": [round(start * step, 6), round((start + length) * step, 6)]}
        if not length:
            item["point"] = True
        if tier := draw(st.sampled_from(tiers)):
            item["subject"] = tier
        if confidence and draw(st.booleans()):
            item["confidence"] = draw(st.integers(0, 1000)) / 1000
        items.append(item)
    return sorted(items, key=order)


def order(item):
    return (*item["segment"], item["label"], item.get("subject", ""), item.get("confidence", -1.0))


def write(folder, videos, **entry):
    """Writes annotations.json of {video: items}."""
    folder.mkdir(parents=True, exist_ok=True)
    database = {video: entry | {"annotations": items} for video, items in videos.items()}
    (folder / "annotations.json").write_text(json.dumps({"database": database}))
    return folder


def export(source, tool, output, *options):
    assert export_labels.main([str(source), "--to", tool, "--output", str(output), "--overwrite", *options]) == 0
    return output


def load(path, folder, *options):
    """{video: items} of a file that is imported."""
    command = [str(path), "--output", str(folder), "--overwrite", *options]
    assert import_labels.main(command) == 0
    database = json.loads((folder / "annotations.json").read_text())["database"]
    return {video: [plain(item) for item in entry["annotations"]] for video, entry in database.items()}


def found(path, folder, *options):
    """{video: (label, start, end) of every event} of a file that is imported."""
    loaded = load(path, folder, *options)
    return {video: [(item["label"], *item["segment"]) for item in items] for video, items in loaded.items()}


def refused(path, folder, *options):
    """The error of a file that is not imported, which leaves nothing but what was found about videos."""
    with pytest.raises(UserError) as error:
        import_labels.main([str(path), "--output", str(folder), *options])
    assert not folder.exists() or [path.name for path in folder.iterdir()] == ["video_index"]
    return str(error.value)


def plain(item):
    return {key: value for key, value in item.items() if key != "label_id"}
