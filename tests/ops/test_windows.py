"""Windows of sequences against slices."""

import numpy as np
import pytest

from fact_jax.ops import windows

X = np.random.default_rng(0).normal(size=(2, 7, 3)).astype(np.float32)


@pytest.mark.parametrize("size", [1, 2, 3, 7, 8])
def test_windows_are_slices_and_join_again(size):
    cut = np.asarray(windows.cut(X, size))
    padded = np.pad(X, ((0, 0), (0, -7 % size), (0, 0)))
    assert cut.shape == (2, -(-7 // size), size, 3)
    for window in range(cut.shape[1]):
        np.testing.assert_array_equal(cut[:, window], padded[:, window * size : (window + 1) * size])
    np.testing.assert_array_equal(windows.join(cut, 7), X)


@pytest.mark.parametrize("size", [1, 2, 3, 4, 8])
def test_neighbours_extend_windows_to_both_sides(size):
    half = size // 2
    found = np.asarray(windows.with_neighbours(windows.cut(X, size)))
    padded = np.pad(X, ((0, 0), (half, half - 7 % -size), (0, 0)))
    assert found.shape[2] == size + 2 * half
    for window in range(found.shape[1]):
        np.testing.assert_array_equal(found[:, window], padded[:, window * size : window * size + size + 2 * half])


def test_masks_are_cut_with_false():
    mask = windows.with_neighbours(windows.cut(np.ones((1, 5), bool), 4))
    expected = np.ones((2, 8), bool)
    expected[0, [0, 1, 7]] = expected[1, 3:] = False
    np.testing.assert_array_equal(mask[0], expected)
