"""Local attention against the dense form with a band, for all sorts of lengths and bands."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from fact_jax.layers import window_attention as module
from fact_jax.layers.window_attention import band_attention

HEADS, WIDTH = 2, 3


def dense(query, key, value, mask, reach, distances):
    """One softmax over all keys, those out of reach at minus infinity, as published."""
    length = query.shape[1]
    logits = np.einsum("bqhe,bkhe->bhqk", query, key).astype(np.float64)
    offset = np.arange(length)[None] - np.arange(length)[:, None]
    if distances is not None:
        logits += distances[:, np.clip(offset + reach, 0, 2 * reach)]
    logits = np.where(mask[:, None, None], logits, logits - 1e4)
    logits = np.where(np.abs(offset) <= reach, logits, -np.inf)
    weights = np.exp(logits - logits.max(-1, keepdims=True))
    return np.einsum("bhqk,bkhe->bqhe", weights / weights.sum(-1, keepdims=True), value)


@pytest.mark.parametrize(
    ("length", "reach", "block", "positions"), [(11, 2, 4, True), (5, 9, 4, True), (10, 6, 4, False)]
)
def test_equals_the_dense_form(length, reach, block, positions, monkeypatch):
    monkeypatch.setattr(module, "QUERIES", block)
    rng = np.random.default_rng(length)
    q, k, v = rng.normal(size=(3, 2, length, HEADS, WIDTH)).astype(np.float32)
    mask = np.arange(length) < np.array([[length], [max(length - 4, 1)]])
    distances = rng.normal(size=(HEADS, 2 * reach + 1)).astype(np.float32) if positions else None
    found = jax.jit(band_attention, static_argnums=4)(q, k, v, mask, reach, distances)
    expected = dense(q, k, v, mask, reach, distances)
    assert np.all(np.isfinite(found))
    np.testing.assert_allclose(np.asarray(found)[mask], expected[mask], rtol=1e-5, atol=1e-6)


def test_masked_keys_have_no_part_in_anything():
    rng = np.random.default_rng(1)
    q, k, v = rng.normal(size=(3, 1, 9, HEADS, WIDTH)).astype(np.float32)
    mask = np.arange(9)[None] < 6

    @jax.jit
    def gradients(k, v):
        return jax.grad(lambda k, v: jnp.sum(jnp.square(band_attention(q, k, v, mask, 2)[:, :6])), (0, 1))(k, v)

    other = (np.where(mask[..., None, None], part, np.float32(1e3)) for part in (k, v))
    for found, plain in zip(gradients(*other), gradients(k, v), strict=True):
        np.testing.assert_array_equal(found, plain)
        np.testing.assert_array_equal(found[:, 6:], 0.0)
