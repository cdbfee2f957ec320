"""Seconds to grid positions and back."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fact_jax.ops.time_grid import TimeGrid
from fact_jax.types import UserError

SECONDS = st.lists(st.floats(0, 4000, width=32), min_size=1, max_size=8)


@settings(derandomize=True, max_examples=50, deadline=None)
@given(SECONDS, st.floats(1, 64), st.floats(0, 64), st.floats(1, 60))
def test_a_round_trip_gives_the_same_seconds(seconds, stride, window, fps):
    grid = TimeGrid(stride, window, fps)
    positions = grid.to_grid(seconds)
    assert positions.dtype == np.float32 == grid.to_seconds(positions).dtype
    scale = max(1.0, max(seconds), window / fps)
    np.testing.assert_allclose(grid.to_seconds(positions), seconds, atol=2e-6 * scale)


def test_a_feature_lies_at_the_middle_of_its_window():
    grid = TimeGrid(4, 16, 30.0)
    assert grid.offset == 2.0
    np.testing.assert_allclose(grid.to_seconds([0, 3]), [8 / 30, 20 / 30], rtol=1e-6)
    np.testing.assert_allclose(grid.to_grid([8 / 30, 0.0]), [0.0, -2.0], atol=1e-6)


def test_seconds_are_kept_inside_the_video():
    grid = TimeGrid(1, 0, 1.0)
    np.testing.assert_array_equal(grid.clamp_seconds([[-2, 3], [9, 12]], 10.0), [[0, 3], [9, 10]])


@pytest.mark.parametrize("numbers", [(0, 1, 30), (1, -1, 30), (1, 1, 0), (1, 1, float("nan"))])
def test_a_grid_that_cannot_be_is_refused(numbers):
    with pytest.raises(UserError, match="frames per second"):
        TimeGrid(*numbers)
