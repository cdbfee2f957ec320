"""Parts of vision transformers, in the forms of CLIP's image tower and of VideoMAE's encoder.

Weights of all blocks lie in one array each, [depth, ...], so that one program serves every block; the functions take
those of one block. Weights may be stored in half precision, `float32_of` gives them as float32.

A gradient under `fact_jax.layers.blocked_attention.KEPT` keeps what a product of many channels gave and computes
the rest of a block again.

Sources: Radford et al., Learning Transferable Visual Models From Natural Language Supervision, ICML 2021, and
github.com/openai/CLIP, clip/model.py at a1d0717; Tong et al., VideoMAE, NeurIPS 2022, and
github.com/MCG-NJU/VideoMAE, modeling_finetune.py.
"""

import math
from typing import NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from fact_jax.layers.blocked_attention import attention, kept
from fact_jax.layers.linear import layer_norm, times, uniform
from fact_jax.ops.arrays import Array

Tokens = Float[Array, "*batch D"]


class Affine(NamedTuple):
    """Weights of an affine map, or of one in every block."""

    kernel: Float[Array, "*axes E"]
    bias: Float[Array, "*depth E"]


class Norm(NamedTuple):
    """Weights of a layer normalisation, or of one in every block."""

    scale: Float[Array, "*depth D"]
    bias: Float[Array, "*depth D"]


class Block(NamedTuple):
    """Weights of a pre-norm block; `qkv` gives queries, keys and values in a row, each head by head."""

    norm_1: Norm
    qkv: Affine
    out: Affine
    norm_2: Norm
    up: Affine
    down: Affine


class Form(NamedTuple):
    """What differs between the experts beside their weights.

    Attributes:
      epsilon: of the normalisations.
      quick_gelu: x * sigmoid(1.702 x) inside the feed-forward layers; else the exact GELU.
    """

    epsilon: float
    quick_gelu: bool


CLIP = Form(1e-5, True)
VIDEOMAE = Form(1e-6, False)

# As published: a normal distribution that is cut 100 deviations from its middle, which is no cut.
linear_start = nn.initializers.normal(0.02)


def drawn(bound: float):
    """Initialiser drawing from U(-bound, bound) as float32, whatever the parameter is stored in."""

    def start(key, shape, dtype=jnp.float32):
        return uniform(bound)(key, shape).astype(dtype)

    return start


class AffineWeights(nn.Module):
    """Holds an `Affine` from axes `inputs` to `outputs` channels, of `depth` blocks or, None, of none."""

    depth: int | None
    inputs: tuple[int, ...]
    outputs: int
    start: nn.initializers.Initializer = linear_start
    bias_start: nn.initializers.Initializer = nn.initializers.zeros
    stored: str = "float32"

    @nn.compact
    def __call__(self) -> Affine:
        lead, dtype = () if self.depth is None else (self.depth,), jnp.dtype(self.stored)
        kernel = self.param("kernel", self.start, (*lead, *self.inputs, self.outputs), dtype)
        return Affine(kernel, self.param("bias", self.bias_start, (*lead, self.outputs), dtype))


class NormWeights(nn.Module):
    """Holds a `Norm` of `shape`."""

    shape: tuple[int, ...]
    stored: str = "float32"

    @nn.compact
    def __call__(self) -> Norm:
        dtype = jnp.dtype(self.stored)
        scale = self.param("scale", nn.initializers.ones, self.shape, dtype)
        return Norm(scale, self.param("bias", nn.initializers.zeros, self.shape, dtype))


