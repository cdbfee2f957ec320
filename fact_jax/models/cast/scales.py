"""What of CAST is trained, how fast, and what decays."""

import jax.numpy as jnp
import numpy as np
from flax.traverse_util import path_aware_map

from fact_jax.models.cast.config import CASTConfig

EXPERTS = ("clip", "videomae")
# In a group of parameters that has one entry for every block.
STACKED = ("adapters", "exchange")
# Tables that do not decay, though they are no vectors: positions of the exchange.
TABLES = ("query_positions", "key_positions")


def is_stacked(path: tuple[str, ...]) -> bool:
    """Whether the first axis of a parameter is that of the blocks."""
    return path[0] in STACKED or (path[0] in EXPERTS and path[1] == "blocks")


def trained(config: CASTConfig, params):
    """A tree like `params`: 1.0 for what is trained, 0.0 for what is not, for `Task.learning_rate_scales`."""

    def scale(path, _):
        return float(config.train_experts or path[0] not in EXPERTS or "norm_post" in path)

    return path_aware_map(scale, params)


def layer_scales(config: CASTConfig, params, layer_decay: float):
    """A tree like `params`: factors on the learning rate, 0.0 for what is not trained.

    A block has `layer_decay` times the rate of the next one, the last one that of what follows the blocks, embeddings
    that of the first one. Those of parameters with an entry for every block are float32 [blocks, 1, ...].
    """
    depth = config.num_layers
    of_layers = np.float64(layer_decay) ** np.arange(depth + 1, -1, -1)  # embeddings, blocks, the rest

    def scale(path, leaf, is_trained):
        if not is_trained:
            return 0.0
        if is_stacked(path):
            return of_layers[1:-1].astype(np.float32).reshape(depth, *(1,) * (jnp.ndim(leaf) - 1))
        return float(of_layers[0] if path[0] in EXPERTS and "norm_post" not in path else 1.0)

    flags = trained(config, params)
    return path_aware_map(lambda path, leaf: scale(path, leaf, _at(flags, path)), params)


def decays(config: CASTConfig, params):
    """A tree like `params`: whether weight decay applies: to matrices, but for the positions of the exchange."""
    del config

    def does(path, leaf):
        axes = jnp.ndim(leaf) - is_stacked(path)
        return axes > 1 and path[-1] not in TABLES

    return path_aware_map(does, params)


def _at(tree, path):
    for name in path:
        tree = tree[name]
    return tree
