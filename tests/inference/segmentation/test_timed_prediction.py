"""A predicted boundary at second 8.0: its seconds and frames in files, in an annotation tool, and as labels again."""

import dataclasses
import io
import json

import numpy as np
import pytest

from data_pipelines import export_labels, import_labels
from tests.data_pipelines.timed_features import FRAME_AT_8, VIDEOS, write_features
from tests.inference import fakes


@pytest.fixture
def predicted(tmp_path, monkeypatch):
    """Predictions of "pour, slowly" from second 2 to 8 and of "stir" from there to the end."""
    monkeypatch.setattr(fakes, "FORM", dataclasses.replace(fakes.FORM, sample_rate=1))
    monkeypatch.setattr(fakes.FakePredictor, "sample_rate", 1)
    times = write_features(tmp_path / "features")
    for name, found in times.items():
        labels = np.zeros(found.rows, int)
        labels[found.rows_of(2.0) :] = 1
        labels[found.rows_of(8.0) :] = 2
        np.save(tmp_path / "features" / f"{name}.npy", (3.0 * np.eye(3, dtype=np.float32)[labels]).T)
    output = fakes.open_output(tmp_path / "out", fps=0.0, times=times)
    assert fakes.predict(tmp_path / "features", output, io.StringIO(), buckets=(320,)).code == 0
    return tmp_path, times


def test_seconds_and_frames(predicted):
    root, times = predicted
    for name, frame in FRAME_AT_8.items():
        record = json.loads((root / "out" / "predictions" / f"{name}.json").read_text())
        _, pour, stir = record["segments"]
        assert pour["end_sec"] == stir["start_sec"] == 8.0
        assert pour["end_frame"] == stir["start_frame"] == times[name].rows_of(8.0) == frame
        assert VIDEOS[name][pour["start_frame"]] == pour["start_sec"] == 2.0
        assert stir["end_frame"] == len(VIDEOS[name])


@pytest.mark.parametrize(("tool", "file"), [("boris", "a.boris"), ("elan", "documents"), ("csv", "a.csv")])
def test_through_an_annotation_tool_and_back(predicted, tool, file):
    root, times = predicted
    for name, found in times.items():  # as they are extracted: rows first
        np.save(root / "features" / f"{name}.npy", np.zeros((found.rows, 3), np.float32))
    assert export_labels.main([str(root / "out"), "--to", tool, "--output", str(root / file)]) == 0
    options = ["--to", "frames", "--features", str(root / "features")]
    assert import_labels.main([str(root / file), "--output", str(root / "again"), *options]) == 0
    for name in VIDEOS:
        labels = (root / "again" / "groundTruth" / f"{name}.txt").read_text()
        assert labels == (root / "out" / "predictions" / f"{name}.txt").read_text()
