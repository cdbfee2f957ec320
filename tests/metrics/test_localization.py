"""Localization metrics against loops, and their quirks."""

import csv
import gzip
import json
import math
from pathlib import Path

import numpy as np
import pytest

from fact_jax.metrics.base import merge_states
from fact_jax.metrics.localization import LocalizationMetric
from tests.reference import localization_scores as reference

PREDICTIONS = Path(__file__).parents[2].parent / "shared" / "data" / "actionformer_predictions"
METRIC = LocalizationMetric((0.3, 0.5), (1, 2))


def random_videos(seed, num_videos=4, classes=3):
    """{video: (truth [(label, segment)], detections [(label, segment, score)])}"""
    rng = np.random.default_rng(seed)
    videos = {}
    for number in range(num_videos):
        truth = [(int(rng.integers(classes)), segment(rng)) for _ in range(rng.integers(1, 6))]
        found = [(int(rng.integers(classes)), segment(rng), rng.uniform()) for _ in range(25)]
        found += [(label, (s - 0.5, e + 1.0), rng.uniform()) for label, (s, e) in truth]
        videos[f"video_{number}"] = (truth, found)
    return videos


def segment(rng):
    start = rng.uniform(0, 50)
    return start, start + rng.uniform(1, 20)


def state_of(video_id, truth, found, metric=METRIC):
    return metric.from_video(
        video_id,
        [s for _, s in truth],
        [label for label, _ in truth],
        [s for _, s, _ in found],
        [score for *_, score in found],
        [label for label, *_ in found],
    )


@pytest.mark.parametrize("seed", range(5))
def test_the_loops_give_the_same(seed):
    videos = random_videos(seed)
    states = [state_of(name, *items) for name, items in videos.items()]
    scores = merge_states(states, METRIC.empty()).compute()
    for threshold in METRIC.thresholds:
        for k in METRIC.top_k:
            precision, recall = reference.scores(videos, threshold, k)
            assert scores[f"mAP@{threshold:.2f}"] == pytest.approx(100 * precision, abs=1e-9)
            assert scores[f"Recall@{k}x@{threshold:.2f}"] == pytest.approx(100 * recall, abs=1e-9)
    assert merge_states(states[::-1], METRIC.empty()).compute() == scores
    assert tuple(scores) == METRIC.names()


def test_a_detection_may_take_its_second_best_segment():
    truth = [(0, (0.0, 10.0)), (0, (4.0, 14.0))]
    found = [(0, (0.0, 10.0), 0.9), (0, (1.0, 11.0), 0.8)]
    assert state_of("v", truth, found).compute()["mAP@0.30"] == pytest.approx(100)


def test_an_unknown_class_counts_for_the_class_of_its_number():
    truth = [(4, (0.0, 10.0)), (9, (0.0, 10.0))]
    found = [(4, (0.0, 10.0), 0.5), (9, (0.0, 10.0), 0.5)]
    assert state_of("v", truth, found).compute()["mAP@0.50"] == pytest.approx(100)
    # Class 4 is the first of the truth, number 0; class 7 has no number.
    wrong = [*found, (0, (50.0, 60.0), 0.9), (7, (50.0, 60.0), 0.9)]
    assert state_of("v", truth, wrong).compute()["mAP@0.50"] == pytest.approx(75)


def test_videos_without_detections_and_doubles_of_the_truth_count():
    truth = [(0, (0.0, 10.0)), (0, (0.0005, 10.0)), (0, (3.0, 3.0001))]
    state = merge_states([state_of("a", truth, [(0, (0.0, 10.0), 0.5)]), state_of("b", truth, [])], METRIC.empty())
    assert state.per_class().num_true.tolist() == [2]
    assert state.compute()["mAP@0.50"] == pytest.approx(50)
    assert state.compute()["Recall@1x@0.50"] == pytest.approx(50)


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
    metric = LocalizationMetric(tuple(wanted["tiou"]), tuple(wanted["recall_at_kx"]["k"]))
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
