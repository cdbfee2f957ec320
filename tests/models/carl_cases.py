"""A CARL network that is computed in no time."""

import functools

import jax
import numpy as np

from fact_jax.models.carl.config import CARLConfig
from fact_jax.models.carl.network import initial_variables

TINY = CARLConfig(
    stem_dim=4,
    stage_dims=(2, 3, 5, 7),
    stage_blocks=(1, 1, 2, 1),
    chunk_frames=4,
    fc_dims=(8, 8),
    hidden_dim=12,
    ff_dim=16,
    num_heads=3,
    num_layers=2,
    embedding_dim=6,
    projection_dim=5,
    num_frames=6,
)


def tiny_frames(num_clips, num_frames, size=32):
    """Random normalised frames [B, T, size, size, 3]."""
    return np.random.default_rng(0).normal(size=(num_clips, num_frames, size, size, 3)).astype(np.float32)


@functools.cache
def tiny_variables(config):
    """Random variables of a network with such settings; the running statistics are not those of a start."""
    frames = jax.ShapeDtypeStruct((1, 2 * config.num_contexts, 96, 96, 3), np.float32)
    shapes = jax.eval_shape(lambda key: initial_variables(config, key, frames), jax.random.key(0))
    rng = np.random.default_rng(1)

    def draw(path, leaf):
        name, width = path[-1].key, np.prod(leaf.shape[:-1], dtype=int)
        values = rng.uniform(-1.7, 1.7, leaf.shape) / np.sqrt(width if leaf.ndim > 1 else 64)
        return np.float32(values + (name in ("variance", "scale")))

    return jax.tree.map_with_path(draw, shapes)
