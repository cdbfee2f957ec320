"""Softmax attention in which every query of a window may look at the same keys.

The softmax is never divided nor summed up over its keys one by one. A column of ones beside the values gives the sums
of all queries with the product that is needed anyway, and a column beside the gradient gives what each row of weights
loses of its own. With a few channels per key these passes over the weights, not the products, take the time on CPUs.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Bool, Float

from fact_jax.ops.arrays import Array
from fact_jax.ops.products import ordered_product

Queries = Float[Array, "B W queries c"]
Keys = Float[Array, "B W keys c"]


@jax.custom_vjp
def key_attention(
    query: Queries,
    key: Keys,
    value: Float[Array, "B W keys v"],
    lowered: Float[Array, "B W keys"],
    taken: Bool[Array, "B W keys"],
) -> Float[Array, "B W queries v"]:
    """The values that queries take of the keys of their window.

    Args:
      query: scaled.
      lowered: is added to the logits of each key, finite, and gets no gradient.
      taken: the keys whose values count; the others take their share of the weights all the same.
    """
    return _attend(query, key, value, lowered, taken)[0]


def _attend(query, key, value, lowered, taken):
    logits = ordered_product("bwqc,bwkc->bwqk", query, key) + lowered[:, :, None]
    weights = jnp.exp(logits - jnp.max(logits, axis=-1, keepdims=True))
    value = _with_column(jnp.where(taken[..., None], value, 0.0), 1.0)
    sums = ordered_product("bwqk,bwkv->bwqv", weights, value)
    mixed, total = sums[..., :-1] / sums[..., -1:], sums[..., -1:]
    return mixed, (query, key, value, taken, weights, mixed, total)


def _gradients(saved, cotangent):
    query, key, value, taken, weights, mixed, total = saved
    lost = -jnp.sum(cotangent * mixed, axis=-1, keepdims=True)
    cotangent = jnp.concatenate([cotangent, lost], axis=-1) / total
    of_value = ordered_product("bwqk,bwqv->bwkv", weights, cotangent[..., :-1])
    of_logits = weights * ordered_product("bwqv,bwkv->bwqk", cotangent, value)
    of_query = ordered_product("bwqk,bwkc->bwqc", of_logits, key)
    of_key = ordered_product("bwqk,bwqc->bwkc", of_logits, query)
    return of_query, of_key, jnp.where(taken[..., None], of_value, 0.0), None, None


key_attention.defvjp(_attend, _gradients)


def _with_column(x, number):
    return jnp.concatenate([x, jnp.full((*x.shape[:-1], 1), number)], axis=-1)
