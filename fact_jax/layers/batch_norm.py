"""Batch normalisation as in PyTorch, over the rows that exist, on all devices."""

from typing import NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Bool, Float

from fact_jax.ops.arrays import Array

EPSILON = 1e-5
MOMENTUM = 0.1  # the share of a new statistic, where Flax names that of the old one
STATISTICS = "batch_stats"  # the collection of running statistics


class Batch(NamedTuple):
    """Whose statistics normalise in training.

    Attributes:
      row_mask: the rows that exist; others count in no statistic. None: all.
      axis_name: device axis over which statistics are added up; None: those of this device.
    """

    row_mask: Bool[Array, " B"] | None = None
    axis_name: str | None = None


class BatchNorm(nn.Module):
    """Normalises every channel, over whatever lies between the first axis and the last one.

    The running variance takes the unbiased estimate, which Flax's own layer does not; what is normalised takes the
    biased one. Stretches of time have statistics of their own by `fact_jax.layers.chunks`.
    """

    features: int

    def setup(self):
        shape = (self.features,)
        self.scale = self.param("scale", nn.initializers.ones, shape)
        self.bias = self.param("bias", nn.initializers.zeros, shape)
        self.mean = self.variable(STATISTICS, "mean", jnp.zeros, shape)
        self.variance = self.variable(STATISTICS, "variance", jnp.ones, shape)

    def __call__(self, x: Float[Array, "B T *inner C"], batch: Batch | None) -> Float[Array, "B T *inner C"]:
        """Normalises by the statistics of `batch`, and keeps them; None: by the running ones."""
        if batch is None or self.is_initializing():
            factor, shift = self.affine()
            return x * factor + shift
        rows = jnp.ones(x.shape[0]) if batch.row_mask is None else batch.row_mask.astype(jnp.float32)

        def added(values):
            """[B, T, ..., C] -> sums [C] over the rows that exist."""
            sums = jnp.einsum("b,bc->c", rows, jnp.sum(values, axis=range(1, x.ndim - 1)), precision="highest")
            return sums if batch.axis_name is None else jax.lax.psum(sums, batch.axis_name)

        total = jnp.sum(rows)
        total = total if batch.axis_name is None else jax.lax.psum(total, batch.axis_name)
        count = jnp.maximum(total * np.prod(x.shape[1:-1], dtype=int), 1.0)
        mean = added(x) / count
        centred = x - mean
        variance = added(jnp.square(centred)) / count
        self._keep(self.mean, mean)
        self._keep(self.variance, variance * count / jnp.maximum(count - 1.0, 1.0))
        return centred * (jax.lax.rsqrt(variance + EPSILON) * self.scale) + self.bias

    def _keep(self, running, found):
        """Moves a running statistic [C]."""
        if self.is_mutable_collection(STATISTICS):
            running.value = (1.0 - MOMENTUM) * running.value + MOMENTUM * jax.lax.stop_gradient(found)

    def affine(self) -> tuple[Float[Array, " C"], Float[Array, " C"]]:
        """(factor, shift) on every channel by the running statistics."""
        factor = self.scale * jax.lax.rsqrt(self.variance.value + EPSILON)
        return factor, self.bias - self.mean.value * factor
