"""The conversion of listed segments: written files that say what the segments say, and every doubt told."""

import json
import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_pipelines import convert_labels
from data_pipelines.core import command_line
from data_pipelines.core.text_files import read_lines
from fact_jax.ops.segments import frames_to_segments
from fact_jax.types import UserError


def write_tables(folder, **texts):
    folder.mkdir(exist_ok=True)
    for name, text in texts.items():
        (folder / f"{name}.csv").write_text(text)
    return folder


def convert(source, output, *options):
    assert convert_labels.main([str(source), "--output", str(output), *map(str, options)]) == 0


def labels_of(output, video):
    return (output / "groundTruth" / f"{video}.txt").read_text().split("\n")[:-1]


def test_a_file_per_video(tmp_path, capsys):
    source = write_tables(tmp_path / "raw", a="0.5,1.5,pour milk\n2,3,stir\n", b="0,1,stir\n")
    convert(source, tmp_path / "toy", "--fps", 2)
    assert labels_of(tmp_path / "toy", "a") == ["background", "pour milk", "pour milk", "background", "stir", "stir"]
    assert labels_of(tmp_path / "toy", "b") == ["stir", "stir"]
    out = capsys.readouterr().out
    assert "3 segments of 2 videos, times in seconds" in out and "gaps, 2 of 8 frames, are 'background'" in out
    assert "every video ends with its last segment" in out and "wrote groundTruth/VIDEO.txt of 2 videos" in out


def test_a_table_with_features(tmp_path, capsys):
    """Label files are as long as the features; ends behind them, and feature files without segments, are told."""
    (tmp_path / "toy" / "features").mkdir(parents=True)
    for name, length in (("a", 10), ("b", 7), ("c", 5)):
        np.save(tmp_path / "toy" / "features" / f"{name}.npy", np.zeros((4, length), np.float32))
    table = tmp_path / "all.csv"
    table.write_text("video,start_frame,end_frame,label\na,0,4,x\nb,2,9,y\n")
    convert(table, tmp_path / "toy", "--background", "none")
    assert labels_of(tmp_path / "toy", "a") == ["x"] * 4 + ["none"] * 6
    assert labels_of(tmp_path / "toy", "b") == ["none"] * 2 + ["y"] * 5
    out = capsys.readouterr().out
    assert "1 video had ends up to 2 frames behind the features: cut" in out
    assert "no segments, thus no labels: 1 feature file, c" in out and "(channels, frames)" in out
    with pytest.raises(UserError, match=r"ends at frame 9; the features of 'b' have 7; are fps and unit right\?"):
        convert(table, tmp_path / "toy", "--length_tolerance", 1, "--overwrite")
    (tmp_path / "toy" / "features" / "b.npy").unlink()
    with pytest.raises(UserError, match=r"(?s)b\.npy.*file is missing; features has 'c.npy'"):
        convert(table, tmp_path / "toy", "--overwrite")


