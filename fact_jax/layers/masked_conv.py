"""Convolutions over time that zero their output outside the mask, and leave their input as it is."""

import math

import flax.linen as nn
from jaxtyping import Bool, Float

from fact_jax.layers.linear import uniform, zero_padding
from fact_jax.ops.arrays import Array, FrameMask, Frames
from fact_jax.ops.convolution import depthwise_conv, strided_conv


class MaskedConv(nn.Module):
    """Convolution with an odd kernel, zeros beyond both ends of the *padded* sequence, and a masked output.

    What the input holds outside the mask is read: in ActionFormer it is a bias there, and part of its numbers.
    Weights start in U(+-1/sqrt(fan in)), biases at `bias`.

    Attributes:
      kernel_size: taps, odd.
      stride: frames from one output to the next; divides T.
      depthwise: every channel by itself; `features` are then the channels of the input.
    """

    features: int
    kernel_size: int = 3
    stride: int = 1
    depthwise: bool = False
    use_bias: bool = True
    bias: float = 0.0
    dtype: str = "float32"

    @nn.compact
    def __call__(self, x: Frames, mask: FrameMask) -> tuple[Float[Array, "B T_out E"], Bool[Array, "B T_out"]]:
        """The convolved frames, T / stride of them, and their mask."""
        if x.shape[1] % self.stride or self.kernel_size % 2 == 0:
            raise ValueError(
                f"{x.shape[1]} frames, stride {self.stride}, kernel of {self.kernel_size}; expected a length that the "
                "stride divides, and an odd kernel"
            )
        inputs = 1 if self.depthwise else x.shape[-1]
        shape = (self.kernel_size, inputs, self.features)
        kernel = self.param("kernel", uniform(1.0 / math.sqrt(self.kernel_size * inputs)), shape)
        if self.depthwise:
            y = depthwise_conv(x, kernel[:, 0], self.stride)
        else:
            y = strided_conv(x, kernel, self.stride, self.dtype)
        if self.use_bias:
            y = y + self.param("bias", nn.initializers.constant(self.bias), (self.features,))
        mask = mask[:, :: self.stride]
        return zero_padding(y, mask), mask
