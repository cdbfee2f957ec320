"""Scores of the classes of a video: what is taken, and what is named as wrong."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from fact_jax.ops.class_scores import read_scores, why_other_number

RIGHT = st.floats(0, 3e38)
WRONG = st.one_of(
    st.floats(max_value=-1e-300), st.just(float("nan")), st.floats(min_value=1e39), st.booleans(), st.text()
)


@given(st.lists(RIGHT, min_size=1), st.sampled_from([list, tuple, np.array]))
def test_numbers_of_0_or_more_are_taken_as_they_are(values, form):
    scores, why = read_scores(form(values))
    assert why == "" and scores.dtype == np.float32
    np.testing.assert_array_equal(scores, np.array(values, np.float32))


@given(st.lists(RIGHT), WRONG, st.lists(RIGHT))
def test_the_first_wrong_one_is_named(before, wrong, after):
    scores, why = read_scores([*before, wrong, *after])
    assert scores is None and why.startswith(f"the one of class {len(before)} is ")


def test_what_is_no_list_is_named():
    assert read_scores(0.5) == (None, "no list of numbers: 0.5")
    assert read_scores(np.zeros((1, 2)))[1] == "no list of numbers: an array of shape (1, 2) and type float64"
    assert read_scores([])[1] == "0 numbers"
    assert read_scores([1, -1], ["x", "y"])[1] == "the one of class 1 ('y') is -1.0"


def test_a_run_of_several_classes_wants_a_score_for_each():
    assert [why_other_number(2, known) for known in (0, 1, 2)] == ["", "", ""]
    assert why_other_number(2, 3) == "2 scores; expected 3, one per class of the run"
