"""Attention of every frame to the frames around it: the work grows with T, never with T squared."""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from fact_jax.layers.linear import product
from fact_jax.ops.arrays import Array
from fact_jax.ops.masks import FrameMask, masked_softmax
from fact_jax.ops.windows import cut, join, with_neighbours

# Frames that share one product with the keys around them. A multiple of a band wastes little of it: with blocks as
# short as the band half of the products would be.
QUERIES = 64


def band_attention(
    query: Float[Array, "B T H head"],
    key: Float[Array, "B T H head"],
    value: Float[Array, "B T H head"],
    mask: FrameMask,
    reach: int,
    distances: Float[Array, "H band"] | None = None,
    dtype: str = "float32",
) -> Float[Array, "B T H head"]:
    """Softmax attention of frame i to the valid frames i - reach to i + reach.

    Args:
      query: scaled.
      key, value: of the same frames.
      mask: frames that may be attended to.
      reach: frames to either side, >= 0.
      distances: added to the logits of the 2 * reach + 1 keys at i - reach, ..., i + reach; None: nothing.
      dtype: of the products.

    Returns:
      zero for a frame with no valid one around it.

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
