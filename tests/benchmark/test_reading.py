"""The benchmark of reading video files: what it writes, reads and tells."""

import itertools
import json

import numpy as np
import pytest

from data_pipelines.video.video_file import VideoFile
from fact_jax.benchmark import made_files, reading, report

PARTS = ("order", "sparse_250", "sparse_12", "view")


def test_a_written_file_has_its_frames_size_and_groups(tmp_path):
    path = made_files.write(tmp_path / "a.mp4", 25, size=(48, 64), gop=10, rate=5, seed=1)
    video = VideoFile(path)
    assert (len(video), video.size, video.rate) == (25, (48, 64), 5.0)
    assert video.index.key_packets[0] == 0 and len(video.index.key_pts) >= 3
    frames = video.frames(np.arange(25)).astype(int)
    assert frames.std() > 20 and all(np.abs(one - other).mean() > 1 for one, other in itertools.pairwise(frames))
    other = VideoFile(made_files.write(tmp_path / "b.mp4", 2, size=(48, 64), seed=2)).frames([0])
    assert np.abs(frames[0] - other[0]).mean() > 10


@pytest.mark.parametrize("installed", [True, pytest.param(False, marks=pytest.mark.slow)])
def test_all_that_is_read_is_told(installed, tmp_path, monkeypatch):
    monkeypatch.setattr(reading.importlib.util, "find_spec", lambda name: name if installed else None)
    for name, value in {"NUM_FRAMES": 24, "VIEW_FRAMES": 3, "SPARSE": 4, "VIEWS": 1}.items():
        monkeypatch.setattr(reading, name, value)
    monkeypatch.setattr(made_files, "SIZE", (32, 48))
    asked = []
    for name in ("_decord_in_order", "_decord_sparse"):
        monkeypatch.setattr(reading, name, lambda *given, name=name: asked.append((name, *given)))
    tested = reading.Reading(tmp_path)
    result = tested.compare(repeats=1)
    assert set(PARTS) <= set(result) and result["order"]["frames"] == 24
    assert all(result[part]["ours"] > 0 for part in PARTS) and result["order"]["decoder"] > 0
    assert "ratio" in result["view"] and "ratio" in result["view_blur"]
    assert ("missing" in result) != installed and ("ratio" in result["order"]) == installed
    assert {name for name, *_ in asked} == ({"_decord_in_order", "_decord_sparse"} if installed else set())
    result["memory"] = {"opened": tested.opened(10), "long": tested.long(0.005)}
    opened, long = result["memory"]["opened"], result["memory"]["long"]
    assert opened["videos"] == 10 and opened["first"] == 1 and long["frames"] == 90
    assert all(10 < size < 10_000 for size in (opened["begin"], opened["end"], long["begin"], long["end"]))
    text = report._reading(json.loads(json.dumps(result)))
    assert ("pip install decord2" in text) != installed and ("times those of decord2" in text) == installed
    assert "FFmpeg's decoder alone takes" in text and ("no reader can give more" in text) == installed
    assert "after 10." in text and "(90 frames)" in text
