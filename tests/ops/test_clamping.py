"""Limits with torch.clamp's gradient at the limit, where jnp.maximum and jnp.minimum give a half."""

import jax
import numpy as np

from fact_jax.ops.clamping import at_least, at_most


def test_values_and_gradients_below_at_and_above_the_limit():
    x = np.array([0.5, 1.0, 2.0, np.nan], np.float32)
    np.testing.assert_array_equal(at_least(x, 1.0), np.float32([1.0, 1.0, 2.0, np.nan]))
    np.testing.assert_array_equal(at_most(x, 1.0), np.float32([0.5, 1.0, 1.0, np.nan]))
    np.testing.assert_array_equal(jax.grad(lambda x: at_least(x, 1.0).sum())(x[:3]), [0.0, 1.0, 1.0])
    np.testing.assert_array_equal(jax.grad(lambda x: at_most(x, 1.0).sum())(x[:3]), [1.0, 1.0, 0.0])
