"""VIA 3, Label Studio, CVAT, Audacity, WebVTT and plain CSV: what their files say, and what is refused."""

import json

import pytest
from lxml import etree

from data_pipelines import import_labels
from fact_jax.types import UserError
from tests.data_pipelines.label_tools import drawn
from tests.data_pipelines.label_tools.drawn import found, refused
from tests.data_pipelines.video.written import write_video

VIA = {
    "project": {"vid_list": ["1", "2"]}, "config": {},
    "attribute": {
        "1": {"aname": "action", "anchor_id": "FILE1_Z2_XY0", "type": 4, "options": {"1": "pour", "2": "stir"}},
        "2": {"aname": "remark", "anchor_id": "FILE1_Z2_XY0", "type": 1, "options": {}},
        "3": {"aname": "hands", "anchor_id": "FILE1_Z2_XY0", "type": 2, "options": {"1": "left", "2": "right"}},
    },
    "file": {"1": {"fid": "1", "fname": "a.mp4", "type": 4, "loc": 1, "src": ""},
             "2": {"fid": "2", "fname": "p.png", "type": 2, "loc": 1, "src": ""}},
    "view": {"1": {"fid_list": ["1"]}, "2": {"fid_list": ["2"]}},
    "metadata": {
        "1_a": {"vid": "1", "flg": 0, "z": [1.5, 2.25], "xy": [], "av": {"1": "2", "3": "1,2"}},
        "1_b": {"vid": "1", "flg": 0, "z": [3], "xy": [], "av": {"2": "drop"}},
        "1_c": {"vid": "1", "flg": 0, "z": [4], "xy": [2, 1, 1, 5, 5], "av": {"1": "1"}},
    },
}  # fmt: skip


def save(path, content):
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def test_via(tmp_path, capsys):
    path = save(tmp_path / "a.json", VIA)
    assert found(path, tmp_path / "a", "--tier", "action") == {"a": [("stir", 1.5, 2.25)]}
    assert "1 region in pictures, which are no events" in capsys.readouterr().out
    assert found(path, tmp_path / "b", "--tier", "remark") == {"a": [("drop", 3, 3)]}
    assert found(path, tmp_path / "c", "--tier", "hands") == {"a": [("left", 1.5, 2.25), ("right", 1.5, 2.25)]}
    wrong = VIA | {"metadata": {
        "x": {"vid": "1", "z": [1, "?"], "av": {}}, "y": {"vid": "7", "z": [1, 2], "av": {}},
        "z": {"vid": "1", "z": [2, 2], "av": {"1": "1"}}, "u": {"vid": "1", "z": [2, 3], "av": {"1": "9"}},
        "v": {"vid": "1", "z": [2, 3], "av": {"8": "9"}},
    }}  # fmt: skip
    text = refused(save(tmp_path / "b.json", wrong), tmp_path / "d", "--tier", "action")
    for part in ("'x' is at [1, '?']", "'y' is of no file", "'z' has no length, at 2 s", "'u' has '9' for 'action'",
                 "'v' has the attribute 8"):  # fmt: skip
        assert part in text, part


def test_into_a_project_of_via(tmp_path):
    path = save(tmp_path / "a.json", VIA)
    drawn.write(tmp_path / "found", {"a": [{"label": "pour", "segment": [1.0, 2.0], "confidence": 0.5}], "b": []})
    out = drawn.export(tmp_path / "found", "via", tmp_path / "o.json", "--into", str(path), "--name", "net")
    grown = json.loads(out.read_text())
    for part in ("attribute", "file", "view", "metadata"):
        assert {key: grown[part][key] for key in VIA[part]} == VIA[part]
    assert drawn.load(out, tmp_path / "again", "--tier", "net")["a"] == [
        {"label": "pour", "segment": [1.0, 2.0], "subject": "net", "confidence": 0.5}
    ]
    with pytest.raises(UserError, match="the attribute 'action' exists already; choose another --name"):
        drawn.export(tmp_path / "found", "via", tmp_path / "p.json", "--into", str(path), "--name", "action")


def region(kind, value, number="r1", tier="label"):
    return {"id": number, "type": kind, "from_name": tier, "to_name": "video", "value": value}


