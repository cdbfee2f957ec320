"""ResNet of bottlenecks, v1.5: the stride is on the 3 x 3 convolution.

Source: He et al., Deep Residual Learning for Image Recognition, CVPR 2016; the form of torchvision's resnet50.
"""

from collections.abc import Sequence
from typing import NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Float, Shaped

from fact_jax.layers.batch_norm import Batch, BatchNorm
from fact_jax.layers.chunks import in_chunks
from fact_jax.ops.arrays import Array
from fact_jax.ops.images import conv2d, largest_pixel, max_pool_3x3, network_pixels
from fact_jax.ops.winograd import winograd_conv, winograd_kernel

EXPANSION = 4  # channels of a bottleneck's output by those inside
STRIDES = (1, 2, 2, 2)  # of the four stages
# Frames that the frozen part takes at once, so that what lies between two layers stays near the processor. Accelerators
# want many.
FRAMES_AT_ONCE = {"cpu": 2}
MANY_FRAMES = 64
# The last stage has small maps and many weights: as many frames at once, at least, so that these are read less often.
LAST_STAGE, MAPS_AT_ONCE = 3, 16

Clips = Float[Array, "B T H W C"]
# Kernel, [size, size, C, E] or as of `winograd_kernel`, and bias of a convolution with its normalisation multiplied in.
Folded = tuple[Float[Array, "... C E"], Float[Array, " E"]]


class FoldedBottleneck(NamedTuple):
    """The convolutions of a bottleneck, normalised by constants; no `skip`: the input itself is added."""

    convs: tuple[Folded, Folded, Folded]
    skip: Folded | None


class ConvNorm(nn.Module):
    """A convolution without bias and its normalisation."""

    in_features: int
    features: int
    size: int = 1
    stride: int = 1
    dtype: str = "float32"

    def setup(self):
        # He's initialisation by the outputs, as torchvision's.
        init = nn.initializers.variance_scaling(2.0, "fan_out", "normal")
        self.kernel = self.param("kernel", init, (self.size, self.size, self.in_features, self.features))
        self.norm = BatchNorm(self.features)

    def __call__(self, x: Clips, batch: Batch | None) -> Float[Array, "B T h w E"]:
        """Normalises as `BatchNorm`."""
        y = conv2d(x.reshape(-1, *x.shape[2:]), self.kernel, self.stride, self.dtype)
        return self.norm(y.reshape(*x.shape[:2], *y.shape[1:]), batch)

    def folded(self) -> Folded:
        """One convolution that does both by the running statistics."""
        factor, shift = self.norm.affine()
        return jax.lax.stop_gradient((self.kernel * factor, shift))


class Bottleneck(nn.Module):
    """Three convolutions with a residual; `dim` channels inside, four times as many come out."""

    in_features: int
    dim: int
    stride: int = 1
    dtype: str = "float32"

    def setup(self):
        out, dtype = EXPANSION * self.dim, self.dtype
        self.conv_1 = ConvNorm(self.in_features, self.dim, dtype=dtype)
        self.conv_2 = ConvNorm(self.dim, self.dim, 3, self.stride, dtype=dtype)
        self.conv_3 = ConvNorm(self.dim, out, dtype=dtype)
        fits = self.stride == 1 and self.in_features == out
        self.skip = None if fits else ConvNorm(self.in_features, out, 1, self.stride, dtype=dtype)

    def __call__(self, x: Clips, batch: Batch | None) -> Float[Array, "B T h w E"]:
        """Normalises as `BatchNorm`."""
        y = jax.nn.relu(self.conv_1(x, batch))
        y = self.conv_3(jax.nn.relu(self.conv_2(y, batch)), batch)
        return jax.nn.relu(y + (x if self.skip is None else self.skip(x, batch)))

    def folded(self) -> FoldedBottleneck:
        """The weights of the bottleneck as a constant part of a network."""
        convs = (self.conv_1.folded(), self.conv_2.folded(), self.conv_3.folded())
        return FoldedBottleneck(convs, None if self.skip is None else self.skip.folded())


