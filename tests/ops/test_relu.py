"""ReLU, alone and in residual sums: numbers and gradients of the plain form."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from fact_jax.ops.relu import add_rectified, relu
from tests.ragged import host_jit, prefix_mask

RNG = np.random.default_rng(0)
MASK = prefix_mask((5, 2, 1), 5)


def test_numbers_and_gradients_are_those_of_jax():
    x = np.array([-np.inf, -1.5, -0.0, 0.0, 1e-30, 2.0, np.inf, np.nan], np.float32)
    for function in (relu, jax.nn.relu):
        np.testing.assert_array_equal(host_jit(function)(x), np.maximum(x, 0))
    found, expected = (host_jit(jax.vmap(jax.grad(function)))(x) for function in (relu, jax.nn.relu))
    np.testing.assert_array_equal(found, expected)
    assert found[2] == found[3] == 0 != found[4]


def plain(x, y, keep, rate):
    return jnp.where(MASK[..., None], x + jnp.where(keep, jax.nn.relu(y) / (1 - rate), 0.0), 0.0)


def ours(x, y, keep, rate):
    return add_rectified(x, y, jnp.where(keep, relu(y) / (1 - rate), 0.0), MASK, rate)


@pytest.mark.parametrize("rate", [0.0, 0.5])
def test_a_sum_and_its_gradients_are_those_of_the_plain_form(rate):
    x, y = (RNG.normal(size=(3, 5, 4)).astype(np.float32) for _ in range(2))
    x, y[0, 0] = np.where(MASK[..., None], x, 0), 0
    keep = RNG.random(size=x.shape) >= rate

    def gradients(function):
        return host_jit(jax.value_and_grad(lambda x, y: jnp.sum(jnp.sin(function(x, y, keep, rate))), (0, 1)))(x, y)

    np.testing.assert_array_equal(host_jit(ours, static_argnums=3)(x, y, keep, rate), plain(x, y, keep, rate))
    for found, expected in zip(*map(jax.tree.leaves, (gradients(ours), gradients(plain))), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-7)


def test_what_changes_no_sum_has_no_gradient():
    x, y = np.full((1, 1, 3), 1e8, np.float32), np.array([[[1.0, 100.0, -100.0]]], np.float32)
    mask = np.ones((1, 1), bool)
    gradient = host_jit(jax.grad(lambda y: jnp.sum(add_rectified(x, y, relu(y), mask, 0.0))))(y)
    np.testing.assert_array_equal(gradient[0, 0], [0, 1, 0])
