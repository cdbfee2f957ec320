"""The two commands: what is chosen, refused and kept of folders, and predictions of both kinds."""

import json
import shutil

import numpy as np
import pytest

from data_pipelines import export_labels, import_labels, make_splits
from data_pipelines.core import command_line
from data_pipelines.core.feature_times import FeatureTimes
from fact_jax.types import UserError
from tests.data_pipelines.label_tools import drawn
from tests.data_pipelines.label_tools.projects import boris, observation
from tests.data_pipelines.video.written import write_video

HEADER = "video,start,end,label\n"


def imported(text, folder, *options):
    (folder / "a.csv").write_text(text if text.startswith("video") else HEADER + text)
    assert import_labels.main([str(folder / "a.csv"), "--output", str(folder / "data"), *map(str, options)]) == 0
    return folder / "data"


def refused(text, folder, *options):
    with pytest.raises(UserError) as error:
        imported(text, folder, *options)
    return str(error.value)


def labels_of(folder, video):
    return (folder / "groundTruth" / f"{video}.txt").read_text().split("\n")[:-1]


def features(folder, **lengths):
    (folder / "data" / "features").mkdir(parents=True, exist_ok=True)
    for name, length in lengths.items():
        np.save(folder / "data" / "features" / f"{name}.npy", np.zeros((3, length), np.float32))


def test_rows_of_a_constant_rate(tmp_path, capsys):
    features(tmp_path, a=10, b=7)
    data = imported("a,0.5,2,pour\na,2,3,stir\nb,0,1,stir\n", tmp_path, "--to", "frames", "--fps", "2")
    assert labels_of(data, "a") == ["background", *["pour"] * 3, *["stir"] * 2, *["background"] * 4]
    assert labels_of(data, "b") == [*["stir"] * 2, *["background"] * 5]
    assert (data / "mapping.txt").read_text() == "0 background\n1 pour\n2 stir\n"
    out = capsys.readouterr().out
    assert "gaps, 10 of 17 rows, are 'background'" in out and "3 events of 2 videos" in out
    # Another video, with a class that the list does not have.
    features(tmp_path, c=4)
    options = ["--to", "frames", "--fps", "2"]
    assert "no class 'stri', which the labels have; did you mean 'stir'?" in refused("c,0,1,stri\n", tmp_path, *options)
    imported("c,0,1,stir\n", tmp_path, *options)
    assert labels_of(data, "c") == ["stir", "stir", "background", "background"]
    assert "groundTruth/c.txt. Add --overwrite" in refused("c,0,1,pour\n", tmp_path, *options)
    imported("c,0,1,pour\n", tmp_path, *options, "--overwrite", "--background", "background")
    assert labels_of(data, "c")[0] == "pour" and labels_of(data, "b")[0] == "stir"


def test_overlaps_and_what_rows_do_not_show(tmp_path, capsys):
    features(tmp_path, a=6, b=5)
    rows, options = "a,0,3,x\na,1,2,y\n", ["--to", "frames", "--fps", "2"]
    text = refused(rows, tmp_path, *options)
    assert "line 3: a: 'y' from 1 to 2 s overlaps 'x' from 0 to 3 s; a row has one label" in text
    data = imported(rows, tmp_path, *options, "--overlap", "last")
    assert "".join(labels_of(data, "a")) == "xxyyxx"
    imported(rows, tmp_path, *options, "--overlap", "first", "--overwrite")
    assert "".join(labels_of(data, "a")) == "xxxxxx"
    assert "covered by others, thus not shown: 1 event: a: 'y' from 1 to 2 s" in capsys.readouterr().out
    imported("b,0.6,0.9,z\nb,1,2.6,x\n", tmp_path, *options)
    out = capsys.readouterr().out
    assert "within a row, thus not shown: 1 event" in out and "1 event ended behind the last row: cut" in out
    text = refused("b,0,30,x\n", tmp_path, *options, "--overwrite")
    assert "ends behind the rows of labels, at 2.500 s; are these the features of this video" in text