def test_overlaps_are_refused_or_decided(tmp_path, capsys):
    source = write_tables(tmp_path / "raw", a="0,6,x\n2,4,y\n", b="0,5,x\n4,6,y\n")
    with pytest.raises(UserError, match=r"(?s)2 problems.*line 2: 'y' from 2 to 4 overlaps 'x' from 0 to 6 \(line 1\)"):
        convert(source, tmp_path / "toy", "--unit", "frames")
    assert not (tmp_path / "toy").exists()
    convert(source, tmp_path / "toy", "--unit", "frames", "--overlap", "last")
    assert "".join(labels_of(tmp_path / "toy", "a")) == "xxyyxx"
    with pytest.raises(
        UserError, match=r"2 files in .* exist already: groundTruth/a.txt, groundTruth/b.txt. Add --ove"
    ):
        convert(source, tmp_path / "toy", "--unit", "frames", "--overlap", "first")
    convert(source, tmp_path / "toy", "--unit", "frames", "--overlap", "first", "--overwrite")
    assert (
        "".join(labels_of(tmp_path / "toy", "a")) == "xxxxxx" and "".join(labels_of(tmp_path / "toy", "b")) == "xxxxxy"
    )
    (source / "a.csv").rename(tmp_path / "a.csv")
    convert(source, tmp_path / "toy", "--unit", "frames", "--overlap", "last", "--overwrite")
    assert "label files of other videos stay as they are: 1, a.txt" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "options", "line"),
    [
        (
            "0,9,x\n10,19,y\n",
            ["--unit", "frames"],
            "1 of 1 segments start one frame after the end of the one before, none at it",
        ),
        (
            "0,3,x\n3,5,x\n",
            ["--unit", "frames"],
            "one segment in the frames, as the label goes on: 1 pair of neighbours",
        ),
        ("0,1.2,x\n1.2,1.3,y\n", ["--fps", "1"], "shorter than a frame, thus not shown: 1 segment, in a"),
        (
            "0,5,x\n1,2,y\n",
            ["--unit", "frames", "--overlap", "first"],
            "covered by others or cut, thus not shown: 1 segment, in a",
        ),
        ("0,2,background\n3,4,x\n", ["--unit", "frames"], "'background' is a label of segments too"),
    ],
)
def test_what_is_done_is_told(tmp_path, capsys, text, options, line):
    convert(write_tables(tmp_path / "raw", a=text), tmp_path / "toy", *options)
    assert line in capsys.readouterr().out


def test_ends_that_belong_to_their_segments_are_told_beside_gaps(tmp_path, capsys):
    ends = [f"{start + 1},{start + (10 if start % 30 else 7)},x{start}\n" for start in range(0, 120, 10)]
    convert(write_tables(tmp_path / "raw", a="".join(ends)), tmp_path / "toy", "--unit", "frames")
    out = capsys.readouterr().out
    assert "7 of 11 segments start one frame after the end of the one before, none at it" in out
    assert "add --end_included and, if frames are counted from 1, --first_frame 1" in out
    convert(tmp_path / "raw", tmp_path / "toy", "--unit", "frames", "--end_included", "--first_frame", 1, "--overwrite")
    assert "one frame after" not in capsys.readouterr().out
    touching = "".join(f"{start},{start + 10},x{start}\n" for start in range(0, 120, 10)) + "121,125,y\n"
    convert(write_tables(tmp_path / "raw", a=touching), tmp_path / "toy", "--unit", "frames", "--overwrite")
    assert "one frame after" not in capsys.readouterr().out


def test_one_fault_of_many_files_is_told_once(tmp_path):
    def message(text, *options, number=12):
        texts = {f"v{i:02d}": text.replace("?", str(i)) for i in range(number)}
        source = write_tables(tmp_path / "raw", **texts)
        with pytest.raises(UserError) as error:
            convert(source, tmp_path / "toy", *options)
        return str(error.value)

    assert "1. line 1: no column for the end in 'start, duration, label', as in 12 files; say" in (
        message("start,duration,label\n0,5,x\n")
    )
    found = message("x?,0,5\ny,5,9\n")
    assert "has 1 problem:" in found and "the columns look like label, start, end; expected start, end, label" in found
    assert "as in 12 files; --columns label=1 start=2 end=3 says so" in found
    found = message("0,5,x\n?,q?,y\n")
    assert "has 4 problems:" in found and "3. line 2: from '2' to 'q2'" in found
    assert "4. 9 more problems like these, in 12 files in all" in found


def test_names_with_the_ending_of_a_video_are_told_once(tmp_path):
    (tmp_path / "toy" / "features").mkdir(parents=True)
    for name in "abcde":
        np.save(tmp_path / "toy" / "features" / f"{name}.npy", np.zeros((4, 10), np.float32))
    (tmp_path / "all.csv").write_text(
        "video,start_frame,end_frame,label\n" + "".join(f"{v}.mp4,0,4,x\n" for v in "abcde")
    )
    told = r"5 videos named .* lack, such as 'a\.mp4': features has 'a\.npy'; remove '\.mp4' from the names"
    with pytest.raises(UserError, match=rf"has 1 problem:\n.*all\.csv\n.*{told}"):
        convert(tmp_path / "all.csv", tmp_path / "toy", "--time_axis", "last")


