"""Cross-entropies against loops, their gradients against finite differences, and their indifference to padding."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

from fact_jax.losses import classification
from tests.ragged import host_jit, pad_axis, prefix_mask
from tests.reference import losses as reference

C, L = 4, 6
LENGTHS = (6, 3, 1)
WEIGHTS = np.array([0.5, 1.0, 2.0, 1.5, 0.02], np.float32)  # one more than the classes: the null class of tokens
NAMES = ("frame_cross_entropy", "token_cross_entropy", "soft_cross_entropy")
COMPILED = {name: jax.jit(getattr(classification, name)) for name in NAMES}


def case(name, seed=0):
    """(log_probs, targets, mask) of a ragged batch with garbage in the padding."""
    rng = np.random.default_rng(seed)
    mask = prefix_mask(LENGTHS, L)
    log_probs = np.array(jax.nn.log_softmax(rng.normal(size=(3, L, C)) * 2), np.float32)
    log_probs[~mask] = 777.0
    if name == "soft_cross_entropy":
        targets = rng.dirichlet(np.ones(C), (3, L)).astype(np.float32)
        return log_probs, np.where(mask[..., None], targets, 0.0).astype(np.float32), mask
    return log_probs, rng.integers(0, C, (3, L)).astype(np.int32), mask


@pytest.mark.parametrize("name", NAMES)
def test_values_equal_the_loops(name):
    log_probs, targets, mask = case(name)
    out = jax.device_get(COMPILED[name](log_probs, targets, WEIGHTS, mask))
    assert out.shape == (3,)
    for row, length in enumerate(LENGTHS):
        expected = getattr(reference, name)(log_probs[row, :length], targets[row, :length], WEIGHTS)
        np.testing.assert_allclose(out[row], expected, rtol=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_gradients(name):
    log_probs, targets, mask = case(name)
    log_probs = np.where(mask[..., None], log_probs, 0.0)
    check_grads(lambda x: COMPILED[name](x, targets, WEIGHTS, mask), (log_probs,), 1, ["rev"], atol=1e-2, rtol=1e-2)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("garbage", [-np.inf, np.nan])
def test_padding_changes_neither_value_nor_gradient(name, garbage):
    log_probs, targets, mask = case(name)
    full = jax.device_get(COMPILED[name](log_probs, targets, WEIGHTS, mask))
    loss = host_jit(jax.value_and_grad(lambda x, t, m: jnp.sum(COMPILED[name](x, t, WEIGHTS, m))))
    value, gradient = loss(log_probs[:1], targets[:1], mask[:1])
    padded = loss(
        pad_axis(log_probs[:1], L + 3, np.float32(garbage)), pad_axis(targets[:1], L + 3, 0), prefix_mask([L], L + 3)
    )
    np.testing.assert_allclose(value, full[0], rtol=1e-6)
    np.testing.assert_allclose(padded[0], value, rtol=1e-6)
    np.testing.assert_allclose(padded[1][:, :L], gradient, rtol=1e-6)
    np.testing.assert_array_equal(padded[1][:, L:], 0.0)


@pytest.mark.parametrize("name", NAMES)
def test_empty_video_costs_nothing(name):
    log_probs, targets, _ = case(name)
    targets = targets * 0
    mask = np.zeros((3, L), bool)
    loss = host_jit(jax.value_and_grad(lambda x: jnp.sum(COMPILED[name](x, targets, WEIGHTS, mask))))
    value, gradient = loss(log_probs)
    assert value == 0.0
    np.testing.assert_array_equal(gradient, 0.0)


def test_normalisers_differ():
    """Frames divide by their number, tokens by the weights of their targets."""
    log_probs = np.full((1, 2, C), -1.0, np.float32)
    labels, mask = np.array([[0, 1]]), np.ones((1, 2), bool)
    np.testing.assert_allclose(COMPILED["frame_cross_entropy"](log_probs, labels, WEIGHTS, mask), [0.75])
    np.testing.assert_allclose(COMPILED["token_cross_entropy"](log_probs, labels, WEIGHTS, mask), [1.0])


def test_tokens_of_weight_zero_only_cost_nothing():
    log_probs, labels, mask = np.full((1, 2, C), -1.0), np.zeros((1, 2), int), np.ones((1, 2), bool)
    out = COMPILED["token_cross_entropy"](log_probs, labels, np.zeros(C, np.float32), mask)
    assert out[0] == 0.0


def test_labelled_cross_entropy_counts_labelled_frames_of_the_mask():
    logits = np.log(np.array([[[0.5, 0.5], [0.9, 0.1], [0.2, 0.8], [0.6, 0.4]]], np.float32))
    labels, mask = np.array([[0, 1, -1, 1]]), np.array([[True, True, True, False]])
    entropy, correct, count = classification.labelled_cross_entropy(logits, labels, mask)
    np.testing.assert_allclose(entropy, -np.log(0.5) - np.log(0.1), rtol=1e-6)
    assert correct == 1 and count == 2
