"""Dilated convolutions in groups of frames, beside XLA's."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from fact_jax.ops import convolution
from fact_jax.ops.winograd_time import winograd_time_conv

RNG = np.random.default_rng(0)


def _plain(x, kernel, dilation):
    spread = {"rhs_dilation": (2 * dilation // (len(kernel) - 1),), "padding": [(dilation, dilation)]}
    return convolution._conv(x, kernel, window_strides=(1,), **spread)


@pytest.mark.parametrize("taps", [2, 3])
@pytest.mark.parametrize(("num_frames", "dilation"), [(16, 1), (17, 1), (23, 2), (18, 4), (30, 4), (9, 4), (33, 7)])
def test_groups_of_frames_give_the_same_numbers_and_gradients(taps, num_frames, dilation):
    """Groups of four and of two, with frames left over, with a block of padding, and with neither."""
    x, kernel = (RNG.normal(size=shape).astype(np.float32) for shape in ((2, num_frames, 5), (taps, 5, 3)))
    found, pull = jax.vjp(lambda x, kernel: winograd_time_conv(x, kernel, dilation), x, kernel)
    expected, expected_pull = jax.vjp(lambda x, kernel: _plain(x, kernel, dilation), x, kernel)
    np.testing.assert_allclose(found, expected, atol=2e-5)
    cotangent = RNG.normal(size=found.shape).astype(np.float32)
    for ours, theirs in zip(pull(cotangent), expected_pull(cotangent), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=2e-5)


def test_wide_convolutions_are_computed_in_groups_and_equal_xlas():
    """The path that networks take, with frames of the padding behind the video."""
    width = convolution.CHANNELS_OF_GROUPS
    x, kernel = (RNG.normal(size=shape).astype(np.float32) for shape in ((1, 24, width), (3, width, width)))
    x[:, 20:] = 0
    program = jax.make_jaxpr(lambda x: convolution.dilated_conv(x, kernel, 2))(jnp.asarray(x))
    assert "conv_general_dilated" not in str(program)
    found, alone = convolution.dilated_conv(x, kernel, 2), convolution.dilated_conv(x[:, :20], kernel, 2)
    np.testing.assert_allclose(found, _plain(x, kernel, 2), rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(found[:, :20], alone, rtol=1e-4, atol=1e-4)
