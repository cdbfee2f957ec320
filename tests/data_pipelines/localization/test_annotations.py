"""Reading of annotation files: real ones with their known counts, and faulty ones."""

import gzip
import json
from pathlib import Path

import numpy as np
import pytest

from data_pipelines.localization.annotations import UNKNOWN_DURATION, read_database, read_subsets
from tests.data_pipelines.localization.folders import entries

REAL = Path(__file__).parents[3].parent / "shared" / "data"


def write(path, content):
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def test_a_file_is_read(tmp_path):
    database, problems = read_database(write(tmp_path / "a.json", {"database": entries()}))
    assert problems == []
    assert [video.video_id for video in database.in_subsets(["training"])] == ["a", "b"]
    assert database.class_ids == {"jump": 0, "run": 1}
    video = database.videos["c"]
    assert (video.subset, video.fps, video.labels.tolist()) == ("validation", 30.0, [0, 1])
    np.testing.assert_array_equal(video.segments, [[0.5, 1.5], [1.0, 2.0]])


def test_other_forms_are_read(tmp_path):
    content = {"v": {"duration_second": "8.5", "annotations": [{"label": "b", "segment": ["1", "2.5"]}]},
               "w": {"annotations": [{"label": "a", "segment": [0, 1]}]}}  # fmt: skip
    (tmp_path / "x.json.gz").write_bytes(gzip.compress(json.dumps(content).encode()))
    (tmp_path / "subsets.csv").write_text("video,numFrame,subset\nv,10,training\n")
    subsets, problems = read_subsets(tmp_path / "subsets.csv")
    database, more = read_database(tmp_path / "x.json.gz", subsets)
    assert problems + more == []
    assert database.class_ids == {"a": 0, "b": 1}
    assert (database.videos["v"].duration, database.videos["w"].duration) == (8.5, UNKNOWN_DURATION)
    assert (database.videos["v"].subset, database.videos["w"].subset) == ("training", "")


def test_names_that_lead_elsewhere_or_are_no_text(tmp_path):
    """No video of such a name is left, so that none is looked up."""
    content = {name: {"annotations": []} for name in ("../outside/x", "/etc/x", "a/..", "b\ud800", "day1/clip2")}
    content["v"] = {"annotations": [{"label": "r\udc00n", "segment": [0, 1]}, {"label": "r\udc00n", "segment": [1, 2]}]}
    database, problems = read_database(write(tmp_path / "a.json", content))
    assert list(database.videos) == ["day1/clip2", "v"]
    texts = [problem.text for problem in problems]
    assert len(texts) == 5 and "video '../outside/x': a path with the part '..'; expected" in texts[0]
    assert "an absolute path" in texts[1] and "video 'b\\ud800': the control character" in texts[3]
    assert texts[4].startswith("video 'v': the control character '\\udc00' in a class name: 'r\\udc00n'")


def test_what_is_stated_twice_and_not_alike_is_told(tmp_path):
    videos = entries()
    for entry in videos.values():
        for item in entry["annotations"]:
            item["segment(frames)"] = [30 * time + 0.4 for time in item["segment"]]
    content = {"database": videos, "taxonomy": [{"nodeName": "jump"}, {"nodeName": "run"}, {"nodeName": "sports"}]}
    database, problems = read_database(write(tmp_path / "a.json", content))
    assert problems == [] and database.notes == ()
    videos["c"]["annotations"][1]["segment(frames)"] = [60, 120]
    content["taxonomy"] = [{"nodeName": "jmup"}, {"nodeName": "run"}]
    database, problems = read_database(write(tmp_path / "a.json", content))
    assert problems == [] and database.notes == (
        'a.json: "segment(frames)" of 1 of 8 segments, in 1 video, is another time than the seconds, which are used: '
        "'c' from 1 to 2 s, frames 60 to 120 at 30 fps",
        'a.json: 1 of 2 classes of the annotations is not in the "taxonomy" of the file, which is not read: '
        "jump (did you mean 'jmup'?)",
    )


def test_a_segment_with_a_score_is_told_with_its_form(tmp_path):
    videos = entries()
    videos["a"]["annotations"][0]["segment"] = [0.5, 1.5, 0.9]
    _, (problem,) = read_database(write(tmp_path / "a.json", {"database": videos}))
    assert "video 'a': annotation 1 has a segment of 3 entries, [0.5, 1.5, 0.9]" in problem.text


def test_every_problem_is_told_at_once(tmp_path):
    faulty = entries()
    faulty["a"]["annotations"][0]["segment"] = [3, 2]
    faulty["b"]["annotations"][1]["label_id"] = 5
    faulty["c"]["duration"] = -1
    faulty["d"]["annotations"].append({"label": "fly", "segment": [0, 1]})
    faulty["d"]["annotations"].append({"label": "run"})
    _, problems = read_database(write(tmp_path / "a.json", {"database": faulty}))
    text = "\n".join(map(str, problems))
    for part in ("video 'a': annotation 1 is from 3 to 2", "video 'b': class 'run' has label_id 5",
                 "video 'c': duration is -1", "'fly' without an id", "annotation 4 has no segment"):  # fmt: skip
        assert part in text
    assert len(problems) == 5


@pytest.mark.parametrize(
    ("content", "found"),
    [
        ("{", "cannot be read"), ("[1, 2]", "no videos"), ('{"database": {}}', "no videos"),
        ('{"database": {"a": {}, "a": {}}}', "'a' is there twice"), ("[" * 100_000, "cannot be read"),
    ],
)  # fmt: skip
def test_a_file_that_is_none_is_reported(tmp_path, content, found):
    _, problems = read_database(write(tmp_path / "a.json", content))
    assert found in str(problems[0]) and str(tmp_path / "a.json") in str(problems[0])
    assert "missing" in str(read_database(tmp_path / "b.json")[1][0])


def test_a_cut_or_huge_compressed_file_is_reported(tmp_path, monkeypatch):
    packed = gzip.compress(json.dumps({"database": entries()}).encode())
    (tmp_path / "cut.json.gz").write_bytes(packed[:-20])
    assert "cut short" in str(read_database(tmp_path / "cut.json.gz")[1][0])
    monkeypatch.setattr("data_pipelines.core.text_files.MAX_TEXT_BYTES", 100)
    (tmp_path / "huge.json.gz").write_bytes(packed)
    assert "more than 100 bytes" in str(read_database(tmp_path / "huge.json.gz")[1][0])


@pytest.mark.parametrize(
    ("file", "subset_file", "videos", "segments", "classes"),
    [
        ("thumos14/thumos14.json.gz", None, {"validation": 200, "test": 212}, {"validation": 3007, "test": 3358}, 20),
        ("activitynet/anet_anno_action.json.gz", "activitynet/video_info_new.csv.gz",
         {"training": 9649, "validation": 4728, "testing": 4851}, {"": 22152}, 200),
        ("epic100/epic_kitchens_100_noun_reduced.json.gz", None, {"training": 477, "validation": 130}, {"": 26421}, 51),
    ],
)  # fmt: skip
def test_real_annotations_have_the_counts_that_are_known(file, subset_file, videos, segments, classes):
    if not (REAL / file).is_file():
        pytest.skip("the real annotations are not beside this checkout")
    subsets, problems = read_subsets(REAL / subset_file) if subset_file else (None, [])
    database, more = read_database(REAL / file, subsets)
    assert problems + more == [] and len(database.class_ids) == classes
    assert {subset: len(database.in_subsets([subset])) for subset in videos} == videos
    for subset, count in segments.items():
        counted = database.in_subsets([subset]) if subset else database.videos.values()
        assert sum(len(video.labels) for video in counted) == count
