"""What keeps the compiler from repeating work changes no number."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from fact_jax.ops.convolution import dilated_conv
from fact_jax.ops.fusion import computed_once, zero_after
from tests.ragged import host_jit

SPECIAL = np.array([0.0, -0.0, 1e-30, -1.5, 3.4e38, np.inf, -np.inf, np.nan], np.float32)


def test_every_number_stays_as_it_is():
    found = host_jit(computed_once)(SPECIAL)
    np.testing.assert_array_equal(found, SPECIAL)
    assert np.signbit(found[1])


def test_the_gradient_stays_as_it_is():
    x = np.array([0.5, -2.0, np.inf], np.float32)
    gradient = host_jit(jax.grad(lambda x: jnp.sum(jnp.where(jnp.isfinite(x), computed_once(x) ** 2, 0.0))))(x)
    np.testing.assert_array_equal(gradient[:2], 2 * x[:2])


def test_a_stack_of_residual_layers_has_the_same_gradients():
    def stack(x, weights):
        for weight in weights:
            x = computed_once(x + jnp.tanh(x @ weight) * 0.5)
        return jnp.sum(x)

    x, weights = jnp.ones((4, 3)), tuple(jnp.eye(3) * scale for scale in (0.1, 0.2, 0.3, 0.4))
    value, gradients = host_jit(jax.value_and_grad(stack, argnums=1))(x, weights)

    def plain(x, weights):
        for weight in weights:
            x = x + jnp.tanh(x @ weight) * 0.5
        return jnp.sum(x)

    expected, wanted = host_jit(jax.value_and_grad(plain, argnums=1))(x, weights)
    np.testing.assert_allclose(value, expected, rtol=1e-6)
    for found, leaf in zip(gradients, wanted, strict=True):
        np.testing.assert_allclose(found, leaf, rtol=1e-5)


@pytest.mark.parametrize("first", [1.5, -2.0, np.inf, -np.inf, np.nan])
def test_a_zero_is_a_zero_whatever_it_waits_for(first):
    assert host_jit(zero_after)(np.array([[first, 1.0]], np.float32)) == 0


def test_copies_for_a_gradient_are_not_kept_from_the_forward_pass_on():
    """Layers keep their inputs, and not what the gradients of their kernels read: three times as much."""
    x, kernels = np.ones((1, 512, 8), np.float32), np.ones((6, 3, 8, 8), np.float32)

    def loss(kernels):
        y = x
        for kernel in kernels:
            y = jnp.tanh(dilated_conv(y, kernel, 4))
        return jnp.sum(y)

    analysis = jax.jit(jax.grad(loss)).lower(kernels).compile().memory_analysis()
    assert analysis.temp_size_in_bytes < (len(kernels) + 6) * x.nbytes
