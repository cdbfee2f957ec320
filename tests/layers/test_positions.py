"""Sinusoidal positions."""

import math

import jax.numpy as jnp
import numpy as np
import pytest

from fact_jax.layers.positions import add_positions, sinusoidal_positions


def test_table_equals_the_formula():
    table = sinusoidal_positions(50, 6)
    assert table.shape == (50, 6)
    assert table.dtype == np.float32
    for position in range(50):
        for k in range(3):
            angle = position * math.exp(-2 * k * math.log(10000.0) / 6)
            np.testing.assert_allclose(table[position, 2 * k], math.sin(angle), atol=2e-5)
            np.testing.assert_allclose(table[position, 2 * k + 1], math.cos(angle), atol=2e-5)


def test_a_row_depends_on_its_index_only():
    np.testing.assert_array_equal(sinusoidal_positions(9, 8)[:4], sinusoidal_positions(4, 8))
    assert sinusoidal_positions(0, 8).shape == (0, 8)


def test_odd_widths_are_refused():
    with pytest.raises(ValueError, match="even.*7"):
        sinusoidal_positions(3, 7)


@pytest.mark.parametrize("width", [2, 4])
def test_only_the_first_channels_get_a_position(width):
    rng = np.random.default_rng(0)
    x, positions = rng.normal(size=(2, 3, 4)).astype(np.float32), rng.normal(size=(3, width)).astype(np.float32)
    out = np.asarray(add_positions(jnp.asarray(x), positions))
    np.testing.assert_array_equal(out[..., :width], x[..., :width] + positions)
    np.testing.assert_array_equal(out[..., width:], x[..., width:])


def test_no_positions():
    x = np.ones((1, 2, 3))
    assert add_positions(x, None) is x


def test_positions_wider_than_their_target_are_refused():
    with pytest.raises(ValueError, match="5 channels, more than the 3"):
        add_positions(np.zeros((1, 2, 3)), np.zeros((2, 5)))
