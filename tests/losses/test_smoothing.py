"""Smoothness over time."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

from fact_jax.losses.smoothing import smoothness
from tests.ragged import host_jit, pad_axis, prefix_mask
from tests.reference import losses as reference

LENGTHS = (7, 4, 2)
compiled = jax.jit(smoothness, static_argnames=("clip", "constant_past"))


def case():
    """Log-probabilities [3, 7, 3] with some jumps beyond the clip, garbage in the padding."""
    rng = np.random.default_rng(0)
    log_probs = np.array(jax.nn.log_softmax(rng.normal(size=(3, 7, 3)) * 4), np.float32)
    mask = prefix_mask(LENGTHS, 7)
    log_probs[~mask] = 1e4
    return log_probs, mask


@pytest.mark.parametrize("clip", [4.0, 1.0, 100.0])
def test_values_equal_the_loops(clip):
    log_probs, mask = case()
    out = jax.device_get(compiled(log_probs, mask, clip=clip))
    assert out.shape == (3,)
    for row, length in enumerate(LENGTHS):
        np.testing.assert_allclose(out[row], reference.smoothness(log_probs[row, :length], clip), rtol=1e-5)


def test_jumps_beyond_the_clip_count_as_the_clip_and_have_no_gradient():
    log_probs = np.array([[[0.0], [-3.0], [-103.0]]], np.float32)
    mask = np.ones((1, 3), bool)
    value, gradient = host_jit(jax.value_and_grad(lambda x: compiled(x, mask)[0]))(log_probs)
    np.testing.assert_allclose(value, (9 + 16) / 2)
    np.testing.assert_allclose(gradient[0, :, 0], [3.0, -3.0, 0.0])


def test_a_jump_of_exactly_the_clip_has_its_gradient():
    # Four pairs, squared changes 16, 16, 0, 25: 2 * 4 / 4 from each of the first two, nothing from the last, as
    # PyTorch's clamp has it.
    log_probs = np.array([[[0.0], [-4.0], [-8.0], [-8.0], [-13.0]]], np.float32)
    gradient = host_jit(jax.grad(lambda x: compiled(x, np.ones((1, 5), bool))[0]))(log_probs)
    np.testing.assert_allclose(gradient[0, :, 0], [2.0, 0.0, -2.0, 0.0, 0.0])


def test_both_neighbours_carry_gradients():
    log_probs, mask = case()
    log_probs = np.where(mask[..., None], log_probs, 0.0) / 8  # no jump near the clip, where the gradient jumps
    check_grads(lambda x: compiled(x, mask), (log_probs,), 1, ["rev"], atol=1e-2, rtol=1e-2)


def test_a_constant_past_leaves_the_value_and_takes_its_share_of_the_gradient():
    log_probs = np.array([[[0.0], [-3.0], [-5.0], [-105.0]]], np.float32)
    gradient = host_jit(jax.value_and_grad(lambda x: compiled(x, np.ones((1, 4), bool), constant_past=True)[0]))
    value, found = gradient(log_probs)
    np.testing.assert_allclose(value, (9 + 4 + 16) / 3)
    np.testing.assert_allclose(found[0, :, 0], [0.0, -2.0, -4 / 3, 0.0], rtol=1e-6)


@pytest.mark.parametrize("garbage", [1e4, -1e4])
def test_padding_changes_neither_value_nor_gradient(garbage):
    log_probs = case()[0][:1]
    loss = host_jit(jax.value_and_grad(lambda x, m: compiled(x, m)[0]))
    value, gradient = loss(log_probs, np.ones((1, 7), bool))
    padded = loss(pad_axis(log_probs, 10, np.float32(garbage)), prefix_mask([7], 10))
    np.testing.assert_allclose(padded[0], value, rtol=1e-6)
    np.testing.assert_allclose(padded[1][:, :7], gradient, rtol=1e-6)
    np.testing.assert_array_equal(padded[1][:, 7:], 0.0)


@pytest.mark.parametrize("length", [0, 1])
def test_videos_without_neighbours_cost_nothing(length):
    log_probs, _ = case()
    mask = prefix_mask([length] * 3, 7)
    value, gradient = host_jit(jax.value_and_grad(lambda x: jnp.sum(compiled(x, mask))))(log_probs)
    assert value == 0.0
    np.testing.assert_array_equal(gradient, 0.0)