def test_points(tmp_path):
    features(tmp_path, a=6, b=5)
    rows, options = "a,0,1,x\na,2,2,call\na,2.5,2.5,call\n", ["--to", "frames", "--fps", "2"]
    text = refused(rows, tmp_path, *options)
    assert (
        "'call' has 2 point events: a at 2 s, a at 2.5 s; a row of labels has a length; --point_width SECONDS" in text
    )
    data = imported(rows, tmp_path)
    items = json.loads((data / "annotations.json").read_text())["database"]["a"]["annotations"]
    assert [item.get("point") for item in items] == [None, True, True] and items[1]["segment"] == [2.0, 2.0]
    imported(rows, tmp_path, *options, "--point_width", "0.5")
    # Row 3 holds 1.75 s, where the first point begins now.
    assert labels_of(data, "a") == ["x", "x", "background", "call", "call", "background"]


def test_annotations_grow(tmp_path):
    data = imported("a,0,1,pour\nb,0,1,stir\n", tmp_path)
    path = data / "annotations.json"
    content = json.loads(path.read_text())
    content["database"]["a"]["subset"] = "validation"
    content["version"] = "1.3"
    path.write_text(json.dumps(content))
    assert "it has a already; --overwrite replaces these videos, others stay" in refused("a,0,1,stir\n", tmp_path)
    imported("a,0,2,stir\na,3,4,chop\nc,0,1,pour\n", tmp_path, "--overwrite")
    assert json.loads(path.read_text())["version"] == "1.3"
    database = json.loads(path.read_text())["database"]
    assert database["b"] == content["database"]["b"] and database["a"]["subset"] == "validation"
    assert [(item["label"], item["label_id"]) for item in database["a"]["annotations"]] == [("stir", 1), ("chop", 2)]
    assert make_splits.main([str(data), "--test", "0.4"]) == 0


def test_videos_without_events(tmp_path, capsys):
    path = boris(tmp_path / "a.boris", {
        "one": observation([(1, "", "walk"), (2, "", "walk"), (3, "Ada", "call")], ("a.mp4",)),
        "two": observation([(3, "Ada", "call")], ("b.mp4",)), "three": observation([], ("c.mp4",)),
    })  # fmt: skip
    command = [str(path), "--tier", "No focal subject", "--output", str(tmp_path / "data")]
    assert import_labels.main(command) == 0
    out = capsys.readouterr().out
    assert "1 video without any event left out: three" in out
    assert "1 video without an event of what was chosen: b" in out
    assert list(json.loads((tmp_path / "data" / "annotations.json").read_text())["database"]) == ["a", "b"]
    assert import_labels.main([*command, "--keep_empty", "--overwrite"]) == 0
    assert list(json.loads((tmp_path / "data" / "annotations.json").read_text())["database"]) == ["a", "b", "c"]


def test_labels_that_are_left_out(tmp_path, capsys):
    rows = "a,0,1,pour\na,1,2,background\n"
    data = imported(rows, tmp_path, "--without", "background")
    items = json.loads((data / "annotations.json").read_text())["database"]["a"]["annotations"]
    assert [item["label"] for item in items] == [
        "pour"
    ] and "1 event of 'background' left out" in capsys.readouterr().out
    text = refused(rows, tmp_path, "--without", "backgruond")
    assert "--without 'backgruond', which no event has as its label; did you mean 'background'?" in text


def test_both_kinds_at_once(tmp_path):
    features(tmp_path, a=6, b=5)
    data = imported("a,0,1,x\n", tmp_path, "--to", "annotations", "frames", "--fps", "2")
    assert sorted(path.name for path in data.iterdir()) == [
        "annotations.json",
        "features",
        "groundTruth",
        "mapping.txt",
    ]


