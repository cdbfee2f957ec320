"""Padded batches for tests, where what lies beyond a video's end is garbage, and compiled calls on them."""

import functools

import jax
import numpy as np


def prefix_mask(lengths, size):
    """Bool [B, size], True for the first lengths[b] entries of row b."""
    mask = np.zeros((len(lengths), size), bool)
    for row, length in enumerate(lengths):
        mask[row, :length] = True
    return mask


def pad_axis(x, size, garbage, axis=1):
    """Extends an axis of `x` to `size` with the value `garbage`."""
    widths = [(0, 0)] * x.ndim
    widths[axis] = (0, size - x.shape[axis])
    return np.pad(x, widths, constant_values=garbage)


def host_jit(function, **options):
    """`jax.jit` with NumPy results: slicing a JAX array in a test compiles a program for every new shape."""
    compiled = jax.jit(function, **options)

    @functools.wraps(compiled)
    def call(*args, **kwargs):
        return jax.device_get(compiled(*args, **kwargs))

    return call
