"""Dealing out units: shares, classes, groups, and the same answer every time."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_pipelines.tools.split_assignment import assign_parts, group_lines


@settings(max_examples=40, deadline=None, derandomize=True)
@given(st.integers(0, 1000), st.integers(3, 30), st.integers(0, 5), st.sampled_from([(0.75, 0.25), (0.4, 0.3, 0.3)]))
def test_every_part_gets_about_its_share(seed, num_units, num_classes, shares):
    rng = np.random.default_rng(seed)
    counts = rng.integers(0, 2, (num_units, num_classes))
    parts = assign_parts(counts, np.ones(num_units, int), shares, seed)
    sizes = np.bincount(parts, minlength=len(shares))
    assert len(sizes) == len(shares) and sizes.min() >= 1
    assert np.abs(sizes - np.array(shares) * num_units).max() <= len(shares)
    np.testing.assert_array_equal(parts, assign_parts(counts, np.ones(num_units, int), shares, seed))


def test_a_class_of_one_unit_is_trained_with():
    counts = np.ones((8, 3), int)
    counts[:, 2] = 0
    counts[5, 2] = 1
    for seed in range(10):
        assert assign_parts(counts, np.ones(8, int), [0.5, 0.5], seed)[5] == 0


def test_a_class_of_two_units_is_in_the_training_of_every_fold():
    counts = np.zeros((10, 5), int)
    for column in range(5):
        counts[[2 * column, 2 * column + 1], column] = 1
    for seed in range(10):
        parts = assign_parts(counts, np.ones(10, int), [0.5, 0.5], seed, training=[[1], [0]])
        assert all(parts[2 * column] != parts[2 * column + 1] for column in range(5))


def test_large_groups_leave_room_for_small_ones():
    sizes = np.array([10, 1, 1, 1, 1, 1, 5])
    for seed in range(10):
        parts = assign_parts(np.zeros((7, 0), int), sizes, [0.5, 0.5], seed)
        assert np.bincount(parts, sizes).tolist() == [10, 10]


def test_seeds_differ_and_too_few_units_are_no_split():
    results = {tuple(assign_parts(np.zeros((12, 0), int), np.ones(12, int), [0.5, 0.5], seed)) for seed in range(5)}
    assert len(results) > 1
    with pytest.raises(ValueError, match="1 units for 2 parts"):
        assign_parts(np.zeros((1, 0), int), [1], [0.5, 0.5])


def test_groups_without_effect_and_of_nearly_the_same_name_are_told():
    assert list(group_lines({"a": "P1", "b": "P1", "c": "P2", "d": "P10", "e": "P100"})) == []
    (line,) = group_lines({"a": "a", "b": "b"})
    assert line == "--group_by has no effect: each of the 2 videos is a group of its own"
    (line,) = group_lines({"a": "P01", "b": "p1", "c": "p-1", "d": "P2", "e": "P2"})
    assert line.startswith("the groups 'P01', 'p-1', 'p1' differ in capitals, zeros or separators alone, and are")
