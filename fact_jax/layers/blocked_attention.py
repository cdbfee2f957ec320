"""Scaled dot-product attention over many tokens that never holds the weights of all of them.

On CPU a few heads and rows of queries at a time go through, so that what lies between two products stays near the
processor, and the gradient computes the weights again from their softmax's normaliser, as in Dao et al.,
FlashAttention, NeurIPS 2022. The numbers are those of the plain form but for rounding.
"""

import functools
import math

import jax
import jax.numpy as jnp
from jax.ad_checkpoint import checkpoint_name
from jaxtyping import Float

from fact_jax.layers.linear import product
from fact_jax.ops.arrays import Array

# Queries and weights that are in memory at once on CPU.
QUERIES_AT_ONCE, WEIGHTS_AT_ONCE = 784, 160_000
# Few keys: all weights are small, and the plain form is the fastest.
FEW_KEYS = 32
# Name of the arrays that a rematerialised block keeps, see `kept`.
KEPT = "kept"

Heads = Float[Array, "N L H d"]


def kept(x: Float[Array, "..."]) -> Float[Array, "..."]:
    """Marks an array that is worth its memory until the gradient: computing it again takes a product."""
    return checkpoint_name(x, KEPT)


def attention(query: Heads, key: Float[Array, "N S H d"], value: Float[Array, "N S H d"], dtype: str) -> Heads:
    """Means of the values by the softmax of query times key / sqrt(d), of every head by itself.

    `dtype` is that of the products, see `fact_jax.layers.linear.product`.
    """
    query = query / math.sqrt(query.shape[-1])
    if key.shape[1] <= FEW_KEYS or jax.default_backend() != "cpu":
        weights = jax.nn.softmax(product("nqhd,nkhd->nhqk", query, key, dtype), axis=-1)
        return product("nhqk,nkhd->nqhd", weights, value, dtype)
    return _over_heads(_attend(*map(_by_head, (query, key, value)), dtype), query.shape)


def _by_head(x):
    return jnp.swapaxes(x, 1, 2).reshape(-1, x.shape[1], x.shape[3])


def _over_heads(x, shape):
    return jnp.swapaxes(x.reshape(shape[0], shape[2], shape[1], shape[3]), 1, 2)


@functools.partial(jax.custom_vjp, nondiff_argnums=(3,))
def _attend(query: Float[Array, "n L d"], key: Float[Array, "n S d"], value: Float[Array, "n S d"], dtype: str):
    return _attend_forward(query, key, value, dtype)[0]


def _attend_forward(query, key, value, dtype):
    def rows(query, key, value):
        logits = product("qd,kd->qk", query, key, dtype)
        largest = jnp.max(logits, axis=-1, keepdims=True)
        weights = jnp.exp(logits - largest)
        total = jnp.sum(weights, axis=-1, keepdims=True)
        return product("qk,kd->qd", weights, value, dtype) / total, (largest + jnp.log(total))[:, 0]

    def head(operands):
        query, key, value = operands
        parts = _parts(query)
        out, normaliser = jax.lax.map(lambda part: rows(part, key, value), parts)
        return out.reshape(-1, out.shape[-1])[: len(query)], normaliser.reshape(-1)[: len(query)]

    out, normaliser = jax.lax.map(head, (query, key, value), batch_size=_heads_at_once(query, key))
    out, normaliser = kept(out), kept(normaliser)
    return out, (query, key, value, out, normaliser)


def _attend_backward(dtype, residuals, cotangent):
    def head(operands):
        query, key, value, out, normaliser, cotangent = operands
        shift = jnp.sum(out * cotangent, axis=-1)

        def rows(sums, part):
            query, normaliser, shift, cotangent = part
            weights = jnp.exp(product("qd,kd->qk", query, key, dtype) - normaliser[:, None])
            of_logits = weights * (product("qd,kd->qk", cotangent, value, dtype) - shift[:, None])
            of_key = sums[0] + product("qk,qd->kd", of_logits, query, dtype)
            of_value = sums[1] + product("qk,qd->kd", weights, cotangent, dtype)
            return (of_key, of_value), product("qk,kd->qd", of_logits, key, dtype)

        # Rows of the padding get the weight 0, as their normaliser is infinite.
        parts = (_parts(query), _parts(normaliser, jnp.inf), _parts(shift), _parts(cotangent))
        sums, of_query = jax.lax.scan(rows, (jnp.zeros_like(key), jnp.zeros_like(value)), parts)
        return of_query.reshape(-1, of_query.shape[-1])[: len(query)], *sums

    query, key = residuals[:2]
    return jax.lax.map(head, (*residuals, cotangent), batch_size=_heads_at_once(query, key))


_attend.defvjp(_attend_forward, _attend_backward)


def _parts(x, padding=0.0):
    """Rows of queries, [parts, queries at once, ...], with padding at the end."""
    count = -(-len(x) // QUERIES_AT_ONCE)
    size = -(-len(x) // count)
    edges = [(0, count * size - len(x))] + [(0, 0)] * (x.ndim - 1)
    return jnp.pad(x, edges, constant_values=padding).reshape(count, size, *x.shape[1:])


def _heads_at_once(query, key):
    return max(1, min(len(query), WEIGHTS_AT_ONCE // (min(query.shape[1], QUERIES_AT_ONCE) * key.shape[1])))
