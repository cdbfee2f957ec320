"""Attention without a division or a sum over the weights equals the softmax that it stands for."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from fact_jax.ops.key_attention import key_attention


def _plain(query, key, value, lowered, taken):
    weights = jax.nn.softmax(jnp.einsum("bwqc,bwkc->bwqk", query, key) + lowered[:, :, None])
    return jnp.einsum("bwqk,bwkv->bwqv", weights * taken[:, :, None], value)


@pytest.mark.parametrize(("queries", "keys", "scale"), [(4, 8, 1.0), (8, 4, 1.0), (1, 2, 1.0), (3, 5, 60.0)])
def test_values_and_gradients(queries, keys, scale):
    rng = np.random.default_rng(queries)
    query, key, value, weights = (
        rng.normal(size=(2, 3, count, width)).astype(np.float32)
        for count, width in ((queries, 6), (keys, 6), (keys, 4), (queries, 4))
    )
    taken = rng.random((2, 3, keys)) < 0.7
    taken[0, 0] = False  # nothing may be taken there
    lowered = jnp.log(taken + np.float32(1e-6))

    def loss(attend):
        return lambda *parts: (attend(*parts, lowered, taken) * weights).sum()

    operands = scale * query, key, value
    found = key_attention(*operands, lowered, taken)
    np.testing.assert_allclose(found, _plain(*operands, lowered, taken), rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(found[0, 0], 0.0)
    ours, plain = (jax.grad(loss(attend), argnums=(0, 1, 2))(*operands) for attend in (key_attention, _plain))
    for one, other in zip(ours, plain, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=2e-5)


def test_what_lies_at_keys_that_are_not_taken_does_not_count():
    ones = np.ones((1, 1, 3, 2), np.float32)
    value = np.array([1.0, np.nan, np.inf], np.float32)[None, None, :, None] * np.ones((1, 1, 3, 2), np.float32)
    taken = np.array([[[True, False, False]]])
    lowered = np.where(taken, 0.0, -1e9).astype(np.float32)
    np.testing.assert_allclose(key_attention(ones, ones, value, lowered, taken), 1.0, rtol=1e-6)
