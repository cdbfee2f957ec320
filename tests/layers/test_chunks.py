"""Layers that run chunk by chunk: as if every chunk came alone, forward, backward and in the running statistics."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from fact_jax.layers.batch_norm import Batch, BatchNorm
from fact_jax.layers.chunks import in_chunks

T, DIM = 7, 3


class Mixed(nn.Module):
    """A product and a normalisation."""

    @nn.compact
    def __call__(self, x):
        y = nn.Dense(DIM, name="dense")(x)
        return jnp.sin(BatchNorm(DIM, name="norm")(y, None if self.is_initializing() else Batch()))


class Two(nn.Module):
    """Two layers, in chunks or one chunk after the other by hand."""

    def setup(self):
        self.layers = [Mixed(), Mixed()]

    def __call__(self, x, chunk):
        return in_chunks([(layer, lambda module, part: module(part)) for layer in self.layers], x, chunk)

    def by_hand(self, x, chunk):
        for layer in self.layers:
            x = jnp.concatenate([layer(x[:, start : start + chunk]) for start in range(0, T, chunk)], axis=1)
        return x


@pytest.fixture(scope="module")
def case():
    x = np.random.default_rng(0).normal(size=(2, T, DIM)).astype(np.float32)
    return Two().init(jax.random.key(0), x, T), x


def value_and_gradients(variables, x, chunk, method):
    def loss(params, x):
        given = {"params": params, "batch_stats": variables["batch_stats"]}
        found, moved = Two().apply(given, x, chunk, method=method, mutable="batch_stats")
        return jnp.sum(jnp.sin(found) * jnp.arange(T)[:, None]), (found, moved)

    (_, found), gradients = jax.jit(jax.value_and_grad(loss, (0, 1), has_aux=True))(variables["params"], x)
    return found, gradients


@pytest.mark.parametrize("chunk", [2, 4, T])  # a shorter one at the end, one and a shorter one, one
def test_chunks_are_as_if_alone(case, chunk):
    found, wanted = (value_and_gradients(*case, chunk, method) for method in ("__call__", "by_hand"))
    for ours, by_hand in zip(jax.tree.leaves(found), jax.tree.leaves(wanted), strict=True):
        np.testing.assert_allclose(ours, by_hand, rtol=1e-5, atol=2e-5)


def test_the_memory_of_a_gradient_grows_by_the_inputs_of_the_layers_alone(case):
    variables, _ = case

    def temporary(num_steps):
        def loss(params, x):
            given = {"params": params, "batch_stats": variables["batch_stats"]}
            return jnp.sum(Two().apply(given, x, 50, mutable="batch_stats")[0])

        x = jax.ShapeDtypeStruct((2, num_steps, DIM), np.float32)
        compiled = jax.jit(jax.grad(loss)).lower(variables["params"], x).compile()
        return compiled.memory_analysis().temp_size_in_bytes / (2 * DIM * 4)  # in numbers of steps

    # The input of the second layer, its gradient, and the output with its own.
    assert (temporary(800) - temporary(400)) / 400 < 4.5
