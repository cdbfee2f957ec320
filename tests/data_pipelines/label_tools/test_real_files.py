"""Files of BORIS and ELAN themselves: what they say, and import, export, import again without a difference."""

import gzip
import json
import pathlib
import re

import pytest
from lxml import etree

from data_pipelines import export_labels, import_labels

FOLDER = pathlib.Path(__file__).resolve().parents[4] / "shared" / "data" / "label_tools"
BORIS, ELAN = FOLDER / "boris", FOLDER / "elan"
pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason="needs ../shared/data/label_tools")
LENGTH = ["--lengths", "video_test_25fps_180s.mp4=179.96"]
# What is imported, and by what it is exported again.
FILES = {
    "a table of a subject": ("test_export_events_tabular.tsv", ["--subject", "subject1"], "boris_tabular"),
    "a table with commas": ("test_export_events_tabular.csv", ["--subject", "subject2"], "boris_tabular"),
    "two media": ("test_export_aggregated_events_test_full_1.tsv", LENGTH, "boris_aggregated"),
    "no header": ("test_export_aggregated_events_test_full_3.tsv", LENGTH, "boris_aggregated"),
    "no header, one medium": ("test_export_aggregated_events_test_full_4.tsv", [], "boris_aggregated"),
    "modifiers": ("test_with_leading_trailing_spaces_in_modifiers.boris", [], "boris"),
}
SUFFIX = {"boris": "a.boris", "boris_tabular": "a.tsv", "boris_aggregated": "a.csv", "elan": "documents"}
ALL = ["--subject", "No focal subject", "subject1", "subject2"]


def annotations(path, folder, *options):
    """The imported annotations without the numbers of classes."""
    assert import_labels.main([str(path), "--output", str(folder), *options]) == 0
    return json.loads((folder / "annotations.json").read_text())["database"]


def again(folder, tool, tmp_path, *options):
    """Annotations that were exported for a tool and imported again."""
    exported = tmp_path / SUFFIX[tool]
    assert export_labels.main([str(folder), "--to", tool, "--output", str(exported)]) == 0
    return annotations(exported, tmp_path / "again", *options)


@pytest.mark.parametrize("case", FILES)
def test_tables_and_modifiers(tmp_path, case):
    name, options, tool = FILES[case]
    options = options + (ALL if case in ("two media", "no header") else [])
    first = annotations(BORIS / name, tmp_path / "first", *options)
    chosen = ALL if case in ("two media", "no header") else []
    second = again(tmp_path / "first", tool, tmp_path, *chosen)
    assert second == first and any(entry["annotations"] for entry in first.values())


@pytest.mark.parametrize("name", ["test.boris", "test2.boris", "test_without_media_files_paths.boris"])
def test_every_observation_of_a_project(tmp_path, name):
    project = json.loads((BORIS / name).read_text())
    for number, (observation, content) in enumerate(project["observations"].items()):
        if not content["events"]:
            continue
        here = tmp_path / str(number)
        subjects = sorted({event[1] or "No focal subject" for event in content["events"]})
        options = ["--observation", observation, "--unpaired", "leave_out", "--subject", *subjects]
        first = annotations(BORIS / name, here / "first", *options)
        assert again(here / "first", "boris", here, "--subject", *subjects) == first
        number_of_events = sum(2 - item.get("point", False) for e in first.values() for item in e["annotations"])
        assert number_of_events == len(content["events"]) - (observation == "live not paired")


def test_media_one_after_another(tmp_path):
    found = annotations(BORIS / "test.boris", tmp_path, "--observation", "observation #2", "--subject", "subject1")
    assert {video: entry["annotations"] for video, entry in found.items() if entry["annotations"]} == {
        "video_test_25fps_360s": [
            {"label": "s", "segment": [86.205, 96.73], "label_id": 0, "subject": "subject1"},
            {"label": "s", "segment": [101.005, 114.255], "label_id": 0, "subject": "subject1"},
        ]
    }
    assert found["video_test_25fps_360s"]["duration"] == 359.96


def test_every_tier_of_a_document(tmp_path):
    """Times of ELAN are milliseconds: what divides another annotation evenly is rounded to them."""
    options = ["--each", "--unnamed", "", "--output", str(tmp_path / "each")]
    assert import_labels.main([str(ELAN / "sample_3.0.eaf.gz"), *options]) == 0
    schema = etree.XMLSchema(etree.parse(ELAN / "EAFv3.0.xsd"))
    tiers = ["gest_included", "gestures", "text", "words-pos", "words-symsub", "words-timesub"]
    assert sorted(path.name for path in (tmp_path / "each").iterdir()) == tiers
    for tier in ("text", "words-pos", "words-symsub"):
        folder = tmp_path / "each" / tier
        ((video, one),) = json.loads((folder / "annotations.json").read_text())["database"].items()
        (other,) = again(folder, "elan", folder).values()
        assert len(one["annotations"]) == len(other["annotations"]) > 2
        for item, same in zip(one["annotations"], other["annotations"], strict=True):
            assert [round(seconds, 3) for seconds in item["segment"]] == same["segment"]
            assert {key: item[key] for key in item if key != "segment"} == {k: same[k] for k in same if k != "segment"}
        schema.assertValid(etree.parse(folder / "documents" / f"{video}.eaf"))