def test_segments_that_end_early_are_told(tmp_path, capsys):
    (tmp_path / "toy" / "features").mkdir(parents=True)
    np.save(tmp_path / "toy" / "features" / "a.npy", np.zeros((90, 4), np.float32))
    source = write_tables(tmp_path / "raw", a="0,3,x\n")
    convert(source, tmp_path / "toy", "--unit", "seconds", "--fps", 10, "--time_axis", "first")
    assert "segments end before half of the features in 1 video: are fps and unit right?" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        ("0,5,x\n", [], "whole numbers, and no header that says of what. Say in which unit"),
        ("0,5.5,x\n", [], "say how many label frames a second has, --fps 15"),
        ("0,5,x\n", ["--unit", "frames", "--fps", "3"], "--fps is for times in seconds"),
        ("0,5.5,x\n", ["--fps", "3", "--end_included"], "are for frames; times are seconds"),
        ("start_frame,end_frame,label\n0,5,x\n", ["--unit", "seconds"], "the header says frames, --unit says seconds"),
        ("0,5,x\n", ["--unit", "frames", "--to", "annotations"], "say how many of them a second has, --fps 30"),
        ("0,0,x\n", ["--unit", "frames"], "video 'a' has no frame"),
        ("0,999999999999,x\n", ["--unit", "frames"], "has 999999999999 frames; expected at most 10000000; are fps and"),
        ("0,5,x\n", ["--unit", "frames", "--columns", "label=3", "label=2"], "a column twice for one role"),
        ("0,5,x\n", ["--unit", "frames", "--columns", "label=1", "start=1"], "one column for two roles"),
        (
            "start_s,end_s,label\n0,5,x\n",
            ["--fps", "3", "--columns", "label=start_s"],
            "the column 'start_s' is both start and label",
        ),
        (
            "0,5,x\n",
            ["--unit", "frames", "--background", "a\x07"],
            "expected the name of a class (the control character",
        ),
        ("0,5,x\n", ["--unit", "frames", "--length_tolerance", "-5"], "--length_tolerance must be 0 or more"),
        ("0,5,x\n", ["--to", "annotations", "--overlap", "last"], "--overlap: for labels of frames"),
        ("0,5,x\n", ["--unit", "frames", "--columns", "lable=2"], "expected ROLE=COLUMN"),
        ("0,5,x\n", ["--unit", "seconds", "--fps", "inf"], "expected a number from 0.001"),
        ("0,5,x\n", ["--unit", "seconds", "--frames_per_label", "2"], "is for --unit frames"),
    ],
)
def test_mistakes_end_with_code_2(tmp_path, capsys, text, options, message):
    source = write_tables(tmp_path / "raw", a=text)
    with pytest.raises(SystemExit) as stop:
        command_line.run(convert_labels.main, [str(source), "--output", str(tmp_path / "toy"), *options])
    assert stop.value.code == 2 and message in capsys.readouterr().err
    assert not (tmp_path / "toy").exists()


def test_times_of_a_clock_are_not_to_be_cut(tmp_path):
    source, features = write_tables(tmp_path / "raw", a="start_s,end_s,label\n3600,3605,x\n"), tmp_path / "f"
    features.mkdir()
    np.save(features / "a.npy", np.zeros((4, 30)))
    with pytest.raises(UserError, match="all segments start behind the features: are the times those of a tape"):
        convert(source, tmp_path / "toy", "--fps", 3, "--features", features, "--time_axis", "last")


