"""Attention in windows against loops; neither padding nor what it holds shows."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from fact_jax.layers.window_attention import BlockAttention, SlidingAttention
from tests.layers.padding import assert_padding_invariant
from tests.layers.parameters import numpy_tree, random_params
from tests.ragged import host_jit, prefix_mask
from tests.reference import windows as reference

RNG = np.random.default_rng(0)
LENGTHS = (9, 5, 1)
MASK = prefix_mask(LENGTHS, 9)
X, SOURCE = (np.where(MASK[..., None], RNG.normal(size=(3, 9, 4)), 1e3).astype(np.float32) for _ in range(2))
LAYERS = {
    **{f"block of {size}": BlockAttention(3, size) for size in (1, 2, 4, 16)},
    **{f"sliding over {size}": SlidingAttention(3, size) for size in (1, 2, 4, 16)},
    **{f"banded over {size}": SlidingAttention(3, size, banded=True) for size in (1, 2, 3, 8)},
}


def arguments(layer, x=X, source=SOURCE, mask=MASK):
    return (x, mask) if isinstance(layer, BlockAttention) else (x, source, mask)


@pytest.mark.parametrize("name", LAYERS)
def test_values_equal_the_loops(name):
    layer = LAYERS[name]
    variables = random_params(layer, *arguments(layer))
    out = host_jit(layer.apply)(variables, *arguments(layer))
    p = numpy_tree(variables["params"])
    for row, length in enumerate(LENGTHS):
        x, source = (part[row, :length].astype(np.float64) for part in (X, SOURCE))
        if isinstance(layer, BlockAttention):
            expected = reference.block_attention(x, p, layer.size)
        else:
            expected = reference.sliding_attention(x, source, p, layer.size, layer.banded)
        np.testing.assert_allclose(out[row, :length], expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", ["block of 1", "block of 4", "sliding over 4", "banded over 3"])
def test_padding_does_not_show(name):
    layer = LAYERS[name]
    variables = random_params(layer, *arguments(layer))
    assert_padding_invariant(
        lambda p, x, m: layer.apply(p, *arguments(layer, x, x[..., ::-1], m)), variables, X[:1], 14
    )


def test_a_window_of_one_frame_has_dead_queries_and_keys():
    layer = BlockAttention(3, 1)
    variables = random_params(layer, X, MASK)
    gradients = host_jit(jax.grad(lambda p: jnp.sum(jnp.sin(layer.apply(p, X, MASK)) * MASK[..., None])))(variables)
    for name, parts in gradients["params"].items():
        assert np.any(parts["kernel"]) == (name in ("value", "out"))


@pytest.mark.parametrize("name", ["block of 4", "sliding over 4"])
def test_gradients_are_finite_where_a_window_holds_no_frame(name):
    layer = LAYERS[name]
    variables = random_params(layer, *arguments(layer))
    empty = np.zeros(MASK.shape, bool)

    def total(p, x):
        return jnp.sum(jnp.square(layer.apply(p, *arguments(layer, x, x, empty))))

    gradients = host_jit(jax.grad(total, argnums=(0, 1)))(variables, X)
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(gradients))


def test_the_work_grows_with_the_frames_alone():
    layer = BlockAttention(3, 4)
    variables = random_params(layer, X, MASK)

    def flops(num_frames):
        shapes = jax.ShapeDtypeStruct((1, num_frames, 4), jnp.float32), jax.ShapeDtypeStruct((1, num_frames), bool)
        return jax.jit(layer.apply).lower(variables, *shapes).cost_analysis()["flops"]

    assert flops(4096) < 8.5 * flops(512)
