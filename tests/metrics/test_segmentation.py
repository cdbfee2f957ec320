import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fact_jax.metrics import base
from fact_jax.metrics.segmentation import METRIC_NAMES, SegmentationMetric, f1_name, f1_score
from tests.reference import segmentation_scores as reference

properties = settings(derandomize=True, max_examples=50, deadline=None)

CLASSES = 5


def video(max_frames=40):
    def pair(n):
        return st.tuples(*[st.lists(st.integers(0, CLASSES - 1), min_size=n, max_size=n)] * 2)

    return st.integers(1, max_frames).flatmap(pair)


videos = st.lists(video(), min_size=1, max_size=4)
backgrounds = st.sampled_from([(), (0,), (2,), (0, 1)])


def merged(pairs, background=(0,), num_classes=CLASSES, **kwargs):
    metric = SegmentationMetric(num_classes, background, **kwargs)
    states = [metric.from_video(np.array(p), np.array(t), f"v{i}") for i, (p, t) in enumerate(pairs)]
    return base.merge_states(states, metric.empty())


def assert_scores(found, wanted):
    assert list(found) == list(wanted)
    np.testing.assert_allclose(list(found.values()), list(wanted.values()), rtol=0, atol=1e-9)


@properties
@given(videos, backgrounds)
def test_scores_equal_the_loops(pairs, background):
    found = merged(pairs, background).compute()
    assert tuple(found) == METRIC_NAMES == ("Edit", "AccB", "Acc", "F1@0.10", "F1@0.25", "F1@0.50")
    assert all(isinstance(value, float) for value in found.values())
    assert_scores(found, reference.scores(pairs, background))


@properties
@given(videos, backgrounds)
def test_a_labelling_scores_full_marks_on_itself(pairs, background):
    found = merged([(truth, truth) for _, truth in pairs], background).compute()
    count = sum(len(reference.foreground_runs(truth, background)) for _, truth in pairs)
    assert found["AccB"] == 100.0
    if count == 0:
        assert math.isnan(found["Acc"]) and math.isnan(found["Edit"]) and found["F1@0.50"] == 0.0
        return
    assert found["Acc"] == found["Edit"] == 100.0
    for threshold in (0.1, 0.25, 0.5):
        # 100 but for the epsilons: 99.999 when there are many segments.
        assert found[f1_name(threshold)] == pytest.approx(100 / (1 + 1e-5 / count) / (1 + 0.5e-5), abs=1e-4)


def test_perfect_is_99_999():
    assert f1_score(10**6, 10**6, 10**6) == pytest.approx(99.9995, abs=1e-4)
    assert f1_score(1, 1, 1) == pytest.approx(99.9985, abs=1e-4)


@properties
@given(videos, backgrounds, st.permutations(range(CLASSES)))
def test_scores_do_not_change_when_classes_are_renamed(pairs, background, order):
    renamed = [tuple([order[label] for label in row] for row in pair) for pair in pairs]
    found = merged(renamed, [order[label] for label in background])
    plain = merged(pairs, background)
    assert_scores(found.compute(), plain.compute())
    np.testing.assert_array_equal(found.confusion()[np.ix_(order, order)], plain.confusion())


@properties
@given(videos, backgrounds)
def test_f1_never_rises_with_the_threshold(pairs, background):
    thresholds = (0.05, 0.1, 0.25, 0.5, 0.75, 1.0)
    state = merged(pairs, background, thresholds=thresholds)
    scores = [state.compute()[f1_name(threshold)] for threshold in thresholds]
    assert scores == sorted(scores, reverse=True)


@properties
@given(st.lists(video(12), min_size=3, max_size=3), backgrounds)
def test_merge_is_associative_with_empty_as_unit(pairs, background):
    metric = SegmentationMetric(CLASSES, background)
    a, b, c = (metric.from_video(np.array(p), np.array(t), name) for (p, t), name in zip(pairs, "abc", strict=True))
    results = [a.merge(b).merge(c), a.merge(b.merge(c)), a.merge(b, c), metric.empty().merge(a).merge(b, c)]
    results.append(results[0].merge(metric.empty()))
    for state in results:
        assert [video.video_id for video in state.videos] == ["a", "b", "c"]
        assert repr(state.compute()) == repr(results[0].compute())
        assert repr(state.per_class()) == repr(results[0].per_class())
    assert len(a.videos) == 1 and metric.empty().videos == ()


@properties
@given(st.lists(video(12), min_size=2, max_size=4), backgrounds)
def test_the_order_of_the_videos_changes_no_bit(pairs, background):
    metric = SegmentationMetric(CLASSES, background)
    states = [metric.from_video(np.array(p), np.array(t), f"v{i}") for i, (p, t) in enumerate(pairs)]
    outcomes = set()
    for order in itertools.permutations(states):
        state = base.merge_states(order, metric.empty())
        outcomes.add(
            repr((state.compute(), state.per_video(), state.per_class(), state.means(), state.confusion().tolist()))
        )
    assert len(outcomes) == 1


@properties
@given(videos, backgrounds)
def test_tables_add_up(pairs, background):
    state = merged(pairs, background)
    scores, classes, confusion = state.compute(), state.per_class(), state.confusion()
    assert confusion.shape == (CLASSES, CLASSES) and confusion.dtype == np.int64
    for pair in itertools.chain.from_iterable(zip(p, t, strict=True) for p, t in pairs):
        confusion[pair[1], pair[0]] -= 1
    assert not confusion.any()
    confusion = state.confusion()
    assert 100 * np.trace(confusion) / confusion.sum() == pytest.approx(scores["AccB"], abs=1e-9)
    assert [row["true_frames"] for row in classes] == confusion.sum(1).tolist()
    assert [row["predicted_frames"] for row in classes] == confusion.sum(0).tolist()
    rows = state.per_video()
    for key in ("true_segments", "predicted_segments"):
        assert sum(row[key] for row in rows) == sum(row[key] for row in classes)
    for row, (prediction, truth) in zip(rows, pairs, strict=True):
        assert row["frames"] == len(truth)
        wanted = reference.scores([(prediction, truth)], background)
        if not row["true_segments"] + row["predicted_segments"]:
            wanted |= dict.fromkeys((name for name in wanted if name.startswith("F1@")), math.nan)
        assert_scores({name: row[name] for name in METRIC_NAMES}, wanted)


