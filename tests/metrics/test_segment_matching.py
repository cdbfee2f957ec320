import math
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fact_jax.metrics import segment_matching
from fact_jax.ops import segments
from tests.reference import segmentation_scores as reference

properties = settings(derandomize=True, max_examples=50, deadline=None)
words = st.lists(st.integers(0, 3), max_size=12)
label_pairs = st.integers(1, 40).flatmap(
    lambda n: st.tuples(*[st.lists(st.integers(0, 3), min_size=n, max_size=n)] * 2)
)


@properties
@given(words, words)
def test_levenshtein_equals_the_full_table(first, second):
    assert segment_matching.levenshtein(first, second) == reference.edit_distance(first, second)


@properties
@given(words, words, words)
def test_levenshtein_is_a_metric(first, second, third):
    distance = segment_matching.levenshtein
    assert distance(first, first) == 0
    assert distance(first, second) == distance(second, first)
    assert distance(first, third) <= distance(first, second) + distance(second, third)


@pytest.mark.parametrize(
    "first, second, wanted",
    [([], [], 0), ([], [1, 2], 2), ([1, 2], [], 2), ([1, 2, 3], [2, 3], 1), ([1, 2], [2, 1], 2)],
)
def test_levenshtein_by_hand(first, second, wanted):
    assert segment_matching.levenshtein(first, second) == wanted


def test_edit_score_by_hand():
    assert math.isnan(segment_matching.edit_score([], []))
    assert segment_matching.edit_score([], [1]) == 0.0
    assert segment_matching.edit_score([1, 2], [1, 2]) == 100.0
    assert segment_matching.edit_score([1, 2, 1, 2], [1, 2]) == 50.0


@properties
@given(label_pairs, st.sampled_from([0.1, 0.25, 0.5, 0.75, 1.0]))
def test_hits_equal_the_loops(labels, threshold):
    predicted, true = (segments.frames_to_segments(np.array(row)) for row in labels)
    hits = segment_matching.hit_segments(segment_matching.best_overlaps(predicted, true), threshold)
    tp, _, fn = reference.f1_counts(*labels, (), threshold)
    assert (len(hits), len(true[0]) - len(hits)) == (tp, fn)


def test_ties_go_to_the_first_true_segment():
    # Both true segments of class 1 have tIoU 2/5 with the prediction; frame 2 between them has another label.
    predicted = segments.frames_to_segments(np.array([1, 1, 1, 1, 1]))
    true = segments.frames_to_segments(np.array([1, 1, 2, 1, 1]))
    found = segment_matching.best_overlaps(predicted, true)
    assert found.true_index.tolist() == [0] and found.tiou.tolist() == [0.4]


def test_a_used_true_segment_gives_a_false_positive_without_second_choice():
    # Predicted segments 0 and 2 both prefer true segment 0; only the first of them hits it.
    predicted = segments.frames_to_segments(np.array([1, 1, 1, 2, 1, 1, 1, 1]))
    true = segments.frames_to_segments(np.array([1, 1, 1, 1, 1, 1, 2, 1]))
    found = segment_matching.best_overlaps(predicted, true)
    assert found.true_index.tolist() == [0, 0]
    assert segment_matching.hit_segments(found, 0.25).tolist() == [0]


def test_no_frames():
    empty = segments.frames_to_segments(np.zeros(0, np.int64))
    found = segment_matching.best_overlaps(empty, empty)
    assert found.true_index.shape == found.tiou.shape == (0,)
    assert segment_matching.hit_segments(found, 0.1).shape == (0,)


def test_a_thousand_segments_take_no_time():
    rng = np.random.default_rng(0)
    rows = [np.repeat(rng.integers(0, 48, 1000), 20) for _ in range(2)]
    predicted, true = (segments.frames_to_segments(row) for row in rows)
    start = time.process_time()
    segment_matching.edit_score(predicted[0], true[0])
    segment_matching.best_overlaps(predicted, true)
    # About 0.01 s; loops over all pairs in Python take more than 0.5 s.
    assert time.process_time() - start < 0.25
