"""Attention layers against loops."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from fact_jax.layers.attention import CrossAttention, MultiHeadAttention
from fact_jax.ops.dropout_rng import video_seeds
from tests.layers.padding import assert_padding_invariant
from tests.layers.parameters import assert_uniform, numpy_tree, random_params
from tests.ragged import host_jit, prefix_mask
from tests.reference import layers as reference

RNG = np.random.default_rng(0)
LENGTHS = (5, 3, 1)
MASK = prefix_mask(LENGTHS, 5)
SEEDS = video_seeds(jax.random.key(2), np.arange(3))
QUERY = RNG.normal(size=(3, 2, 4)).astype(np.float32)


def keys(width):
    x = np.random.default_rng(width).normal(size=(3, 5, width))
    return np.where(MASK[..., None], x, 1e3).astype(np.float32)


@pytest.mark.parametrize(("num_heads", "width"), [(1, 4), (2, 4), (4, 4), (2, 6)])
def test_multi_head_attention_equals_the_loops(num_heads, width):
    layer, key, value = MultiHeadAttention(4, num_heads), keys(width), keys(width)[::-1, :, ::-1]
    value = np.where(MASK[..., None], value, 1e3).astype(np.float32)
    variables = random_params(layer, QUERY, key, value, MASK)
    out = host_jit(layer.apply)(variables, QUERY, key, value, MASK)
    p = numpy_tree(variables["params"])
    for row, n in enumerate(LENGTHS):
        expected = reference.attention(QUERY[row], key[row, :n], value[row, :n], p, num_heads)
        np.testing.assert_allclose(out[row], expected, rtol=1e-4, atol=1e-4)


def test_keys_may_be_masked_anywhere():
    layer, key = MultiHeadAttention(4, 2), RNG.normal(size=(1, 5, 4)).astype(np.float32)
    variables = random_params(layer, QUERY[:1], key, key, MASK[:1])
    mask = np.array([[False, True, False, True, True]])
    apply = host_jit(layer.apply)
    out = apply(variables, QUERY[:1], key, key, mask)
    expected = apply(variables, QUERY[:1], key[:, mask[0]], key[:, mask[0]], np.ones((1, 3), bool))
    np.testing.assert_allclose(out, expected, rtol=1e-5, atol=1e-6)


def test_without_keys_the_output_is_its_bias_with_finite_gradients():
    layer, key, mask = MultiHeadAttention(4, 2), keys(4), np.zeros((3, 5), bool)
    variables = random_params(layer, QUERY, key, key, mask)
    compute = host_jit(jax.value_and_grad(lambda p: jnp.sum(jnp.square(layer.apply(p, QUERY, key, key, mask)))))
    value, gradients = compute(variables)
    np.testing.assert_allclose(value, 6 * np.sum(np.square(variables["params"]["out"]["bias"])), rtol=1e-5)
    assert all(np.isfinite(g).all() for g in jax.tree.leaves(gradients))


@pytest.mark.parametrize("dropout_rng", [None, SEEDS])
def test_padded_keys_do_not_show(dropout_rng):
    layer, key = MultiHeadAttention(4, 2, 0.3), keys(4)

    def apply(params, x, mask):
        seeds = None if dropout_rng is None else dropout_rng[: len(x)]
        return layer.apply(params, QUERY[: len(x)], x, x, mask, seeds)

    # Two queries only: the comparison cuts the output at the number of keys.
    params = random_params(layer, QUERY, key, key, MASK)
    assert_padding_invariant(lambda p, x, m: pad_queries(apply(p, x, m), x.shape[1]), params, key[:1], 8)


def pad_queries(out, size):
    return jnp.pad(out, ((0, 0), (0, size - out.shape[1]), (0, 0)))


def test_packed_projections_start_from_one_xavier_bound():
    params = start(64, 64)
    for name in ("query", "key", "value"):
        assert_uniform(params[name]["kernel"], np.sqrt(6 / (64 + 3 * 64)))
        assert not np.any(params[name]["bias"])


def test_separate_projections_start_from_a_bound_each():
    params = start(64, 96)
    assert_uniform(params["query"]["kernel"], np.sqrt(6 / (64 + 64)))
    for name in ("key", "value"):
        assert params[name]["kernel"].shape == (96, 64)
        assert_uniform(params[name]["kernel"], np.sqrt(6 / (96 + 64)))
    assert_uniform(params["out"]["kernel"], 1 / np.sqrt(64))
    assert not any(np.any(p["bias"]) for p in params.values())


def start(dim, key_width):
    query, key = jnp.zeros((1, 2, dim)), jnp.zeros((1, 3, key_width))
    init = host_jit(MultiHeadAttention(dim, 4).init)
    return init(jax.random.key(0), query, key, key, jnp.ones((1, 3), bool))["params"]


def test_heads_must_divide_the_channels():
    with pytest.raises(ValueError, match="4 channels.*3 heads"):
        random_params(MultiHeadAttention(4, 3), QUERY, keys(4), keys(4), MASK)


@pytest.mark.parametrize("num_queries", [2, 7])
@pytest.mark.parametrize(("source_width", "query_width"), [(None, None), (4, 2), (2, 4)])
def test_cross_attention_equals_the_loops(source_width, query_width, num_queries):
    """With positions on all, some or none of the channels, and with fewer or more queries than sources."""
    layer, source = CrossAttention(3), keys(4)
    queries = RNG.normal(size=(3, num_queries, 4)).astype(np.float32)
    widths = {"source_positions": (5, source_width), "query_positions": (num_queries, query_width)}
    positions = {
        name: None if shape[1] is None else RNG.normal(size=shape).astype(np.float32) for name, shape in widths.items()
    }
    variables = random_params(layer, source, queries, MASK)
    out, logits, weights = host_jit(layer.apply)(variables, source, queries, MASK, **positions)
    assert (out.shape, logits.shape) == ((3, num_queries, 3), (3, num_queries, 5))
    p = numpy_tree(variables["params"])
    for row, n in enumerate(LENGTHS):
        place = positions["source_positions"]
        expected = reference.cross_attention(
            source[row, :n], queries[row], p, None if place is None else place[:n], positions["query_positions"]
        )
        for got, wanted in zip((out[row], logits[row, :, :n], weights[row, :, :n]), expected, strict=True):
            np.testing.assert_allclose(got, wanted, rtol=1e-4, atol=1e-4)
        assert not np.any(weights[row, :, n:])


def test_cross_attention_ignores_padding_of_its_source():
    layer, source = CrossAttention(3, 0.3), keys(4)
    params = random_params(layer, source, QUERY, MASK)

    def apply(params, x, mask):
        return pad_queries(layer.apply(params, x, QUERY[: len(x)], mask, dropout_rng=SEEDS[: len(x)])[0], x.shape[1])

    assert_padding_invariant(apply, params, source[:1], 8)


def test_cross_attention_drops_parts_of_its_own_input_and_of_what_it_gathered():
    layer, source = CrossAttention(3, 0.5), keys(4)
    variables = random_params(layer, source, QUERY, MASK)
    kernel = np.zeros((8, 8), np.float32)
    np.fill_diagonal(kernel, 1.0)
    variables["params"]["out"] = {"kernel": kernel, "bias": np.zeros(8, np.float32)}
    layer = CrossAttention(8, 0.5)
    plain, _, weights = host_jit(layer.apply)(variables, source, QUERY, MASK)
    noisy, _, noisy_weights = host_jit(layer.apply)(variables, source, QUERY, MASK, dropout_rng=SEEDS)
    np.testing.assert_allclose(weights, noisy_weights, rtol=1e-6)
    dropped = np.asarray(noisy) == 0
    assert dropped[..., :4].any()
    assert dropped[..., 4:].any()
    np.testing.assert_allclose(noisy[~dropped], 2 * plain[~dropped], rtol=1e-5)
