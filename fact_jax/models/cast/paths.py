"""Which additions of adapters and exchange a training step leaves out."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from fact_jax.models.cast.config import CASTConfig
from fact_jax.ops import dropout_rng as random
from fact_jax.ops.arrays import Array, Seeds

SpaceFactor = Float[Array, "*depth B tokens"]  # tokens: 1 + P, or 1 for all of them
TimeFactor = Float[Array, "*depth B 1"]


class Paths(NamedTuple):
    """Factors on additions, of all blocks or of one: 0 leaves it out, 1 / (1 - rate) keeps it.

    Attributes:
      cross_s, cross_t: on what the experts exchange; of a single expert on what its attention adds.
      mlp_adapter_s, mlp_adapter_t: on the adapters beside the feed-forward layers; without any, on these layers.
    """

    cross_s: SpaceFactor
    cross_t: TimeFactor
    mlp_adapter_s: SpaceFactor
    mlp_adapter_t: TimeFactor


def rates(config: CASTConfig) -> Float[np.ndarray, " depth"]:
    """Probability of every block, rising from 0."""
    return np.linspace(0.0, config.drop_path, config.num_layers)


def draw_paths(config: CASTConfig, seeds: Seeds | None) -> Paths | None:
    """Draws the factors of every clip by its own seeds, so that no clip depends on those beside it.

    Published, one draw of tokens serves all clips of a batch; for every clip by itself the distribution is the same.
    None where nothing is left out.
    """
    if seeds is None or config.drop_path == 0.0:
        return None
    tokens = 1 + config.num_patches if config.drop_path_axis == "token" else 1
    keep_rates = 1.0 - rates(config)
    least = jnp.asarray(np.round((1.0 - keep_rates) * 2**32).clip(max=2**32 - 1).astype(np.uint32))

    def draw(site, count):
        shape = (len(seeds), config.num_layers, count)
        bits = jnp.swapaxes(random.random_bits(seeds, random.salt(("paths", site)), shape), 0, 1)
        factor = 1.0 / jnp.asarray(keep_rates, jnp.float32)
        return jnp.where(bits >= least[:, None, None], factor[:, None, None], 0.0)

    counts = {"cross_s": tokens, "cross_t": 1, "mlp_adapter_s": tokens, "mlp_adapter_t": 1}
    return Paths(**{site: draw(site, count) for site, count in counts.items()})


def kept_paths(x: Float[Array, "B F L D"], factor: Float[Array, "B tokens"] | None) -> Float[Array, "B F L D"]:
    """An addition by its factor, None in evaluation."""
    return x if factor is None else x * factor[:, None, :, None]


def dropped(x: Float[Array, "B ..."], rate: float, seeds: Seeds | None, site: str) -> Float[Array, "B ..."]:
    """Dropout as of `fact_jax.layers.dropout`, outside of a module."""
    if rate == 0.0 or seeds is None:
        return x
    keep = random.random_keep(seeds, random.salt(("dropout", site)), x.shape, rate)
    return jnp.where(keep, x / (1.0 - rate), 0.0)


def block_seeds(seeds: Seeds | None, index: jax.Array) -> Seeds | None:
    """Seeds of the dropout of a block."""
    return None if seeds is None else random.fold(seeds, index)