def test_label_studio(tmp_path, capsys):
    frames = region("timelinelabels", {"ranges": [{"start": 26, "end": 50}], "timelinelabels": ["pour"]})
    sound = region("labels", {"start": 3.5, "end": 4.5, "channel": 0, "labels": ["stir"]})
    box = region("videorectangle", {"sequence": []})
    tasks = [
        {
            "id": 1,
            "data": {"video": "/data/upload/3/0a1b2c3d-talk.mp4"},
            "annotations": [{"id": 7, "result": [frames, sound, box]}],
        }
    ]
    path = save(tmp_path / "a.json", tasks)
    assert "region r1 counts frames; say which frameRate" in refused(path, tmp_path / "a")
    options = ["--tool_fps", "25"]
    assert found(path, tmp_path / "b", *options) == {"talk": [("pour", 1, 2), ("stir", 3.5, 4.5)]}
    assert "1 region of type 'videorectangle' is not read" in capsys.readouterr().out
    tasks[0]["annotations"].append({"id": 8, "result": [sound]})
    path = save(tmp_path / "b.json", tasks)
    assert "labelled 2 times: 7, 8; choose with --observation" in refused(path, tmp_path / "c", *options)
    assert found(path, tmp_path / "d", *options, "--observation", "8") == {"talk": [("stir", 3.5, 4.5)]}
    values = [(10, 20, False, "run"), (30, 30, True, "hop")]
    series = [
        region("timeserieslabels", {"start": start, "end": end, "instant": instant, "timeserieslabels": [label]})
        for start, end, instant, label in values
    ]
    path = save(tmp_path / "c.json", [{"data": {"csv": "s3://bucket/walk.csv"}, "annotations": [{"result": series}]}])
    assert found(path, tmp_path / "e") == {"walk": [("run", 10, 20), ("hop", 30, 30)]}
    assert found(path, tmp_path / "f", "--tool_fps", "10") == {"walk": [("run", 1, 2), ("hop", 3, 3)]}
    series[0]["value"]["start"] = "2026-12-01"
    path = save(tmp_path / "d.json", [{"data": {"csv": "walk.csv"}, "annotations": [{"result": series}]}])
    assert "expected numbers for start and end" in refused(path, tmp_path / "g")


def test_into_tasks_of_label_studio(tmp_path):
    task = {"id": 1, "data": {"video": "/data/upload/3/0a1b2c3d-talk.mp4"}, "annotations": [{"id": 7, "result": []}]}
    path = save(tmp_path / "a.json", [task])
    drawn.write(tmp_path / "found", {"talk": [{"label": "pour", "segment": [1.0, 2.0], "confidence": 0.5}]})
    command = ["--into", str(path), "--name", "net"]
    with pytest.raises(UserError, match="Label Studio counts frames of one rate .* none is known"):
        drawn.export(tmp_path / "found", "label_studio", tmp_path / "o.json", *command)
    drawn.export(tmp_path / "found", "label_studio", tmp_path / "o.json", *command, "--tool_fps", "25")
    (grown,) = json.loads((tmp_path / "o.json").read_text())
    assert {key: grown[key] for key in task} == task
    (prediction,) = grown["predictions"]
    assert prediction["model_version"] == "net" and prediction["score"] == 0.5
    assert prediction["result"][0]["value"] == {"ranges": [{"start": 26, "end": 50}], "timelinelabels": ["pour"]}
    with pytest.raises(UserError, match="has predictions of 'net' already; choose another --name"):
        command = ["--into", str(tmp_path / "o.json"), "--name", "net", "--tool_fps", "25"]
        drawn.export(tmp_path / "found", "label_studio", tmp_path / "p.json", *command)
    assert "holds no events" in refused(tmp_path / "o.json", tmp_path / "q", "--tool_fps", "25")
    config = etree.parse(tmp_path / "o.labelling.xml").getroot()
    assert config.find("Video").get("frameRate") == "25" and config.find("TimelineLabels").get("name") == "net"


