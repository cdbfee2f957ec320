"""From candidates to scores, and their files and pictures."""

import csv
import json

import numpy as np
import pytest

from fact_jax.metrics.localization import LocalizationMetric
from fact_jax.ops.nms import NmsConfig
from fact_jax.ops.time_grid import TimeGrid
from fact_jax.reporting.localization import writer
from fact_jax.tasks.localization.evaluation import LocalizationEvaluation, LocalizationProtocol, VideoTime
from fact_jax.types import Batch

GRID = TimeGrid(4, 16, 30.0)
NAMES = {0: "jump", 1: 'run, "fast"'}
TRUTH = {
    "v_a": (np.array([[0.5, 3.0], [4.0, 8.0]]), np.array([0, 1])),
    "v_b": (np.array([[1.0, 2.0]]), np.array([0])),
    "lost": (np.array([[1.0, 2.0]]), np.array([1])),
}


def protocol(**changes):
    options = {
        "metric": LocalizationMetric((0.3, 0.5)),
        "nms": NmsConfig(min_score=0.001, max_detections=10),
        "class_names": NAMES,
        "dataset": "demo",
        "truth": TRUTH,
        "times": {"v_a": VideoTime(GRID, 9.0), "v_b": VideoTime(GRID, 1e8)},
    }
    return LocalizationProtocol(**options | changes)


def filled(**changes):
    """An evaluation that saw the true segments as candidates, beside one that is not valid and a padded row."""
    evaluation = LocalizationEvaluation(protocol(**changes))
    outputs = {
        "segments": np.zeros((3, 3, 2), np.float32),
        "scores": np.full((3, 3), 0.5, np.float32),
        "labels": np.zeros((3, 3), np.int32),
        "valid": np.zeros((3, 3), bool),
    }
    for row, name in enumerate(("v_a", "v_b")):
        segments, labels = TRUTH[name]
        outputs["segments"][row, : len(labels)] = GRID.to_grid(segments)
        outputs["labels"][row, : len(labels)] = labels
        outputs["valid"][row, : len(labels)] = True
    outputs["valid"][2] = True
    arrays = {"video_mask": np.array([True, True, False])}
    evaluation.add(Batch(arrays, ("v_a", "v_b", ""), (0, 1, -1)), outputs)
    return evaluation


def test_videos_without_features_are_misses():
    scores = filled().metrics()
    assert scores["mAP@0.50"] == pytest.approx(75) and scores["Recall@1x@avg"] == pytest.approx(75)
    assert set(scores) == set(LocalizationEvaluation(protocol()).metrics())
    assert "Recall@1x@0.50" not in scores


def test_ends_stay_inside_the_video():
    short = {"v_a": VideoTime(GRID, 6.5), "v_b": VideoTime(GRID, 1e8)}
    assert filled(times=short).state().videos[0].segments.max() == pytest.approx(6.5)


def test_scores_of_another_system_name_the_detections():
    class_scores = {"v_a": [0.1, 0.9], "v_b": [0.8, 0.2]}
    found = filled(class_scores=class_scores).state().videos
    assert found[0].labels.tolist() == [1, 1, 0, 0] and found[1].labels.tolist() == [0, 1]
    assert found[1].scores[0] == pytest.approx(np.sqrt(0.8 * 0.5))


def test_files_hold_seconds_and_names(tmp_path):
    (line,) = writer.write_evaluation(filled(max_timelines=1), tmp_path, figures=True)
    assert line.startswith("drew the detections of 1 of 2 videos")
    content = json.loads((tmp_path / "predictions" / "detections.json").read_text())
    assert set(content) == {"version", "results", "external_data"} and set(content["results"]) == {"v_a", "v_b"}
    first = content["results"]["v_b"][0]
    assert first["label"] == "jump" and first["score"] == 0.5
    np.testing.assert_allclose(first["segment"], [1.0, 2.0], atol=1e-6)
    rows = list(csv.DictReader(open(tmp_path / "predictions" / "detections.csv")))
    assert [row["label"] for row in rows if row["video-id"] == "v_a"] == ["jump", 'run, "fast"']
    assert float(rows[-1]["t-end"]) == pytest.approx(2.0, abs=1e-6)
    classes = list(csv.DictReader(open(tmp_path / "tables" / "per_class.csv")))
    assert [row["class_name"] for row in classes] == list(NAMES.values()) and classes[1]["AP@0.30"] == "50.0000"
    thresholds = list(csv.DictReader(open(tmp_path / "tables" / "per_threshold.csv")))
    assert [row["tIoU"] for row in thresholds] == ["0.30", "0.50", "average"] and thresholds[2]["mAP"] == "75.0000"
    pictures = {path.name for path in (tmp_path / "figures").iterdir()}
    assert pictures == {"precision_recall.png", "map_against_tiou.png", "detections_v_a.png"}
    (tmp_path / "figures" / "prediction_v_a.png").write_text("")
    writer.write_evaluation(filled(), tmp_path, figures=False)
    assert [path.name for path in (tmp_path / "figures").iterdir()] == ["prediction_v_a.png"]


def test_nothing_found_is_written_too(tmp_path):
    evaluation = LocalizationEvaluation(protocol())
    assert set(evaluation.metrics().values()) == {0.0}
    assert writer.write_evaluation(evaluation, tmp_path, figures=True) == ()
    assert json.loads((tmp_path / "predictions" / "detections.json").read_text())["results"] == {}
