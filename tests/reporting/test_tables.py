import csv
import io
import math

import numpy as np
import pytest

from fact_jax.metrics.segmentation import METRIC_NAMES, SegmentationMetric
from fact_jax.reporting import tables

NAMES = ["background", 'take "it", now', "pour"]


@pytest.fixture
def state():
    metric = SegmentationMetric(3, (0,))
    second = metric.from_video(np.array([0, 1, 1, 2]), np.array([0, 1, 1, 1]), "b")
    return second.merge(metric.from_video(np.array([0, 0]), np.array([0, 0]), "a,1"))


def read(text):
    return list(csv.DictReader(io.StringIO(text)))


def test_per_video_table(state):
    rows = read(tables.per_video_csv(state))
    assert [row["video_id"] for row in rows] == ["a,1", "b"]
    assert list(rows[0])[:4] == ["video_id", "frames", "true_segments", "predicted_segments"]
    assert tuple(rows[0])[4:] == METRIC_NAMES
    # Undefined scores are empty, not "nan".
    assert (rows[0]["Edit"], rows[0]["Acc"], rows[0]["AccB"]) == ("", "", "100.0000")
    assert (rows[1]["frames"], rows[1]["AccB"], rows[1]["Edit"]) == ("4", "75.0000", "50.0000")


def test_per_class_table(state):
    rows = read(tables.per_class_csv(state, NAMES))
    assert [row["class_name"] for row in rows] == NAMES
    assert [row["is_background"] for row in rows] == ["1", "0", "0"]
    assert [row["true_frames"] for row in rows] == ["3", "3", "0"]
    assert (rows[1]["recall"], rows[2]["recall"], rows[0]["F1@0.50"]) == ("66.6667", "", "")


def test_tables_are_written(state, tmp_path):
    paths = tables.write_tables(tmp_path / "tables", state, NAMES)
    assert [path.name for path in paths] == ["per_video.csv", "per_class.csv"]
    assert paths[0].read_text() == tables.per_video_csv(state)
    assert paths[1].read_text() == tables.per_class_csv(state, NAMES)


def test_no_video_gives_an_empty_table():
    assert tables.per_video_csv(SegmentationMetric(3).empty()) == ""


def test_results_name_the_protocol(state):
    scores = state.compute()
    text = tables.results_markdown(
        scores,
        dataset="gtea",
        split="split1, test",
        how_scored=tables.how_segments_are_scored(["background"]),
        num_videos=2,
        selection="step 7",
    )
    header, rule, values = [line for line in text.splitlines() if line.startswith("|")]
    assert [cell.strip() for cell in header.strip("|").split("|")] == list(METRIC_NAMES)
    assert rule.count("---:") == len(METRIC_NAMES)
    assert [cell.strip() for cell in values.strip("|").split("|")] == [f"{value:.2f}" for value in scores.values()]
    line = "Protocol: gtea, split1, test, 2 videos; background classes: `background` excluded from Acc, Edit and F1."
    assert line in text.splitlines()
    assert "Parameters: step 7." in text


def test_results_say_when_background_is_evaluated_and_show_undefined_scores_as_a_dash():
    scores = {"Edit": math.nan, "AccB": 50.0}
    everything = tables.how_segments_are_scored([])
    text = tables.results_markdown(scores, dataset="d", split="s", how_scored=everything, num_videos=1)
    assert "1 video; background classes: none excluded (background is evaluated)." in text
    assert "| – | 50.00 |" in text


def test_markdown_cells_cannot_break_the_table():
    assert tables.markdown_table([{"a|b": "c|d"}]) == ["| a\\|b |", "|---|", "| c\\|d |"]
