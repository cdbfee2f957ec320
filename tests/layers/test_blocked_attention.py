"""Attention by heads and rows of queries: the plain form's numbers and gradients."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from fact_jax.layers import blocked_attention
from fact_jax.layers.blocked_attention import attention


def plain(query, key, value):
    weights = jax.nn.softmax(jnp.einsum("nqhd,nkhd->nhqk", query / np.sqrt(query.shape[-1]), key), axis=-1)
    return jnp.einsum("nhqk,nkhd->nqhd", weights, value)


def operands(queries, keys):
    rng = np.random.default_rng(queries)
    shapes = [(2, count, 3, 4) for count in (queries, keys, keys, queries)]
    return [3 * rng.standard_normal(shape, np.float32) for shape in shapes]


@pytest.mark.parametrize(("queries", "keys", "rows", "weights"), [(40, 40, 784, 1600), (45, 33, 16, 10**6)])
def test_values_and_gradients_are_those_of_the_plain_form(monkeypatch, queries, keys, rows, weights):
    # One head at a time; and all at once, the rows of queries in three parts with padding.
    monkeypatch.setattr(blocked_attention, "QUERIES_AT_ONCE", rows)
    monkeypatch.setattr(blocked_attention, "WEIGHTS_AT_ONCE", weights)
    *given, cotangent = operands(queries, keys)

    def both(function):
        found, pull = jax.vjp(function, *given)
        return found, *pull(cotangent)

    found = jax.jit(lambda: both(lambda *given: attention(*given, "float32")))()
    for ours, wanted in zip(found, jax.jit(lambda: both(plain))(), strict=True):
        np.testing.assert_allclose(ours, wanted, atol=2e-6 * np.max(np.abs(wanted)) + 1e-6)


def test_few_keys_and_huge_logits():
    query, key, value, _ = operands(5, 4)
    np.testing.assert_allclose(attention(query, key, value, "float32"), plain(query, key, value), atol=1e-6)
    query, key, value, _ = operands(40, 40)
    found = attention(1e4 * query, 1e4 * key, value, "float32")
    nearest = np.argmax(np.einsum("nqhd,nkhd->nhqk", query, key), axis=-1)
    wanted = np.take_along_axis(np.swapaxes(value, 1, 2), nearest[..., None], axis=2)
    np.testing.assert_allclose(found, np.swapaxes(wanted, 1, 2), rtol=1e-6)


def test_weights_of_all_tokens_are_never_held():
    shape = jax.ShapeDtypeStruct((1, 1568, 12, 64), jnp.float32)
    loss = jax.jit(jax.grad(lambda *given: jnp.sum(attention(*given, "float32") ** 2), argnums=(0, 1, 2)))
    memory = loss.lower(shape, shape, shape).compile().memory_analysis()
    weights = 4 * 12 * 1568**2
    assert memory.temp_size_in_bytes < weights / 2
