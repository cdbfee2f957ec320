"""Convolutions and pooling over the pixels of images, [..., H, W, C], with the padding of PyTorch."""

import jax
import jax.numpy as jnp
from jaxtyping import Float, Shaped

from fact_jax.ops.arrays import Array
from fact_jax.ops.products import rows_times

Images = Float[Array, "N H W C"]
# From so many channels on, products of single taps take a CPU no longer than XLA's convolution.
TAPS_FROM = 256


def conv2d(
    x: Images, kernel: Float[Array, "size size C E"], stride: int = 1, dtype: str = "float32"
) -> Float[Array, "N H_out W_out E"]:
    """Convolves with a kernel of odd size, zeros beyond the edges; every `stride`-th pixel is the centre of one.

    `dtype` is that of the products, the result is float32. A kernel of one pixel is a matrix product, which is faster.
    On CPUs one of many channels is a sum of such products: in a loop, XLA's gradient of a kernel takes 26 times as long
    as outside of it (jaxlib 0.10.2, 512 channels).
    """
    x, kernel = jnp.asarray(x, dtype), jnp.asarray(kernel, dtype)
    if kernel.shape[0] == 1:
        x = x[:, ::stride, ::stride]
        return rows_times(x, kernel[0, 0]) if dtype == "float32" else (x @ kernel[0, 0]).astype(jnp.float32)
    reach = kernel.shape[0] // 2
    if x.dtype == jnp.float32 and min(kernel.shape[2:]) >= TAPS_FROM and jax.default_backend() == "cpu":
        return _tap_by_tap(x, kernel, stride)
    layout = ("NHWC", "HWIO", "NHWC")
    y = jax.lax.conv_general_dilated(x, kernel, (stride, stride), [(reach, reach)] * 2, dimension_numbers=layout)
    return y.astype(jnp.float32)


def _tap_by_tap(x, kernel, stride):
    """A convolution as a sum of matrix products, in a loop, so that one cut of the images is there at a time."""
    (size, _, channels, outputs), (num, *shape) = kernel.shape, x.shape[:3]
    height, width = (-(-length // stride) for length in shape)
    padded = jnp.pad(x, [(0, 0), *[(size // 2, size // 2)] * 2, (0, 0)])
    extent = (num, stride * (height - 1) + 1, stride * (width - 1) + 1, channels)

    @jax.checkpoint  # or every cut would be kept for the gradient
    def add(total, tap):
        index, weights = tap
        cut = jax.lax.dynamic_slice(padded, (0, index // size, index % size, 0), extent)
        return total + cut[:, ::stride, ::stride] @ weights, None

    taps = jnp.arange(size**2), kernel.reshape(size**2, channels, outputs)
    return jax.lax.scan(add, jnp.zeros((num, height, width, outputs)), taps)[0]


def max_pool_3x3(x: Images) -> Float[Array, "N H_out W_out C"]:
    """The largest of the 3 x 3 pixels around every second one; nothing lies beyond the edges.

    Of equal pixels the first one, row by row, gets the gradient, as in PyTorch.
    """
    return _largest_of_three(_largest_of_three(x, 2), 1)


def _largest_of_three(x, axis):
    edge = [(1, 1) if index == axis else (0, 0) for index in range(x.ndim)]
    padded, size = jnp.pad(x, edge, constant_values=-jnp.inf), x.shape[axis]
    largest, *others = (jax.lax.slice_in_dim(padded, tap, tap + size, 2, axis) for tap in range(3))
    for tap in others:
        largest = jnp.where(tap > largest, tap, largest)
    return largest


def largest_pixel(x: Float[Array, "*batch pixels C"]) -> Float[Array, "*batch C"]:
    """The largest value of every channel; of equal ones the first gets the gradient, as in PyTorch."""
    where = jnp.argmax(jax.lax.stop_gradient(x), axis=-2, keepdims=True)
    return jnp.take_along_axis(x, where, axis=-2)[..., 0, :]


# Of the pictures on which the published networks were trained, red, green and blue, in [0, 1].
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


def network_pixels(frames: Shaped[Array, "*batch H W 3"]) -> Float[Array, "*batch H W 3"]:
    """Frames as a network takes them: uint8 RGB is normalised by ImageNet's mean and deviation, floats are so already.

    As uint8, frames take a quarter of the memory up to the place where they are used.
    """
    if frames.dtype != jnp.uint8:
        return jnp.asarray(frames)
    mean, std = (jnp.asarray(numbers, jnp.float32) for numbers in (IMAGENET_MEAN, IMAGENET_STD))
    return (frames.astype(jnp.float32) / 255.0 - mean) / std
