"""Files with the durations of videos."""

import gzip
import json

import pytest

from data_pipelines.localization.durations import read_durations
from fact_jax.types import UserError

DATABASE = {"database": {"a": {"duration": 3.5, "annotations": []}, "b": {"annotations": []}}}


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("plain.json", {"a": 3.5, "b": 2}, {"a": 3.5, "b": 2.0}),
        ("annotations.json", DATABASE, {"a": 3.5}),
        ("annotations.json.gz", DATABASE, {"a": 3.5}),
    ],
)
def test_durations_are_read(tmp_path, name, content, expected):
    text = json.dumps(content).encode()
    (tmp_path / name).write_bytes(gzip.compress(text) if name.endswith(".gz") else text)
    assert read_durations(tmp_path / name) == expected


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"a": 1, "b": "2", "c": 0, "d": true}', r"'b': '2'\n.*'c': 0\n.*'d': True\nExpected seconds"),
        ('{"a": NaN}', "'a': nan"),
        ("[1]", "durations.json"),
        ("no JSON", "durations.json"),
        ('{"database": {"a": {"duration": -1}}}', "duration is -1; expected a number more than 0"),
    ],
)
def test_files_of_something_else_are_refused(tmp_path, content, message):
    (tmp_path / "durations.json").write_text(content)
    with pytest.raises(UserError, match=message):
        read_durations(tmp_path / "durations.json")
    with pytest.raises(UserError, match="file is missing"):
        read_durations(tmp_path / "other.json")
