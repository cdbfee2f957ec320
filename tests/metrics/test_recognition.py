"""Scores of recognised clips against plain loops, and their states: any order, repeated views, resamples."""

import dataclasses
import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fact_jax.metrics.base import merge_states
from fact_jax.metrics.recognition import RecognitionMetric
from fact_jax.ops import clip_views

SINGLE = RecognitionMetric(("label",), (7,))
PAIRS = RecognitionMetric(("noun", "verb"), (8, 6))
CLIPS, VIEWS = 9, 6


def views_of(metric, seed, sharpness=2.0, clips=CLIPS):
    """Arguments of `from_views`, a view a row, those of a clip apart from one another."""
    rng = np.random.default_rng(seed)
    labels = np.stack([rng.integers(0, count, clips) for count in metric.num_classes], axis=1)
    rows = rng.permutation(clips * VIEWS)
    clip, view = rows % clips, rows // clips
    logits = {}
    for head, count, own in zip(metric.heads, metric.num_classes, labels.T, strict=True):
        values = rng.normal(size=(clips * VIEWS, count)) + sharpness * (own[clip][:, None] == np.arange(count))
        logits[head] = values.astype(np.float32)
    return [f"clip {number:03d}" for number in clip], view // 3, view % 3, labels[clip], logits


def plain_scores(metric, video_ids, chunks, crops, labels, logits):
    """The published rules, clip by clip."""
    hits = {}
    for name in sorted(set(video_ids)):
        rows = [place for place, other in enumerate(video_ids) if other == name]
        rows.sort(key=lambda row: (chunks[row], crops[row]))
        orders, means, own = [], [], labels[rows[0]]
        for head in metric.heads:
            shares = []
            for row in rows:
                powers = [math.exp(value) for value in logits[head][row].astype(float)]
                shares.append([power / sum(powers) for power in powers])
            means.append([sum(column) / len(rows) for column in zip(*shares, strict=True)])
            orders.append(sorted(range(len(means[-1])), key=lambda k: -means[-1][k]))
        places = [order.index(label) for order, label in zip(orders, own, strict=True)]
        if len(places) == 1:
            found = [places[0] < 1, places[0] < 5]
        else:
            pairs = sorted(itertools.product(*orders), key=lambda pair: -means[0][pair[0]] * means[1][pair[1]])
            ranked = any(places[0] == rank and places[1] == rank for rank in range(5))
            found = [max(places) < 1, max(places) < 5, pairs.index(tuple(own)) < 5, ranked]
            found += [place < limit for place in places for limit in (1, 5)]
        for key, hit in zip(metric.names(), found, strict=True):
            hits.setdefault(key, []).append(hit)
    return {key: 100.0 * sum(values) / len(values) for key, values in hits.items()}


@settings(derandomize=True, max_examples=25, deadline=None)
@given(st.sampled_from([SINGLE, PAIRS]), st.integers(0, 10_000), st.sampled_from([0.0, 1.0, 3.0]))
def test_scores_are_those_of_plain_loops(metric, seed, sharpness):
    views = views_of(metric, seed, sharpness)
    assert metric.from_views(*views).compute() == pytest.approx(plain_scores(metric, *views))


@pytest.mark.parametrize("metric", [SINGLE, PAIRS])
def test_views_come_in_any_order_and_parts_and_repeated_ones_count_once(metric):
    ids, chunks, crops, labels, logits = views_of(metric, 1)
    whole = metric.from_views(ids, chunks, crops, labels, logits)

    def part(rows):
        chosen = {head: values[rows] for head, values in logits.items()}
        return metric.from_views([ids[row] for row in rows], chunks[rows], crops[rows], labels[rows], chosen)

    order = np.random.default_rng(0).permutation(len(ids))
    parts = [part(rows) for rows in np.array_split(np.concatenate([order, order[:7]]), 5)]
    merged = merge_states(parts, metric.empty())
    assert merged.scores == whole.scores and {clip.num_views for clip in whole.scores.videos} == {VIEWS}


def test_what_is_kept_of_a_clip():
    metric = RecognitionMetric(("noun", "verb"), (3, 2))
    logits = {"noun": [[0.0, 2.0, 1.5], [2.0, 0.0, 1.5]], "verb": np.log([[0.9, 0.1], [0.7, 0.3]])}
    (clip,) = metric.from_views(["a", "a"], [0, 1], [0, 0], [[0, 0], [0, 0]], logits).scores.videos
    # The first two nouns are equally likely: the one with the lower id comes first.
    powers = np.exp([0.0, 2.0, 1.5])
    equal, best = powers[:2].mean() / powers.sum(), powers[2] / powers.sum()
    assert clip.classes == ((2, 0, 1), (0, 1)) and clip.labels == (0, 0) and clip.ranks == (1, 0)
    assert clip.probabilities == (pytest.approx((best, equal, equal)), pytest.approx((0.8, 0.2)))
    assert clip.true_probabilities == pytest.approx((equal, 0.8)) and clip.confidence == pytest.approx(0.8 * best)
    assert clip.pair_rank == 1 and not clip.is_right