class BlockWeights(nn.Module):
    """Holds the `Block`s of an expert.

    Attributes:
      depth, dim, hidden: blocks, channels, and channels inside the feed-forward layers.
      packed: CLIP's form: queries, keys and values are one map with a bias, which starts by Xavier. Else VideoMAE's:
        queries and values have a bias each, keys have none.
      stored: dtype of the parameters.
    """

    depth: int
    dim: int
    hidden: int
    packed: bool
    stored: str = "float32"

    @nn.compact
    def __call__(self) -> Block:
        depth, dim, hidden, stored = self.depth, self.dim, self.hidden, self.stored

        def affine(name, inputs, outputs):
            return AffineWeights(depth, (inputs,), outputs, stored=stored, name=name)()

        def norm(name):
            return NormWeights((depth, dim), stored, name=name)()

        if self.packed:
            start = drawn(math.sqrt(6.0 / (dim + 3 * dim)))
            qkv = AffineWeights(depth, (dim,), 3 * dim, start, stored=stored, name="qkv")()
            # The bias of the keys adds one number to all logits of a query, see `Dense.inert_bias`.
            query, key, value = jnp.split(qkv.bias, 3, axis=-1)
            qkv = qkv._replace(bias=jnp.concatenate([query, jax.lax.stop_gradient(key), value], axis=-1))
        else:
            kernel = self.param("qkv_kernel", linear_start, (depth, dim, 3 * dim), jnp.dtype(stored))
            query, value = (
                self.param(name, nn.initializers.zeros, (depth, dim), jnp.dtype(stored))
                for name in ("query_bias", "value_bias")
            )
            qkv = Affine(kernel, jnp.concatenate([query, jnp.zeros_like(query), value], axis=-1))
        return Block(
            norm("norm_1"),
            qkv,
            affine("out", dim, dim),
            norm("norm_2"),
            affine("up", dim, hidden),
            affine("down", hidden, dim),
        )


def float32_of(weights):
    """A tree of weights as float32."""
    return jax.tree.map(lambda array: array.astype(jnp.float32), weights)


def affine(x: Tokens, weights: Affine, dtype: str) -> Float[Array, "*batch E"]:
    """Maps the last axis; products are of `dtype`."""
    return times(x, weights.kernel, dtype) + weights.bias


def normalized(x: Tokens, weights: Norm, epsilon: float) -> Tokens:
    """Normalises every token."""
    return layer_norm(x, weights.scale, weights.bias, epsilon)


def gelu(x: Tokens) -> Tokens:
    """The exact form, by the error function."""
    return jax.nn.gelu(x, approximate=False)


def quick_gelu(x: Tokens) -> Tokens:
    """CLIP's approximation."""
    return x * jax.nn.sigmoid(1.702 * x)


def split_heads(x: Float[Array, "*batch L D"], num_heads: int) -> Float[Array, "N L H d"]:
    """Channels head by head, all leading axes as one."""
    return x.reshape(-1, x.shape[-2], num_heads, x.shape[-1] // num_heads)


def self_attention(
    x: Float[Array, "*batch L D"], block: Block, form: Form, num_heads: int, dtype: str
) -> Float[Array, "*batch L D"]:
    """Attention of all L tokens to each other behind the first normalisation, without the residual."""
    qkv = kept(affine(normalized(x, block.norm_1, form.epsilon), block.qkv, dtype))
    query, key, value = (split_heads(part, num_heads) for part in jnp.split(qkv, 3, axis=-1))
    return affine(attention(query, key, value, dtype).reshape(x.shape), block.out, dtype)


def feed_forward(x: Tokens, block: Block, form: Form, dtype: str) -> Tokens:
    """The two maps of normalised tokens, without the residual."""
    hidden = kept(affine(x, block.up, dtype))
    return affine(quick_gelu(hidden) if form.quick_gelu else gelu(hidden), block.down, dtype)


def patches(
    frames: Float[Array, "B T H W 3"], kernel: Float[Array, "tubelet size size 3 D"], dtype: str
) -> Float[Array, "B F P D"]:
    """Maps boxes of `tubelet` frames and `size` x `size` pixels, row by row; F = T / tubelet, P = (H W) / size^2."""
    tubelet, size, _, channels, dim = kernel.shape
    batch, num_frames, height, width, _ = frames.shape
    rows, columns = height // size, width // size
    boxes = frames.reshape(batch, num_frames // tubelet, tubelet, rows, size, columns, size, channels)
    boxes = boxes.transpose(0, 1, 3, 5, 2, 4, 6, 7).reshape(batch, num_frames // tubelet, rows * columns, -1)
    return times(boxes, kernel.reshape(-1, dim), dtype)


def sinusoids(count: int, dim: int) -> Float[np.ndarray, "count dim"]:
    """VideoMAE's fixed positions, float32: sines on even channels, cosines on odd ones, in pairs of one frequency."""
    channels = np.arange(dim)
    angles = np.arange(count)[:, None] / 10000.0 ** (2 * (channels // 2) / dim)
    return np.where(channels % 2, np.cos(angles), np.sin(angles)).astype(np.float32)
