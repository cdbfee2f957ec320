"""Attention within windows over time: the work grows with T, never with T squared."""

import math

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from fact_jax.layers.linear import Dense, product, zero_padding
from fact_jax.ops.arrays import Array
from fact_jax.ops.masks import FrameMask, masked_softmax
from fact_jax.ops.windows import cut, join, with_neighbours


class BlockAttention(nn.Module):
    """Every frame attends to the frames of its own window; one head (published `sliding_att` of FAFormer).

    Windows are counted from frame 0 and do not overlap, so their bounds do not depend on padding. The mixed values pass
    a ReLU and an affine map back to the channels of the input.

    Attributes:
      dim: channels of queries, keys and values.
      size: frames of a window.
      dtype: of the products.
    """

    dim: int
    size: int
    dtype: str = "float32"

    @nn.compact
    def __call__(self, x: Float[Array, "B T D"], mask: FrameMask) -> Float[Array, "B T D"]:
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
            logits = product("bwqc,bwkc->bwqk", q / math.sqrt(self.dim), k, self.dtype)
            weights = masked_softmax(logits, valid[:, :, None, :])
            mixed = join(product("bwqk,bwkc->bwqc", weights, v, self.dtype), x.shape[1])
        return Dense(x.shape[-1], self.dtype, name="out")(jax.nn.relu(mixed))


class SlidingAttention(nn.Module):
    """Every frame attends to its window and half a window to either side; one head (published in ASFormer).

    As published, what may not be attended to is a key of 0 with a logit lowered by log(1e-6): it takes a share of about
    1e-6 each of the weights, which are cut afterwards.

    Attributes:
      dim: channels of queries and keys.
      size: frames of a window.
      banded: query i of a window sees the keys i to i + size - 1 of the 2 size around it. The released code means this
        and lets every query see all but the last key, which its weights are trained with.
      dtype: of the products.
      value_dim: channels of values; None: as many as `dim`.
    """

    dim: int
    size: int
    banded: bool = False
    dtype: str = "float32"
    value_dim: int | None = None

    @nn.compact
    def __call__(
        self, x: Float[Array, "B T D"], source: Float[Array, "B T h"], mask: FrameMask
    ) -> Float[Array, "B T D"]:
        """Makes queries and keys of `x` and values of `source`; the output is zero outside `mask`."""
        value = Dense(self.value_dim or self.dim, self.dtype, name="value")(source)
        query = Dense(self.dim, self.dtype, name="query")
        # The bias of the keys adds one number to the logits of all keys but those with a share of 1e-6.
        key = Dense(self.dim, self.dtype, inert_bias=True, name="key")
        if self.size == 1:
            _make_weights(query, key, x)
            mixed = value
        else:
            q = cut(query(x), self.size) / math.sqrt(self.dim)
            k, v = (with_neighbours(cut(zero_padding(part, mask), self.size)) for part in (key(x), value))
            valid = with_neighbours(cut(mask, self.size))
            mixed = join(product("bwqk,bwkc->bwqc", self._weights(q, k, valid), v, self.dtype), x.shape[1])
        return zero_padding(Dense(x.shape[-1], self.dtype, name="out")(jax.nn.relu(mixed)), mask)

    def _weights(self, query, key, valid):
        """What every frame of a window takes of its keys, [B, W, L, num_keys]."""
        allowed = (valid[:, :, None, :] & self._seen(key.shape[2])).astype(jnp.float32)
        logits = product("bwqc,bwkc->bwqk", query, key, self.dtype) + jnp.log(allowed + 1e-6)
        return jax.nn.softmax(logits) * allowed

    def _seen(self, num_keys):
        """Which keys of its surroundings a query sees: bool [L, num_keys]."""
        offset = np.arange(num_keys)[None] - np.arange(self.size)[:, None]
        band = (offset >= 0) & (offset < self.size)
        return band if self.banded else np.broadcast_to(band.any(axis=0), band.shape)


def _make_weights(query, key, x):
    """Makes the parameters of queries and keys where one key alone has the weight 1, so that they have no effect."""
    query.weights(x.shape[-1])
    key.weights(x.shape[-1])
