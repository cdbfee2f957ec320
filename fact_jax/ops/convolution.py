"""Dilated convolutions over time: the fastest exact form for a shape."""

import jax
import jax.numpy as jnp
from jaxtyping import Float

from fact_jax.ops.arrays import Array


def dilated_conv(
    x: Float[Array, "B T D"],
    kernel: Float[Array, "taps D_of_group E"],
    dilation: int,
    groups: int = 1,
    dtype: str = "float32",
) -> Float[Array, "B T E"]:
    """Convolves over time, same length out as in, zeros beyond both ends.

    Args:
      x: zero at padded frames.
      kernel: three taps lie at t - dilation, t, t + dilation; two taps at the outer ones.
      dilation: frames between t and the outer taps.
      groups: channel groups, each convolved on its own.
      dtype: of the products.
    """
    taps, num_frames = kernel.shape[0], x.shape[1]
    x, kernel = jnp.asarray(x, dtype), jnp.asarray(kernel, dtype)
    if groups == 1 and 2 * dilation >= num_frames:
        return _few_products(x, kernel, dilation)
    y = jax.lax.conv_general_dilated(
        x,
        kernel,
        window_strides=(1,),
        padding=[(dilation, dilation)],
        rhs_dilation=(dilation * 2 // (taps - 1),),
        dimension_numbers=("NWC", "WIO", "NWC"),
        feature_group_count=groups,
    )
    return y.astype(jnp.float32)


def _few_products(x, kernel, dilation):
    """The same by one product per tap over the frames that the tap reaches: half of them or less, or none."""
    center = (x @ kernel[1]).astype(jnp.float32) if kernel.shape[0] == 3 else jnp.zeros_like(x, jnp.float32)
    if dilation >= x.shape[1]:
        return center
    past = (x[:, :-dilation] @ kernel[0]).astype(jnp.float32)
    future = (x[:, dilation:] @ kernel[-1]).astype(jnp.float32)
    outside = (dilation, 0)
    return center + jnp.pad(past, ((0, 0), outside, (0, 0))) + jnp.pad(future, ((0, 0), outside[::-1], (0, 0)))


def strided_conv(
    x: Float[Array, "B T D"], kernel: Float[Array, "taps D E"], stride: int = 1, dtype: str = "float32"
) -> Float[Array, "B T_out E"]:
    """Convolves over time with an odd kernel, zeros beyond both ends; every `stride`-th frame is the centre of one.

    `stride` divides T; `dtype` is that of the products.
    """
    x, kernel = jnp.asarray(x, dtype), jnp.asarray(kernel, dtype)
    if kernel.shape[0] == 1:
        return (x[:, ::stride] @ kernel[0]).astype(jnp.float32)
    reach = kernel.shape[0] // 2
    y = jax.lax.conv_general_dilated(
        x, kernel, window_strides=(stride,), padding=[(reach, reach)], dimension_numbers=("NWC", "WIO", "NWC")
    )
    return y.astype(jnp.float32)


def depthwise_conv(x: Float[Array, "B T D"], kernel: Float[Array, "taps D"], stride: int = 1):
    """`strided_conv` of every channel by itself.

    As sums of shifted products: grouped convolutions are slow where the groups have one channel.
    """
    return sum(tap * weights for tap, weights in zip(_taps(x, kernel.shape[0], stride, 0.0), kernel, strict=True))


def max_pool(x: Float[Array, "B T D"], size: int, stride: int) -> Float[Array, "B T_out D"]:
    """The largest of `size` (odd) frames around every `stride`-th one; nothing lies beyond the ends.

    Of equal frames the first one gets the gradient, as in PyTorch.
    """
    largest, *others = _taps(x, size, stride, -jnp.inf)
    for tap in others:
        largest = jnp.where(tap > largest, tap, largest)
    return largest


def _taps(x, size, stride, beyond):
    """What each tap of a kernel of `size` sees, with `beyond` outside the ends: list of [B, T / stride, D]."""
    reach = size // 2
    padded = jnp.pad(x, ((0, 0), (reach, reach), (0, 0)), constant_values=beyond)
    return [padded[:, tap : tap + x.shape[1] : stride] for tap in range(size)]