def test_per_class_by_hand():
    rows = merged([([0, 1, 1, 2, 2, 2], [0, 1, 1, 1, 3, 3])]).per_class()
    assert [row["class_id"] for row in rows] == [0, 1, 2, 3, 4]
    one = rows[1]
    assert (one["true_frames"], one["predicted_frames"]) == (3, 2)
    assert one["precision"] == 100.0 and one["recall"] == pytest.approx(200 / 3)
    assert (one["true_segments"], one["predicted_segments"]) == (1, 1)
    assert one["F1@0.50"] == pytest.approx(99.998, abs=1e-3)
    # Predicted only, true only, background and absent classes.
    assert rows[2]["precision"] == 0.0 and math.isnan(rows[2]["recall"]) and math.isnan(rows[2]["F1@0.10"])
    assert math.isnan(rows[3]["precision"]) and rows[3]["recall"] == 0.0 and rows[3]["F1@0.10"] == 0.0
    assert rows[0]["precision"] == 100.0 and rows[0]["true_segments"] == 0 and math.isnan(rows[0]["F1@0.10"])
    assert math.isnan(rows[4]["precision"]) and math.isnan(rows[4]["F1@0.10"])


def test_per_class_f1_of_one_class_equals_the_pooled_one():
    pairs = [([0, 1, 0, 1, 1, 0, 1], [0, 1, 1, 0, 0, 0, 1])]
    state = merged(pairs, (0,), 2)
    assert state.per_class()[1]["F1@0.25"] == state.compute()["F1@0.25"] > 0


def test_background_truth_with_predicted_segments_counts_them_as_false_positives():
    alone = merged([([0, 1, 2, 0], [0, 0, 0, 0])])
    found = alone.compute()
    assert found["Edit"] == 0.0 and math.isnan(found["Acc"]) and found["AccB"] == 50.0 and found["F1@0.10"] == 0.0
    good = ([1, 1, 2, 2], [1, 1, 2, 2])
    both = merged([([0, 1, 2, 0], [0, 0, 0, 0]), good]).compute()
    assert both["F1@0.50"] == pytest.approx(reference.f1(2, 2, 0), abs=1e-9)
    assert both["Edit"] == 50.0


def test_a_video_of_background_on_both_sides_is_left_out_of_edit_and_f1():
    background, good = ([0, 0], [0, 0]), ([1, 2], [1, 2])
    found = merged([background]).compute()
    assert math.isnan(found["Edit"]) and math.isnan(found["Acc"]) and found["AccB"] == 100.0 and found["F1@0.10"] == 0.0
    with_background, without = merged([background, good]).compute(), merged([good]).compute()
    for name in ("Edit", "F1@0.10", "F1@0.25", "F1@0.50"):
        assert with_background[name] == without[name]


def test_no_video_and_no_frame():
    for state in (SegmentationMetric(3).empty(), SegmentationMetric(3).from_video(np.zeros(0, int), np.zeros(0, int))):
        found = state.compute()
        assert all(math.isnan(found[name]) for name in ("Edit", "AccB", "Acc"))
        assert found["F1@0.10"] == found["F1@0.25"] == found["F1@0.50"] == 0.0
        assert state.confusion().tolist() == np.zeros((3, 3), int).tolist()
        assert len(state.per_class()) == 3


@properties
@given(videos)
def test_evaluated_background_makes_both_accuracies_equal(pairs):
    found = merged(pairs, ()).compute()
    assert found["Acc"] == found["AccB"]


def test_neighbours_that_meet_when_background_is_dropped_stay_apart():
    found = merged([([1, 1, 1, 1, 1], [1, 1, 0, 1, 1])]).compute()
    assert found["Edit"] == 50.0


def test_many_classes_cost_nothing():
    metric = SegmentationMetric(30_000, (0,))
    state = metric.from_video(np.array([29_999, 5, 5]), np.array([29_999, 5, 0]))
    assert state.compute()["Acc"] == 100.0


@pytest.mark.parametrize(
    "prediction, truth, message",
    [
        ([1, 2], [1], "prediction has 2 frames, ground truth 1"),
        ([[1]], [[1]], "one axis"),
        ([0.5], [1], "integers"),
        ([7], [1], "outside"),
        ([1], [-1], "outside"),
    ],
)
def test_labels_that_make_no_sense_are_refused(prediction, truth, message):
    with pytest.raises(ValueError, match=message):
        SegmentationMetric(3).from_video(np.array(prediction), np.array(truth), "video")


def test_settings_that_make_no_sense_are_refused():
    with pytest.raises(ValueError, match="background_ids"):
        SegmentationMetric(3, (3,))
    with pytest.raises(ValueError, match="thresholds"):
        SegmentationMetric(3, (), (0.0,))
    with pytest.raises(ValueError, match="different settings"):
        SegmentationMetric(3).empty().merge(SegmentationMetric(4).empty())


def test_settings_given_in_any_collection_are_equal():
    assert SegmentationMetric(3, {1, 0}) == SegmentationMetric(3, [0, 1, 1]) == SegmentationMetric(3, (np.int64(0), 1))
