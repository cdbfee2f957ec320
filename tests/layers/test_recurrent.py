"""Bidirectional GRU against a loop with PyTorch's parameters."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from fact_jax.layers.recurrent import BidirectionalGRU
from tests.layers.padding import assert_padding_invariant
from tests.layers.parameters import numpy_tree, random_params
from tests.ragged import host_jit, prefix_mask
from tests.reference import layers as reference

LENGTHS = (5, 2, 1, 0)
MASK = prefix_mask(LENGTHS, 5)
X = np.where(MASK[..., None], np.random.default_rng(0).normal(size=(4, 5, 3)), 1e3).astype(np.float32)


def loops(x, p, num_layers):
    """Layers in torch's layout: weight_ih is [3H, D], one per direction."""
    for k in range(num_layers):
        directions = []
        for d, order in ((0, 1), (1, -1)):
            weights = p[f"input_kernel_{k}"][d].T, p[f"hidden_kernel_{k}"][d].T
            states = reference.gru(x[::order], *weights, p[f"input_bias_{k}"][d], p[f"hidden_bias_{k}"][d])
            directions.append(states[::order])
        x = np.concatenate(directions, axis=1)
    return x


@pytest.mark.parametrize("num_layers", [1, 2])
def test_values_equal_the_loops_on_a_ragged_batch(num_layers):
    gru = BidirectionalGRU(2, num_layers)
    variables = random_params(gru, X, MASK)
    out = host_jit(gru.apply)(variables, X, MASK)
    assert out.shape == (4, 5, 4)
    for row, length in enumerate(LENGTHS):
        expected = loops(X[row, :length].astype(np.float64), numpy_tree(variables["params"]), num_layers)
        np.testing.assert_allclose(out[row, :length], expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("num_layers", [1, 2])
def test_padding_does_not_show(num_layers):
    gru = BidirectionalGRU(2, num_layers)
    assert_padding_invariant(gru.apply, random_params(gru, X, MASK), X[:1], 8)


def test_an_empty_video_gives_no_gradient():
    gru = BidirectionalGRU(2)
    variables = random_params(gru, X, MASK)
    gradients = host_jit(jax.grad(lambda p: jnp.sum(jnp.square(gru.apply(p, X[3:], MASK[3:])))))(variables)
    for gradient in jax.tree.leaves(gradients):
        np.testing.assert_array_equal(gradient, 0.0)


def test_starts_like_torchs_gru():
    init = host_jit(BidirectionalGRU(16, 2).init)
    params = init(jax.random.key(0), jnp.zeros((1, 2, 8)), jnp.ones((1, 2), bool))["params"]
    assert params["input_kernel_0"].shape == (2, 8, 48)
    assert params["input_kernel_1"].shape == (2, 32, 48)
    assert params["hidden_kernel_1"].shape == (2, 16, 48)
    assert params["hidden_bias_0"].shape == params["input_bias_0"].shape == (2, 48)
    assert len(params) == 8
    for name, value in params.items():
        assert 0.9 / 4 < np.max(np.abs(value)) <= 1 / 4, name
        assert not np.allclose(value[0], value[1]), name
