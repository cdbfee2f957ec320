"""Documents of ELAN: when annotations are, what is refused, and what is written into a document of somebody else."""

import json
import re
from pathlib import Path

import pympi
import pytest
from lxml import etree

from data_pipelines import export_labels, import_labels
from fact_jax.types import UserError
from tests.data_pipelines.label_tools import drawn
from tests.data_pipelines.label_tools.drawn import found, refused
from tests.data_pipelines.label_tools.projects import SLOTS, elan, tier

SCHEMAS = Path(__file__).resolve().parents[4] / "shared" / "data" / "label_tools" / "elan"
TIERS = (
    tier("gestures", ("a1", "hold", "ts1", "ts5"), ("a2", "stroke", "ts6", "ts7"))
    + tier("parts", ("a3", "x", "ts2", "ts3"), ("a4", "y", "ts3", "ts4"), ("a5", "z", "ts4", "ts5"),
           kind="timesub", parent="gestures")
    + tier("words", ("a7", "two", "a1", "a6"), ("a6", "one", "a1"), ("a8", "three", "a2"),
           kind="symsub", parent="gestures")
    + tier("classes", ("a9", "noun", "a6"), ("a10", "verb", "a7"), kind="assoc", parent="words")
)  # fmt: skip


def valid(path):
    """The root element of a document that is as its schema says, where the schema is there."""
    document = etree.parse(path)
    version = document.getroot().get("FORMAT")
    if SCHEMAS.is_dir():
        etree.XMLSchema(etree.parse(SCHEMAS / f"EAFv{version}.xsd")).assertValid(document)
    return document.getroot()


@pytest.mark.parametrize(
    ("name", "times"),
    [
        ("gestures", [("hold", 1, 4), ("stroke", 4, 9)]),
        ("parts", [("x", 1, 2), ("y", 2, 3), ("z", 3, 4)]),
        ("words", [("one", 1, 2.5), ("two", 2.5, 4), ("three", 4, 9)]),
        ("classes", [("noun", 1, 2.5), ("verb", 2.5, 4)]),
    ],
)
def test_times_of_dependent_tiers(tmp_path, name, times):
    path = elan(tmp_path / "a.eaf", TIERS, SLOTS)
    assert found(path, tmp_path / "out", "--tier", name) == {"talk one": times}


def test_media_and_their_offsets(tmp_path, capsys):
    media = (
        '<MEDIA_DESCRIPTOR MEDIA_URL="file:///v/talk.wav" MIME_TYPE="audio/x-wav"/>',
        '<MEDIA_DESCRIPTOR MEDIA_URL="file:///C:/v/talk.mp4" MIME_TYPE="video/mp4" TIME_ORIGIN="1500"/>',
    )
    path = elan(tmp_path / "a.eaf", TIERS, SLOTS, media)
    assert found(path, tmp_path / "a", "--tier", "gestures") == {"talk": [("hold", 2.5, 5.5), ("stroke", 5.5, 10.5)]}
    assert "2 media are linked; the video is 'C:/v/talk.mp4' (--media)" in capsys.readouterr().out
    second = found(path, tmp_path / "b", "--tier", "gestures", "--media", "2")
    assert second == {"talk": [("hold", 1, 4), ("stroke", 4, 9)]}
    assert "no medium 3; --media chooses one: 1: C:/v/talk.mp4, 2: /v/talk.wav" in refused(
        path, tmp_path / "c", "--media", "3"
    )
    drawn.write(tmp_path / "found", {"talk": [{"label": "hold", "segment": [2.5, 5.5]}]})
    out = drawn.export(tmp_path / "found", "elan", tmp_path / "o.eaf", "--into", str(path), "--name", "net")
    assert found(out, tmp_path / "d", "--tier", "net") == {"talk": [("hold", 2.5, 5.5)]}
    drawn.write(tmp_path / "found", {"talk": [{"label": "hold", "segment": [1.0, 5.5]}]})
    with pytest.raises(UserError, match=r"1 event of 'talk' before the document begins, at 1.5 s"):
        drawn.export(tmp_path / "found", "elan", tmp_path / "p.eaf", "--into", str(path), "--name", "net")
    path = elan(tmp_path / "silent.eaf", TIERS, SLOTS, ())
    assert list(found(path, tmp_path / "e", "--tier", "gestures")) == ["silent"]


