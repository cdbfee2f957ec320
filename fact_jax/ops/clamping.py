"""Limits on numbers, with the whole gradient at the limit itself, as torch.clamp has it.

`jnp.maximum` and `jnp.minimum` halve the gradient of equal numbers, as between two variables.
"""

import jax.numpy as jnp
from jaxtyping import Float

from fact_jax.ops.arrays import Array


def at_least(x: Float[Array, "*shape"], limit: float) -> Float[Array, "*shape"]:
    """`x`, or `limit` where x is less: there the gradient is 0. NaN stays NaN."""
    return jnp.where(x < limit, limit, x)


def at_most(x: Float[Array, "*shape"], limit: float) -> Float[Array, "*shape"]:
    """`x`, or `limit` where x is more: there the gradient is 0. NaN stays NaN."""
    return jnp.where(x > limit, limit, x)
