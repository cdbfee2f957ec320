"""Parsers of class lists, frame labels and split lists: what they accept and what they report."""

import hypothesis
import pytest
from hypothesis import strategies as st

from data_pipelines.segmentation.annotations import read_labels, read_mapping, read_split

CLASS_IDS = {"background": 0, "take cup": 1, "pour_milk": 2}


def write(folder, data):
    path = folder / "file.txt"
    path.write_bytes(data)
    return path


@pytest.mark.parametrize(
    "data",
    [
        b"0 background\n1 take cup\n2 pour_milk",
        b"0 background\r\n1 take cup\r\n2 pour_milk\r\n",
        b"\xef\xbb\xbf0 background\n1 take cup\n2 pour_milk\n\n  \n",
        b"  2\tpour_milk \n 0  background\n1   take cup\n",
    ],
    ids=["no last newline", "crlf", "bom and blank end", "white space and any order"],
)
def test_mapping_forms(tmp_path, data):
    assert read_mapping(write(tmp_path, data)) == (CLASS_IDS, [])


@pytest.mark.parametrize(
    ("data", "lines", "texts"),
    [
        (b"", [0], ["no classes"]),
        (b"0 a\n1\n", [2], ["'1'"]),
        (b"0 a\nx b\n1 a\n", [2, 3], ["'x b'", "'a' again"]),
        (b"0 caf\xe9\n", [1], ["byte 0xe9 is not UTF-8"]),
        (b'0 a\n1 "b c"\n', [2], ["a class name in quotation marks: '\"b c\"'; expected '<id> <class name>'"]),
        (b"0 a\t7\n", [1], [r"the control character '\t' in a class name: 'a\t7'"]),
    ],
)
def test_mapping_problems(tmp_path, data, lines, texts):
    path = write(tmp_path, data)
    _, problems = read_mapping(path)
    assert [problem.line for problem in problems] == lines
    for problem, text in zip(problems, texts, strict=True):
        assert text in str(problem)
        assert str(problem).startswith(f"{path}:{problem.line}: " if problem.line else f"{path}: ")


def test_unknown_labels_are_reported_once_per_name(tmp_path):
    data = b"background\npour_mlk\npour_mlk\n\ntake cup\nzzz\npour_mlk\n"
    labels, problems = read_labels(write(tmp_path, data), CLASS_IDS)
    assert labels.tolist() == [0, -1, -1, -1, 1, -1, -1]
    assert [problem.line for problem in problems] == [2, 4, 6]
    assert problems[0].text == "unknown label 'pour_mlk' (3 lines); the nearest class is 'pour_milk'"
    assert problems[1].text == "blank line; expected a class name"
    assert problems[2].text == "unknown label 'zzz'; expected a name of the class list"


@pytest.mark.parametrize(
    ("data", "found", "advice", "num_labels"),
    [
        ("2\n0\n1\n", "numbers from 0 to 2 instead of class names (ids: 0 to 2)", "write the names of the class", 3),
        ("label\n1\n3\n3\n", "numbers from 1 to 3 instead of class names", "where the numbers are meant to be", 4),
        ("-1\n5\n", "numbers from -1 to 5 instead", "expected one class name per frame", 2),
        ("0 100 background\n100 250 take cup\n", "segments, such as '0 100 background'", "convert_labels makes", 0),
        ("start,end,label\n0,1.5,pour_milk\n", "segments, such as '0,1.5,pour_milk'", "convert_labels makes", 0),
        ("0.0\t2.5\treach\n", "segments, such as '0.0\\t2.5\\treach'", "convert_labels makes", 0),
        ("1-30 SIL\n31-60 pour\n", "segments, such as '1-30 SIL'", "convert_labels makes", 0),
        ("reach 0 100\ncut 100 250\n", "segments, such as 'reach 0 100'", "--columns label=1 start=2 end=3", 0),
        ("1.0\n2.0\n", "numbers from 1 to 2 instead of class names", "expected one class name per frame", 2),
        ("0,background\n1,take cup\n", "a number and a class, such as '0,background'", "drop the first column", 2),
        ("0 take cup\n1 take cup\n", "a number and a class, such as '0 take cup'", "drop the first column", 2),
        ("take cup 20\nbackground 30\n", "a class and a number, such as 'take cup 20'", "repeat the name as often", 0),
        ("0 0 1 0\n0 1 0 0\n", "rows of numbers, such as '0 0 1 0'", "write the name of the class of every row", 2),
    ],
)
def test_files_of_another_form_are_one_problem(tmp_path, data, found, advice, num_labels):
    labels, [problem] = read_labels(write(tmp_path, data.encode()), CLASS_IDS)
    assert problem.found.startswith(found) and advice in problem.expected
    assert labels.tolist() == [-1] * num_labels


