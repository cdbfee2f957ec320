"""Stacks of dilated convolutions against loops; padding does not show, with or without dropout."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from fact_jax.layers.frame_branches import DilatedStage, DualDilatedStage, compose_layers
from fact_jax.ops.dropout_rng import video_seeds
from tests.layers.padding import assert_padding_invariant
from tests.layers.parameters import numpy_tree, random_params
from tests.ragged import host_jit, prefix_mask
from tests.reference import layers as reference

LENGTHS = (6, 2, 1)
MASK = prefix_mask(LENGTHS, 6)
SEEDS = video_seeds(jax.random.key(1), np.arange(3))
X = np.where(MASK[..., None], np.random.default_rng(0).normal(size=(3, 6, 4)), 1e3).astype(np.float32)
BRANCHES = {
    "m": DilatedStage(4, 3, 5, 0.4),
    "m grouped, normalised, mapped": DilatedStage(4, 2, 5, 0.4, groups=2, use_norm=True, map_input=True),
    "m2": DualDilatedStage(4, 3, 5, 0.4),
    "m2 grouped, mapped": DualDilatedStage(4, 2, 5, 0.4, groups=2, map_input=True),
}


def conv(x, p, dilation, groups):
    return reference.conv1d(x, p["kernel"].transpose(2, 1, 0), p["bias"], dilation, groups)


def mstcn(x, p, branch):
    if branch.map_input:
        x = reference.dense(x, p["input"])
    for layer in range(branch.num_layers):
        y = np.maximum(conv(x, p[f"dilated_{layer}"], 2**layer, branch.groups), 0.0)
        x = x + reference.dense(y, p[f"mix_{layer}"])
        if branch.use_norm:
            x = reference.layer_norm(x, **p[f"norm_{layer}"])
    return reference.dense(x, p["output"])


def mstcn_plus_plus(x, p, branch):
    if branch.map_input:
        x = reference.dense(x, p["input"])
    for layer in range(branch.num_layers):
        falling = conv(x, p[f"falling_{layer}"], 2 ** (branch.num_layers - 1 - layer), branch.groups)
        rising = conv(x, p[f"rising_{layer}"], 2**layer, branch.groups)
        y = reference.dense(np.concatenate([falling, rising], axis=1), p[f"fuse_{layer}"])
        x = np.maximum(y, 0.0) + x
    return reference.dense(x, p["output"])


@pytest.mark.parametrize("name", BRANCHES)
def test_values_equal_the_loops(name):
    branch = BRANCHES[name]
    variables = random_params(branch, X, MASK)
    out = host_jit(branch.apply)(variables, X, MASK).value
    loops = mstcn if isinstance(branch, DilatedStage) else mstcn_plus_plus
    assert out.shape == (3, 6, 5)
    for row, length in enumerate(LENGTHS):
        expected = loops(X[row, :length].astype(np.float64), numpy_tree(variables["params"]), branch)
        np.testing.assert_allclose(out[row, :length], expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", BRANCHES)
def test_padding_does_not_show_even_with_dropout(name):
    branch = BRANCHES[name]
    variables = random_params(branch, X, MASK)
    assert_padding_invariant(lambda p, x, m: branch.apply(p, x, m, SEEDS[: len(x)]).value, variables, X[:1], 9)


@pytest.mark.parametrize(("name", "masks"), [("m", 3), ("m2", 2)])
def test_every_layer_draws_its_own_dropout(dropout_draws, name, masks):
    """The last layer of `m2` has none."""
    branch = BRANCHES[name]
    variables = random_params(branch, X, MASK)
    host_jit(branch.apply)(variables, X, MASK, SEEDS)
    jax.effects_barrier()
    assert len(dropout_draws) == len(set(dropout_draws)) == masks
    assert {seeds for seeds, _ in dropout_draws} == {tuple(np.ravel(SEEDS).tolist())}


@pytest.mark.parametrize("num_layers", [1, 3, 4])
def test_composed_layers_give_the_same_values_and_gradients(num_layers):
    branch = DualDilatedStage(4, num_layers, 5, 0.4, map_input=True)
    params = random_params(branch, X, MASK)["params"]

    def value(params, compose):
        weights = compose_layers(params, num_layers) if compose else params
        out = branch.apply({"params": weights}, X, MASK, SEEDS).value
        return jnp.sum(jnp.where(MASK[..., None], jnp.sin(out), 0.0)), out

    gradient = host_jit(jax.grad(value, has_aux=True), static_argnums=1)
    found, expected = gradient(params, True), gradient(params, False)
    np.testing.assert_allclose(found[1][MASK], expected[1][MASK], rtol=1e-5, atol=1e-5)
    for leaf, wanted in zip(jax.tree.leaves(found[0]), jax.tree.leaves(expected[0]), strict=True):
        np.testing.assert_allclose(leaf, wanted, rtol=1e-4, atol=1e-5)
    assert set(compose_layers(params, num_layers)) == {"input", "output", *(f"composed_{i}" for i in range(num_layers))}
