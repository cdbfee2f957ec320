"""Products of two arrays, and their gradients, in the order that keeps a CPU busy.

A product that sums over the rows of both of its arrays, as gradients of weights, keys and values do, takes XLA up to
six times as long with the wider array's channels as rows of the result as its transpose does (profile of 2026-12-01 in
fact_jax/benchmark/history).
"""

import functools

import jax
import jax.numpy as jnp
from jaxtyping import Float

from fact_jax.ops.arrays import Array


@functools.partial(jax.custom_vjp, nondiff_argnums=(0,))
def ordered_product(spec: str, left: Float[Array, "..."], right: Float[Array, "..."]) -> Float[Array, "..."]:
    """einsum of two arrays; no label of one of them may be summed over alone, and none may occur in it twice."""
    return _multiply(spec, left, right)


def _forward(spec, left, right):
    return _multiply(spec, left, right), (left, right)


def _backward(spec, saved, cotangent):
    left, right = saved
    of_left, of_right, result = _labels(spec)
    return _multiply(f"{result},{of_right}->{of_left}", cotangent, right), _multiply(
        f"{of_left},{result}->{of_right}", left, cotangent
    )


ordered_product.defvjp(_forward, _backward)


def _multiply(spec, left, right):
    of_left, of_right, result = _labels(spec)
    shared = set(of_left) & set(of_right)
    rows = [label for label in result if label not in of_right]
    columns = [label for label in result if label not in of_left]
    across = not (shared - set(result)) & {of_left[-1], of_right[-1]}
    if not across or len(rows) != 1 or len(columns) != 1 or jax.default_backend() != "cpu":
        return jnp.einsum(spec, left, right)
    sizes = dict(zip(of_left, left.shape, strict=True)) | dict(zip(of_right, right.shape, strict=True))
    narrow, wide = sorted(rows + columns, key=sizes.__getitem__)
    turned = [label for label in result if label in shared] + [narrow, wide]
    if sizes[narrow] == sizes[wide] or turned == list(result):
        return jnp.einsum(spec, left, right)
    # Without the barrier the compiler turns the product back.
    found = jax.lax.optimization_barrier(jnp.einsum(f"{of_left},{of_right}->{''.join(turned)}", left, right))
    return jnp.transpose(found, [turned.index(label) for label in result])


def _labels(spec):
    inputs, result = spec.split("->")
    return (*inputs.split(","), result)


def rows_times(x: Float[Array, "*batch D"], kernel: Float[Array, "D E"]) -> Float[Array, "*batch E"]:
    """`x @ kernel`."""
    return ordered_product("ni,io->no", x.reshape(-1, x.shape[-1]), kernel).reshape(*x.shape[:-1], kernel.shape[-1])


def kernel_gradient(x: Float[Array, "*batch D"], cotangent: Float[Array, "*batch E"]) -> Float[Array, "D E"]:
    """The sum over all rows of the outer products of `x` and `cotangent`."""
    x, cotangent = (part.reshape(-1, part.shape[-1]) for part in (x, cotangent))
    return ordered_product("ni,no->io", x, cotangent)
