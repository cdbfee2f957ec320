"""Where the compiler may not merge operations, or move them forward."""

import jax
import jax.numpy as jnp
from jaxtyping import Float

from fact_jax.ops.arrays import Array


@jax.custom_vjp
def computed_once(x: Float[Array, "..."]) -> Float[Array, "..."]:
    """Returns `x` and has it, and its gradient, computed once and stored.

    XLA for CPUs repeats additions, selections and multiplications for every operation that uses their result. In a
    stack of L residual layers the sums and the dropout of all layers before are then repeated for the gradient of each
    layer, L^2 in all. It does not repeat divisions, so on CPUs this divides by one, in a way that it cannot see through
    and that is exact for every number. `jax.lax.optimization_barrier` does not help: it is gone before operations are
    merged.
    """
    return jax.lax.platform_dependent(x, cpu=_divided_by_one, default=lambda x: x)


def _divided_by_one(x):
    # Infinity divided by two is infinity.
    return x / jnp.where(x == jnp.inf, 2.0, 1.0).astype(x.dtype)


computed_once.defvjp(lambda x: (computed_once(x), None), lambda _, cotangent: (computed_once(cotangent),))


def zero_after(x: Float[Array, "..."]) -> Float[Array, ""]:
    """0, which the compiler does not know before it has `x`.

    XLA for CPUs computes early what depends on inputs alone, and merges what a gradient computes anew with what is
    there: copies that are made for a gradient are then kept from the forward pass on. With this number in them they are
    made when `x`, the cotangent, is there.
    """
    return jnp.where(x[(0,) * x.ndim] > jnp.inf, jnp.ones((), x.dtype), jnp.zeros((), x.dtype))
