"""ReLU, alone and in a residual sum, with gradients that need no array but those that are kept anyway."""

import functools

import jax
import jax.numpy as jnp
from jaxtyping import Float

from fact_jax.ops.arrays import Array, FrameMask, Frames
from fact_jax.ops.fusion import computed_once


@jax.custom_jvp
def relu(x: Float[Array, "..."]) -> Float[Array, "..."]:
    """max(x, 0); the gradient at 0 is 0.

    What a ReLU gives is kept for the gradient of the product behind it anyway. That of `jax.nn.relu` reads its input,
    so that both are kept.
    """
    return jnp.maximum(x, 0.0)


relu.defjvps(lambda tangent, result, x: jnp.where(result > 0, tangent, 0.0))


@functools.partial(jax.custom_vjp, nondiff_argnums=(4,))
def add_rectified(x: Frames, y: Frames, rectified: Frames, mask: FrameMask, dropout_rate: float) -> Frames:
    """x + `rectified`, 0 outside `mask`; `x` must be 0 there.

    `rectified` is the ReLU of `y`, of which some entries may have been dropped and the others scaled. The gradient goes
    to x and y: to y where the sum is another number than x, so that neither y nor the dropout has to be there. What is
    too small to change x, as 1 beside 1e8, gets none.
    """
    del y, dropout_rate
    return computed_once(jnp.where(mask[..., None], x + rectified, 0.0))


def _forward(x, y, rectified, mask, dropout_rate):
    result = add_rectified(x, y, rectified, mask, dropout_rate)
    return result, (x, result, mask)


def _backward(dropout_rate, saved, cotangent):
    x, result, mask = saved
    of_x = computed_once(jnp.where(mask[..., None], cotangent, 0.0))
    of_y = jnp.where(result != x, of_x / (1.0 - dropout_rate), 0.0)
    return of_x, of_y, None, None


add_rectified.defvjp(_forward, _backward)