def test_videos_are_looked_at(tmp_path):
    """Missing, of another length than the tool says, and shorter than the labels: all told at once."""
    (tmp_path / "videos").mkdir()
    for name in ("a", "b"):
        write_video(tmp_path / "videos" / f"{name}.mp4", range(60))
    rows = "a,0,1,x\nb,0,9,x\nc,0,1,x\n"
    text = refused(rows, tmp_path, "--videos", tmp_path / "videos", "--lengths", "a.mp4=3.5")
    assert "'a' is 3.500 s long here, and 2.000 s in" in text
    assert "'x' from 0 to 9 s lies behind the end of" in text and "no file of the video 'c' (c)" in text
    assert not (tmp_path / "data" / "annotations.json").exists()
    features(tmp_path, a=60, b=61)
    text = refused(
        "a,0,1,x\nb,0,1,x\n", tmp_path, "--videos", tmp_path / "videos", "--to", "frames", "--time_axis", "last"
    )
    assert "the features of 'b' have 61 rows, the video has 60 frames" in text
    with pytest.raises(UserError, match="--videos is .*nowhere, which is missing"):
        imported(rows, tmp_path, "--videos", tmp_path / "nowhere")


def test_nobody_says_when_rows_are(tmp_path):
    text = refused("a,0,1,x\n", tmp_path, "--to", "frames")
    assert "nobody says when the rows of labels of 1 of 1 videos are, such as 'a'; expected VIDEO.json" in text
    features(tmp_path, a=3, b=4)
    text = refused("a,0,1,x\nab,0,1,x\n", tmp_path, "--to", "frames", "--fps", "2")
    assert "ab.npy" in text and "file is missing" in text


@pytest.mark.parametrize(
    "options",
    [
        ["--fps", "2"],
        ["--tier", "a", "--each"],
        ["--media", "-1"],
        ["--lengths", "a"],
        ["--to", "frames", "--background", " "],
    ],
)
def test_options_that_cannot_be(tmp_path, options, capsys):
    with pytest.raises(SystemExit) as stop:
        imported("a,0,1,x\n", tmp_path, *options)
    assert stop.value.code == 2 and not (tmp_path / "data").exists()


def test_the_command_line(tmp_path, capsys):
    (tmp_path / "a.csv").write_text(HEADER + "a,0,,x\n")
    with pytest.raises(SystemExit) as stop:
        command_line.run(import_labels.main, [str(tmp_path / "a.csv"), "--output", str(tmp_path / "data")])
    assert stop.value.code == 2 and "an event without end" in capsys.readouterr().err


def predicted(folder, **records):
    (folder / "predictions").mkdir(parents=True)
    for name, content in records.items():
        (folder / "predictions" / f"{name}.json").write_text(json.dumps(content))
    return folder


SEGMENTATION = {
    "video": "talk", "num_frames": 8, "fps": None, "class_names": ["background", "pour"], "background": ["background"],
    "segments": [{"start": 0, "end": 3, "label": "background", "confidence": 0.9},
                 {"start": 3, "end": 8, "label": "pour", "confidence": 0.625}],
}  # fmt: skip
LOCALIZATION = {
    "version": "VERSION 1.3", "duration": 12.5,
    "results": {"walk": [{"label": "run", "segment": [1.5, 4.0], "score": 0.75},
                         {"label": "run", "segment": [1.0, 3.0], "score": 0.125},
                         {"label": "hop", "segment": [2.0, 2.0], "score": 0.5}]},
}  # fmt: skip