def test_labels_that_are_known_in_another_form(tmp_path):
    data = b'background\ntake cup\n"pour_milk"\nbackground,pour_milk\nbackground\ntake  cup\n'
    labels, problems = read_labels(write(tmp_path, data), CLASS_IDS)
    assert labels.tolist() == [0, 1, -1, -1, 0, -1]
    assert [problem.expected for problem in problems] == [
        "the class list has 'pour_milk', without quotation marks",
        "2 class names on one line; expected one class name per frame",
        "the nearest class is 'take cup'",
    ]


def test_classes_may_be_named_by_numbers(tmp_path):
    labels, problems = read_labels(write(tmp_path, b"0\n12\n0 1 x\n"), {"0": 0, "12": 1, "0 1 x": 2})
    assert labels.tolist() == [0, 1, 2] and problems == []


@pytest.mark.parametrize("data", [b"", b"\n\n", b"\xef\xbb\xbf\r\n"])
def test_empty_files(tmp_path, data):
    path = write(tmp_path, data)
    labels, problems = read_labels(path, CLASS_IDS)
    assert labels.size == 0 and "no labels" in str(problems[0])
    ids, problems = read_split(path)
    assert not ids and "no videos" in str(problems[0])


def test_split_lists(tmp_path):
    assert read_split(write(tmp_path, b"P01_a.txt\nP02.b\r\nP03 c.txt")) == (["P01_a", "P02.b", "P03 c"], [])
    ids, problems = read_split(write(tmp_path, b"a.txt\nb\na\n\n../c\nd\\e\n.txt\n"))
    assert ids == ["a", "b"]
    assert [problem.line for problem in problems] == [3, 4, 5, 6, 7]
    assert "first on line 1" in problems[0].text
    assert "without folders" in problems[2].text


def test_split_lists_with_known_videos_in_another_form(tmp_path):
    path = write(tmp_path, b"v0.mp4\nv1\nv2,v3\nvideos/v1.txt\nv4.txt\nv9.mp4\n")
    ids, problems = read_split(path, {"v0", "v1", "v2", "v3", "v4"})
    assert ids == ["v1", "v4", "v9.mp4"]
    assert [(problem.line, problem.text) for problem in problems] == [
        (1, "the ending '.mp4' of the name of a video: 'v0.mp4'; expected 'v0'"),
        (3, "2 videos on one line, commas between them: 'v2,v3'; expected one per line"),
        (4, "'videos/v1.txt'; expected a video name without folders"),
    ]
    assert read_split(write(tmp_path, b"v2,v3\n"), {"v2", "v3", "v2,v3"}) == (["v2,v3"], [])


def test_names_of_videos_that_are_no_text(tmp_path):
    ids, problems = read_split(write(tmp_path, "a\nb\tc\nd\u2028e\n.\n".encode()))
    assert ids == ["a"] and [problem.line for problem in problems] == [2, 3, 4]
    assert problems[0].text == r"the control character '\t' in a name: 'b\tc'; expected a video name"


def test_unreadable_files(tmp_path):
    assert "file is missing" in str(read_split(tmp_path / "none.txt")[1][0])
    assert "cannot be read" in str(read_split(tmp_path)[1][0])
    labels, problems = read_labels(write(tmp_path, b"\x93NUMPY" + bytes(range(256))), CLASS_IDS)
    assert labels.size == 0 and "not UTF-8" in str(problems[0])


@hypothesis.settings(derandomize=True, max_examples=50, deadline=None)
@hypothesis.given(
    st.lists(st.sampled_from(list(CLASS_IDS)), min_size=1, max_size=30),
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.booleans(),
)
def test_labels_round_trip(tmp_path_factory, names, newline, last_newline):
    text = newline.join(names) + (newline if last_newline else "")
    path = write(tmp_path_factory.mktemp("labels"), text.encode())
    labels, problems = read_labels(path, CLASS_IDS)
    assert labels.tolist() == [CLASS_IDS[name] for name in names]
    assert not problems
