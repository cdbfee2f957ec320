"""Precision, recall, F1 and Jaccard of frames, and means over classes and videos, against numbers made by hand."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fact_jax.metrics import base, frame_scores
from fact_jax.metrics.segmentation import METRIC_NAMES, SegmentationMetric

# Two videos of classes 0 (background), 1, 2 and 3; class 3 is predicted only.
VIDEOS = {"a": ([0, 1, 1, 1, 2, 2], [0, 1, 1, 2, 2, 3]), "b": ([1, 1, 1, 1], [1, 3, 3, 3])}


def state_of(videos, background=(0,)):
    metric = SegmentationMetric(4, background)
    states = [metric.from_video(np.array(found), np.array(truth), name) for name, (truth, found) in videos.items()]
    return base.merge_states(states, metric.empty())


def test_scores_of_the_frames_of_all_videos():
    rows = state_of(VIDEOS).per_class()
    # Class 1: 3 of 7 frames right, 3 predicted. Class 2: 1 of 2, 2 predicted.
    assert rows[1]["precision"] == 100 and rows[1]["recall"] == pytest.approx(300 / 7)
    assert rows[1]["F1"] == pytest.approx(600 / 10) and rows[1]["Jaccard"] == pytest.approx(300 / 7)
    assert rows[2]["F1"] == pytest.approx(50) and rows[2]["Jaccard"] == pytest.approx(100 / 3)
    # Predicted only: no score but the published precision.
    only = {name: rows[3][name] for name in ("recall", "F1", "Jaccard", "Jaccard per video", "F1@0.10")}
    assert all(map(math.isnan, only.values())) and rows[3]["precision"] == 0


def test_scores_per_video_are_means_over_the_videos_with_the_class():
    rows = state_of(VIDEOS).per_class()
    # Class 1: precision 1 and 1, recall 2/3 and 1/4, F1 0.8 and 0.4, Jaccard as recall.
    assert rows[1]["precision per video"] == 100 and rows[1]["F1 per video"] == pytest.approx(60)
    assert rows[1]["recall per video"] == rows[1]["Jaccard per video"] == pytest.approx(100 * (2 / 3 + 1 / 4) / 2)
    # Class 2 is in one of them.
    assert rows[2]["Jaccard per video"] == pytest.approx(100 / 3)


def test_means_over_videos_and_classes_leave_out_background_and_what_is_undefined():
    state = state_of(VIDEOS)
    means = {(row["score"], row["over"]): row for row in state.means()}
    accuracy = means["AccB", "videos"]  # 4 of 6, 1 of 4
    assert accuracy["number"] == 2 and accuracy["mean"] == pytest.approx((200 / 3 + 25) / 2)
    assert accuracy["std"] == pytest.approx((200 / 3 - 25) / math.sqrt(2))
    jaccard = means["Jaccard", "classes"]
    assert jaccard["number"] == 2 and jaccard["mean"] == pytest.approx((300 / 7 + 100 / 3) / 2)
    assert means["precision", "classes"]["mean"] == pytest.approx(75)
    assert means["Jaccard per video", "classes"]["mean"] == pytest.approx((100 * 11 / 24 + 100 / 3) / 2)
    assert means["F1@0.10", "classes"]["number"] == 2
    # With background evaluated it is a class like the others.
    evaluated = {(row["score"], row["over"]): row for row in state_of(VIDEOS, ()).means()}
    assert evaluated["Jaccard", "classes"]["number"] == 3
    assert tuple(row["score"] for row in state.means() if row["over"] == "videos") == METRIC_NAMES


def test_a_class_that_is_never_predicted_counts_as_0_but_has_no_precision():
    means = {(row["score"], row["over"]): row for row in state_of({"a": ([1, 1, 2], [1, 1, 1])}).means()}
    assert (means["recall", "classes"]["mean"], means["recall", "classes"]["number"]) == (50, 2)
    assert means["precision", "classes"]["mean"] == pytest.approx(200 / 3)
    assert means["precision", "classes"]["number"] == means["precision per video", "classes"]["number"] == 1
    assert math.isnan(means["AccB", "videos"]["std"])


def test_a_video_without_a_segment_on_either_side_counts_in_no_mean_of_f1():
    videos = VIDEOS | {"empty": ([0, 0], [0, 0])}
    with_empty, without = (state_of(part).means() for part in (videos, VIDEOS))
    for row, other in zip(with_empty, without, strict=True):
        if row["score"] not in ("AccB",):
            np.testing.assert_equal(row, other)


def test_without_videos_every_mean_is_undefined():
    assert {row["number"] for row in SegmentationMetric(3).empty().means()} == {0}


@settings(derandomize=True, max_examples=30, deadline=None)
@given(
    st.lists(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=12), min_size=1, max_size=3)
)
def test_scores_equal_the_loops(videos):
    counts = []
    for video in videos:
        pairs, frames = np.unique(video, axis=0, return_counts=True)
        counts.append(np.column_stack([pairs, frames]))
    found = frame_scores.mean_over_videos(counts, 4)
    for label in range(4):
        values = []
        for video in videos:
            tp = sum(pair == (label, label) for pair in video)
            fn, fp = sum(t == label for t, _ in video) - tp, sum(p == label for _, p in video) - tp
            if tp + fn:
                values.append(100 * tp / (tp + fp + fn))
        wanted = np.mean(values) if values else np.nan
        np.testing.assert_allclose(found["Jaccard"][label], wanted, rtol=1e-12)