CVAT = """<?xml version="1.0" encoding="utf-8"?>
<annotations><version>1.1</version><meta><task><name>job</name><size>8</size><start_frame>10</start_frame>
<frame_filter>step=2</frame_filter><source>talk.mp4</source>
<original_size><width>64</width><height>48</height></original_size></task></meta>
<track id="0" label="person" source="manual">
<box frame="12" outside="0" keyframe="1"><attribute name="action">walk</attribute></box>
<box frame="14" outside="0" keyframe="0"><attribute name="action">walk</attribute></box>
<box frame="16" outside="0" keyframe="1"><attribute name="action">sit</attribute></box>
<box frame="20" outside="1" keyframe="1"><attribute name="action">sit</attribute></box></track>
<track id="1" label="dog"><box frame="22" outside="0" keyframe="1"/></track>
</annotations>
"""


def test_cvat_tracks_and_attributes(tmp_path):
    path = save(tmp_path / "a.xml", CVAT)
    assert "talk.mp4 is counted in frames; give the folder of the videos" in refused(path, tmp_path / "a")
    rate = ["--tool_fps", "2"]
    assert "'action' (2 events), 'label' (2 events)" in refused(path, tmp_path / "a", *rate)
    # Numbers are those of the video; the task has its frames 10, 12, ... 24.
    assert found(path, tmp_path / "b", *rate, "--tier", "label") == {"talk": [("person", 6, 10), ("dog", 11, 13)]}
    assert found(path, tmp_path / "c", *rate, "--tier", "action") == {"talk": [("walk", 6, 8), ("sit", 8, 10)]}


def test_cvat_tags_by_the_times_of_the_video(tmp_path):
    (tmp_path / "videos").mkdir()
    write_video(tmp_path / "videos" / "talk.mkv", range(20), times=[*range(10), *range(10, 30, 2)])
    images = "".join(f'<image id="{n}" name="f"><tag label="pour" source="manual"/></image>' for n in (4, 5, 6, 14, 15))
    head = CVAT[: CVAT.index("<track")].replace("<start_frame>10", "<start_frame>0").replace("step=2", "")
    path = save(tmp_path / "a.xml", f"{head}{images}</annotations>")
    times = found(path, tmp_path / "a", "--videos", str(tmp_path / "videos"))["talk"]
    assert [(label, round(start, 2), round(end, 2)) for label, start, end in times] == [
        ("pour", 0.13, 0.23),
        ("pour", 0.6, 0.73),
    ]


def test_cvat_of_another_video(tmp_path):
    (tmp_path / "videos").mkdir()
    write_video(tmp_path / "videos" / "talk.mkv", range(20), times=range(0, 200, 10))
    videos = ["--videos", str(tmp_path / "videos"), "--tier", "label"]
    path = save(tmp_path / "a.xml", CVAT.replace("step=2", "step=20"))
    assert "the task goes to frame 150 of talk.mp4; the video has 20 frames" in refused(path, tmp_path / "a", *videos)
    images = "".join(f'<image id="{n}" name="f"><tag label="pour"/></image>' for n in (-1, "x", 400))
    path = save(tmp_path / "b.xml", f"{CVAT[: CVAT.index('<track')]}{images}</annotations>".replace(">8<", "><"))
    text = refused(path, tmp_path / "b", *videos[:2])
    for part in ("has frames -1 to 1", "has frames None to None", "lies behind the end of the video"):
        assert part in text, part


def test_into_cvat_for_video(tmp_path, capsys):
    path = save(tmp_path / "a.xml", CVAT)
    spans = ([5.8, 8.0], [1.0, 2.0], [11.0, 20.0])
    items = [{"label": "pour", "segment": span, "confidence": 0.5} for span in spans]
    drawn.write(tmp_path / "found", {"talk": items}, duration=20)
    command = ["--into", str(path), "--name", "net", "--tool_fps", "2"]
    drawn.export(tmp_path / "found", "cvat", tmp_path / "o.xml", *command)
    # The task has the frames 10, 12, ... 24, from 5 to 13 s.
    assert "talk: 1 event outside of the frames that the task has: left out" in capsys.readouterr().out
    root = etree.parse(tmp_path / "o.xml").getroot()
    assert [track.get("id") for track in root.iterfind("track")] == ["0", "1", "2", "3"]
    boxes = root.findall("track")[2].findall("box")
    assert [(box.get("frame"), box.get("outside"), box.get("xbr")) for box in boxes] == [
        ("10", "0", "64"),
        ("16", "1", "64"),
    ]
    assert [box.get("frame") for box in root.findall("track")[3].findall("box")] == ["22"]
    assert root.findall("track")[2].get("label") == "net: pour"


