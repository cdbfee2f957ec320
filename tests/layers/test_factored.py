"""Products with factored features equal those with the features themselves."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from fact_jax.layers import factored
from fact_jax.layers.attention import CrossAttention
from fact_jax.layers.factored import Factored, Whole
from fact_jax.layers.linear import Dense
from fact_jax.layers.recurrent import BidirectionalGRU
from fact_jax.ops.dropout_rng import video_seeds
from tests.layers.parameters import random_params
from tests.ragged import host_jit, prefix_mask

RNG = np.random.default_rng(0)
# Columns of one product cost (40 + 12) 3 against 40 times 12 multiplications.
FACTOR, BASIS = RNG.normal(size=(2, 40, 3)).astype(np.float32), RNG.normal(size=(3, 12)).astype(np.float32)
LONG = Factored(FACTOR, BASIS)
SHORT = RNG.normal(size=(2, 5, 12)).astype(np.float32)
SEEDS = video_seeds(jax.random.key(0), np.arange(2))
CLOSE = dict(rtol=1e-4, atol=1e-4)


def shortened(length):
    return Factored(LONG.factor[:, :length], LONG.basis)


def test_the_factors_are_used_where_they_are_cheaper():
    kernel = RNG.normal(size=(6, 12, 4)).astype(np.float32)
    x, lifted = LONG.operands(kernel)
    assert x is LONG.factor and lifted.shape == (6, 3, 4)
    expected = np.einsum("btk,lko->lbto", LONG.value, kernel)
    np.testing.assert_allclose(np.einsum("btk,lko->lbto", x, lifted), expected, **CLOSE)
    # (4 + 12) 3 = 4 times 12: no gain.
    assert shortened(4).operands(kernel)[0].shape[-1] == 12
    assert shortened(5).operands(kernel)[0].shape[-1] == 3
    assert factored.features_of(SHORT).operands(kernel)[0] is SHORT


@pytest.mark.parametrize("length", [4, 40])
def test_weighted_sums(length):
    weights = RNG.normal(size=(2, 7, length)).astype(np.float32)
    found = shortened(length).weighted_sums(weights, "float32")
    np.testing.assert_allclose(found, weights @ LONG.value[:, :length], **CLOSE)


def test_what_keeps_the_factors_and_what_loses_them():
    halved = LONG.along_time(lambda x: x[:, ::2])
    np.testing.assert_allclose(halved.value, LONG.value[:, ::2], **CLOSE)
    assert LONG.with_positions(None) is LONG
    moved = LONG.with_positions(np.ones((40, 2), np.float32))
    assert isinstance(moved, Whole)
    np.testing.assert_allclose(moved.value[..., :2], LONG.value[..., :2] + 1)


@pytest.mark.parametrize("width", [2, 7])
def test_a_map_and_replaced_channels_have_the_factorisation_of_their_value(width):
    x = RNG.normal(size=(2, 6, width)).astype(np.float32)
    dense = Dense(9, name="map")
    variables = {"params": {"map": random_params(dense, x)["params"]}}
    last = RNG.normal(size=(2, 6, 2)).astype(np.float32)

    class Module(nn.Module):
        @nn.compact
        def __call__(self, x):
            mapped = factored.mapped(Dense(9, name="map"), x)
            return mapped, factored.with_last_channels(mapped, last)

    mapped, replaced = Module().apply(variables, x)
    np.testing.assert_allclose(mapped.value, dense.apply({"params": variables["params"]["map"]}, x), **CLOSE)
    np.testing.assert_allclose(replaced.value, jnp.concatenate([mapped.value[..., :-2], last], axis=-1), **CLOSE)
    np.testing.assert_array_equal(replaced.last(2), last)
    np.testing.assert_allclose(mapped.last(3), mapped.value[..., -3:], **CLOSE)
    if width == 2:
        assert isinstance(mapped, Factored) and isinstance(replaced, Factored)
    else:  # ten channels for nine
        assert isinstance(replaced, Whole)


def test_no_factors_of_more_channels_than_there_are():
    x = RNG.normal(size=(1, 3, 8)).astype(np.float32)
    mapped, _ = nn.init_with_output(lambda dense: factored.mapped(dense, x), Dense(9))(jax.random.key(0))
    assert isinstance(mapped, Whole)


def _values_and_gradients(apply, params, features):
    def total(params, factor, basis):
        x = features if isinstance(features, np.ndarray) else Factored(factor, basis)
        out = apply(params, x if isinstance(x, Factored) else factor @ basis)
        return sum(jnp.sum(jnp.sin(leaf)) for leaf in jax.tree.leaves(out))

    return host_jit(jax.value_and_grad(total, argnums=(0, 1, 2)))(params, FACTOR, BASIS)


@pytest.mark.parametrize("dropout_rng", [None, SEEDS])
@pytest.mark.parametrize("long_source", [True, False])
def test_cross_attention(dropout_rng, long_source):
    layer = CrossAttention(6, 0.3)
    mask = prefix_mask((40, 33) if long_source else (5, 2), 40 if long_source else 5)
    order = (lambda x: (x, SHORT)) if long_source else (lambda x: (SHORT, x))
    params = random_params(layer, *order(LONG.value), mask)

    def apply(params, x):
        return layer.apply(params, *order(x), mask, dropout_rng=dropout_rng)

    found, expected = (_values_and_gradients(apply, params, features) for features in (LONG, LONG.value))
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-3, atol=2e-4), found, expected)


def test_gru():
    layer, mask = BidirectionalGRU(4, 2), prefix_mask((40, 33), 40)
    params = random_params(layer, LONG.value, mask)
    found, expected = (
        _values_and_gradients(lambda params, x: layer.apply(params, x, mask), params, features)
        for features in (LONG, LONG.value)
    )
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-3, atol=2e-4), found, expected)
