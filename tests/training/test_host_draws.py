"""Uniform numbers drawn in NumPy are JAX's own."""

import jax
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fact_jax.training import host_draws


@settings(max_examples=12, deadline=None)
@given(seed=st.integers(0, 2**31 - 1), size=st.sampled_from([1, 7, host_draws.BLOCK + 3]))
def test_bits_are_those_of_jax(seed, size):
    key = jax.random.key(seed)
    words = np.asarray(jax.random.key_data(key))
    np.testing.assert_array_equal(host_draws.random_bits(words, size), jax.random.bits(key, (size,)))


@pytest.mark.parametrize("shape", [(), (5,), (3, 128, 64)])
@pytest.mark.parametrize(("low", "high"), [(-0.0221, 0.0221), (0.0, 1.0), (-3.0, 0.1)])
def test_uniform_numbers_are_those_of_jax(shape, low, high):
    key = jax.random.fold_in(jax.random.key(3), 11)
    found = host_draws.uniform(key, low, high, shape)
    assert host_draws.can_draw(key) and found.dtype == np.float32 and found.shape == shape
    # A processor that cannot multiply and add in one rounds once more.
    expected = np.asarray(jax.random.uniform(key, shape, np.float32, low, high))
    np.testing.assert_allclose(found, expected, rtol=0, atol=np.spacing(np.float32(max(-low, high))))
    assert found.min() >= np.float32(low) and found.max() <= np.float32(high)


def test_other_generators_and_orders_are_left_to_jax():
    assert not host_draws.can_draw(jax.random.key(0, impl="rbg"))
    assert not host_draws.can_draw(jax.random.split(jax.random.key(0), 2))
    with jax.threefry_partitionable(False):
        assert not host_draws.can_draw(jax.random.key(0))
