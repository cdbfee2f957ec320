"""Scores of resampled videos against the metric itself, which sees a video that is drawn twice as two videos."""

import dataclasses

import numpy as np
import pytest

from fact_jax.metrics.base import merge_states
from fact_jax.metrics.localization import LocalizationMetric
from fact_jax.reporting.report.detection_sample import DetectionSample

METRIC = LocalizationMetric((0.3, 0.5, 0.7), (1, 3))


def make_state(seed, num_videos=7, num_classes=5, unknown=()):
    """Videos of one to four true segments of some classes each; detections near them, far from them, and unknown."""
    generator = np.random.default_rng(seed)
    states = []
    for number in range(num_videos):
        labels = generator.integers(0, num_classes, generator.integers(1, 5))
        start = generator.uniform(0, 60, len(labels))
        truth = np.stack([start, start + generator.uniform(3, 15, len(labels))], axis=1)
        near = np.repeat(truth, 3, axis=0) + generator.normal(0, 2, (3 * len(labels), 2))
        far = generator.uniform(0, 60, (10, 1)) + [[0, 7]]
        classes = np.concatenate([np.repeat(labels, 3), generator.choice([*range(num_classes), *unknown], 10)])
        # Equal scores in several videos, none in one.
        scores = np.float32(generator.permutation(100)[: len(classes)] / 100)
        found = np.sort(np.concatenate([near, far]), axis=1)
        states.append(METRIC.from_video(f"v{number}", truth, labels, found, scores, classes))
    return merge_states(states, METRIC.empty())


def slow_scores(state, counts):
    """What the metric gives for a resample, without detections of classes that it has no true segment of."""
    drawn = []
    for video, count in zip(state.videos, counts, strict=True):
        drawn += [dataclasses.replace(video, video_id=f"{video.video_id} {copy}") for copy in range(count)]
    classes = np.concatenate([video.true_labels for video in drawn])
    for place, video in enumerate(drawn):
        kept = np.isin(video.labels, classes)
        parts = {name: getattr(video, name)[kept] for name in ("segments", "scores", "labels")}
        drawn[place] = dataclasses.replace(video, **parts)
    return list(dataclasses.replace(state, videos=tuple(drawn)).compute().values())


@pytest.mark.parametrize("seed", range(3))
def test_resamples_score_as_by_the_metric(seed):
    state = make_state(seed)
    counts = np.random.default_rng(seed).multinomial(7, np.full(7, 1 / 7), 20)
    found = DetectionSample(state, [video.video_id for video in state.videos])(counts.astype(np.float64))
    assert counts.max() > 2
    np.testing.assert_allclose(found, [slow_scores(state, row) for row in counts], rtol=0, atol=1e-9)


def test_all_videos_once_are_the_evaluation_with_the_detections_of_unknown_classes():
    state = make_state(3, num_classes=3, unknown=(-1, 99))
    # The classes are now 1, 2 and 3, of which 1 is the first: detections of a class 0 count for it.
    state = dataclasses.replace(state, metric=dataclasses.replace(METRIC, published_classes=True), videos=tuple(
        dataclasses.replace(video, true_labels=video.true_labels + 1, labels=video.labels + 1)
        for video in state.videos))  # fmt: skip
    assert (state.matches().classes == 0).sum() > sum((video.labels == 1).sum() for video in state.videos)
    (found,) = DetectionSample(state, [video.video_id for video in state.videos])(np.ones((1, 7)))
    np.testing.assert_allclose(found, list(state.compute().values()), rtol=0, atol=1e-9)


def test_some_of_the_videos_are_as_if_there_were_no_others():
    state = make_state(4)
    part = dataclasses.replace(state, videos=state.videos[1:4])
    (found,) = DetectionSample(state, ["v1", "v2", "v3"])(np.ones((1, 3)))
    np.testing.assert_allclose(found, list(part.compute().values()), rtol=0, atol=1e-9)


def test_nothing_drawn_and_nothing_found_are_defined():
    truth = [[0.0, 5.0]], [0]
    nothing = np.zeros((0, 2)), [], []
    states = [METRIC.from_video("a", *truth, *nothing), METRIC.from_video("b", *nothing[:2], *nothing)]
    score = DetectionSample(merge_states(states, METRIC.empty()), ["a", "b"])
    found = score(np.array([[1.0, 0.0], [0.0, 2.0]]))
    assert found.shape == (2, len(METRIC.names())) and set(found[0]) == {0.0} and np.isnan(found[1]).all()
