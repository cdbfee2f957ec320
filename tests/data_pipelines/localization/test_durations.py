"""Files with the durations of videos."""

import gzip
import json

import pytest

from data_pipelines.localization.durations import check_durations, rate_lines, read_durations
from fact_jax.types import UserError

DATABASE = {"database": {"a": {"duration": 3.5, "annotations": []}, "b": {"annotations": []}}}


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("plain.json", {"a": 3.5, "b": 2}, {"a": 3.5, "b": 2.0}),
        ("plain.json.gz", {"a": 3.5}, {"a": 3.5}),
        ("annotations.json", DATABASE, {"a": 3.5}),
        ("bare.json", DATABASE["database"], {"a": 3.5}),
        ("annotations.json.gz", DATABASE, {"a": 3.5}),
    ],
)
def test_durations_are_read(tmp_path, name, content, expected):
    text = json.dumps(content).encode()
    (tmp_path / name).write_bytes(gzip.compress(text) if name.endswith(".gz") else text)
    assert read_durations(tmp_path / name).seconds == expected


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            '{"a": 1, "b": "2", "c": 0, "d": true}',
            r"has 3 problems:(?s:.*)video 'b' is '2'; expected seconds.*\n.*'c' is 0;.*\n.*'d' is True;",
        ),
        ('{"a": NaN, "b": null}', "video 'a' is nan"),
        ('{"a": 1e9}', "video 'a' is 1000000000.0"),
        ("{}", "no videos"),
        ('{"a": ' + "9" * 400 + "}", "video 'a' is inf"),
        ('{"a": [1]}', r"video 'a' is \[1\]"),
        ('{"a": 1,\n"a": 2}', "line 2: 'a' is there twice"),
        ('{"a": {"annotations": []}}', "annotations without a duration"),
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


def test_a_video_without_a_duration_is_told_with_the_nearest_name():
    check_durations("d.json", {"a": 1.0}, ["a"])
    with pytest.raises(UserError, match="no duration of 1 of 2 videos, such as 'video1'; it has 'Video1'"):
        check_durations("d.json", {"Video1": 1.0, "a": 1.0}, ["a", "video1"])


def test_other_frame_rates_of_the_file_are_told(tmp_path):
    videos = {name: {"duration": 9.0, "fps": rate} for name, rate in (("a", 25), ("b", 29.97), ("c", 50))}
    (tmp_path / "t.json").write_text(json.dumps({"database": videos}))
    stated = read_durations(tmp_path / "t.json")
    assert list(rate_lines("t.json", stated.fps, ["b"], 30.0)) == []
    (line,) = rate_lines("t.json", stated.fps, ["a", "b"], 30.0)
    assert line == "t.json: states 25 frames per second for 1 of 2 videos; 30 are used"
