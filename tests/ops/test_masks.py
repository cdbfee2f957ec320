"""Masks and softmax over the entries they leave."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from fact_jax.ops import masks
from tests.ragged import host_jit, prefix_mask

RNG = np.random.default_rng(0)

masked_softmax = host_jit(masks.masked_softmax, static_argnums=2)
masked_log_softmax = host_jit(masks.masked_log_softmax, static_argnums=2)


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_masked_softmax_is_the_softmax_of_what_is_left(axis):
    logits = RNG.normal(size=(4, 5)).astype(np.float32) * 5
    mask = RNG.random((4, 5)) < 0.6
    probs = masked_softmax(logits, mask, axis)
    logs = masked_log_softmax(logits, mask, axis)
    for line in range(logits.shape[1 - axis % 2]):
        index = (line, slice(None)) if axis % 2 else (slice(None), line)
        kept = mask[index]
        if kept.any():
            power = np.exp(logits[index][kept].astype(np.float64))
            np.testing.assert_allclose(probs[index][kept], power / power.sum(), rtol=1e-5)
            np.testing.assert_allclose(logs[index][kept], np.log(power / power.sum()), rtol=1e-5, atol=1e-6)
    assert not probs[~mask].any()
    assert not logs[~mask].any()


def test_masked_entries_may_be_nan():
    logits = np.array([[0.3, 0.1, np.nan]], np.float32)
    mask = prefix_mask([2], 3)
    for function in (masks.masked_softmax, masks.masked_log_softmax):
        value, gradient = host_jit(jax.value_and_grad(lambda x, f=function: f(x, mask)[0, 0]))(logits)
        assert np.isfinite(value)
        assert np.isfinite(gradient).all()


@pytest.mark.parametrize("function", [masks.masked_softmax, masks.masked_log_softmax])
def test_fully_masked_rows_give_zeros_and_finite_gradients(function):
    logits = jnp.asarray(RNG.normal(size=(2, 4)), jnp.float32)
    mask = np.array([[False] * 4, [True] * 4])
    out = host_jit(function)(logits, mask)
    assert not np.any(out[0])
    assert np.all(out[1] != 0)
    gradient = host_jit(jax.grad(lambda x: jnp.sum(jnp.square(function(x, mask)))))(logits)
    assert np.isfinite(gradient).all()
    assert not np.any(gradient[0])


def test_one_entry_alone_is_certain():
    logits = jnp.asarray(RNG.normal(size=(3, 4)) * 100, jnp.float32)
    mask = np.eye(4, dtype=bool)[[2, 0, 3]]
    np.testing.assert_array_equal(host_jit(masks.masked_softmax)(logits, mask), mask.astype(np.float32))
    np.testing.assert_array_equal(host_jit(masks.masked_log_softmax)(logits, mask), np.zeros((3, 4)))
    gradient = host_jit(jax.grad(lambda x: jnp.sum(masks.masked_log_softmax(x, mask))))(logits)
    np.testing.assert_array_equal(gradient, np.zeros((3, 4)))


def test_large_logits_stay_finite():
    logits = jnp.array([[1e8, -1e8, 0.0]])
    mask = np.ones((1, 3), bool)
    np.testing.assert_allclose(masked_softmax(logits, mask), [[1.0, 0.0, 0.0]])
    gradient = host_jit(jax.grad(lambda x: jnp.sum(masks.masked_log_softmax(x, mask)[:, 0])))(logits)
    assert np.isfinite(gradient).all()


def test_mask_broadcasts():
    logits = jnp.asarray(RNG.normal(size=(2, 3, 4)), jnp.float32)
    mask = prefix_mask([2, 4], 4)
    full = np.broadcast_to(mask[:, None, :], (2, 3, 4))
    np.testing.assert_array_equal(masked_softmax(logits, mask[:, None, :]), masked_softmax(logits, full))
