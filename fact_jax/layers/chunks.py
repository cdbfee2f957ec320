"""Layers that see a clip chunk by chunk, and are computed anew for the gradient: the memory of one chunk is enough."""

from collections.abc import Callable, Sequence

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Float

from fact_jax.layers.batch_norm import STATISTICS
from fact_jax.ops.arrays import Array

# Of a layer and a part of its input [B, t, ...].
Layer = tuple[nn.Module, Callable[[nn.Module, Array], Array]]


def in_chunks(layers: Sequence[Layer], x: Float[Array, "B T *inner"], chunk: int) -> Float[Array, "B T *outer"]:
    """What layers give one after the other, each of them for every chunk of time as if it were all.

    Between forward and backward there are the inputs of the layers alone; all the rest is there for one layer and one
    chunk at a time. A layer is a loop of its own: XLA keeps the order of loops, where it would compute anew all layers
    of a chunk before the gradient of the last one.

    Args:
      layers: (module, function of it and of a part of its input) each; the size of the other axes may change.
      x: the clips.
      chunk: steps of a chunk, the last one may have fewer. Running statistics go from chunk to chunk, in the order of
        time.
    """
    count = x.shape[1] // chunk
    if x.shape[1] <= chunk:
        for module, function in layers:
            x = function(module, x)
        return x
    # The first layer cuts out its part itself: in another order of the axes, the clips would be there twice.
    parts, rest = jnp.arange(count), x[:, count * chunk :]
    for number, (module, function) in enumerate(layers):

        def run(module, carry, part, function=function, is_first=number == 0):
            if is_first:
                part = jax.lax.dynamic_slice_in_dim(x, part * chunk, chunk, axis=1)
            return carry, function(module, part)

        anew = nn.remat(run, prevent_cse=False)
        scan = nn.scan(anew, variable_broadcast="params", variable_carry=STATISTICS, split_rngs={})
        _, parts = scan(module, None, parts)
        rest = function(module, rest) if rest.shape[1] else rest
    joined = jnp.moveaxis(parts, 0, 1).reshape(len(x), count * chunk, *parts.shape[3:])
    return jnp.concatenate([joined, rest], axis=1) if rest.shape[1] else joined
