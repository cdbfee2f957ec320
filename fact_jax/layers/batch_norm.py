"""Batch normalisation as in PyTorch, whose statistics may be those of stretches of time."""

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
      chunk: steps of time that have statistics of their own, the last ones maybe fewer; None: all together.
      row_mask: the rows that exist; others count in no statistic. None: all.
      axis_name: device axis over which statistics are added up; None: those of this device.
    """

    chunk: int | None = None
    row_mask: Bool[Array, " B"] | None = None
    axis_name: str | None = None


class BatchNorm(nn.Module):
    """Normalises every channel, over whatever lies between the first axis and the last one.

    The running variance takes the unbiased estimate, which Flax's own layer does not; what is normalised takes the
    biased one. With chunks, the running statistics take one after the other, in the order of time.
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
        inner = tuple(range(2, x.ndim - 1))
        chunk = batch.chunk or x.shape[1]
        index = np.arange(x.shape[1]) // chunk
        members = jnp.asarray(index == np.arange(index[-1] + 1)[:, None], jnp.float32)
        rows = jnp.ones(x.shape[0]) if batch.row_mask is None else batch.row_mask.astype(jnp.float32)

        def over_chunks(values):
            """[B, T, ..., C] -> sums [chunks, C] over the rows that exist."""
            steps = jnp.einsum("b,btc->tc", rows, jnp.sum(values, axis=inner), precision="highest")
            sums = jnp.matmul(members, steps, precision="highest")
            return sums if batch.axis_name is None else jax.lax.psum(sums, batch.axis_name)

        def on_steps(values):
            """[chunks, C] -> [T, ..., C]."""
            return jnp.expand_dims(values[index], tuple(range(1, len(inner) + 1)))

        total = jnp.sum(rows)
        total = total if batch.axis_name is None else jax.lax.psum(total, batch.axis_name)
        count = jnp.maximum(total * np.prod(x.shape[2:-1], dtype=int) * jnp.sum(members, axis=1)[:, None], 1.0)
        mean = over_chunks(x) / count
        centred = x - on_steps(mean)
        variance = over_chunks(jnp.square(centred)) / count
        self._keep(self.mean, mean)
        self._keep(self.variance, variance * count / jnp.maximum(count - 1.0, 1.0))
        return centred * on_steps(jax.lax.rsqrt(variance + EPSILON) * self.scale) + self.bias

    def _keep(self, running, found):
        """Moves a running statistic [C] by those of the chunks [chunks, C], one after the other."""
        if self.is_mutable_collection(STATISTICS):
            found = jax.lax.stop_gradient(found)
            later = np.arange(len(found))[::-1]
            weights = jnp.asarray(MOMENTUM * (1.0 - MOMENTUM) ** later, jnp.float32)
            running.value = (1.0 - MOMENTUM) ** len(found) * running.value + jnp.einsum(
                "k,kc->c", weights, found, precision="highest"
            )

    def affine(self) -> tuple[Float[Array, " C"], Float[Array, " C"]]:
        """(factor, shift) on every channel by the running statistics."""
        factor = self.scale * jax.lax.rsqrt(self.variance.value + EPSILON)
        return factor, self.bias - self.mean.value * factor
