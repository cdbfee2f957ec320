"""Convolutions over time: the fastest exact form for a shape."""

import functools

import jax
import jax.numpy as jnp
from jaxtyping import Float

from fact_jax.ops.arrays import Array, Frames
from fact_jax.ops.fusion import zero_after
from fact_jax.ops.products import kernel_gradient, rows_times
from fact_jax.ops.winograd_time import winograd_time_conv

# With as many channels or fewer on both sides, a product over copies of the input that lie beside each other gives the
# gradient of a kernel faster on a CPU than the compiler's own convolution for it; with 512 it is the other way round.
_NARROW = 256
# Channels from which on groups of frames are worth it on a CPU: a third less time with 512. With 128 it is a tenth, and
# a layer and its gradient take half a second more to compile.
CHANNELS_OF_GROUPS = 256
# Frames and channels from which on four frames at a time are faster there, where there is no dilation.
LARGE = 128


def dilated_conv(
    x: Frames, kernel: Float[Array, "taps D_of_group E"], dilation: int, groups: int = 1, dtype: str = "float32"
) -> Float[Array, "B T E"]:
    """Convolves over time, same length out as in, zeros beyond both ends; `x` must be zero at padded frames.

    Three taps lie at t - dilation, t, t + dilation, two at the outer ones; `dtype` is that of the products.
    """
    num_frames = x.shape[1]
    x, kernel = jnp.asarray(x, dtype), jnp.asarray(kernel, dtype)
    if groups == 1 and 2 * dilation >= num_frames:
        return _few_products(x, kernel, dilation)
    if groups == 1 and dtype == "float32" and jax.default_backend() == "cpu":
        if _pays_in_groups(kernel, dilation, num_frames):
            return winograd_time_conv(x, kernel, dilation)
        if max(kernel.shape[1:]) <= _NARROW:
            return _narrow_conv(x, kernel, dilation)
    return _spread_conv(x, kernel, dilation, groups)


def _spread_conv(x, kernel, dilation, groups=1):
    spread = {"rhs_dilation": (dilation * 2 // (kernel.shape[0] - 1),), "feature_group_count": groups}
    return _conv(x, kernel, window_strides=(1,), padding=[(dilation, dilation)], **spread)


@functools.partial(jax.custom_vjp, nondiff_argnums=(2,))
def _narrow_conv(x, kernel, dilation):
    return _spread_conv(x, kernel, dilation)


def _narrow_conv_forward(x, kernel, dilation):
    return _spread_conv(x, kernel, dilation), (x, kernel)


def _narrow_conv_backward(dilation, saved, cotangent):
    x, kernel = saved
    taps, num_frames = kernel.shape[0], x.shape[1]
    (d_x,) = jax.linear_transpose(lambda x: _spread_conv(x, kernel, dilation), x)(cotangent)
    padded = jax.lax.pad(x, zero_after(cotangent), ((0, 0, 0), (dilation, dilation, 0), (0, 0, 0)))
    starts = range(0, 2 * dilation + 1, 2 * dilation // (taps - 1))
    seen = jnp.concatenate([padded[:, start : start + num_frames] for start in starts], axis=-1)
    return d_x, kernel_gradient(seen, cotangent).reshape(kernel.shape)


_narrow_conv.defvjp(_narrow_conv_forward, _narrow_conv_backward)


def _pays_in_groups(kernel, dilation, num_frames):
    taps, *channels = kernel.shape
    return min(channels) >= CHANNELS_OF_GROUPS and num_frames >= 4 * dilation // (taps - 1)


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
        x = x[:, ::stride]
        return rows_times(x, kernel[0]) if dtype == "float32" else (x @ kernel[0]).astype(jnp.float32)
    if stride == 1 and dtype == "float32" and _halves_products(x.shape, kernel.shape):
        return winograd_time_conv(x, kernel)
    reach = kernel.shape[0] // 2
    return _conv(x, kernel, window_strides=(stride,), padding=[(reach, reach)])


def _halves_products(frames, kernel):
    """Whether a convolution of these shapes is so large on a CPU that fewer products weigh more than making them."""
    return jax.default_backend() == "cpu" and kernel[0] == 3 and min(frames[1], *kernel[1:]) >= LARGE


@functools.partial(jax.custom_vjp, nondiff_argnums=(2,))
def depthwise_conv(x: Frames, kernel: Float[Array, "taps D"], stride: int = 1) -> Float[Array, "B T_out D"]:
    """`strided_conv` of every channel by itself, as sums of shifted products: grouped convolutions are slow there.

    The gradient of the kernel is written out: XLA makes what JAX derives anew for every tap on a CPU.
    """
    return _summed_taps(x, kernel, stride)


def _summed_taps(x, kernel, stride):
    return sum(tap * weights for tap, weights in zip(_taps(x, kernel.shape[0], stride, 0.0), kernel, strict=True))


def _depthwise_forward(x, kernel, stride):
    return _summed_taps(x, kernel, stride), (x, kernel)


def _depthwise_backward(stride, saved, cotangent):
    x, kernel = saved
    (of_x,) = jax.linear_transpose(lambda x: _summed_taps(x, kernel, stride), x)(cotangent)
    taps = _taps(x, kernel.shape[0], stride, 0.0)
    return of_x, jnp.stack([jnp.sum(cotangent * tap, axis=(0, 1)) for tap in taps])


depthwise_conv.defvjp(_depthwise_forward, _depthwise_backward)


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
