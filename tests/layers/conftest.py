"""A way of looking at the random numbers of layers."""

import jax
import numpy as np
import pytest

from fact_jax.ops import dropout_rng


@pytest.fixture
def dropout_draws(monkeypatch):
    """List of (seeds, salt) of every dropout mask drawn, as tuples; call `jax.effects_barrier()` before reading it."""
    draws = []
    original = dropout_rng.random_keep

    def recording(seeds, layer_salt, shape, rate):
        jax.debug.callback(lambda s: draws.append((tuple(np.ravel(s).tolist()), int(layer_salt))), seeds)
        return original(seeds, layer_salt, shape, rate)

    monkeypatch.setattr(dropout_rng, "random_keep", recording)
    return draws