def test_predictions_of_segmentation(tmp_path):
    source = predicted(tmp_path / "p", talk=SEGMENTATION)
    with pytest.raises(UserError, match="nobody says when the rows of labels of 1 of 1 videos are"):
        drawn.export(source, "csv", tmp_path / "a.csv")
    path = drawn.export(source, "csv", tmp_path / "a.csv", "--fps", "4")
    assert path.read_text() == "video,start,end,label,confidence,subject\ntalk,0.75,2.0,pour,0.625,prediction\n"
    path = drawn.export(source, "csv", tmp_path / "a.csv", "--fps", "4", "--with_background", "--name", "net")
    assert path.read_text().split("\n")[1] == "talk,0.0,0.75,background,0.9,net"
    timed = [item | {"start_sec": item["start"] / 2, "end_sec": item["end"] / 2} for item in SEGMENTATION["segments"]]
    shutil.rmtree(tmp_path / "p")
    source = predicted(tmp_path / "p", talk=SEGMENTATION | {"segments": timed})
    assert "talk,1.5,4.0,pour" in drawn.export(source, "csv", tmp_path / "a.csv").read_text()
    shutil.rmtree(tmp_path / "p")
    wrong = [item | {"end": 9} for item in SEGMENTATION["segments"]]
    source = predicted(tmp_path / "p", talk=SEGMENTATION | {"segments": wrong}, other={"embeddings": 3})
    with pytest.raises(UserError) as error:
        drawn.export(source, "csv", tmp_path / "a.csv", "--fps", "4")
    assert "segment 1 is" in str(error.value) and "no prediction of segments" in str(error.value)


def test_predictions_of_localization(tmp_path, capsys):
    source = predicted(tmp_path / "p", walk=LOCALIZATION, submission={"results": {}})
    path = drawn.export(source, "csv", tmp_path / "a.csv")
    rows = path.read_text().split("\n")[1:-1]
    assert rows == ["walk,1.0,3.0,run,0.125,prediction", "walk,1.5,4.0,run,0.75,prediction"]
    assert "detections without a length, left out: 1" in capsys.readouterr().out
    path = drawn.export(source, "csv", tmp_path / "a.csv", "--min_confidence", "0.5")
    assert path.read_text().split("\n")[1:-1] == rows[1:]
    assert "1 event left out" in capsys.readouterr().out
    path = drawn.export(source, "csv", tmp_path / "a.csv", "--most", "1")
    assert path.read_text().split("\n")[1:-1] == rows[1:]
    for tool, output in (("elan", "documents"), ("boris", "a.boris"), ("audacity", "files")):
        drawn.export(source, tool, tmp_path / output)
        found = drawn.load(tmp_path / output, tmp_path / f"again {tool}")["walk"]
        assert [(item["segment"], item["confidence"]) for item in found] == [([1.0, 3.0], 0.125), ([1.5, 4.0], 0.75)]


def test_what_is_exported_of_a_folder(tmp_path):
    with pytest.raises(UserError, match="holds neither annotations.json nor groundTruth/ nor predictions/VIDEO.json"):
        drawn.export(tmp_path, "csv", tmp_path / "a.csv")
    drawn.write(tmp_path, {"a": [{"label": "x", "segment": [0, 1]}], "b": [{"label": "y", "segment": [0, 1]}]})
    (tmp_path / "groundTruth").mkdir()
    (tmp_path / "groundTruth" / "a.txt").write_text("sil\nx\nnull\n")
    with pytest.raises(UserError, match="holds annotations and frames. Choose with --what"):
        drawn.export(tmp_path, "csv", tmp_path / "a.csv")
    with pytest.raises(UserError, match="the labels null, sil mean background. Say which one: --background NAME"):
        drawn.export(tmp_path, "csv", tmp_path / "a.csv", "--what", "frames", "--fps", "1")
    options = ["--what", "frames", "--fps", "1", "--background", "sil"]
    path = drawn.export(tmp_path, "csv", tmp_path / "a.csv", *options)
    assert path.read_text() == f"{HEADER}a,1.0,2.0,x\na,2.0,3.0,null\n"
    path = drawn.export(tmp_path, "csv", tmp_path / "a.csv", "--what", "annotations", "--only", "b")
    assert path.read_text() == f"{HEADER}b,0.0,1.0,y\n"
    with pytest.raises(UserError, match="no video 'aa'; did you mean 'a'?"):
        drawn.export(tmp_path, "csv", tmp_path / "a.csv", "--what", "annotations", "--only", "aa")
    with pytest.raises(UserError, match="1 file exists already: .*a.csv. Add --overwrite"):
        export_labels.main([str(tmp_path / "annotations.json"), "--to", "csv", "--output", str(tmp_path / "a.csv")])
    for tool, output in (("csv", "b.txt"), ("boris", "b.csv"), ("boris_tabular", "b.xls"), ("elan", "b.eaf")):
        with pytest.raises(UserError, match="expected a (file|folder)"):
            drawn.export(tmp_path, tool, tmp_path / output, "--what", "annotations")