def test_everything_that_is_wrong_is_told_at_once(tmp_path):
    slots = {"ts1": 1000, "ts2": 500, "ts3": None, "ts4": 70_000, "ts5": "soon"}
    tiers = tier("g", ("a1", "back", "ts1", "ts2"), ("a2", "none", "ts1", "ts3"), ("a3", "", "ts1", "ts4"))
    tiers += tier("h", ("a4", "lost", "ts1", "ts9"), ("a5", "soon", "ts1", "ts5"))
    path = elan(tmp_path / "a.eaf", tiers, slots)
    text = refused(path, tmp_path / "a", "--lengths", "talk one.mp4=60", "--tier", "g", "h")
    for part in (
        "the time slot ts5 is at 'soon'; expected whole milliseconds of 0 or more",
        "tier 'g': 'back' from 1 to 0.5 s ends before it starts",
        "tier 'g': the annotation a2, 'none', has no time; align it in ELAN, or delete it",
        "lies behind the end of the video at 60 s",
        "tier 'h': the annotation a4 refers to ts9; no such time slot",
    ):
        assert part in text, part
    assert re.search(r"line \d+: tier 'g': 'back'", text)
    text = refused(elan(tmp_path / "b.eaf", tier("g", ("a1", " ", "ts1", "ts4")), slots | {"ts5": 3}), tmp_path / "b")
    assert "tier 'g' from 1 to 70 s has no text; give it one, or --unnamed LABEL" in text
    named = found(tmp_path / "b.eaf", tmp_path / "c", "--unnamed", "idle")
    assert named == {"talk one": [("idle", 1, 70)]}
    assert "holds no events" in refused(tmp_path / "b.eaf", tmp_path / "d", "--unnamed", "")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("<a", "no XML"),
        ("<a/>", "the root is a"),
        ('<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', "a DOCTYPE"),
        ('<ANNOTATION_DOCUMENT><HEADER TIME_UNITS="PAL-frames"/><TIME_ORDER/></ANNOTATION_DOCUMENT>', "are PAL-frames"),
    ],
)
def test_no_document(tmp_path, text, message):
    (tmp_path / "a.eaf").write_text(text)
    assert message in refused(tmp_path / "a.eaf", tmp_path / "a")


def test_a_new_document(tmp_path):
    items = [{"label": "a<b", "segment": [0.5, 2.25], "confidence": 0.5}, {"label": "é", "segment": [1.0, 3.0]}]
    drawn.write(tmp_path / "found", {"talk": items}, file="v/talk one.mp4")
    drawn.export(tmp_path / "found", "elan", tmp_path / "out", "--name", "net")
    root = valid(tmp_path / "out" / "talk.eaf")
    assert root.find("HEADER/MEDIA_DESCRIPTOR").get("MEDIA_URL") == "./v/talk%20one.mp4"
    assert [one.get("TIER_ID") for one in root.iterfind("TIER")] == ["net", "net confidence", "net (overlap 2)"]
    other = pympi.Eaf(tmp_path / "out" / "talk.eaf")
    assert other.get_annotation_data_for_tier("net") == [(500, 2250, "a<b")]
    assert other.get_annotation_data_for_tier("net (overlap 2)") == [(1000, 3000, "é")]
    assert other.get_ref_annotation_data_for_tier("net confidence") == [(500, 2250, "0.5", "a<b")]
    times = [int(slot.get("TIME_VALUE")) for slot in root.iterfind("TIME_ORDER/TIME_SLOT")]
    assert times == sorted(times)
    entries = {value.text for value in root.iter("CVE_VALUE")}
    assert entries == {"a<b", "é"}
    assert drawn.load(tmp_path / "out", tmp_path / "again")["talk one"] == [item | {"subject": "net"} for item in items]


