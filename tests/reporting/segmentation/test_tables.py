import csv
import io

import numpy as np
import pytest

from fact_jax.metrics.segmentation import METRIC_NAMES, SegmentationMetric
from fact_jax.reporting import results
from fact_jax.reporting.segmentation import tables

NAMES = ["background", 'take "it", now', "pour"]


@pytest.fixture
def state():
    metric = SegmentationMetric(3, (0,))
    second = metric.from_video(np.array([0, 1, 1, 2]), np.array([0, 1, 1, 1]), "b")
    return second.merge(metric.from_video(np.array([0, 0]), np.array([0, 0]), "a,1"))


def read(folder, state, name):
    tables.write_tables(folder, state, NAMES)
    return list(csv.DictReader(io.StringIO((folder / name).read_text())))


def test_per_video_table(state, tmp_path):
    rows = read(tmp_path, state, "per_video.csv")
    assert [row["video_id"] for row in rows] == ["a,1", "b"]
    assert list(rows[0])[:4] == ["video_id", "frames", "true_segments", "predicted_segments"]
    assert tuple(rows[0])[4:] == METRIC_NAMES
    # Undefined scores are empty, not "nan".
    assert (rows[0]["Edit"], rows[0]["Acc"], rows[0]["AccB"]) == ("", "", "100.0000")
    assert (rows[1]["frames"], rows[1]["AccB"], rows[1]["Edit"]) == ("4", "75.0000", "50.0000")


def test_per_class_table(state, tmp_path):
    rows = read(tmp_path, state, "per_class.csv")
    assert [row["class_name"] for row in rows] == NAMES
    assert [row["is_background"] for row in rows] == ["1", "0", "0"]
    assert [row["true_frames"] for row in rows] == ["3", "3", "0"]
    assert (rows[1]["recall"], rows[2]["recall"], rows[0]["F1@0.50"]) == ("66.6667", "", "")


def result(scores, num_videos):
    return {
        "name": "fact",
        "dataset": "gtea",
        "split": "split1",
        "select_metric": "Edit",
        "selected_on": "test",
        "best_step": 7,
        "final_step": 9,
        "num_videos": {"test": num_videos},
        "metrics": {"test": {"best": scores}},
    }


def test_results_name_the_protocol(state):
    scores = state.compute()
    text = results.results_text(result(scores, 2), tables.how_scored(["background"]))
    header, rule, values = [line for line in text.splitlines() if line.startswith("|")][:3]
    assert [cell.strip() for cell in header.strip("|").split("|")] == list(METRIC_NAMES)
    assert rule.count("---:") == len(METRIC_NAMES)
    assert [cell.strip() for cell in values.strip("|").split("|")] == [f"{value:.2f}" for value in scores.values()]
    line = "Protocol: gtea, split1, test, 2 videos; background classes: `background` excluded from Acc, Edit and F1."
    assert line in text.splitlines()
    assert "Parameters: best Edit on the test videos, step 7." in text.splitlines()


def test_results_say_when_background_is_evaluated_and_show_undefined_scores_as_a_dash():
    text = results.results_text(result({"Edit": None, "AccB": 50.0}, 1), tables.how_scored([]))
    assert "1 video; background classes: none excluded (background is evaluated)." in text
    assert "| – | 50.00 |" in text


def test_results_hold_the_means(state, tmp_path):
    found = result(state.compute(), 2) | {"means": state.means()}
    results.write_results(tmp_path, found, how_scored=tables.how_scored([]), rows=[], figures=False)
    text = (tmp_path / "results.md").read_text()
    assert "| AccB | videos | 2 | 87.50 | 17.68 |" in text and "| Jaccard | classes | 1 | 66.67 | – |" in text
    stored = {(row["score"], row["over"]): row for row in results.read_results(tmp_path)["means"]}
    assert stored["Jaccard", "classes"]["std"] is None and stored["AccB", "videos"]["mean"] == 87.5
    rows = read(tmp_path, state, "means.csv")
    assert [rows[1][name] for name in ("score", "over", "number", "mean")] == ["AccB", "videos", "2", "87.5000"]
