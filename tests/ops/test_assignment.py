"""The assignment equals SciPy's, index by index, also where several assignments are equally cheap."""

import jax
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize

from fact_jax.ops.assignment import linear_sum_assignment

SIZE = (7, 6)  # one compiled program for all cases
assign = jax.jit(jax.vmap(linear_sum_assignment))


def scipy_rows(cost):
    rows, columns = optimize.linear_sum_assignment(cost)
    answer = np.full(cost.shape[1], -1)
    answer[columns] = rows
    return answer


@settings(max_examples=50, deadline=None, derandomize=True)
@given(st.integers(0, SIZE[1]), st.integers(1, 4), st.integers(0, 2**31))
def test_ties_and_padding(num_columns, num_values, seed):
    # Few different values give many equally cheap assignments.
    cost = np.random.default_rng(seed).integers(0, num_values, SIZE).astype(np.float32) / 3
    cost[:, num_columns:] = -9.0
    found = np.asarray(assign(cost[None], np.array([num_columns])))[0]
    np.testing.assert_array_equal(found[:num_columns], scipy_rows(cost[:, :num_columns]))
    assert np.all(found[num_columns:] == -1)


@settings(max_examples=50, deadline=None, derandomize=True)
@given(st.integers(0, SIZE[0]), st.integers(0, SIZE[1]), st.integers(0, 2**31))
def test_padded_rows(num_rows, num_columns, seed):
    cost = np.random.default_rng(seed).integers(0, 3, SIZE).astype(np.float32)
    real = cost[:num_rows, :num_columns].copy()
    cost[num_rows:] = -9.0
    found = np.asarray(assign(cost[None], np.array([num_columns]), np.array([num_rows])))[0]
    np.testing.assert_array_equal(found[:num_columns], scipy_rows(real))
    assert np.all(found[num_columns:] == -1)


def test_square_problems_of_different_sizes_in_one_batch():
    costs = np.random.default_rng(0).normal(size=(3, 6, 6)).astype(np.float32)
    sizes = np.array([2, 6, 0])
    found = np.asarray(assign(costs, sizes, sizes))
    for cost, size, rows in zip(costs, sizes, found, strict=True):
        np.testing.assert_array_equal(rows[:size], scipy_rows(cost[:size, :size]))


@pytest.mark.parametrize("shape", [(1, 1), (3, 8), (8, 3), (5, 5), (40, 23)])
def test_any_shape(shape):
    rng = np.random.default_rng(0)
    costs = rng.normal(size=(20, *shape)).astype(np.float32)
    costs[:10] = costs[:10].round()
    costs[5:15, :, ::2] = costs[5:15, :, :1]  # equal columns, as of segments of one class
    found = np.asarray(assign(costs, np.full(20, shape[1])))
    for cost, rows in zip(costs, found, strict=True):
        np.testing.assert_array_equal(rows, scipy_rows(cost))


def test_values_that_are_not_finite_end_too():
    cost = np.full((1, *SIZE), np.nan, np.float32)
    rows = np.asarray(assign(cost, np.array([SIZE[1]])))[0]
    assert sorted(rows.tolist()) == sorted(set(rows.tolist()))
