"""Features that were mapped from fewer channels, and products that are cheaper for it.

A frame branch of f channels ends in a map to h channels; with f much smaller than h, a product of its output with a
matrix W is cheaper as (what was mapped) times (map times W). Both sides are equal but for rounding.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Float

from fact_jax.layers.linear import Dense, product, times
from fact_jax.layers.positions import add_positions
from fact_jax.ops.arrays import Array, Frames


class Factored(NamedTuple):
    """Features [B, T, h] and, where they have it, a factorisation: value = factor @ basis, from n < h channels."""

    value: Float[Array, "B T h"]
    factor: Float[Array, "B T n"] | None = None
    basis: Float[Array, "n h"] | None = None

    def along_time(self, function: Callable) -> "Factored":
        """Applies a map that is linear along time and the same for every channel, such as pooling."""
        if self.factor is None:
            return Factored(function(self.value))
        return Factored(function(self.value), function(self.factor), self.basis)

    def with_positions(self, positions: Float[Array, "..."] | None) -> "Factored":
        """Adds positions to the first channels (see `add_positions`); the factorisation is lost."""
        return self if positions is None else Factored(add_positions(self.value, positions))

    def operands(self, kernel: Float[Array, "*batch h E"]) -> tuple[Float[Array, "B T k"], Float[Array, "*batch k E"]]:
        """The x and W with the cheaper product, equal to value times `kernel`."""
        if self.factor is not None and self.basis is not None and self._pays(self.basis):
            return self.factor, jnp.matmul(self.basis, kernel)
        return self.value, kernel

    def weighted_sums(self, weights: Float[Array, "B Y T"], dtype: str) -> Float[Array, "B Y h"]:
        """Sums over time with `weights`. `dtype` is that of the products."""
        if self.factor is not None and self.basis is not None and self._pays(self.basis):
            return product("byn,nh->byh", product("byx,bxn->byn", weights, self.factor, dtype), self.basis, dtype)
        return product("byx,bxh->byh", weights, self.value, dtype)

    def _pays(self, basis):
        # One column of a product with W: T h multiplications, or T n and n h for the column of basis times W.
        length, (narrow, wide) = self.value.shape[1], basis.shape
        return (length + wide) * narrow < length * wide


def factored(features: Factored | Float[Array, "B T h"]) -> Factored:
    """`features` as Factored."""
    return features if isinstance(features, Factored) else Factored(features)


def mapped(dense: Dense, x: Frames) -> Factored:
    """Maps x with a float32 `Dense`; Factored with the map as basis if it has more outputs than inputs."""
    kernel, bias = dense.weights(x.shape[-1])
    value = times(x, kernel, dense.dtype) + bias
    if x.shape[-1] + 1 >= dense.features:
        return Factored(value)
    # The bias is the row that a channel of ones meets.
    ones = jnp.ones_like(x[..., :1])
    return Factored(value, jnp.concatenate([x, ones], axis=-1), jnp.concatenate([kernel, bias[None]]))


def with_last_channels(features: Factored, last: Float[Array, "B T c"]) -> Factored:
    """Replaces the last c channels of `features` by `last`."""
    width = last.shape[-1]
    value = jnp.concatenate([features.value[..., :-width], last], axis=-1)
    if features.factor is None or features.basis is None or features.basis.shape[0] + width >= features.basis.shape[1]:
        return Factored(value)
    kept = jnp.pad(features.basis[:, :-width], ((0, 0), (0, width)))
    own = jnp.eye(width, value.shape[-1], value.shape[-1] - width, dtype=value.dtype)
    factor = jnp.concatenate([features.factor, last], axis=-1)
    return Factored(value, factor, jnp.concatenate([kept, own]))
