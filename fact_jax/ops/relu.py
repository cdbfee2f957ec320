"""ReLU with a gradient that needs no array but one that is kept anyway."""

import jax
import jax.numpy as jnp
from jaxtyping import Float

from fact_jax.ops.arrays import Array


@jax.custom_jvp
def relu(x: Float[Array, "..."]) -> Float[Array, "..."]:
    """max(x, 0); the gradient at 0 is 0.

    What a ReLU gives is kept for the gradient of the product behind it anyway. That of `jax.nn.relu` reads its input,
    so that both are kept.
    """
    return jnp.maximum(x, 0.0)


relu.defjvps(lambda tangent, result, x: jnp.where(result > 0, tangent, 0.0))
