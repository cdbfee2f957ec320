"""Tables of segments: forms that people have, exact times, and what is said of those that cannot be read."""

from fractions import Fraction

import pytest

from data_pipelines.segmentation.segment_files import looks_like_a_segment, parse_time, read_segments


def read(tmp_path, text, columns=None, video="v"):
    path = tmp_path / "table.csv"
    path.write_text(text)
    return read_segments(path, columns, video)


def rows(table):
    assert table.problems == []
    return [(segment.video, float(segment.start), float(segment.end), segment.label) for segment in table.segments]


@pytest.mark.parametrize(
    ("text", "unit"),
    [
        ("0 1.5 pour milk\n1.5 3 stir\n", ""),
        ("0\t1.5\tpour milk\n1.5\t3\tstir\n", ""),
        ("0,1.5,pour milk,7\n\n1.5,3,stir,8\n", ""),
        ("0;1,5;pour milk\n1,5;3;stir\n", ""),
        ("start,end,label\n0,1.5,pour milk\n1.5,3,stir\n", ""),
        ("Behavior\tStart (s)\tStop (s)\npour milk\t0\t1.5\nstir\t1.5\t3\n", "seconds"),
        ("id,start_sec,end_sec,action\n1,0:00,0:01.5,pour milk\n2,0:01.500,0:00:03,stir\n", "seconds"),
    ],
)
def test_forms(tmp_path, text, unit):
    table = read(tmp_path, text)
    assert rows(table) == [("v", 0, 1.5, "pour milk"), ("v", 1.5, 3, "stir")]
    assert table.unit == unit and table.looks_like_seconds


@pytest.mark.parametrize(
    ("header", "unit"),
    [("start_frame,end_frame", "frames"), ("onset_ms,offset_ms", "milliseconds"), ("start_frame,end_sec", "")],
)
def test_units_of_headers(tmp_path, header, unit):
    assert read(tmp_path, f"{header},label\n1,2,a\n").unit == unit


def test_columns(tmp_path):
    table = read(tmp_path, "video-id,t-start,t-end,label,\nx,1,2,cup,9\n", video=None)
    assert rows(table) == [("x", 1, 2, "cup")] and table.unused == ("(unnamed)",)
    assert rows(read(tmp_path, "x,1,2,cup\n", video=None)) == [("x", 1, 2, "cup")]
    numbers = {"label": "1", "start": "2", "end": "3"}
    assert rows(read(tmp_path, "cup,1,2\n", numbers)) == [("v", 1, 2, "cup")]
    assert rows(read(tmp_path, "a,b,c\ncup,1,2\n", numbers)) == [("v", 1, 2, "cup")]
    names = {"label": "noun", "start": "a"}
    assert rows(read(tmp_path, "noun,label,a,end\ncup,take,1,2\n", names)) == [("v", 1, 2, "cup")]
    assert rows(read(tmp_path, "1-30 SIL\n31-60 pour milk\n")) == [("v", 1, 30, "SIL"), ("v", 31, 60, "pour milk")]


@pytest.mark.parametrize(
    ("text", "columns", "line", "message"),
    [
        ("", {}, 0, "no segments"),
        ("start,end,label\n", {}, 0, "no segments below the header"),
        ("0,5,a\n5,4,b\n", {}, 2, "ends before it starts: from 5 to 4"),
        ("0,5,a\n-1,4,b\n", {}, 2, "from '-1' to '4'; expected times of 0 or more"),
        ("-1,5,a\n", {}, 1, "from '-1' to '5'"),
        ("0,5,a\n5,nan,b\n", {}, 2, "from '5' to 'nan'"),
        ("0,5,a\n5,9\n", {}, 2, "expected 3 cells or more"),
        ("0,5,\n", {}, 1, "label ''"),
        ("0,5," + "a" * 201, {}, 1, "201 characters, expected at most 200"),
        ("from,till,label\n0,5,a\n", {}, 1, "no column for the end in 'from, till, label'; say which: --columns end="),
        ("start,end,action,label\n0,5,a,b\n", {}, 1, "2 columns for the label"),
        ("start,end,label\n0,5,a\n", {"label": "lable"}, 1, "did you mean 'label'?"),
        ("0,5,a\n", {"label": "noun"}, 1, "no header; --columns label=noun"),
        ('0,5,"a\n', {}, 1, "unexpected end of data"),
        ("99999999999999999999,5,a\n", {}, 1, "expected times of 0 or more, such as"),
    ],
)
def test_problems(tmp_path, text, columns, line, message):
    [problem] = read(tmp_path, text, columns).problems
    assert message in problem.text and problem.line == line


def test_a_row_without_the_name_of_its_video(tmp_path):
    [problem] = read(tmp_path, "v,0,5,a\n,5,6,b\n", video=None).problems
    assert problem.line == 2 and problem.text == "no name: ''; expected the name of a video in every row"
    [problem] = read(tmp_path, "v,0,5,a\n../x,5,6,b\n", video=None).problems
    assert problem.line == 2 and problem.text.startswith("a path with the part '..': '../x'")


def test_times_are_exact():
    assert parse_time("0.29") * 100 == 29 and 0.29 * 100 != 29
    assert parse_time("1:02.5") == Fraction(125, 2) and parse_time("1:00:00") == 3600 and parse_time("1e-1") * 10 == 1
    assert [parse_time(text) for text in ("", "-1", "1/3", "inf", "1_0", "0x1", "1e999")] == [None] * 7


def test_lines_that_look_like_segments():
    assert all(map(looks_like_a_segment, ("0 100 reach", "0.0\t1.5\tpour milk", "1-30 SIL", "0,3,a,7")))
    assert not any(map(looks_like_a_segment, ("reach", "", "12", "take 2 cups", "cut,apple", "5 6")))
