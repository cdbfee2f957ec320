"""Products of rows with a matrix of weights whose gradient keeps the machine busy."""

import jax
import jax.numpy as jnp
from jaxtyping import Float

from fact_jax.ops.arrays import Array


@jax.custom_vjp
def rows_times(x: Float[Array, "*batch D"], kernel: Float[Array, "D E"]) -> Float[Array, "*batch E"]:
    """`x @ kernel`, with the gradient of the kernel as the product whose rows are the narrower side.

    As JAX writes that gradient, every row of the result belongs to a channel of `x`. On CPUs such a product takes up to
    three times as long as its transpose where `x` is wider than the result (fact_jax/benchmark/history, 2026-12-01).
    """
    return x @ kernel


def _forward(x, kernel):
    return x @ kernel, (x, kernel)


def _backward(saved, cotangent):
    x, kernel = saved
    return cotangent @ kernel.T, kernel_gradient(x, cotangent)


rows_times.defvjp(_forward, _backward)


def kernel_gradient(x: Float[Array, "*batch D"], cotangent: Float[Array, "*batch E"]) -> Float[Array, "D E"]:
    """The sum over all rows of the outer products of `x` and `cotangent`."""
    x, cotangent = (part.reshape(-1, part.shape[-1]) for part in (x, cotangent))
    if x.shape[1] <= cotangent.shape[1]:
        return jnp.einsum("ni,no->io", x, cotangent)
    # Without the barrier the compiler turns the product back.
    return jax.lax.optimization_barrier(jnp.einsum("ni,no->oi", x, cotangent)).T
