"""ReLU: numbers and gradients of the plain form."""

import jax
import numpy as np

from fact_jax.ops.relu import relu
from tests.ragged import host_jit


def test_numbers_and_gradients_are_those_of_jax():
    x = np.array([-np.inf, -1.5, -0.0, 0.0, 1e-30, 2.0, np.inf, np.nan], np.float32)
    for function in (relu, jax.nn.relu):
        np.testing.assert_array_equal(host_jit(function)(x), np.maximum(x, 0))
    found, expected = (host_jit(jax.vmap(jax.grad(function)))(x) for function in (relu, jax.nn.relu))
    np.testing.assert_array_equal(found, expected)
    assert found[2] == found[3] == 0 != found[4]