def test_names_that_are_no_files(tmp_path):
    table = tmp_path / "all.csv"
    table.write_text("video,start,end,label\nday1/a,0.5,4,x\n")
    with pytest.raises(UserError, match=r"line 2: video 'day1/a'; expected a name without folders"):
        convert(table, tmp_path / "toy", "--fps", 1)
    (tmp_path / "raw").mkdir()
    with pytest.raises(UserError, match="holds no .csv, .tsv, .txt file"):
        convert(tmp_path / "raw", tmp_path / "toy")
    write_tables(tmp_path / "raw", a="0,1.5,x\n")
    (tmp_path / "raw" / "a.txt").write_text("0 1.5 x\n")
    with pytest.raises(UserError, match="'a' is there with several endings"):
        convert(tmp_path / "raw", tmp_path / "toy", "--fps", 1)


def test_annotations(tmp_path, capsys):
    source = write_tables(tmp_path / "raw", a="0,30,x\n16,45,y\n", b="1,2,y\n")
    options = ["--to", "annotations", "--unit", "frames", "--fps", 30, "--first_frame", 1, "--end_included"]
    with pytest.raises(UserError, match="from 0 to 30; frames are counted from 1"):
        convert(source, tmp_path / "toy", *options)
    convert(source, tmp_path / "toy", *options[:-3])
    found = json.loads((tmp_path / "toy" / "annotations.json").read_text())["database"]
    assert found["a"] == {
        "fps": 30.0,
        "annotations": [
            {"label": "x", "label_id": 0, "segment": [0.0, 1.0]},
            {"label": "y", "label_id": 1, "segment": [0.533333, 1.5]},
        ],
    }
    assert "2 classes" in capsys.readouterr().out


@settings(max_examples=25, deadline=None, derandomize=True)
@given(
    st.lists(st.tuples(st.integers(0, 400), st.integers(1, 400), st.sampled_from(["a", "b b", "ü"])), min_size=1),
    st.sampled_from(["1", "15", "29.97", "0.5"]),
)
def test_written_files_equal_the_segments(tmp_path_factory, steps, fps):
    """Gaps of hundredths of a second and segments, one after another; read back, they are the rounded segments."""
    folder, time, listed = tmp_path_factory.mktemp("property"), Fraction(0), []
    for gap, duration, label in steps:
        start = time + Fraction(gap, 100)
        time = start + Fraction(duration, 100)
        listed.append((start, time, label))
    text = "".join(f"{float(start):.2f}\t{float(end):.2f}\t{label}\n" for start, end, label in listed)
    write_tables(folder / "raw", v=text)
    bounds = [tuple(math.floor(t * Fraction(fps) + Fraction(1, 2)) for t in row[:2]) for row in listed]
    if bounds[-1][1] == 0:
        return
    convert(folder / "raw", folder / "toy", "--fps", fps)
    lines, problems = read_lines(folder / "toy" / "groundTruth" / "v.txt")
    assert problems == [] and len(lines) == bounds[-1][1]
    names = sorted(set(lines))
    runs = zip(*frames_to_segments(np.array([names.index(line) for line in lines])), strict=True)
    found = [(int(start), int(end), names[i]) for i, start, end in runs if names[i] != "background"]
    expected = []
    for (start, end), (_, _, label) in zip(bounds, listed, strict=True):
        if start < end and expected and expected[-1][1:] == (start, label):
            expected[-1] = (expected[-1][0], end, label)
        elif start < end:
            expected.append((start, end, label))
    assert found == expected


def test_a_slip_of_the_pen_is_told(tmp_path, capsys):
    tables = {name: "start,end,label\n0.0,1.0,pour\n1.0,2.0,stir\n" for name in "ab"}
    write_tables(tmp_path / "in", **tables, c="start,end,label\n0.0,1.0,puor\n1.0,2.0,stir\n")
    convert(tmp_path / "in", tmp_path / "out", "--fps", 10)
    out = capsys.readouterr().out
    assert "the class 'puor' is in one video only: did you mean 'pour', which is in 2?" in out
