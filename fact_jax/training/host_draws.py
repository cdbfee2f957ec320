"""The uniform numbers of JAX's generator, drawn in NumPy: nothing is compiled for the shape of a parameter.

An initialisation draws every parameter once, and JAX compiles a program for every shape of them: longer than half of a
start with a filled cache. Bit for bit the numbers are those of `jax.random.uniform` on a processor with fused
multiplication and addition, which XLA uses; without it JAX rounds once more.
"""

from typing import Any

import jax
import numpy as np

GENERATOR = "threefry2x32"
ROTATIONS = ((13, 15, 26, 6), (17, 29, 16, 24))
PARITY = np.uint32(0x1BD11BDA)
ROUNDS_OF_FOUR = 5
# Numbers at a time, so that what the rounds work on stays in the processor's cache.
BLOCK = 2**14


def can_draw(key: jax.Array) -> bool:
    """Whether `uniform` gives the numbers that JAX draws with this key: of one generator, in one of its two orders."""
    partitionable = jax.config.jax_threefry_partitionable  # pyrefly: ignore[missing-attribute]
    return partitionable and not key.shape and str(jax.random.key_impl(key)) == GENERATOR


def uniform(key: jax.Array, low: Any, high: Any, shape: tuple[int, ...]) -> np.ndarray:
    """float32 numbers in [low, high) of a typed key: those of `jax.random.uniform`."""
    words = np.asarray(jax.random.key_data(key))
    bits = random_bits(words, int(np.prod(shape, dtype=np.int64)))
    bits >>= np.uint32(9)
    bits |= np.float32(1.0).view(np.uint32)
    unit = bits.view(np.float32) - np.float32(1.0)
    low, high = np.float32(low), np.float32(high)
    # The product of 23 and 24 bits, and its sum with `low`, are exact in float64: rounded once, as fused.
    numbers = unit.astype(np.float64) * np.float64(high - low) + np.float64(low)
    return np.maximum(low, numbers.astype(np.float32)).reshape(shape)


def random_bits(words: np.ndarray, count: int) -> np.ndarray:
    """uint32 [count]: number i is the XOR of both words of the hash of i with this key, uint32 [2].

    Source: Threefry-2x32 with 20 rounds; Salmon et al., Parallel Random Numbers: As Easy as 1, 2, 3, SC 2011.
    """
    keys = (words[0], words[1], words[0] ^ words[1] ^ PARITY)
    found = np.empty(count, np.uint32)
    with np.errstate(over="ignore"):  # sums are meant to wrap around
        for start in range(0, count, BLOCK):
            block = found[start : start + BLOCK]
            places = np.arange(start, start + len(block), dtype=np.uint64)
            first = (places >> np.uint64(32)).astype(np.uint32) + keys[0]
            second = places.astype(np.uint32) + keys[1]
            _hash(first, second, keys)
            np.bitwise_xor(first, second, out=block)
    return found


def _hash(first, second, keys):
    """Hashes pairs of words in place."""
    other = np.empty_like(second)
    for number in range(ROUNDS_OF_FOUR):
        for rotation in ROTATIONS[number % 2]:
            first += second
            np.left_shift(second, np.uint32(rotation), out=other)
            second >>= np.uint32(32 - rotation)
            second |= other
            second ^= first
        first += keys[(number + 1) % 3]
        second += keys[(number + 2) % 3] + np.uint32(number + 1)
