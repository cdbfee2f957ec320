"""From the feature maps of frames to embeddings: the transformer, and the two that see few frames."""

import math

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Float, Int

from fact_jax.layers.batch_norm import Batch, BatchNorm
from fact_jax.layers.dropout import Dropout
from fact_jax.layers.linear import Dense, LayerNorm, product, uniform
from fact_jax.models.carl.config import CARLConfig
from fact_jax.models.carl.positions import stretched_positions
from fact_jax.ops.arrays import Array, FrameMask, Frames, Seeds
from fact_jax.ops.images import largest_pixel
from fact_jax.ops.masks import masked_softmax
from fact_jax.types import UserError

Embeddings = Float[Array, "B T E"]
# Frames whose weights are in memory together; evaluated clips have thousands of frames.
QUERIES_AT_ONCE = 1024


def _xavier(fan_in, fan_out):
    return math.sqrt(6.0 / (fan_in + fan_out))


class SelfAttention(nn.Module):
    """Attention of all frames to those of the mask; nothing is dropped from its weights."""

    dim: int
    num_heads: int
    dtype: str = "float32"

    @nn.compact
    def __call__(self, x: Frames, mask: FrameMask) -> Frames:
        bound = _xavier(self.dim, self.dim)

        def project(name, y, inert=False):
            return Dense(self.dim, self.dtype, kernel_bound=bound, inert_bias=inert, name=name)(y)

        # The bias of the keys adds one number to all logits of a query.
        heads = (project(name, x, name == "key") for name in ("query", "key", "value"))
        q, k, v = (y.reshape(*y.shape[:2], self.num_heads, -1) for y in heads)

        def attend(q):
            logits = product("bqhd,bkhd->bhqk", q / math.sqrt(q.shape[-1]), k, self.dtype)
            weights = masked_softmax(logits, mask[:, None, None, :])
            return product("bhqk,bkhd->bqhd", weights, v, self.dtype)

        if x.shape[1] <= QUERIES_AT_ONCE:
            return project("out", attend(q).reshape(x.shape))
        mixed = jax.lax.map(lambda query: attend(query[:, None]), jnp.swapaxes(q, 0, 1), batch_size=QUERIES_AT_ONCE)
        return project("out", jnp.swapaxes(mixed[:, :, 0], 0, 1).reshape(x.shape))


class EncoderLayer(nn.Module):
    """Attention and a map of every frame, each on normalised frames and added to them."""

    config: CARLConfig

    @nn.compact
    def __call__(self, x: Frames, mask: FrameMask, dropout_rng: Seeds | None = None) -> Frames:
        config, dim = self.config, x.shape[-1]
        y = LayerNorm(name="norm_attention")(x)
        y = SelfAttention(dim, config.num_heads, config.dtype, name="attention")(y, mask)
        x = x + Dropout(config.dropout_rate, name="dropout_attention")(y, dropout_rng)
        y, bound = LayerNorm(name="norm_feed_forward")(x), _xavier(dim, config.ff_dim)
        y = jax.nn.relu(Dense(config.ff_dim, config.dtype, kernel_bound=bound, name="inner")(y))
        y = Dense(dim, config.dtype, kernel_bound=bound, name="outer")(y)
        return x + Dropout(config.dropout_rate, name="dropout_feed_forward")(y, dropout_rng)


class TransformerEmbedder(nn.Module):
    """The largest pixel of a frame, then a transformer over all frames of the clip."""

    config: CARLConfig

    @nn.compact
    def __call__(
        self,
        x: Float[Array, "B T H W C"],
        mask: FrameMask,
        lengths: Int[Array, " B"],
        batch: Batch | None,
        dropout_rng: Seeds | None = None,
        inert_shift: bool = False,
    ) -> Embeddings:
        """Frames outside `mask` are attended to by none; S = `lengths` of the T frames are stretched over the clip.

        `inert_shift`: what follows takes a constant off that is added to all embeddings, see `Dense.inert_bias`.
        """
        config = self.config
        y = largest_pixel(x.reshape(*x.shape[:2], -1, x.shape[-1]))
        for index, dim in enumerate(config.fc_dims):
            y = Dropout(config.dropout_rate, name=f"dropout_{index}")(y, dropout_rng)
            # The normalisation takes the bias off again.
            y = Dense(dim, config.dtype, inert_bias=batch is not None, name=f"fc_{index}")(y)
            y = jax.nn.relu(BatchNorm(dim, name=f"norm_{index}")(y, batch))
        y = Dense(config.hidden_dim, config.dtype, name="input")(y)
        y = y + stretched_positions(lengths, y.shape[1], config.num_frames, config.hidden_dim)
        y = Dropout(config.dropout_rate, name="dropout")(y, dropout_rng)
        for index in range(config.num_layers):
            y = EncoderLayer(config, name=f"layer_{index}")(y, mask, dropout_rng)
        return Dense(config.embedding_dim, config.dtype, inert_bias=inert_shift, name="output")(y)


class Conv3D(nn.Module):
    """Convolution of 3 x 3 x 3, zeros beyond the images in time and nothing beyond their edges."""

    features: int
    dtype: str = "float32"

    @nn.compact
    def __call__(self, x: Float[Array, "N K H W C"]) -> Float[Array, "N K H_out W_out E"]:
        shape = (3, 3, 3, x.shape[-1], self.features)
        init = uniform(1.0 / math.sqrt(math.prod(shape[:-1])))
        kernel, bias = self.param("kernel", init, shape), self.param("bias", init, shape[-1:])
        x, kernel = jnp.asarray(x, self.dtype), kernel.astype(self.dtype)
        layout = ("NDHWC", "DHWIO", "NDHWC")
        padding = [(1, 1), (0, 0), (0, 0)]
        y = jax.lax.conv_general_dilated(x, kernel, (1, 1, 1), padding, dimension_numbers=layout)
        return y.astype(jnp.float32) + bias


class ContextEmbedder(nn.Module):
    """An embedding of every frame by itself and the images before it: "conv" with convolutions, "vanilla" without."""

    config: CARLConfig

    @nn.compact
    def __call__(
        self, x: Float[Array, "B T K H W C"], batch: Batch | None, dropout_rng: Seeds | None = None
    ) -> Embeddings:
        """Maps the feature maps of the K images of every frame.

        Raises UserError where convolutions leave no pixel of them.
        """
        config, clips = self.config, x.shape[:2]
        taken = 2 * len(config.conv_dims) if config.embedder == "conv" else 0
        if min(x.shape[3:5]) <= taken:
            found = f"The feature maps of the frames have {x.shape[3]} x {x.shape[4]} pixels"
            raise UserError(f"{found}, and the convolutions take {taken} off; give larger frames (published: 224).")
        for index, dim in enumerate(config.conv_dims if config.embedder == "conv" else ()):
            y = Conv3D(dim, config.dtype, name=f"conv_{index}")(x.reshape(-1, *x.shape[2:]))
            x = jax.nn.relu(BatchNorm(dim, name=f"conv_norm_{index}")(y.reshape(*clips, *y.shape[1:]), batch))
        y = largest_pixel(x.reshape(*clips, -1, x.shape[-1]))
        for index, dim in enumerate(config.fc_dims):
            y = Dropout(config.dropout_rate, name=f"dropout_{index}")(y, dropout_rng)
            y = jax.nn.relu(Dense(dim, config.dtype, name=f"fc_{index}")(y))
        return Dense(config.embedding_dim, config.dtype, name="output")(y)
