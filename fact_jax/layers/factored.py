"""Features that were mapped from fewer channels, and products that are cheaper for it.

A frame branch of f channels ends in a map to h channels; with f much smaller than h, a product of its output with a
matrix W is cheaper as (what was mapped) times (map times W). Both sides are equal but for rounding.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from fact_jax.layers.linear import product
from fact_jax.layers.positions import add_positions


class Factored(NamedTuple):
    """Features [B, T, h] and, where they have it, a factorisation: value = factor @ basis.

    Attributes:
      value: float [B, T, h].
      factor: float [B, T, n], n < h, or None.
      basis: float [n, h], or None.
    """

    value: jax.Array
    factor: jax.Array | None = None
    basis: jax.Array | None = None

    def along_time(self, function):
        """Applies a map that is linear along time and the same for every channel, such as pooling."""
        if self.factor is None:
            return Factored(function(self.value))
        return Factored(function(self.value), function(self.factor), self.basis)

    def with_positions(self, positions):
        """Adds positions to the first channels (see `add_positions`); the factorisation is lost."""
        return self if positions is None else Factored(add_positions(self.value, positions))

    def operands(self, kernel):
        """The x [B, T, k] and W [..., k, o] with the cheaper product, equal to value times `kernel` [..., h, o]."""
        if self._pays():
            return self.factor, jnp.matmul(self.basis, kernel)
        return self.value, kernel

    def weighted_sums(self, weights, dtype):
        """Sums over time with `weights` [B, Y, T]: float [B, Y, h]. `dtype` is that of the products."""
        if self._pays():
            return product("byn,nh->byh", product("byx,bxn->byn", weights, self.factor, dtype), self.basis, dtype)
        return product("byx,bxh->byh", weights, self.value, dtype)

    def _pays(self):
        # One column of a product with W: T h multiplications, or T n and n h for the column of basis times W.
        if self.factor is None:
            return False
        length, (narrow, wide) = self.value.shape[1], self.basis.shape
        return (length + wide) * narrow < length * wide


def factored(features):
    """`features` ([B, T, h] or Factored) as Factored."""
    return features if isinstance(features, Factored) else Factored(features)


def mapped(dense, x):
    """Maps x [B, T, f] with a float32 `Dense`; Factored with the map as basis if it has more outputs than inputs."""
    kernel, bias = dense.weights(x.shape[-1])
    value = product("...i,io->...o", x, kernel, dense.dtype) + bias
    if x.shape[-1] + 1 >= dense.features:
        return Factored(value)
    # The bias is the row that a channel of ones meets.
    ones = jnp.ones_like(x[..., :1])
    return Factored(value, jnp.concatenate([x, ones], axis=-1), jnp.concatenate([kernel, bias[None]]))


def with_last_channels(features, last):
    """Puts `last` [B, T, c] in the place of the last c channels of `features` (Factored)."""
    width = last.shape[-1]
    value = jnp.concatenate([features.value[..., :-width], last], axis=-1)
    if features.factor is None or features.basis.shape[0] + width >= features.basis.shape[1]:
        return Factored(value)
    kept = jnp.pad(features.basis[:, :-width], ((0, 0), (0, width)))
    own = jnp.eye(width, value.shape[-1], value.shape[-1] - width, dtype=value.dtype)
    factor = jnp.concatenate([features.factor, last], axis=-1)
    return Factored(value, factor, jnp.concatenate([kept, own]))