def test_equal_probabilities_go_by_the_class_id():
    flat = np.full((2, 40), 0.025)
    np.testing.assert_array_equal(clip_views.likely_classes(flat, 5), [[0, 1, 2, 3, 4]] * 2)
    np.testing.assert_array_equal(clip_views.ranks_of(flat, np.array([0, 39])), [0, 39])


@pytest.mark.parametrize("views_at_once", [1, 7, 100])
def test_means_do_not_depend_on_how_many_views_are_in_memory(monkeypatch, views_at_once):
    rng = np.random.default_rng(0)
    logits, starts = rng.normal(size=(20, 5)), np.array([0, 1, 8, 19])
    expected = [clip_views.softmax(part).mean(axis=0) for part in np.split(logits[::-1], starts[1:])]
    monkeypatch.setattr(clip_views, "_VIEWS_AT_ONCE", views_at_once)
    found = clip_views.mean_probabilities(logits, np.arange(20)[::-1], starts)
    np.testing.assert_allclose(found, expected, rtol=1e-12)


@settings(derandomize=True, max_examples=10, deadline=None)
@given(st.lists(st.integers(0, 3), min_size=CLIPS, max_size=CLIPS))
def test_a_resample_is_what_copies_of_the_clips_score(copies):
    views = views_of(PAIRS, 3)
    scores = PAIRS.from_views(*views).scores
    found = dict(zip(PAIRS.names(), scores.resample(np.array([copies], float))[0].tolist(), strict=True))
    clips = [
        dataclasses.replace(clip, video_id=f"{clip.video_id} {again}")
        for clip, times in zip(scores.videos, copies, strict=True)
        for again in range(times)
    ]
    expected = dataclasses.replace(scores, videos=tuple(clips)).compute()
    assert found == pytest.approx(expected, nan_ok=True)
    rows = [list(row.values())[1:] for row in scores.per_video()]
    np.testing.assert_allclose(np.mean(rows, axis=0), list(scores.compute().values()))


def test_classes_and_confusions():
    logits = np.eye(4)[[0, 0, 1, 3, 0]] * 9.0
    labels, metric = np.array([0, 1, 1, 3, 0]), RecognitionMetric(("label",), (4,))
    ids = [f"v{number}" for number in range(5)]
    scores = metric.from_views(ids, [0] * 5, [0] * 5, labels, {"label": logits}).scores
    np.testing.assert_array_equal(scores.confusion(0), [[2, 0, 0, 0], [1, 1, 0, 0], [0, 0, 0, 0], [0, 0, 0, 1]])
    rows = scores.per_class(0)
    assert [row["true_clips"] for row in rows] == [2, 2, 0, 1]
    assert [row["predicted_clips"] for row in rows] == [3, 1, 0, 1]
    np.testing.assert_allclose([row["Top1"] for row in rows], [100, 50, np.nan, 100])
    np.testing.assert_allclose([row["precision"] for row in rows], [200 / 3, 100, np.nan, 100])
    mean = scores.means()[0]
    assert (mean["score"], mean["over"], mean["number"]) == ("Top1", "classes", 3)
    assert mean["mean"] == pytest.approx(250 / 3) and scores.compute()["Top1"] == 80.0
    assert [clip.video_id for clip in scores.select(["v3", "v1"]).videos] == ["v3", "v1"]


def test_no_clips_have_no_scores():
    for metric in (SINGLE, PAIRS):
        found = metric.empty().compute()
        assert tuple(found) == metric.names() and all(math.isnan(value) for value in found.values())


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"labels": [[7], [0]]}, "outside of its 7"),
        ({"labels": [[0, 0], [0, 0]]}, "a column for each of label"),
        ({"logits": {"label": np.zeros((2, 6))}}, r"\(2, 6\), expected \(2, 7\)"),
    ],
)
def test_wrong_views_are_refused(change, said):
    views = {
        "video_ids": ["a", "b"],
        "chunks": [0, 0],
        "crops": [0, 0],
        "labels": [[0], [1]],
        "logits": {"label": np.zeros((2, 7))},
    }
    with pytest.raises(ValueError, match=said):
        SINGLE.from_views(**views | change)


def test_views_of_a_clip_have_one_label():
    state = SINGLE.from_views(["a", "a"], [0, 1], [0, 0], [[0], [1]], {"label": np.zeros((2, 7))})
    with pytest.raises(ValueError, match="'a' has views with different labels"):
        state.compute()
    with pytest.raises(ValueError, match="heads are"):
        RecognitionMetric(("noun", "verb"), (3,))
    with pytest.raises(ValueError, match="cannot be merged"):
        SINGLE.empty().merge(PAIRS.empty())