@pytest.mark.parametrize("version", ["2.8", "3.0", "2.7"])
def test_a_document_of_somebody_else(tmp_path, version):
    """Every element is there as it was, slots without a time still lie where they did, and the new ones in order."""
    path = elan(tmp_path / "talk one.eaf", TIERS, SLOTS)
    path.write_text(path.read_text().replace('FORMAT="3.0" VERSION="3.0"', f'FORMAT="{version}" VERSION="{version}"'))
    before = etree.parse(path).getroot()
    drawn.write(tmp_path / "found", {"talk one": [{"label": "hold", "segment": [2.0, 5.0], "confidence": 0.75}]})
    command = ["--into", str(tmp_path), "--name", "net"]
    drawn.export(tmp_path / "found", "elan", tmp_path / "out", *command)
    after = (
        valid(tmp_path / "out" / "talk one.eaf")
        if version != "2.7"
        else etree.parse(tmp_path / "out" / "talk one.eaf").getroot()
    )
    for element in before.iter():
        if element.tag not in ("ANNOTATION_DOCUMENT", "HEADER", "TIME_ORDER"):
            assert compact(element) in [compact(one) for one in after.iter(element.tag)]
    slots = [slot.get("TIME_SLOT_ID") for slot in after.iterfind("TIME_ORDER/TIME_SLOT")]
    assert [name for name in slots if name in SLOTS] == list(SLOTS)
    assert found(tmp_path / "out", tmp_path / "a", "--tier", "parts") == found(path, tmp_path / "b", "--tier", "parts")
    assert drawn.load(tmp_path / "out", tmp_path / "c", "--tier", "net")["talk one"] == [
        {"label": "hold", "segment": [2.0, 5.0], "subject": "net", "confidence": 0.75}
    ]
    with pytest.raises(UserError, match="the tier 'gestures' exists already; choose another --name"):
        drawn.export(tmp_path / "found", "elan", tmp_path / "o2", "--into", str(path), "--name", "gestures")
    drawn.write(tmp_path / "found", {"other": [{"label": "hold", "segment": [2.0, 5.0]}]})
    with pytest.raises(UserError, match="no file of the video 'other'; there are 'talk one'|there are talk one"):
        drawn.export(tmp_path / "found", "elan", tmp_path / "o3", *command)


def compact(element):
    return re.sub(rb">\s+<", b"><", etree.tostring(element, method="c14n").strip())


def test_two_documents_of_one_video(tmp_path):
    for name in ("a", "b"):
        elan(tmp_path / f"{name}.eaf", tier("g", ("a1", "x", "ts1", "ts5")), SLOTS)
    text = refused(tmp_path, tmp_path / "out")
    assert "the video 'talk one' is labelled 2 times" in text and "give one of these files" in text


def test_points_need_a_length(tmp_path):
    drawn.write(tmp_path / "found", {"talk": [{"label": "call", "segment": [2.0, 2.0]}]})
    with pytest.raises(UserError, match=r"'call' has 1 point event: talk at 2 s; ELAN .* has no points; --point_width"):
        export_labels.main([str(tmp_path / "found"), "--to", "elan", "--output", str(tmp_path / "out")])
    out = drawn.export(tmp_path / "found", "elan", tmp_path / "out", "--point_width", "0.5")
    assert found(out, tmp_path / "again") == {"talk": [("call", 1.75, 2.25)]}


def test_what_annotations_keep(tmp_path):
    path = elan(tmp_path / "a.eaf", TIERS, SLOTS)
    assert import_labels.main([str(path), "--tier", "gestures", "--output", str(tmp_path / "out")]) == 0
    assert json.loads((tmp_path / "out" / "annotations.json").read_text()) == {
        "database": {"talk one": {"file": "/v/talk one.mp4", "annotations": [
            {"label": "hold", "segment": [1.0, 4.0], "label_id": 0, "subject": "gestures"},
            {"label": "stroke", "segment": [4.0, 9.0], "label_id": 1, "subject": "gestures"},
        ]}}
    }  # fmt: skip


def test_a_tier_without_a_name(tmp_path):
    text = elan(tmp_path / "a.eaf", tier("a", ("a1", "x", "ts1", "ts5")), SLOTS).read_text()
    path = tmp_path / "b.eaf"
    path.write_text(text.replace('TIER_ID="a"', ""))
    with pytest.raises(UserError, match="a tier without TIER_ID; save the document in ELAN again"):
        import_labels.main([str(path), "--output", str(tmp_path / "out")])
