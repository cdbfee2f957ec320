"""Attention within windows over time: the work grows with T, never with T squared."""

import math

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from fact_jax.layers.linear import Dense, product, zero_padding
from fact_jax.ops.arrays import Array, FrameMask, Frames
from fact_jax.ops.key_attention import key_attention
from fact_jax.ops.masks import masked_softmax
from fact_jax.ops.relu import relu
from fact_jax.ops.windows import cut, join, with_neighbours

# Frames that share one product with the keys around them. A multiple of a band wastes little of it: with blocks as
# short as the band half of the products would be.
QUERIES = 64
# Added to a logit, it leaves a weight of exactly 0 beside any key without it.
MASKED = -1e9


class BlockAttention(nn.Module):
    """Every frame attends to the frames of its own window; one head (published `sliding_att` of FAFormer).

    Windows of `size` frames are counted from frame 0 and do not overlap, so their bounds do not depend on padding. The
    mixed values, of `dim` channels as queries and keys, pass a ReLU and an affine map back to those of the input.
    """

    dim: int
    size: int
    dtype: str = "float32"

    @nn.compact
    def __call__(self, x: Frames, mask: FrameMask) -> Frames:
        """Frames outside `mask` are attended to by no frame."""
        value = Dense(self.dim, self.dtype, name="value")(x)
        query = Dense(self.dim, self.dtype, name="query")
        # The bias of the keys adds one number to all logits of a query.
        key = Dense(self.dim, self.dtype, inert_bias=True, name="key")
        if self.size == 1:
            _make_weights(query, key, x)
            mixed = value
        else:
            q, k, v, valid = (cut(part, self.size) for part in (query(x), key(x), value, mask))
            mixed = join(self._mixed(q / math.sqrt(self.dim), k, v, valid), x.shape[1])
        return Dense(x.shape[-1], self.dtype, name="out")(relu(mixed))

    def _mixed(self, query, key, value, valid):
        if self.dtype == "float32":
            return key_attention(query, key, value, jnp.where(valid, 0.0, MASKED), valid)
        logits = product("bwqc,bwkc->bwqk", query, key, self.dtype)
        return product("bwqk,bwkc->bwqc", masked_softmax(logits, valid[:, :, None, :]), value, self.dtype)


class SlidingAttention(nn.Module):
    """Every frame attends to its window and half a window to either side; one head (published in ASFormer).

    As published, what may not be attended to is a key of 0 with a logit lowered by log(1e-6): it takes a share of about
    1e-6 each of the weights, which are cut afterwards.

    Attributes:
      dim, value_dim: channels of queries and keys, and of values (None: as many).
      size: frames of a window.
      banded: query i of a window sees the keys i to i + size - 1 of the 2 size around it. The released code means this
        and lets every query see all but the last key, which its weights are trained with.
    """

    dim: int
    size: int
    banded: bool = False
    dtype: str = "float32"
    value_dim: int | None = None

    @nn.compact
    def __call__(self, x: Frames, source: Float[Array, "B T h"], mask: FrameMask) -> Frames:
        """Makes queries and keys of `x` and values of `source`; the output is zero outside `mask`."""
        value = Dense(self.value_dim or self.dim, self.dtype, name="value")(source)
        query = Dense(self.dim, self.dtype, name="query")
        # The bias of the keys adds one number to the logits of all keys but those with a share of 1e-6.
        key = Dense(self.dim, self.dtype, inert_bias=True, name="key")
        if self.size == 1:
            _make_weights(query, key, x)
            mixed = value
        else:
            mixed = join(self._mixed(*self._windows(query(x), key(x), value, mask)), x.shape[1])
        return zero_padding(Dense(x.shape[-1], self.dtype, name="out")(relu(mixed)), mask)

    def _windows(self, query, key, value, mask):
        """(queries, keys, values, which of the keys may be attended to: bool [B, W, 1 or L, keys]) of all windows."""
        query = cut(query, self.size) / math.sqrt(self.dim)
        key, value = (with_neighbours(cut(zero_padding(part, mask), self.size)) for part in (key, value))
        offset = np.arange(key.shape[2])[None] - np.arange(self.size)[:, None]
        seen = (offset >= 0) & (offset < self.size)
        # As released, all queries of a window see what one of them sees.
        seen = seen if self.banded else seen.any(axis=0, keepdims=True)
        return query, key, value, with_neighbours(cut(mask, self.size))[:, :, None, :] & seen

    def _mixed(self, query, key, value, allowed):
        """What every frame of a window takes of the values, [B, W, L, value_dim]."""
        lowered = jnp.log(allowed + np.float32(1e-6))
        if allowed.shape[2] == 1 and self.dtype == "float32":
            return key_attention(query, key, value, lowered[:, :, 0], allowed[:, :, 0])
        weights = jax.nn.softmax(product("bwqc,bwkc->bwqk", query, key, self.dtype) + lowered) * allowed
        return product("bwqk,bwkc->bwqc", weights, value, self.dtype)


def _make_weights(query, key, x):
    """Makes the parameters of queries and keys where one key alone has the weight 1, so that they have no effect."""
    query.weights(x.shape[-1])
    key.weights(x.shape[-1])


def band_attention(
    query: Float[Array, "B T H head"],
    key: Float[Array, "B T H head"],
    value: Float[Array, "B T H head"],
    mask: FrameMask,
    reach: int,
    distances: Float[Array, "H band"] | None = None,
    dtype: str = "float32",
) -> Float[Array, "B T H head"]:
    """Softmax attention of frame i to the valid frames i - reach to i + reach; zero where there is none.

    `query` is scaled; `distances` are added to the logits of the 2 * reach + 1 keys at i - reach, ..., i + reach.

    Deviation: the published code lowers the logits of masked keys by 1e4 and cuts the rows of masked queries. Beside a
    valid key, which every valid query has in itself, that is a weight of exactly 0, too.
    """
    num_frames = query.shape[1]
    near = min(reach, num_frames - 1)
    size = max(min(QUERIES, num_frames), near)
    q = cut(query, size)
    k, v, valid = (with_neighbours(cut(part, size), near) for part in (key, value, mask))
    logits = product("bwqhe,bwkhe->bwhqk", q, k, dtype)
    # Column of a key less row of a query, from -size to size + 2 * near; between 0 and 2 * near it is in the band.
    offset = np.arange(k.shape[2])[None] - np.arange(size)[:, None]
    if distances is not None:
        logits = logits + distances[:, np.clip(offset + reach - near, 0, 2 * reach)]
    seen = valid[:, :, None, None, :] & jnp.asarray((offset >= 0) & (offset <= 2 * near))
    return join(product("bwhqk,bwkhe->bwqhe", masked_softmax(logits, seen), v, dtype), num_frames)
