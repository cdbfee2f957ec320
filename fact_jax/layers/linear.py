"""Affine maps over channels and dilated convolutions over time, initialised as PyTorch initialises them.

Layers with a `dtype` multiply in it and give float32: parameters, biases and whatever lies between two products stay
float32. float32 leaves the precision of the products to `jax_default_matmul_precision`.
"""

import functools
import math

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Float

from fact_jax.ops.arrays import Array, FrameMask, Frames
from fact_jax.ops.convolution import dilated_conv
from fact_jax.ops.products import ordered_product, rows_times


def uniform(bound: float):
    """Initialiser drawing from U(-bound, bound)."""

    def init(key, shape, dtype=jnp.float32):
        return jax.random.uniform(key, shape, dtype, -bound, bound)

    return init


def product(spec: str, left: Float[Array, "..."], right: Float[Array, "..."], dtype: str) -> Float[Array, "..."]:
    """einsum of two float32 arrays that multiplies in `dtype` and adds up in float32, which it gives."""
    if dtype == "float32":
        return jnp.einsum(spec, left, right) if "..." in spec else ordered_product(spec, left, right)
    return _narrow_product(spec, left, right, dtype)


def times(x: Float[Array, "*batch D"], kernel: Float[Array, "D E"], dtype: str) -> Float[Array, "*batch E"]:
    """`product` of the last axis of float32 `x` with a matrix of weights."""
    return rows_times(x, kernel) if dtype == "float32" else product("...i,io->...o", x, kernel, dtype)


@functools.partial(jax.custom_vjp, nondiff_argnums=(0, 3))
def _narrow_product(spec, left, right, dtype):
    return _narrow_product_forward(spec, left, right, dtype)[0]


def _narrow_product_forward(spec, left, right, dtype):
    operands = left.astype(dtype), right.astype(dtype)
    # Rounded to `dtype`, a sum such as the logit of an attention would be off by 2^-9 of itself.
    return jnp.einsum(spec, *operands, preferred_element_type=jnp.float32), operands


def _narrow_product_backward(spec, dtype, operands, cotangent):
    # JAX's own gradient would multiply the float32 cotangent with operands of `dtype`, which hardware is slow at.
    _, pull = jax.vjp(lambda left, right: jnp.einsum(spec, left, right), *operands)
    return tuple(gradient.astype(jnp.float32) for gradient in pull(cotangent.astype(dtype)))


_narrow_product.defvjp(_narrow_product_forward, _narrow_product_backward)


class Dense(nn.Module):
    """Affine map of the last axis.

    Attributes:
      features: output channels.
      kernel_bound, bias_bound: weights and biases start in U(+-bound); None means 1/sqrt(input channels), as PyTorch's.
      inert_bias: the bias cannot change what the output is used for (a constant added to all logits of a softmax). Its
        gradient is zero but for round-off, which differs with padding and devices and which Adam turns into steps of
        the size of the learning rate; it is cut, so that the bias stays where it started.
    """

    features: int
    dtype: str = "float32"
    kernel_bound: float | None = None
    bias_bound: float | None = None
    inert_bias: bool = False

    def __call__(self, x: Float[Array, "*batch D"]) -> Float[Array, "*batch E"]:
        kernel, bias = self.weights(x.shape[-1])
        return times(x, kernel, self.dtype) + bias

    @nn.compact
    def weights(self, width: int) -> tuple[Float[Array, "{width} E"], Float[Array, " E"]]:
        """The kernel and the bias, for callers that multiply with them themselves."""
        default = 1.0 / math.sqrt(width)
        kernel_bound = default if self.kernel_bound is None else self.kernel_bound
        bias_bound = default if self.bias_bound is None else self.bias_bound
        kernel = self.param("kernel", uniform(kernel_bound), (width, self.features))
        bias = self.param("bias", uniform(bias_bound), (self.features,))
        return kernel, jax.lax.stop_gradient(bias) if self.inert_bias else bias


class TemporalConv(nn.Module):
    """Convolution over time, same length out as in, zeros beyond both ends of the *valid* frames.

    The three taps are `dilation` frames apart, and the `groups` of channels convolved each on its own.
    """

    features: int
    dilation: int = 1
    groups: int = 1
    dtype: str = "float32"

    @nn.compact
    def __call__(self, x: Frames) -> Float[Array, "B T E"]:
        """Frames of the padding must hold zeros (`zero_padding`)."""
        if x.shape[-1] % self.groups or self.features % self.groups:
            raise ValueError(f"{x.shape[-1]} -> {self.features} channels cannot be split into {self.groups} groups")
        shape = (3, x.shape[-1] // self.groups, self.features)
        init = uniform(1.0 / math.sqrt(shape[0] * shape[1]))
        kernel, bias = self.param("kernel", init, shape), self.param("bias", init, (self.features,))
        return dilated_conv(x, kernel, self.dilation, self.groups, dtype=self.dtype) + bias


def zero_padding(x: Frames, mask: FrameMask) -> Frames:
    """Zeroes the frames of `x` outside `mask`, whatever they hold."""
    return jnp.where(mask[..., None], x, 0.0)


class LayerNorm(nn.Module):
    """Normalises the last axis with scale and bias (`inert_bias`: see `Dense`); epsilon 1e-5, biased variance."""

    inert_bias: bool = False

    @nn.compact
    def __call__(self, x: Float[Array, "*batch D"]) -> Float[Array, "*batch D"]:
        scale = self.param("scale", nn.initializers.ones, (x.shape[-1],))
        bias = self.param("bias", nn.initializers.zeros, (x.shape[-1],))
        return layer_norm(x, scale, jax.lax.stop_gradient(bias) if self.inert_bias else bias)


@functools.partial(jax.custom_vjp, nondiff_argnums=(3,))
def layer_norm(
    x: Float[Array, "*batch D"], scale: Float[Array, " D"], bias: Float[Array, " D"], epsilon: float = 1e-5
) -> Float[Array, "*batch D"]:
    """Normalises the last axis by its mean and biased variance, then scales and shifts.

    The gradient is written out: that of JAX goes through mean and variance one after another, which takes XLA five
    times as long on a CPU.
    """
    return _normalised(x, *_moments(x, epsilon)) * scale + bias


def _moments(x, epsilon):
    """(means, reciprocals of the standard deviations), [*batch, 1]."""
    mean = jnp.mean(x, axis=-1, keepdims=True)
    return mean, jax.lax.rsqrt(jnp.mean(jnp.square(x - mean), axis=-1, keepdims=True) + epsilon)


def _normalised(x, mean, factor):
    return (x - mean) * factor


def _layer_norm_forward(x, scale, bias, epsilon):
    moments = _moments(x, epsilon)
    return _normalised(x, *moments) * scale + bias, (x, *moments, scale)


def _layer_norm_backward(epsilon, saved, cotangent):
    del epsilon
    x, mean, factor, scale = saved
    normalised = _normalised(x, mean, factor)
    of_scale = cotangent * normalised
    # Means over channels as products with the scale, which are faster than sums of what has to be made first.
    first, second = (jnp.matmul(part, scale, precision="highest")[..., None] for part in (cotangent, of_scale))
    of_x = factor * (cotangent * scale - (first + normalised * second) / x.shape[-1])
    rows = tuple(range(x.ndim - 1))
    return of_x, jnp.sum(of_scale, axis=rows), jnp.sum(cotangent, axis=rows)


layer_norm.defvjp(_layer_norm_forward, _layer_norm_backward)
