"""Two maps in a row, with channels and frames dropped between them, as one."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from fact_jax.layers.dropout import ChannelDropout, TimeMask
from fact_jax.layers.linear import Dense
from fact_jax.layers.projected import applied, projected
from fact_jax.ops.dropout_rng import video_seeds
from tests.ragged import host_jit, prefix_mask

SEEDS = video_seeds(jax.random.key(0), np.arange(2))
CLOSE = dict(rtol=1e-4, atol=1e-4)


class _Maps(nn.Module):
    """40 channels to 12 to `few`, at once or one after the other."""

    few: int
    at_once: bool

    @nn.compact
    def __call__(self, x, mask, rng):
        first = Dense(12, name="first")
        x = projected(first, x) if self.at_once else first(x)
        x = ChannelDropout(0.5, name="before")(x, rng)
        x = TimeMask(2, 5, 0.5, name="mask")(x, mask, rng)
        x = ChannelDropout(0.2, name="after")(x, rng)
        return applied(Dense(self.few, name="second"), x)


@pytest.mark.parametrize("rng", [None, SEEDS])
@pytest.mark.parametrize("few", [2, 40])
def test_both_ways_have_the_same_values_and_gradients(few, rng):
    """With few channels the maps are multiplied first, with many they are not."""
    x, mask = np.random.default_rng(0).normal(size=(2, 30, 40)).astype(np.float32), prefix_mask((30, 21), 30)
    params = host_jit(_Maps(few, False).init)(jax.random.key(1), x, mask, None)

    def loss(params, x, at_once):
        out = _Maps(few, at_once).apply(params, x, mask, rng)
        return jnp.sum(jnp.sin(out)), out

    found, expected = (
        host_jit(jax.value_and_grad(lambda *args, way=way: loss(*args, way), argnums=(0, 1), has_aux=True))(params, x)
        for way in (True, False)
    )
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, **CLOSE), found, expected)


def test_few_channels_are_never_mapped_to_many():
    """No array of all frames has the twelve channels between the maps."""
    x, mask = jnp.ones((2, 30, 40)), prefix_mask((30, 21), 30)
    params = host_jit(_Maps(2, True).init)(jax.random.key(1), x, mask, None)
    assert "30,12]" in str(jax.make_jaxpr(lambda x: _Maps(2, False).apply(params, x, mask, None))(x))
    assert "30,12]" not in str(jax.make_jaxpr(lambda x: _Maps(2, True).apply(params, x, mask, None))(x))
