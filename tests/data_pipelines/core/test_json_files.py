"""JSON and CSV files of others: every name once, numbers that are numbers, rows as long as the header."""

import pytest

from data_pipelines.core.json_files import number_of, read_json, whole_of
from data_pipelines.core.text_files import read_table


def test_doubled_names_are_told_with_their_line(tmp_path):
    path = tmp_path / "a.json"
    path.write_text('{"a": 1,\n "b": 2,\n "a": 3}')
    content, problems = read_json(path, "a table")
    assert content == {"a": 3, "b": 2}
    assert [(problem.line, problem.found) for problem in problems] == [(3, "'a' is there twice in one object")]
    path.write_text('{"a": 1,\n oh}')
    assert read_json(path, "a table")[0] is None and read_json(path, "a table")[1][0].line == 2


@pytest.mark.parametrize(
    ("value", "number", "quoted"),
    [
        (2, 2.0, 2.0), (2.5, 2.5, 2.5), ("2.5", None, 2.5), ("1e3", None, 1000.0), (True, None, None), ("", None, None),
        (" 2", None, None), ("1_0", None, None), ("nan", None, None), ("2+1j", None, None), (float("nan"), None, None),
        (10**400, None, None), (None, None, None), ([1], None, None), ("٣", None, None),
    ],
)  # fmt: skip
def test_numbers(value, number, quoted):
    assert (number_of(value), number_of(value, quoted=True)) == (number, quoted)


def test_whole_numbers():
    assert [whole_of(value) for value in (3, 3.0, "3", 3.5, True, "x")] == [3, 3, 3, None, None, None]


def test_a_huge_number_is_no_traceback(tmp_path):
    (tmp_path / "a.json").write_text('{"a": ' + "9" * 5000 + "}")
    content, problems = read_json(tmp_path / "a.json", "a table")
    assert problems == [] and number_of(content["a"]) is None


@pytest.mark.parametrize(
    ("text", "line", "found"),
    [
        ("video,subset\na,x\nb\n", 3, "1 value; expected 2, as in the header"),
        ("video,subset\na,x,y\n", 2, "3 values; expected 2"),
        ("video,subset\na, x\n", 2, "white space around ' x'; expected a plain subset"),
        ("video,subset,video\na,x,b\n", 1, "the column 'video' is there 2 times"),
        ("Video, subset\na,x\n", 1, "expected the columns video, subset, without capitals that differ"),
        ('video,subset\n"a"b,x\n', 2, "not a CSV file"),
        ("", 1, "columns ''"),
    ],
)
def test_rows_that_are_none_are_told_with_their_line(tmp_path, text, line, found):
    (tmp_path / "a.csv").write_text(text)
    _, problems = read_table(tmp_path / "a.csv", [("video", "subset")])
    assert [problem.line for problem in problems] == [line] and found in problems[0].text
