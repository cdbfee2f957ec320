"""FAFormer's encoder: normalisation equals loops; padding and what it holds do not show, with dropout or without."""

import jax
import jax.numpy as jnp
import numpy as np

from fact_jax.layers.encoder import Encoder, InstanceNorm
from fact_jax.ops.dropout_rng import video_seeds
from tests.layers.padding import assert_padding_invariant
from tests.layers.parameters import random_params
from tests.ragged import host_jit, prefix_mask
from tests.reference import windows as reference

LENGTHS = (11, 7, 1)
MASK = prefix_mask(LENGTHS, 11)
SEEDS = video_seeds(jax.random.key(1), np.arange(3))
X = np.where(MASK[..., None], np.random.default_rng(0).normal(size=(3, 11, 5)), 1e3).astype(np.float32)
ENCODER = Encoder(6, 3, 8, reduction=2, attention_scale=0.5, channel_dropout_rate=0.4)


def test_instance_norm_is_over_the_valid_frames():
    out = host_jit(InstanceNorm().apply)({}, X, MASK)
    for row, length in enumerate(LENGTHS):
        np.testing.assert_allclose(out[row, :length], reference.instance_norm(X[row, :length]), rtol=1e-5, atol=1e-5)
    np.testing.assert_array_equal(out[~MASK], 0.0)
    np.testing.assert_array_equal(out[2], 0.0)  # one frame alone


def test_instance_norm_of_constant_channels_and_empty_videos_has_finite_gradients():
    x = np.full((2, 4, 3), np.nan, np.float32)
    x[0, :3] = 2.0
    mask = prefix_mask((3, 0), 4)
    weights = np.arange(12, dtype=np.float32).reshape(4, 3)
    gradient = host_jit(jax.grad(lambda x: jnp.sum(InstanceNorm().apply({}, x, mask) * weights)))(x)
    assert np.all(np.isfinite(gradient)) and np.any(gradient[0, :3])
    np.testing.assert_array_equal(gradient[~mask], 0.0)


def test_padding_does_not_show_even_with_dropout():
    variables = random_params(ENCODER, X, MASK)
    assert_padding_invariant(
        lambda p, x, m: ENCODER.apply(p, x, m, SEEDS[: len(x)]).value, variables, X[:1], 17, tolerance=2e-5
    )


def test_channels_and_every_layer_draw_their_own_dropout(dropout_draws):
    variables = random_params(ENCODER, X, MASK)
    apply = host_jit(ENCODER.apply)
    dropped = apply(variables, X, MASK, SEEDS).value
    jax.effects_barrier()
    assert len(dropout_draws) == len(set(dropout_draws)) == 1 + ENCODER.num_layers
    assert np.any(dropped[0] != apply(variables, X, MASK).value[0])


def test_products_in_bfloat16_stay_near_the_exact_ones():
    variables = random_params(ENCODER, X, MASK)
    exact = host_jit(ENCODER.apply)(variables, X, MASK).value[MASK]
    rounded = host_jit(ENCODER.clone(dtype="bfloat16").apply)(variables, X, MASK).value
    assert rounded.dtype == np.float32 and np.any(rounded[MASK] != exact)
    np.testing.assert_allclose(rounded[MASK], exact, atol=0.1 * np.abs(exact).max())
