"""Dilated convolutions over time: the fastest exact form for a shape."""

import jax
import jax.numpy as jnp
from jaxtyping import Float

from fact_jax.ops.arrays import Array, Frames


def dilated_conv(
    x: Frames, kernel: Float[Array, "taps D_of_group E"], dilation: int, groups: int = 1, dtype: str = "float32"
) -> Float[Array, "B T E"]:
    """Convolves over time, same length out as in, zeros beyond both ends; `x` must be zero at padded frames.

    Three taps lie at t - dilation, t, t + dilation, two at the outer ones; `dtype` is that of the products.
    """
    taps, num_frames = kernel.shape[0], x.shape[1]
    x, kernel = jnp.asarray(x, dtype), jnp.asarray(kernel, dtype)
    if groups == 1 and 2 * dilation >= num_frames:
        return _few_products(x, kernel, dilation)
    spread = {"rhs_dilation": (dilation * 2 // (taps - 1),), "feature_group_count": groups}
    return _conv(x, kernel, window_strides=(1,), padding=[(dilation, dilation)], **spread)


def _conv(x, kernel, **options):
    y = jax.lax.conv_general_dilated(x, kernel, dimension_numbers=("NWC", "WIO", "NWC"), **options)
    return y.astype(jnp.float32)


def _few_products(x, kernel, dilation):
    """The same by one product per tap over the frames that the tap reaches: half of them or less, or none."""
    center = (x @ kernel[1]).astype(jnp.float32) if kernel.shape[0] == 3 else jnp.zeros_like(x, jnp.float32)
    if dilation >= x.shape[1]:
        return center
    past = (x[:, :-dilation] @ kernel[0]).astype(jnp.float32)
    future = (x[:, dilation:] @ kernel[-1]).astype(jnp.float32)
    before, behind = ((0, 0), (dilation, 0), (0, 0)), ((0, 0), (0, dilation), (0, 0))
    return center + jnp.pad(past, before) + jnp.pad(future, behind)


def strided_conv(
    x: Frames, kernel: Float[Array, "taps D E"], stride: int = 1, dtype: str = "float32"
) -> Float[Array, "B T_out E"]:
    """Convolves over time with an odd kernel, zeros beyond both ends; every `stride`-th frame is the centre of one.

    `stride` divides T; `dtype` is that of the products.
    """
    x, kernel = jnp.asarray(x, dtype), jnp.asarray(kernel, dtype)
    if kernel.shape[0] == 1:
        return (x[:, ::stride] @ kernel[0]).astype(jnp.float32)
    reach = kernel.shape[0] // 2
    return _conv(x, kernel, window_strides=(stride,), padding=[(reach, reach)])


def depthwise_conv(x: Frames, kernel: Float[Array, "taps D"], stride: int = 1):
    """`strided_conv` of every channel by itself, as sums of shifted products: grouped convolutions are slow there."""
    return sum(tap * weights for tap, weights in zip(_taps(x, kernel.shape[0], stride, 0.0), kernel, strict=True))


def max_pool(x: Frames, size: int, stride: int) -> Float[Array, "B T_out D"]:
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