class ResNet(nn.Module):
    """The convolutional part of a ResNet, whose first stages may be a constant part of another network.

    Attributes:
      stem_dim: channels of the first convolution.
      stage_dims: channels inside the bottlenecks of the four stages.
      stage_blocks: bottlenecks of the four stages.
      dtype: of the products.
    """

    stem_dim: int = 64
    stage_dims: Sequence[int] = (64, 128, 256, 512)
    stage_blocks: Sequence[int] = (3, 4, 6, 3)
    dtype: str = "float32"

    def setup(self):
        self.stem = ConvNorm(3, self.stem_dim, 7, 2, dtype=self.dtype)
        width, stages = self.stem_dim, []
        for dim, count, stride in zip(self.stage_dims, self.stage_blocks, STRIDES, strict=True):
            blocks = []
            for index in range(count):
                blocks.append(Bottleneck(width, dim, stride if index == 0 else 1, self.dtype))
                width = EXPANSION * dim
            stages.append(blocks)
        self.stages = stages

    def __call__(self, frames: Shaped[Array, "B T H W 3"], last: int, batch: Batch | None) -> Float[Array, "B T h w E"]:
        """Runs the stem and the stages up to number `last`, trained."""
        x = jax.nn.relu(self.stem(network_pixels(frames), batch))
        x = max_pool_3x3(x.reshape(-1, *x.shape[2:])).reshape(*x.shape[:2], -1, (x.shape[3] + 1) // 2, self.stem_dim)
        return self.continued(x, 0, last, batch)

    def continued(
        self, x: Clips, done: int, last: int, batch: Batch | None, chunk: int | None = None, largest: bool = False
    ) -> Float[Array, "B T h w E"]:
        """Runs the stages behind number `done` up to number `last`, trained.

        So many steps of time, a `chunk`, have statistics of their own, see `in_chunks`; None: all together. With
        `largest` only the largest pixel of every channel comes out, [B, T, 1, 1, E].
        """

        def run(block, part):
            return block(part, batch)

        def reduced(block, part):
            y = block(part, batch)
            return largest_pixel(y.reshape(*y.shape[:2], -1, y.shape[-1]))[:, :, None, None]

        layers = [(block, run) for stage in self.stages[done:last] for block in stage]
        if largest:
            layers[-1] = (layers[-1][0], reduced)
        return in_chunks(layers, x, chunk or x.shape[1])

    def frozen(
        self, frames: Shaped[Array, "N H W 3"], last: int, at_once: int = 0, largest: bool = False
    ) -> Float[Array, "N h w C"]:
        """As evaluated, the stem and the stages up to number `last` as a constant part: nothing is kept for gradients.

        Normalisation is multiplied into the weights. `at_once` frames (0: by the hardware) go through at a time, which
        changes nothing but the speed and the memory. With `largest` only the largest pixel of every channel comes out,
        [N, 1, 1, C], so that no maps of many frames are held.
        """
        dtype = jnp.dtype(self.dtype)
        stages = [[block.folded() for block in stage] for stage in self.stages[:last]]
        stem, stages = jax.tree.map(lambda array: array.astype(dtype), (self.stem.folded(), stages))
        if jax.default_backend() == "cpu" and dtype == jnp.float32:  # elsewhere libraries do so by themselves
            stages = (
                [
                    [_with_fewer_products(block, index > 0 and number == 0) for number, block in enumerate(stage)]
                    for index, stage in enumerate(stages[:LAST_STAGE])  # the maps of the last stage are too small
                ]
                + stages[LAST_STAGE:]
            )

        def through(x, begin, end):
            for index in range(begin, min(end, last)):
                for number, block in enumerate(stages[index]):
                    x = _bottleneck(x, block, STRIDES[index] if number == 0 else 1)
            return x

        def first(frames):
            x = jax.nn.relu(_convolved(network_pixels(frames).astype(dtype), stem, 2))
            return through(max_pool_3x3(x), 0, LAST_STAGE)

        def all_of(frames):
            x = through(_in_parts(first, frames, at_once), LAST_STAGE, last).astype(jnp.float32)
            return largest_pixel(x.reshape(len(x), -1, x.shape[-1]))[:, None, None] if largest else x

        at_once = at_once or FRAMES_AT_ONCE.get(jax.default_backend(), MANY_FRAMES)
        longer = max(at_once, MAPS_AT_ONCE) if last > LAST_STAGE else at_once
        return _in_parts(all_of, jax.lax.stop_gradient(frames), longer)


def _in_parts(function, frames, at_once):
    """What a function of frames gives, applied to so many at a time."""
    if len(frames) <= at_once:
        return function(frames)
    whole = len(frames) - len(frames) % at_once
    parts = jax.lax.map(function, frames[:whole].reshape(-1, at_once, *frames.shape[1:]))
    parts = parts.reshape(whole, *parts.shape[2:])
    return parts if whole == len(frames) else jnp.concatenate([parts, function(frames[whole:])])


def _with_fewer_products(block: FoldedBottleneck, strided):
    first, (kernel, bias), last = block.convs
    return block if strided else block._replace(convs=(first, (winograd_kernel(kernel), bias), last))


def _convolved(x, folded: Folded, stride=1):
    kernel, bias = folded
    if kernel.ndim == 3:
        return winograd_conv(x, kernel) + bias
    return conv2d(x, kernel, stride, str(kernel.dtype)).astype(x.dtype) + bias


def _bottleneck(x, block: FoldedBottleneck, stride):
    y = jax.nn.relu(_convolved(x, block.convs[0]))
    y = jax.nn.relu(_convolved(y, block.convs[1], stride))
    y = _convolved(y, block.convs[2])
    return jax.nn.relu(y + (x if block.skip is None else _convolved(x, block.skip, stride)))
