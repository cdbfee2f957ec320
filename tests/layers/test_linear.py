"""Affine maps, dilated convolutions and normalisation, and how they start."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from fact_jax.layers.linear import Dense, LayerNorm, TemporalConv, layer_norm, product, zero_padding
from tests.layers.parameters import assert_uniform
from tests.ragged import host_jit, prefix_mask
from tests.reference import layers as reference

KEY = jax.random.key(0)
RNG = np.random.default_rng(0)


def test_dense_starts_like_torchs_linear():
    params = host_jit(Dense(200).init)(KEY, np.zeros((1, 50)))["params"]
    assert_uniform(params["kernel"], 1 / np.sqrt(50))
    assert_uniform(params["bias"], 1 / np.sqrt(50))


def test_dense_bounds_can_be_set():
    params = host_jit(Dense(64, kernel_bound=0.5, bias_bound=0.0).init)(KEY, np.zeros((1, 32)))["params"]
    assert_uniform(params["kernel"], 0.5)
    assert not np.any(params["bias"])


def test_dense_maps_the_last_axis():
    x = RNG.normal(size=(2, 3, 5)).astype(np.float32)
    out, variables = host_jit(Dense(4).init_with_output)(KEY, x)
    np.testing.assert_allclose(out, reference.dense(x, variables["params"]), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("groups", [1, 4])
def test_convolution_starts_like_torchs_conv1d(groups):
    params = host_jit(TemporalConv(64, groups=groups).init)(KEY, np.zeros((1, 2, 32)))["params"]
    bound = 1 / np.sqrt(32 // groups * 3)
    assert params["kernel"].shape == (3, 32 // groups, 64)
    assert_uniform(params["kernel"], bound)
    assert_uniform(params["bias"], bound)


@pytest.mark.parametrize(("dilation", "groups"), [(1, 1), (2, 2), (4, 4), (3, 1), (5, 1), (16, 1)])
def test_convolution_equals_the_loops(dilation, groups):
    """Also where the dilation exceeds the number of frames, and with fewer valid frames than the array has."""
    lengths = (6, 3, 1, 0)
    mask = prefix_mask(lengths, 6)
    x = zero_padding(RNG.normal(size=(4, 6, 4)).astype(np.float32), mask)
    out, variables = host_jit(TemporalConv(8, dilation, groups).init_with_output)(KEY, x)
    kernel, bias = (np.asarray(variables["params"][name]) for name in ("kernel", "bias"))
    assert out.shape == (4, 6, 8)
    for row, length in enumerate(lengths):
        expected = reference.conv1d(x[row, :length], kernel.transpose(2, 1, 0), bias, dilation, groups)
        np.testing.assert_allclose(out[row, :length], expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("garbage", [1e3, np.nan])
def test_zeroed_padding_hides_what_was_there_from_values_and_gradients(garbage):
    x, mask = np.full((2, 5, 4), garbage, np.float32), prefix_mask([2, 0], 5)
    x[0, :2] = 1.0
    value, gradient = host_jit(jax.value_and_grad(lambda x: jnp.sum(jnp.square(zero_padding(x, mask)))))(x)
    assert value == 8.0
    np.testing.assert_array_equal(gradient, 2.0 * (np.ones((2, 5, 4)) * mask[..., None]))


def test_products_in_bfloat16_give_float32_close_to_the_exact_ones():
    x = RNG.normal(size=(1, 6, 8)).astype(np.float32)
    pairs = (Dense(5), Dense(5, "bfloat16")), (TemporalConv(4, 2), TemporalConv(4, 2, dtype="bfloat16"))
    for exact, rounded in pairs:
        out, params = host_jit(exact.init_with_output)(KEY, x)
        found = host_jit(rounded.apply)(params, x)
        assert found.dtype == jnp.float32
        assert 0 < np.abs(found - out).max() < 0.05


def test_products_in_bfloat16_are_added_up_in_float32():
    """257 and 2.0078125 lie between two numbers of bfloat16."""
    assert float(product("i,i->", jnp.ones(257), jnp.ones(257), "bfloat16")) == 257.0
    assert float(product("i,i->", jnp.array([2.0, 2**-7]), jnp.ones(2), "bfloat16")) == 2.0078125


def test_gradients_of_products_in_bfloat16_are_close_to_the_exact_ones():
    left, right = (jnp.asarray(RNG.normal(size=shape), jnp.float32) for shape in ((2, 5, 7), (2, 3, 7)))
    weights = jnp.asarray(RNG.normal(size=(2, 3, 5)), jnp.float32)

    @jax.jit
    def gradients(left, right):
        def value(dtype):
            return lambda *operands: jnp.sum(weights * product("bqc,bkc->bkq", *operands, dtype))

        return [jax.grad(value(dtype), argnums=(0, 1))(left, right) for dtype in ("float32", "bfloat16")]

    for exact, rounded in zip(*gradients(left, right), strict=True):
        assert rounded.dtype == jnp.float32 and 0 < np.abs(rounded - exact).max() < 0.05


@pytest.mark.parametrize(("channels", "features"), [(5, 4), (4, 5)])
def test_convolution_refuses_groups_that_do_not_divide(channels, features):
    with pytest.raises(ValueError, match=f"{channels} -> {features} channels.*2 groups"):
        TemporalConv(features, groups=2).init(KEY, jnp.zeros((1, 3, channels)))


def test_layer_norm_equals_the_formula():
    x = RNG.normal(size=(1, 4, 6)).astype(np.float32) * 3 + 5
    params = {"scale": RNG.normal(size=6).astype(np.float32), "bias": RNG.normal(size=6).astype(np.float32)}
    out = host_jit(LayerNorm().apply)({"params": params}, x)
    np.testing.assert_allclose(out[0], reference.layer_norm(x[0], **params), rtol=1e-4, atol=1e-5)


def test_gradients_of_layer_norm_are_those_of_its_formula():
    rng = np.random.default_rng(0)
    x, cotangent = (rng.normal(size=(2, 5, 7)).astype(np.float32) for _ in range(2))
    scale, bias = (rng.normal(size=7).astype(np.float32) for _ in range(2))

    def formula(x, scale, bias):
        return jax.nn.standardize(x, epsilon=1e-3) * scale + bias

    pull = host_jit(lambda f, *of: jax.vjp(f, *of)[1](cotangent), static_argnums=0)
    found = pull(lambda *of: layer_norm(*of, 1e-3), x, scale, bias)
    for ours, theirs in zip(found, pull(formula, x, scale, bias), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)


def test_layer_norm_of_constant_rows_is_the_bias_with_finite_gradients():
    x = jnp.full((1, 2, 4), 3.0)
    out, variables = host_jit(LayerNorm().init_with_output)(KEY, x)
    np.testing.assert_array_equal(out, np.zeros((1, 2, 4)))
    gradient = host_jit(jax.grad(lambda x: jnp.sum(LayerNorm().apply(variables, x)[..., 0])))(x)
    assert np.isfinite(gradient).all()
