"""Sinusoidal positions and the rule by which they are added."""

import math

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from fact_jax.ops.arrays import Array


def sinusoidal_positions(num_positions: int, dim: int) -> Float[np.ndarray, "{num_positions} {dim}"]:
    """Sine on even and cosine on odd channels, frequencies exp(-2k ln(10000)/dim); `dim` is even."""
    if dim % 2:
        raise ValueError(f"positions need an even number of channels, got {dim}")
    frequency = np.exp(np.arange(0, dim, 2, dtype=np.float32) * np.float32(-math.log(10000.0) / dim))
    angle = np.arange(num_positions, dtype=np.float32)[:, None] * frequency
    table = np.empty((num_positions, dim), np.float32)
    table[:, 0::2] = np.sin(angle)
    table[:, 1::2] = np.cos(angle)
    return table


def add_positions(x: Float[Array, "*batch D"], positions: Float[Array, "..."] | None) -> Float[Array, "*batch D"]:
    """Adds `positions` (None: nothing) to the first channels of x, as many as they have, at most all."""
    if positions is None:
        return x
    width = positions.shape[-1]
    if width > x.shape[-1]:
        raise ValueError(f"positions have {width} channels, more than the {x.shape[-1]} they are added to")
    return x + positions if width == x.shape[-1] else jnp.asarray(x).at[..., :width].add(positions)
