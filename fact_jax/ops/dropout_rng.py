"""Random numbers for dropout and masking that depend on neither padding, bucket nor number of devices.

A number is a hash of (seed of the video, layer, its own coordinates), so the valid part of a padded array gets the same
numbers whatever surrounds it. The seeds come from JAX's generator, one pair per video and step; the hash is the
32-bit mixer `lowbias32` (C. Wellons, "Prospecting for hash functions", 2018) applied once per axis. It is part of the
surrounding elementwise work, where a call of JAX's own generator in every layer tripled the time to compile a step.
"""

import zlib

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Bool, Float, Int, PRNGKeyArray, UInt32

from fact_jax.ops.arrays import Array, Seeds

Salt = np.uint32 | UInt32[Array, ""]
_GOLDEN = np.uint32(0x9E3779B9)


def video_seeds(key: PRNGKeyArray, rows: Int[Array, " B"]) -> Seeds:
    """Seeds of every video, from the key of the step and the row numbers in the global batch."""
    return jax.vmap(lambda row: jax.random.bits(jax.random.fold_in(key, row), (2,), jnp.uint32))(rows)


def fold(seeds: Seeds, index: int | Int[Array, ""]) -> Seeds:
    """Derives other seeds for the index-th of several equal layers."""
    return _mix(seeds + jnp.asarray(index, jnp.uint32) * _GOLDEN)


def salt(path: tuple[str, ...]) -> Salt:
    """A number for a layer from its path in the module tree."""
    return np.uint32(zlib.crc32("/".join(path).encode()))


def random_bits(seeds: Seeds, layer_salt: Salt, shape: tuple[int, ...]) -> UInt32[Array, "B ..."]:
    """Uniform random 32-bit numbers of `shape`: that at (b, i, j, ...) depends on seeds[b], the salt and i, j, ..."""
    bits = _of_videos(seeds, layer_salt)
    for axis, size in enumerate(shape[1:], start=1):
        # Mixed here and not by every loop that draws.
        index = _mix(np.arange(size, dtype=np.uint32) + np.uint32(axis * 0x9E3779B9 % 2**32))
        bits = _mix(bits[..., None] ^ index)
    return bits


def random_uniform(seeds: Seeds, layer_salt: Salt, shape: tuple[int, ...]) -> Float[Array, "B ..."]:
    """Uniform numbers in [0, 1) with 24 random bits; arguments as in `random_bits`."""
    return (random_bits(seeds, layer_salt, shape) >> 8).astype(jnp.float32) * np.float32(2.0**-24)


def random_keep(seeds: Seeds, layer_salt: Salt, shape: tuple[int, ...], rate: float) -> Bool[Array, "B ..."]:
    """True with probability 1 - rate; arguments as in `random_bits`."""
    return random_bits(seeds, layer_salt, shape) >= np.uint32(min(round(rate * 2**32), 2**32 - 1))


def _of_videos(seeds, layer_salt):
    """mix(first seed ^ salt) + second seed, of every video."""
    # The salt lies in an array of two: XLA builds a single number into the loop that draws the numbers, and then has to
    # compile one for every layer, where it compiles one for all layers of a shape if they differ in no constant.
    words = seeds ^ jnp.stack([layer_salt, np.uint32(0)])
    return jnp.sum(jnp.where(np.array([True, False]), _mix(words), words), axis=1, dtype=jnp.uint32)


def _mix(x):
    x = (x ^ (x >> 16)) * np.uint32(0x7FEB352D)
    x = (x ^ (x >> 15)) * np.uint32(0x846CA68B)
    return x ^ (x >> 16)
