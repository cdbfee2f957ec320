"""Positions of frames, stretched so that every clip spans the same range."""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Int

from fact_jax.ops.arrays import Array


def frequencies(dim: int) -> Float[np.ndarray, " {dim}"]:
    """Radians by position of every channel; float64. As published, a channel goes by its own index, the cosines too."""
    return 10000.0 ** (-np.arange(dim) / dim)


def stretched_positions(lengths: Int[Array, " B"], num_steps: int, num_frames: int, dim: int) -> Float[Array, "B T D"]:
    """Sines on even and cosines on odd channels, of T = `num_steps` positions.

    The S = `lengths` frames of a clip lie evenly on 0..num_frames-1, so those of S = num_frames are whole; one alone is
    at 0. What lies behind the frames has no meaning.

    Whole part and rest of a position are apart, one in a table made with float64: a float32 position times a frequency
    would be off by 1e-5.
    """
    gaps = jnp.maximum(jnp.asarray(lengths, jnp.int32) - 1, 1)[:, None]
    reached = jnp.arange(num_steps, dtype=jnp.int32) * (num_frames - 1)
    whole = jnp.minimum(reached // gaps, num_frames - 1)
    rest = (reached % gaps).astype(jnp.float32) / gaps
    angles = np.arange(num_frames)[:, None] * frequencies(dim)
    sines, cosines = (jnp.asarray(table(angles), jnp.float32)[whole] for table in (np.sin, np.cos))
    more = rest[..., None] * jnp.asarray(frequencies(dim), jnp.float32)
    even = np.arange(dim) % 2 == 0
    return jnp.where(
        even, sines * jnp.cos(more) + cosines * jnp.sin(more), cosines * jnp.cos(more) - sines * jnp.sin(more)
    )
