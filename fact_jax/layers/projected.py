"""Features that were mapped to many channels, and are mapped to few next.

FAFormer projects 2048 channels to 512, drops some of these and some frames, and maps the rest to the 64 of its encoder.
Between the two maps lie factors of channels and of frames alone, so one map from 2048 channels to 64 does: it takes an
eighth of the products. Both ways are equal but for rounding.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Bool, Float

from fact_jax.layers.linear import Dense, times
from fact_jax.ops.arrays import Array, Frames


class Projected(NamedTuple):
    """Features (x @ kernel + bias) * channels, [B, T, h], zero outside of `frames`.

    None for these: no factors, all frames.
    """

    x: Frames
    kernel: Float[Array, "D h"]
    bias: Float[Array, " h"]
    channels: Float[Array, "B h"] | None = None
    frames: Bool[Array, "B T"] | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        """(B, T, h)."""
        return (*self.x.shape[:2], self.kernel.shape[1])

    def with_channels(self, factors: Float[Array, "B h"]) -> "Projected":
        """Multiplies the channels of every video."""
        return self._replace(channels=factors if self.channels is None else self.channels * factors)

    def within(self, frames: Bool[Array, "B T"]) -> "Projected":
        """Zeroes all other frames."""
        return self._replace(frames=frames if self.frames is None else self.frames & frames)

    def value(self, dtype: str) -> Float[Array, "B T h"]:
        """The features; `dtype` is that of the products."""
        y = times(self.x, self.kernel, dtype) + self.bias
        return self._zeroed(y if self.channels is None else y * self.channels[:, None])

    def mapped(self, dense: Dense) -> Float[Array, "B T E"]:
        """What `dense` makes of the features."""
        weights, bias = dense.weights(self.kernel.shape[1])
        if not self._pays(dense.features):
            return times(self.value(dense.dtype), weights, dense.dtype) + bias
        if self.channels is None:
            y = times(self.x, self.kernel @ weights, dense.dtype) + self.bias @ weights
        else:
            own = self.channels[..., None] * weights
            kernels = jnp.einsum("dh,bhe->bde", self.kernel, own)
            y = jax.vmap(lambda x, kernel: times(x, kernel, dense.dtype))(self.x, kernels)
            y = y + jnp.einsum("h,bhe->be", self.bias, own)[:, None]
        return self._zeroed(y) + bias

    def _zeroed(self, y):
        return y if self.frames is None else jnp.where(self.frames[..., None], y, 0.0)

    def _pays(self, features):
        (videos, length, inner), (outer, _) = self.shape, self.kernel.shape
        kernels = 1 if self.channels is None else videos
        at_once = kernels * outer * inner * features + videos * length * outer * features
        return at_once < videos * length * inner * (outer + features)


def projected(dense: Dense, x: Frames) -> Projected:
    """Maps frames; nothing is multiplied yet."""
    return Projected(x, *dense.weights(x.shape[-1]))


def applied(dense: Dense | None, x: Projected | Frames) -> Float[Array, "B T E"]:
    """Maps frames, which may be projected; with None it gives them as they are."""
    if isinstance(x, Projected):
        return x.value("float32") if dense is None else x.mapped(dense)
    return x if dense is None else dense(x)
