"""Features that were mapped from fewer channels, and products that are cheaper for it.

A frame branch of f channels ends in a map to h channels; with f much smaller than h, a product of its output with a
matrix W is cheaper as (what was mapped) times (map times W). Both sides are equal but for rounding. Most of the time
nobody needs the h channels themselves, and then they are not computed.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Float

from fact_jax.layers.linear import Dense, product, times
from fact_jax.layers.positions import add_positions
from fact_jax.layers.projected import Projected, applied
from fact_jax.ops.arrays import Array, Frames


class Whole(NamedTuple):
    """Features [B, T, h] as they are; what they offer is what `Factored` does."""

    value: Float[Array, "B T h"]

    @property
    def shape(self) -> tuple[int, ...]:
        return self.value.shape

    def last(self, count: int) -> Float[Array, "B T {count}"]:
        return self.value[..., self.value.shape[-1] - count :]

    def along_time(self, function: Callable) -> "Whole":
        return Whole(function(self.value))

    def with_positions(self, positions: Float[Array, "..."] | None) -> "Whole":
        return Whole(add_positions(self.value, positions))

    def operands(self, kernel: Float[Array, "*batch h E"]) -> tuple[Float[Array, "B T k"], Float[Array, "*batch k E"]]:
        return self.value, kernel

    def weighted_sums(self, weights: Float[Array, "B Y T"], dtype: str) -> Float[Array, "B Y h"]:
        return product("byx,bxh->byh", weights, self.value, dtype)


class Factored(NamedTuple):
    """Features factor @ basis, [B, T, h] from n < h channels."""

    factor: Float[Array, "B T n"]
    basis: Float[Array, "n h"]

    @property
    def shape(self) -> tuple[int, ...]:
        """(B, T, h)."""
        return (*self.factor.shape[:2], self.basis.shape[1])

    @property
    def value(self) -> Float[Array, "B T h"]:
        """The features, multiplied out."""
        return times(self.factor, self.basis, "float32")

    def last(self, count: int) -> Float[Array, "B T {count}"]:
        """The last channels."""
        return times(self.factor, self.basis[:, self.basis.shape[1] - count :], "float32")

    def along_time(self, function: Callable) -> "Factored":
        """Applies a map that is linear along time and the same for every channel, such as pooling."""
        return Factored(function(self.factor), self.basis)

    def with_positions(self, positions: Float[Array, "..."] | None) -> "Features":
        """Adds positions to the first channels (see `add_positions`); the factorisation is lost."""
        return self if positions is None else Whole(add_positions(self.value, positions))

    def operands(self, kernel: Float[Array, "*batch h E"]) -> tuple[Float[Array, "B T k"], Float[Array, "*batch k E"]]:
        """The x and W with the cheaper product, equal to value times `kernel`."""
        # One column of a product with W: T h multiplications, or T n and n h for the column of basis times W.
        length, (narrow, wide) = self.factor.shape[1], self.basis.shape
        if (length + wide) * narrow < length * wide:
            return self.factor, jnp.matmul(self.basis, kernel)
        return self.value, kernel

    def weighted_sums(self, weights: Float[Array, "B Y T"], dtype: str) -> Float[Array, "B Y h"]:
        """Sums over time with `weights`. `dtype` is that of the products."""
        return product("byn,nh->byh", product("byx,bxn->byn", weights, self.factor, dtype), self.basis, dtype)


Features = Whole | Factored


def features_of(x: Features | Projected | Float[Array, "B T h"]) -> Features:
    """`x` as Features."""
    return x if isinstance(x, Whole | Factored) else Whole(applied(None, x))


def mapped(dense: Dense, x: Frames) -> Features:
    """Maps x with a float32 `Dense`; Factored with the map as basis if it has more outputs than inputs."""
    kernel, bias = dense.weights(x.shape[-1])
    if x.shape[-1] + 1 >= dense.features:
        return Whole(times(x, kernel, "float32") + bias)
    # The bias is the row that a channel of ones meets.
    ones = jnp.ones_like(x[..., :1])
    return Factored(jnp.concatenate([x, ones], axis=-1), jnp.concatenate([kernel, bias[None]]))


def with_last_channels(features: Features, last: Float[Array, "B T c"]) -> Features:
    """Replaces the last c channels of `features` by `last`."""
    channels, width = features.shape[-1], last.shape[-1]
    if isinstance(features, Whole) or features.factor.shape[-1] + width >= channels:
        return Whole(jnp.concatenate([features.value[..., : channels - width], last], axis=-1))
    kept = jnp.pad(features.basis[:, :-width], ((0, 0), (0, width)))
    own = jnp.eye(width, channels, channels - width, dtype=kept.dtype)
    return Factored(jnp.concatenate([features.factor, last], axis=-1), jnp.concatenate([kept, own]))
