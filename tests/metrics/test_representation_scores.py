"""Scores of resamples against those of the metric on videos that are there several times."""

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fact_jax.metrics import phase_probes
from fact_jax.metrics.base import merge_states
from fact_jax.metrics.representation import RepresentationMetric
from tests.metrics.test_representation import make_video

METRIC = RepresentationMetric((3, 2), fractions=(1.0,), retrieval_sizes=(3,), datasets=("pour", "lift"))
PARTS = {
    (subset, dataset): [make_video(10 * dataset + 100 * (subset == "test") + n, (3, 2)[dataset]) for n in range(3)]
    for subset in ("train", "test")
    for dataset in (0, 1)
}


def state_of(copies, metric=METRIC):
    """The state of all videos, the test videos so many times."""
    found = []
    for (subset, dataset), videos in PARTS.items():
        for place, video in enumerate(videos):
            times = copies[3 * dataset + place] if subset == "test" else 1
            found += [
                metric.from_video(f"{subset}{dataset}{place}-{again}", subset, place, *video, dataset)
                for again in range(times)
            ]
    return merge_states(found, metric.empty())


SCORES = state_of([1] * 6).scores


@settings(derandomize=True, max_examples=8, deadline=None)
@given(st.lists(st.integers(0, 2), min_size=6, max_size=6))
def test_a_resample_is_what_the_metric_says_of_the_copies(copies):
    metric = dataclasses.replace(METRIC, tasks=("progress",))
    found = dict(zip(METRIC.names(), SCORES.resample(np.array([copies], float))[0], strict=True))
    expected = state_of(copies, metric).compute()["Progress@1"]
    assert found["Progress@1"] == pytest.approx(expected, nan_ok=True)
    accuracies, taus, shares = [], [], []
    for dataset in (0, 1):
        videos = SCORES.videos[3 * dataset : 3 * dataset + 3]
        times = np.array(copies[3 * dataset : 3 * dataset + 3])
        truth = [np.repeat(v.true == v.predicted, n) for v, n in zip(videos, times, strict=True)]
        accuracies += [100 * np.mean(np.concatenate(truth))] if times.any() else []
        pairs = [videos[i].taus[j] for i in range(3) for j in range(3) if i != j for _ in range(times[i] * times[j])]
        taus += [np.mean(pairs)] if pairs else []
        shares += [100 * np.average([v.retrieved["AP@3"] for v in videos], weights=times)] if times.any() else []
    for name, values in (("Classification@1", accuracies), ("Tau", taus), ("AP@3", shares)):
        assert found[name] == pytest.approx(np.mean(values) if values else math.nan, nan_ok=True)


def test_a_dataset_without_phases_has_an_empty_confusion():
    metric = RepresentationMetric((0,), tasks=("tau",), datasets=("videos",))
    scores = metric.from_video("v", "test", 0, np.eye(3, 2, dtype=np.float32), None, 0).scores
    assert scores.confusion(0).shape == (0, 0) and scores.per_phase() == []


def test_progress_is_that_of_the_regression():
    learned, tested = PARTS["train", 0], PARTS["test", 0]
    targets = [
        np.concatenate([phase_probes.progress_targets(labels, 3) for _, labels in videos])
        for videos in (learned, tested)
    ]
    frames = [
        np.concatenate([embeddings for embeddings, _ in videos]).astype(np.float32) for videos in (learned, tested)
    ]
    expected = phase_probes.fit_progress(frames[0], targets[0]).score(frames[1], targets[1])
    assert SCORES.per_dataset()[0]["Progress@1"] == pytest.approx(expected, abs=1e-12)


def test_scores_of_a_video_are_its_own():
    rows = SCORES.per_video()
    assert [row["video_id"] for row in rows] == [video.video_id for video in SCORES.videos]
    for video, row in zip(SCORES.videos, rows, strict=True):
        assert row["frames"] == len(video.true) == 30
        assert row["Classification@1"] == pytest.approx(100 * np.mean(video.true == video.predicted))
        assert row["AP@3"] == pytest.approx(100 * video.retrieved["AP@3"])
    one, two, three = SCORES.videos[:3]
    pairs = [one.taus[1], one.taus[2], two.taus[0], three.taus[0]]
    assert rows[0]["Tau"] == pytest.approx(np.mean(pairs))


def test_phases_are_counted_by_frames():
    for number, phases in enumerate(METRIC.num_classes):
        table = SCORES.confusion(number)
        videos = [video for video in SCORES.videos if video.dataset == number]
        for true in range(phases):
            for predicted in range(phases):
                both = [np.sum((v.true == true) & (v.predicted == predicted)) for v in videos]
                assert table[true, predicted] == sum(both)
    rows = SCORES.per_phase()
    assert [(row["dataset"], row["phase"]) for row in rows] == [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1)]
    first = SCORES.confusion(0)[0]
    assert rows[0]["recall"] == pytest.approx(100 * first[0] / first.sum())


def test_means_name_every_dataset():
    rows = {(row["score"], row["over"]): row for row in SCORES.means()}
    parts = SCORES.per_dataset()
    lift = rows["Tau of lift", "videos"]
    assert (lift["mean"], lift["number"]) == (parts[1]["Tau"], 3) and math.isnan(lift["std"])
    assert rows["Tau", "datasets"]["mean"] == pytest.approx(np.mean([part["Tau"] for part in parts]))
    own = [row["Classification@1"] for row in SCORES.per_video()]
    assert rows["Classification@1", "videos"]["mean"] == pytest.approx(np.mean(own))
    assert rows["recall", "phases"]["number"] == 5


def test_frames_without_a_phase_are_predicted_as_none():
    embeddings, labels = make_video(5)
    labels = np.where(np.arange(30) < 4, -1, labels)
    metric = RepresentationMetric((3,))
    states = [metric.from_video(name, name, 0, embeddings, labels) for name in ("train", "test")]
    (video,) = merge_states(states, metric.empty()).scores.videos
    np.testing.assert_array_equal(video.predicted < 0, labels < 0)
    assert video.num_labelled == 26 and video.right["Classification@1"] <= 26
