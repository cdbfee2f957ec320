"""Transformer decoders over action tokens. Their numbers are compared in tests/parity."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from fact_jax.layers.action_branches import Decoder, DecoderLayer
from fact_jax.ops.dropout_rng import video_seeds
from tests.layers.padding import assert_padding_invariant
from tests.layers.parameters import random_params
from tests.ragged import host_jit, prefix_mask

HEADS, LAYERS, A, H, OUT = 2, 2, 4, 6, 5
RNG = np.random.default_rng(0)
SEEDS = video_seeds(jax.random.key(4), np.arange(2))
NUM_TOKENS, NUM_FRAMES = (3, 2), (5, 2)
TOKEN_MASK, FRAME_MASK = prefix_mask(NUM_TOKENS, 3), prefix_mask(NUM_FRAMES, 5)
TOKENS = np.where(TOKEN_MASK[..., None], RNG.normal(size=(2, 3, A)), 1e2).astype(np.float32)
MEMORY = np.where(FRAME_MASK[..., None], RNG.normal(size=(2, 5, H)), 1e2).astype(np.float32)
POSITIONS = RNG.normal(size=(1, 3, 2)).astype(np.float32)  # on half of the channels
MEMORY_POSITIONS = RNG.normal(size=(5, H)).astype(np.float32)


def self_cross(rate=0.0):
    return Decoder(LAYERS, HEADS, 7, rate, OUT, output_norm=True)


def self_only(rate=0.0):
    return Decoder(LAYERS, HEADS, 7, rate, OUT)


SELF_ARGS = (TOKENS, POSITIONS, TOKEN_MASK)
MEMORY_ARGS = (MEMORY, MEMORY_POSITIONS, FRAME_MASK)
CROSS_ARGS = (*SELF_ARGS, None, *MEMORY_ARGS)
DECODERS = pytest.mark.parametrize(("build", "args"), [(self_cross, CROSS_ARGS), (self_only, SELF_ARGS)])


@functools.cache
def params_of(build):
    return random_params(build(), *(CROSS_ARGS if build is self_cross else SELF_ARGS))


@DECODERS
def test_layers_start_equal(build, args):
    """As published, where one layer is copied."""
    params = host_jit(build().init)(jax.random.key(0), *args)["params"]
    for leaf in jax.tree.leaves(params["layers"]):
        assert leaf.shape[0] == LAYERS
        np.testing.assert_array_equal(leaf[0], leaf[1])
    assert np.ptp(params["layers"]["feed_forward"]["inner"]["kernel"]) > 0


@DECODERS
def test_every_layer_draws_its_own_dropout(build, args, dropout_draws):
    noisy = host_jit(build(0.5).apply)(params_of(build), *args[:3], SEEDS, *args[4:])
    jax.effects_barrier()
    per_layer = 6 if build is self_cross else 4
    assert len(dropout_draws) == len(set(dropout_draws)) == LAYERS * per_layer
    assert len({seeds for seeds, _ in dropout_draws}) == LAYERS
    plain = host_jit(build(0.5).apply)(params_of(build), *args)
    assert np.max(np.abs(noisy - plain)[TOKEN_MASK]) > 1e-2


def test_a_layer_tells_its_place_by_its_index():
    params = {"params": jax.tree.map(lambda x: x[0], params_of(self_only)["params"]["layers"])}
    layer = host_jit(DecoderLayer(HEADS, 7, 0.5, 0.5, zero_start=False).apply)
    noisy = [layer(params, TOKENS, k, None, POSITIONS, TOKEN_MASK, None, None, None, SEEDS)[0] for k in (0, 0, 1)]
    np.testing.assert_array_equal(noisy[0], noisy[1])
    assert np.max(np.abs(noisy[0] - noisy[2])[TOKEN_MASK]) > 1e-2
    quiet = [layer(params, TOKENS, k, None, POSITIONS, TOKEN_MASK, None, None, None, None)[0] for k in (0, 1)]
    np.testing.assert_array_equal(*quiet)


def padded_places(positions, size):
    return jnp.pad(positions, ((0, 0), (0, size - positions.shape[1]), (0, 0)), constant_values=50.0)


def test_padding_of_tokens_and_memory_does_not_show():
    """The memory is what is padded and differentiated; the padded one comes with padded tokens."""
    decoder = self_cross(0.3)

    def apply(params, x, mask):
        rows, size = len(x), x.shape[1]
        num_tokens = 3 + size - 5
        tokens = jnp.pad(TOKENS[:rows], ((0, 0), (0, num_tokens - 3), (0, 0)), constant_values=-70.0)
        token_mask = jnp.pad(TOKEN_MASK[:rows], ((0, 0), (0, num_tokens - 3)))
        memory_places = padded_places(MEMORY_POSITIONS[None], size)[0]
        seeds = SEEDS[:rows]
        out = decoder.apply(
            params, tokens, padded_places(POSITIONS, num_tokens), token_mask, seeds, x, memory_places, mask
        )
        return jnp.pad(out[:, :3], ((0, 0), (0, size - 3), (0, 0)))

    assert_padding_invariant(apply, params_of(self_cross), MEMORY[:1], 8, tolerance=1e-4)


def test_positions_may_be_missing():
    absent = (TOKENS, None, TOKEN_MASK, None, MEMORY, None, FRAME_MASK)
    zero = (TOKENS, 0 * POSITIONS, TOKEN_MASK, None, MEMORY, 0 * MEMORY_POSITIONS, FRAME_MASK)
    apply = host_jit(self_cross().apply)
    first, second = (apply(params_of(self_cross), *args) for args in (absent, zero))
    np.testing.assert_allclose(first[TOKEN_MASK], second[TOKEN_MASK], rtol=1e-5, atol=1e-6)
