"""Masks of padded batches and reductions that ignore the padding.

The gradients are written out: they need the result alone, where automatic differentiation keeps every step.
"""

import functools

import jax
import jax.numpy as jnp
from jaxtyping import Bool, Float

from fact_jax.ops.arrays import Array

Values, Mask = Float[Array, "..."], Bool[Array, "..."]
# Stands for logits that may not be attended to. Finite, so that a fully masked row keeps finite gradients.
MASKED_LOGIT = -1e30


@functools.partial(jax.custom_vjp, nondiff_argnums=(2,))
def masked_softmax(logits: Values, mask: Mask, axis: int = -1) -> Values:
    """Softmax along `axis` over the entries where `mask` is True; the others get exactly 0.

    `mask` is broadcast to `logits`. All zeros where nothing is valid. Gradients are finite everywhere.
    """
    logits = jnp.where(mask, logits, MASKED_LOGIT)
    power = jnp.exp(logits - jnp.max(logits, axis=axis, keepdims=True)) * mask
    total = jnp.sum(power, axis=axis, keepdims=True)
    return jnp.where(_several(mask, logits, axis), power / jnp.where(total > 0, total, 1.0), mask)


def _several(mask, logits, axis):
    # One entry alone is certain, although the compiler may compute its logit twice with different rounding.
    mask = mask.reshape((1,) * (logits.ndim - mask.ndim) + mask.shape)
    return jnp.sum(mask, axis=axis, keepdims=True, dtype=jnp.int32) * (logits.shape[axis] // mask.shape[axis]) > 1


def _softmax_forward(logits, mask, axis):
    probs = masked_softmax(logits, mask, axis)
    return probs, probs


def _softmax_backward(axis, probs, cotangent):
    weighted = probs * cotangent
    return weighted - probs * jnp.sum(weighted, axis=axis, keepdims=True), None


masked_softmax.defvjp(_softmax_forward, _softmax_backward)


@functools.partial(jax.custom_vjp, nondiff_argnums=(2,))
def masked_log_softmax(logits: Values, mask: Mask, axis: int = -1) -> Values:
    """As `masked_softmax`, in logarithms; masked entries get 0, so that they vanish from weighted sums."""
    logits = jnp.where(mask, logits, MASKED_LOGIT)
    shifted = logits - jnp.max(logits, axis=axis, keepdims=True)
    log_normalizer = jnp.log(jnp.sum(jnp.exp(shifted), axis=axis, keepdims=True))
    return jnp.where(mask & _several(mask, logits, axis), shifted - log_normalizer, 0.0)


def _log_softmax_forward(logits, mask, axis):
    log_probs = masked_log_softmax(logits, mask, axis)
    return log_probs, (log_probs, mask)


def _log_softmax_backward(axis, residuals, cotangent):
    log_probs, mask = residuals
    cotangent = jnp.where(mask, cotangent, 0.0)
    total = jnp.sum(cotangent, axis=axis, keepdims=True)
    return cotangent - jnp.where(mask, jnp.exp(log_probs), 0.0) * total, None


masked_log_softmax.defvjp(_log_softmax_forward, _log_softmax_backward)


def masked_mean(x: Values, mask: Mask, axis: int) -> Values:
    """Mean along `axis`, which stays with length 1, of the entries where `mask` (broadcast) is True; 0 if none is."""
    mask = jnp.broadcast_to(mask, x.shape)
    count = jnp.sum(mask, axis=axis, keepdims=True)
    return jnp.sum(jnp.where(mask, x, 0.0), axis=axis, keepdims=True) / jnp.maximum(count, 1)
