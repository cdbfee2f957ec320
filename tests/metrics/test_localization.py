"""Quirks of the localization metrics; more numbers are compared in tests/parity/localization_metrics.py."""

import csv
import dataclasses
import gzip
import json
import math
from pathlib import Path

import numpy as np
import pytest

from fact_jax.metrics.base import merge_states
from fact_jax.metrics.localization import LocalizationMetric

PREDICTIONS = Path(__file__).parents[2].parent / "shared" / "data" / "actionformer_predictions"
METRIC = LocalizationMetric((0.3, 0.5), (1, 2))


def state_of(video_id, truth, found, metric=METRIC):
    return metric.from_video(
        video_id,
        [s for _, s in truth],
        [label for label, _ in truth],
        [s for _, s, _ in found],
        [score for *_, score in found],
        [label for label, *_ in found],
    )


def test_the_order_of_the_videos_changes_no_score():
    rng = np.random.default_rng(0)
    states = []
    for name in "abcd":
        segments = np.cumsum(rng.uniform(1, 20, (10, 2)), axis=1)
        states.append(METRIC.from_video(name, segments[:5], range(5), segments + 0.5, rng.random(10), [*range(5)] * 2))
    scores = merge_states(states, METRIC.empty()).compute()
    assert merge_states(states[::-1], METRIC.empty()).compute() == scores
    assert tuple(scores) == METRIC.names() and 0 < scores["mAP@0.50"] < 100


def test_a_detection_may_take_its_second_best_segment():
    truth = [(0, (0.0, 10.0)), (0, (4.0, 14.0))]
    found = [(0, (0.0, 10.0), 0.9), (0, (1.0, 11.0), 0.8)]
    assert state_of("v", truth, found).compute()["mAP@0.30"] == pytest.approx(100)


PUBLISHED = dataclasses.replace(METRIC, published_classes=True)


def test_a_class_without_truth_touches_no_score_and_is_counted():
    truth = [(4, (0.0, 10.0)), (9, (0.0, 10.0))]
    found = [(4, (0.0, 10.0), 0.5), (9, (0.0, 10.0), 0.5)]
    assert state_of("v", truth, found).compute()["mAP@0.50"] == pytest.approx(100)
    others = [(0, (50.0, 60.0), 0.9), (7, (50.0, 60.0), 0.9), (7, (0.0, 10.0), 0.9), (-1, (0.0, 10.0), 0.9)]
    state = state_of("v", truth, [*found, *others])
    assert state.compute() == state_of("v", truth, found).compute()
    assert state.without_truth() == {-1: 1, 0: 1, 7: 2}
    assert state.per_class().num_detections.tolist() == [1, 1]
    # As published class 4 is the first of the truth, number 0; class 7 has no number.
    assert state_of("v", truth, [*found, *others], PUBLISHED).compute()["mAP@0.50"] == pytest.approx(75)


def test_a_class_that_is_never_detected_scores_0_although_another_one_is_in_its_place():
    truth = [(0, (0.0, 10.0)), (2, (20.0, 30.0))]
    found = [(0, (0.0, 10.0), 0.6), (1, (20.0, 30.0), 0.9)]  # the segment of class 2 as class 1
    assert state_of("v", truth, found).compute()["mAP@0.50"] == pytest.approx(50)
    assert state_of("v", truth, found).compute()["Recall@1x@0.50"] == pytest.approx(50)
    assert state_of("v", truth, found, PUBLISHED).compute()["mAP@0.50"] == pytest.approx(100)


def test_videos_without_detections_and_doubles_of_the_truth_count():
    truth = [(0, (0.0, 10.0)), (0, (0.0005, 10.0)), (0, (3.0, 3.0001))]
    state = merge_states([state_of("a", truth, [(0, (0.0, 10.0), 0.5)]), state_of("b", truth, [])], METRIC.empty())
    assert state.per_class().num_true.tolist() == [2]
    assert state.compute()["mAP@0.50"] == pytest.approx(50)
    assert state.compute()["Recall@1x@0.50"] == pytest.approx(50)


def test_means_over_classes_have_deviations():
    truth = [(0, (0.0, 10.0)), (2, (20.0, 30.0))]
    state = state_of("v", truth, [(0, (0.0, 10.0), 0.6)])
    rows = {row["score"]: row for row in state.means()}
    assert rows["AP@avg"] == {"score": "AP@avg", "over": "classes", "number": 2, "mean": 50.0, "std": math.sqrt(5000)}
    scores = state.compute()
    assert list(rows) == [name.replace("mAP", "AP") for name in METRIC.main_names()]
    assert all(row["mean"] == pytest.approx(scores[name.replace("AP", "mAP")]) for name, row in rows.items())
    assert {row["number"] for row in METRIC.empty().means()} == {0}


def test_without_truth_there_is_no_score():
    scores = METRIC.empty().compute()
    assert tuple(scores) == METRIC.names() and all(map(math.isnan, scores.values()))
    lost = state_of("v", [(0, (0.0, 1.0))], []).compute()
    assert set(lost.values()) == {0.0}


def test_detections_of_published_weights_score_as_stored():
    if not PREDICTIONS.is_dir():
        pytest.skip("the real detections are not beside this checkout")
    wanted = json.loads((PREDICTIONS / "bsh_nouns_expected_map.json").read_text())
    truth = _rows(open(PREDICTIONS / "bsh_nouns_ground_truth.csv"))
    found = _rows(gzip.open(PREDICTIONS / "bsh_nouns_preds.csv.gz", "rt"))
    metric = LocalizationMetric(tuple(wanted["tiou"]), tuple(wanted["recall_at_kx"]["k"]), published_classes=True)
    states = [
        state_of(video, [item[:2] for item in items], found.get(video, []), metric) for video, items in truth.items()
    ]
    scores = merge_states(states, metric.empty()).per_class()
    np.testing.assert_allclose(scores.precision.mean(axis=1), wanted["mAP"], atol=1e-6)
    np.testing.assert_allclose(scores.recall.mean(axis=2), wanted["recall_at_kx"]["values"], atol=1e-6)
    assert (scores.num_true.sum(), len(scores.class_ids)) == (wanted["n_gt"], wanted["n_classes"])


def _rows(file):
    videos = {}
    with file:
        for row in csv.DictReader(file):
            place = float(row["t-start"]), float(row["t-end"])
            videos.setdefault(row["video-id"], []).append((int(row["label"]), place, float(row.get("score", 0))))
    return videos
