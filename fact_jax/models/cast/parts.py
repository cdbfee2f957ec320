"""The parameters of CAST, part by part: the two experts, what is added inside of their blocks, and the classifiers."""

from typing import NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Float

from fact_jax.models.backbones import vit
from fact_jax.models.backbones.vit import Affine, AffineWeights, Block, Norm, NormWeights, drawn
from fact_jax.models.cast.blocks import Adapter, Adapters, CrossAttention, Exchange
from fact_jax.models.cast.config import CASTConfig
from fact_jax.ops.arrays import Array

zeros = nn.initializers.zeros


class ClipWeights(NamedTuple):
    """Weights of CLIP's image tower."""

    patch_kernel: Float[Array, "size size 3 D"]
    class_embedding: Float[Array, " D"]
    positions: Float[Array, "tokens D"]
    norm_pre: Norm
    blocks: Block
    norm_post: Norm


class VideoMAEWeights(NamedTuple):
    """Weights of VideoMAE's encoder, but for its last normalisation, which no file of the pretraining has."""

    patches: Affine
    blocks: Block


class Clip(nn.Module):
    """Holds CLIP's image tower; what is not trained gets no gradient."""

    config: CASTConfig

    @nn.compact
    def __call__(self) -> ClipWeights:
        config = self.config
        size, dim, stored = config.patch_size, config.dim, jnp.dtype(config.stored)
        normal = nn.initializers.normal(dim**-0.5)
        start = drawn((3 * size * size) ** -0.5)
        constant = [
            self.param("patch_kernel", start, (size, size, 3, dim), stored),
            self.param("class_embedding", normal, (dim,), stored),
            self.param("positions", normal, (1 + config.num_patches, dim), stored),
            NormWeights((dim,), config.stored, name="norm_pre")(),
            vit.BlockWeights(config.num_layers, dim, config.hidden, True, config.stored, name="blocks")(),
        ]
        return ClipWeights(*_constant(constant, config), norm_post=NormWeights((dim,), name="norm_post")())


class VideoMAE(nn.Module):
    """Holds VideoMAE's encoder; what is not trained gets no gradient."""

    config: CASTConfig

    @nn.compact
    def __call__(self) -> VideoMAEWeights:
        config = self.config
        inputs = (config.tubelet, config.patch_size, config.patch_size, 3)
        start = drawn((config.tubelet * config.patch_size**2 * 3) ** -0.5)
        patches = AffineWeights(None, inputs, config.dim, start, start, config.stored, name="patches")()
        blocks = vit.BlockWeights(config.num_layers, config.dim, config.hidden, False, config.stored, name="blocks")()
        return VideoMAEWeights(*_constant((patches, blocks), config))


def _constant(weights, config):
    return weights if config.train_experts else jax.lax.stop_gradient(weights)


class AdapterWeights(nn.Module):
    """Holds an `Adapter`, of all blocks or, `depth` None, of none.

    It starts as nothing where `silent`: its second map is 0.
    """

    config: CASTConfig
    depth: int | None
    silent: bool = True

    @nn.compact
    def __call__(self) -> Adapter:
        dim, narrow = self.config.dim, self.config.dim // self.config.adapter_ratio
        start = zeros if self.silent else vit.linear_start
        inner = AffineWeights(self.depth, (dim,), narrow, name="inner")()
        return Adapter(inner, AffineWeights(self.depth, (narrow,), dim, start, name="outer")())


class AddedAdapters(nn.Module):
    """Holds the `Adapters` of all blocks."""

    config: CASTConfig

    @nn.compact
    def __call__(self) -> Adapters:
        config = self.config
        if not config.adapters:
            return Adapters()
        names = ["time"]  # CLIP alone has it, too
        names += ["space", "space_mlp"] if config.has_clip else []
        names += ["time_mlp"] if config.has_videomae else []
        return Adapters(**{name: AdapterWeights(config, config.num_layers, name=name)() for name in names})


class CrossWeights(nn.Module):
    """Holds the `CrossAttention` of all blocks between tokens with so many `slots`."""

    config: CASTConfig
    slots: int

    @nn.compact
    def __call__(self) -> CrossAttention:
        config = self.config
        depth, width = config.num_layers, config.dim // config.down_ratio
        normal = nn.initializers.normal((width / config.num_heads) ** -0.5)
        table = (depth, self.slots, width)
        positions = [self.param(f"{side}_positions", normal, table) for side in ("query", "key")]
        outputs = {"query": width, "key_value": 2 * width, "out": width}
        maps = {name: AffineWeights(depth, (width,), size, name=name)() for name, size in outputs.items()}
        # The bias of the keys adds one number to all logits of a query, see `Dense.inert_bias`.
        of_keys, of_values = jnp.split(maps["key_value"].bias, 2, axis=-1)
        bias = jnp.concatenate([jax.lax.stop_gradient(of_keys), of_values], axis=-1)
        maps["key_value"] = maps["key_value"]._replace(bias=bias)
        return CrossAttention(positions[0], positions[1], **maps)


class ExchangeWeights(nn.Module):
    """Holds the `Exchange` of all blocks; what it adds starts as nothing."""

    config: CASTConfig

    @nn.compact
    def __call__(self) -> Exchange:
        config = self.config
        depth, dim, width = config.num_layers, config.dim, config.dim // config.down_ratio

        def down(name):
            return AffineWeights(depth, (dim,), width, name=name)()

        def up(name):
            return AffineWeights(depth, (width,), dim, zeros, name=name)()

        return Exchange(
            down("down_s"),
            down("down_t"),
            NormWeights((depth, width), name="norm_s")(),
            NormWeights((depth, width), name="norm_t")(),
            CrossWeights(config, config.num_slots, name="to_space")(),
            CrossWeights(config, config.num_patches, name="to_time")(),
            up("up_s"),
            up("up_t"),
        )


class Classifier(nn.Module):
    """Holds the affine map of a classifier of so many classes."""

    config: CASTConfig
    num_classes: int

    @nn.compact
    def __call__(self) -> Affine:
        scale = self.config.init_scale

        def start(key, shape, dtype=jnp.float32):
            return scale * vit.linear_start(key, shape, dtype)

        return AffineWeights(None, (self.config.dim,), self.num_classes, start, name="output")()