def test_audacity(tmp_path, capsys):
    text = "0.500000\t1.250000\tpour (confidence 0.75)\n\\\t100.0\t200.0\n2,5\t2,5\tdrop\n"
    path = save(tmp_path / "talk.txt", text)
    assert found(path, tmp_path / "a") == {"talk": [("pour", 0.5, 1.25), ("drop", 2.5, 2.5)]}
    assert "1 line with frequencies, which are not used" in capsys.readouterr().out
    path = save(tmp_path / "b.txt", "0.5\t1.0\tx\nnan\t2\ty\n3\t2\tz\n-1\t2\tz\n")
    text = refused(path, tmp_path / "b", "--from", "audacity")
    for part in (
        "line 2: 'nan\\t2\\ty'",
        "line 3: 'z' from 3 to 2 s ends before",
        "line 4: 'z' from -1 to 2 s starts before",
    ):
        assert part in text, part


def test_webvtt(tmp_path):
    text = "WEBVTT - talk\n\nSTYLE\n::cue {}\n\nNOTE a b\n\nintro\n00:01.500 --> 01:00:02.000 align:start\n"
    text += "<v Ada>take <b>the</b>\ncup &amp; &lt;pour&gt;\n\n00:03.000 --> 00:04.000\nstir <c.confidence>0.25</c>\n"
    path = save(tmp_path / "talk.vtt", text)
    items = drawn.load(path, tmp_path / "a", "--tier", "", "Ada")["talk"]
    assert items == [
        {"label": "take the cup & <pour>", "segment": [1.5, 3602.0], "subject": "Ada"},
        {"label": "stir", "segment": [3.0, 4.0], "confidence": 0.25},
    ]
    path = save(
        tmp_path / "b.vtt", "WEBVTT\n\n00:01 --> 00:02\nx\n\n00:03.000 --> 00:03.000\ny\n\n00:05.000 --> 00:04.000\nz\n"
    )
    text = refused(path, tmp_path / "b")
    for part in (
        "line 3: '00:01 --> 00:02'",
        "line 6: 'y' at 3 s has no length",
        "line 9: 'z' from 5 to 4 s ends before",
    ):
        assert part in text, part
    assert "line 1: '1'; expected WEBVTT" in refused(save(tmp_path / "c.vtt", "1\n00:01 --> 2\n"), tmp_path / "c")


def test_plain_csv(tmp_path):
    path = save(tmp_path / "a.csv", "Label;start;end;video\npour;0.5;1;a\n")
    assert found(path, tmp_path / "a") == {"a": [("pour", 0.5, 1)]}
    rows = "a,0,1,x,high\na,nan,1,x,\na,2,,x,\na,3,2,x,\n../b,0,1,x,\na,-2,1,x,\na,0,1\na,0,1,,0.5\n"
    text = refused(save(tmp_path / "b.csv", f"video,start,end,label,confidence\n{rows}"), tmp_path / "b")
    for part in (
        "line 2: confidence 'high'", "line 3: 'x': from 'nan' to '1'", "line 4: 'x': an event without end",
        "line 5: 'x' from 3 to 2 s ends before it starts", "line 6: video '../b'",
        "line 7: 'x' from -2 to 1 s starts before", "line 8: 3 cells", "line 9: from 0 to 1 s has no text",
    ):  # fmt: skip
        assert part in text, part
    text = refused(save(tmp_path / "c.csv", "video,start,stop,label,label\n"), tmp_path / "c")
    assert "no column end; unknown columns 'stop'; several columns label" in text
    assert "expected a row for every segment" in refused(
        save(tmp_path / "d.csv", "video,start,end,label\n"), tmp_path / "d"
    )