def test_slots_without_a_time_and_divisions(tmp_path):
    found = annotations(ELAN / "sample_3.0.eaf.gz", tmp_path / "a", "--tier", "words-timesub")["r03_v20_s5"]
    spans = [item["segment"] for item in found["annotations"] if 8 <= item["segment"][0] < 11]
    assert spans == [[8.0, 8.6], [8.6, 9.2], [9.2, 9.8], [9.8, 10.4], [10.4, 11.0]]
    found = annotations(ELAN / "sample_3.0.eaf.gz", tmp_path / "b", "--tier", "words-symsub")["r03_v20_s5"]
    labels = [(item["label"], *item["segment"]) for item in found["annotations"][:5]]
    assert labels == [("The", 2, 2.6), ("quick", 2.6, 3.2), ("brown", 3.2, 3.8), ("fox", 3.8, 4.4), ("001", 4.4, 5.0)]


def predictions(folder):
    (folder / "annotations.json").write_text(
        json.dumps({"database": {"r03_v20_s5": {"annotations": [
            {"label": "prep", "segment": [1.0, 2.5], "confidence": 0.75},
            {"label": "hold", "segment": [2.0, 4.0], "confidence": 0.5},
        ]}, "video_test_25fps_360s": {"annotations": [{"label": "s", "segment": [1, 2], "confidence": 0.9}]}}})
    )  # fmt: skip
    return folder


def test_a_document_keeps_all_that_it_holds(tmp_path):
    original = gzip.decompress((ELAN / "sample_3.0.eaf.gz").read_bytes())
    content = json.loads((predictions(tmp_path) / "annotations.json").read_text())
    del content["database"]["video_test_25fps_360s"]
    (tmp_path / "annotations.json").write_text(json.dumps(content))
    arguments = [str(tmp_path), "--to", "elan", "--into", str(ELAN / "sample_3.0.eaf.gz"), "--name", "prediction"]
    assert export_labels.main([*arguments, "--output", str(tmp_path / "out")]) == 0
    grown = etree.parse(tmp_path / "out" / "r03_v20_s5.eaf")
    etree.XMLSchema(etree.parse(ELAN / "EAFv3.0.xsd")).assertValid(grown)
    there = {etree.tostring(node, method="c14n").strip() for node in grown.iter() if len(node) == 0}
    lost = [node for node in etree.fromstring(original).iter() if len(node) == 0 and _flat(node) not in there]
    assert [node.get("NAME") for node in lost] == ["lastUsedAnnotationId"]
    found = annotations(tmp_path / "out" / "r03_v20_s5.eaf", tmp_path / "again", "--tier", "prediction")["r03_v20_s5"]
    assert [(item["label"], item["segment"], item["confidence"]) for item in found["annotations"]] == [
        ("prep", [1.0, 2.5], 0.75),
        ("hold", [2.0, 4.0], 0.5),
    ]


def _flat(node):
    return etree.tostring(node, method="c14n").strip()


def test_a_project_keeps_every_event(tmp_path):
    content = json.loads((predictions(tmp_path) / "annotations.json").read_text())
    del content["database"]["r03_v20_s5"]
    (tmp_path / "annotations.json").write_text(json.dumps(content))
    into, out = BORIS / "test.boris", tmp_path / "grown.boris"
    arguments = [str(tmp_path), "--to", "boris", "--into", str(into), "--output", str(out), "--name", "fact"]
    assert export_labels.main(arguments) == 0
    before, after = json.loads(into.read_text()), json.loads(out.read_text())
    added = after["observations"].pop("video_test_25fps_360s (fact)")
    assert after["observations"] == before["observations"] and after["behaviors_conf"] == before["behaviors_conf"]
    assert {key: after[key] for key in before if key != "subjects_conf"} == {
        key: before[key] for key in before if key != "subjects_conf"
    }
    assert added["events"] == [[1.0, "fact", "s", "", "confidence 0.9"], [2.0, "fact", "s", "", ""]]
    assert added["file"] == {"1": ["video_test_25fps_360s.mp4"]} and added["media_info"]["length"] == {
        "video_test_25fps_360s.mp4": 359.96
    }
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:]+", added["date"])