def test_what_a_tool_does_not_keep_is_told(tmp_path, capsys):
    item = {"label": "x", "segment": [0, 1], "modifiers": "fast", "subject": "Ada"}
    drawn.write(tmp_path / "a", {"v": [item]})
    drawn.export(tmp_path / "a", "audacity", tmp_path / "files")
    out = capsys.readouterr().out
    assert "Audacity label track (.txt) does not keep: modifiers of BORIS, the name of the tier" in out
    drawn.write(tmp_path / "a", {"v": [item, item | {"subject": "Ben"}]})
    with pytest.raises(UserError, match="2 tiers or subjects: 'Ada' .*choose with --tier"):
        drawn.export(tmp_path / "a", "audacity", tmp_path / "files")
    drawn.export(tmp_path / "a", "audacity", tmp_path / "files", "--tier", "Ben")
    with pytest.raises(SystemExit):
        drawn.export(tmp_path / "a", "audacity", tmp_path / "files", "--into", "a.txt")


def test_a_rate_beside_features_that_say_their_own_times_is_told(tmp_path, capsys):
    features(tmp_path, a=10)
    np.save(tmp_path / "data" / "features" / "a.npy", np.zeros((10, 3), np.float32))
    times = FeatureTimes.of_centres(np.arange(10) + 0.5, dim=3, video={"duration": 10.0}, window=1.0, made_by={})
    (tmp_path / "data" / "features" / "a.json").write_text(times.text)
    data = imported("a,2,5,x\n", tmp_path, "--to", "frames", "--fps", "25")
    assert labels_of(data, "a") == ["background"] * 2 + ["x"] * 3 + ["background"] * 5
    assert "--fps 25 is not used for 1 video: VIDEO.json beside the features says when rows are: a" in (
        capsys.readouterr().out
    )


def test_numbers_with_decimal_commas_and_times_of_a_clock(tmp_path):
    text = "video;start;end;label;confidence\r\na;0,5;1,25;x, y;0,75\r\na;0:01:02,5;1:02.75;y;\r\n"
    data = imported(text, tmp_path)
    events = json.loads((data / "annotations.json").read_text())["database"]["a"]["annotations"]
    assert [(event["label"], event["segment"]) for event in events] == [("x, y", [0.5, 1.25]), ("y", [62.5, 62.75])]
    assert events[0]["confidence"] == 0.75
    assert "from '00:00:10;05' to '11'; expected" in refused("a,00:00:10;05,11,x\n", tmp_path)


def test_labels_that_look_alike_and_events_that_come_again_are_told(tmp_path, capsys):
    imported("a,0,1,caf\u00e9\na,1,2,cafe\u0301\na,0,1,caf\u00e9\n", tmp_path)
    told = capsys.readouterr().out
    assert "differ in capitals, spaces, hyphens or Unicode form only, and are classes of their own" in told
    assert "1 event there several times, all of which are kept: a: 'caf\u00e9' from 0 to 1 s, 2 times" in told


def test_events_without_a_confidence_are_told_where_the_surest_are_asked_for(tmp_path, capsys):
    data = imported("a,0,1,x\na,1,2,y\n", tmp_path)
    path = drawn.export(data, "csv", tmp_path / "b.csv", "--min_confidence", "0.5", "--most", "1")
    assert len(path.read_text().splitlines()) == 2
    told = capsys.readouterr().out
    assert "1 event left out: less sure than --min_confidence, or more than --most" in told
    assert "2 events without a confidence: --min_confidence keeps them, --most takes them for the least sure" in told