def test_flags_without_a_place(tmp_path):
    path = save(tmp_path / "a.csv", "video,start,end,label\na,0,1,x\n")
    text = refused(path, tmp_path / "a", "--observation", "day 1", "--media", "2", "--tool_fps", "9", "--modifiers")
    for flag in ("--observation", "--media", "--tool_fps", "--modifiers"):
        assert f"{flag} has no place in files of plain CSV (.csv); it is for " in text, flag
    assert "--unpaired has no place" in refused(path, tmp_path / "b", "--unpaired", "to_end")
    with pytest.raises(SystemExit):
        import_labels.main([str(path), "--output", str(tmp_path / "c"), "--media", "0"])


def test_a_segment_behind_the_end_is_no_point(tmp_path):
    path = save(tmp_path / "a.csv", "video,start,end,label\na,0,1,x\na,2.1,2.3,y\na,2.2,2.2,z\n")
    text = refused(path, tmp_path / "a", "--lengths", "a=2")
    assert "line 3: 'y' from 2.1 to 2.3 s lies behind the end of the video at 2 s" in text and "'z'" not in text
    (tmp_path / "videos").mkdir()
    write_video(tmp_path / "videos" / "a.mkv", range(20), times=range(0, 60, 3))
    text = refused(path, tmp_path / "a", "--videos", str(tmp_path / "videos"))
    assert "line 3: 'y' from 2.1 to 2.3 s lies behind the end of" in text and "'z'" not in text


def test_files_of_nobody(tmp_path):
    for name, content, told in (
        ("a.json", '{"a": ', "line 1: file cannot be read (Expecting value"),
        ("b.csv", "", "the file is empty; export it again"),
        ("c.csv", "video,start,end,label\n".encode("utf-16"), "text in UTF-16; save it as UTF-8"),
    ):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        assert told in refused(path, tmp_path / "out"), name
        path.unlink()
    for name, content in (("a.json", "{}"), ("b.txt", "hello"), ("c.csv", "a,b\n1,2\n")):
        text = refused(save(tmp_path / name, content), tmp_path / "out")
        assert "no file of a known tool; say of which: --from elan, boris" in text
    text = refused(tmp_path, tmp_path / "out")
    assert all(f"{name}\n" in text for name in ("a.json", "b.txt", "c.csv"))
    assert "file is missing" in refused(tmp_path / "nothing.eaf", tmp_path / "out")


def test_a_video_called_as_its_file_is_told(tmp_path, capsys):
    path = save(tmp_path / "a.csv", "video,start,end,label\ntalk.mp4,0,1,x\nother,0,1,x\n")
    assert set(found(path, tmp_path / "a")) == {"talk.mp4", "other"}
    told = "1 video is called with the ending of a file: talk.mp4; so have to be their features, talk.mp4.npy"
    assert told in capsys.readouterr().out


def test_events_without_a_tier_or_a_text(tmp_path, capsys):
    rows = "a,0,1,x,\na,1,2,y,Ada\na,2,3,,Ada\n"
    path = save(tmp_path / "a.csv", f"video,start,end,label,subject\n{rows}")
    assert "'' (no name, 1 event), 'Ada' (2 events); choose with --tier" in refused(path, tmp_path / "a")
    assert found(path, tmp_path / "b", "--tier", "") == {"a": [("x", 0, 1)]}
    with pytest.raises(SystemExit):
        import_labels.main([str(path), "--output", str(tmp_path / "c"), "--tier", "Ada", "--unnamed", "z\nz"])
    assert "--unnamed is 'z\\nz', expected the name of a class" in capsys.readouterr().err
    assert found(path, tmp_path / "d", "--tier", "Ada", "--unnamed", "z") == {"a": [("y", 1, 2), ("z", 2, 3)]}


def test_files_that_are_not_called_as_their_video_are_told(tmp_path, capsys):
    drawn.write(tmp_path / "found", {"talk": [{"label": "pour", "segment": [1.0, 2.0]}]}, duration=20)
    drawn.export(tmp_path / "found", "audacity", tmp_path / "other.txt")
    assert "1 file is not called as the video: other.txt (talk); rename the video" in capsys.readouterr().out
    drawn.export(tmp_path / "found", "audacity", tmp_path / "talk.txt")
    assert "not called" not in capsys.readouterr().out
