"""Shapes of the variables of networks, each traced once: tracing takes most of the time of most tests of weights."""

import contextlib
import functools

import jax
import pytest

from fact_jax.app import conversion, starting_weights
from fact_jax.training.checkpoints import weights

_trace = weights.variable_shapes


def variable_shapes(task, arrays):
    """As `weights.variable_shapes`; the tree is the caller's own."""
    shapes = tuple((name, jax.ShapeDtypeStruct(x.shape, x.dtype)) for name, x in sorted(arrays.items()))
    return jax.tree.map(lambda leaf: leaf, _traced(task, shapes))


@functools.cache
def _traced(task, arrays):
    return _trace(task, dict(arrays))


@contextlib.contextmanager
def traced_once():
    """Meanwhile conversions and whatever reads checkpoints trace no network a second time."""
    with pytest.MonkeyPatch.context() as patch:
        for module in (weights, conversion, starting_weights):
            patch.setattr(module, "variable_shapes", variable_shapes)
        yield
