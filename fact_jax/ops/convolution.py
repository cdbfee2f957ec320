"""Dilated convolutions over time: the fastest exact form for a shape."""

import jax
import jax.numpy as jnp


def dilated_conv(x, kernel, dilation, groups=1, dtype="float32"):
    """Convolves over time, same length out as in, zeros beyond both ends.

    Args:
      x: float [B, T, D], zero at padded frames.
      kernel: float [taps, D / groups, K]. Three taps lie at t - dilation, t, t + dilation; two taps at the outer ones.
      dilation: frames between t and the outer taps.
      groups: channel groups, each convolved on its own.
      dtype: of the products.

    Returns:
      float32 [B, T, K].
    """
    taps, num_frames = kernel.shape[0], x.shape[1]
    x, kernel = x.astype(dtype), kernel.astype(dtype)
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
