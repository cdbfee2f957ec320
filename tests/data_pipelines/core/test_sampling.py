"""Samplers: every video comes up, batches are full, and batches by length hold neighbours."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_pipelines.core.sampling import SAMPLERS, batches_by_length

EXAMPLES = settings(derandomize=True, max_examples=50, deadline=None)
CLASSES = st.lists(st.integers(0, 3), min_size=1, max_size=30).map(np.array)


@pytest.mark.parametrize("name", SAMPLERS)
def test_every_video_comes_up_and_batches_are_full(name):
    @EXAMPLES
    @given(CLASSES, st.integers(1, 40), st.integers(0, 5))
    def check(classes, batch_size, seed):
        batches = SAMPLERS[name](classes, batch_size, np.random.default_rng(seed))
        np.testing.assert_array_equal(batches, SAMPLERS[name](classes, batch_size, np.random.default_rng(seed)))
        steps = -(-len(classes) // batch_size)
        assert batches.shape == (steps, batch_size) and batches.dtype == np.int64
        counts = np.bincount(batches.ravel(), minlength=len(classes))
        # Repeats are only what one batch lacks: nobody is shown twice more often than anybody else.
        assert len(counts) == len(classes) and 1 <= counts.min() and counts.max() <= counts.min() + 1
        if batch_size <= len(classes):
            assert all(len(set(batch)) == batch_size for batch in batches.tolist())

    check()


@EXAMPLES
@given(CLASSES, st.integers(1, 12), st.integers(0, 5))
def test_batches_by_length_hold_neighbouring_classes(classes, batch_size, seed):
    batches = batches_by_length(classes, batch_size, np.random.default_rng(seed))
    if len(batches) == 1:
        return
    spans = sorted((classes[batch].min(), classes[batch].max()) for batch in batches)
    # In a row the batches go from short to long, and two overlap in one class at most.
    assert all(before[1] <= after[0] for before, after in itertools.pairwise(spans))
    mixed = sum(low < high for low, high in spans)
    assert mixed <= len(np.unique(classes)) - 1


def test_batches_by_length_meet_anew_in_every_epoch():
    classes = np.repeat([0, 1], 12)
    epochs = [batches_by_length(classes, 4, np.random.default_rng([0, epoch])) for epoch in range(40)]
    meetings = {
        frozenset(pair) for batches in epochs for batch in batches.tolist() for pair in itertools.combinations(batch, 2)
    }
    assert len(meetings) == 2 * 66  # every pair of a class, no pair of two
    first = [int(classes[batches[0, 0]]) for batches in epochs]
    assert 10 < sum(first) < 30  # no epoch begins with the short ones as a rule


def test_repeats_of_batches_by_length_go_round():
    classes = np.zeros(11, int)
    repeated = np.zeros(11, int)
    for epoch in range(200):
        batches = batches_by_length(classes, 4, np.random.default_rng(epoch))
        repeated += np.bincount(batches.ravel(), minlength=11) - 1
    assert repeated.sum() == 200 and repeated.min() > 5
