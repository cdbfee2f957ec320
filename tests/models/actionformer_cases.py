"""A tiny ActionFormer, its task and batches for tests."""

import jax
import numpy as np

from fact_jax.models.actionformer.candidates import CandidateConfig
from fact_jax.models.actionformer.config import ActionFormerConfig
from fact_jax.models.actionformer.objective import ActionFormerLossConfig
from fact_jax.tasks.localization.actionformer import ActionFormerTask

FEATURE_DIM, NUM_CLASSES, FRAMES = 5, 3, 16


def tiny_config(**changes):
    """Three levels of eight channels; windows of five frames, and all on the last level."""
    settings = {
        "num_classes": NUM_CLASSES,
        "max_frames": FRAMES,
        "embedding_layers": 1,
        "stem_layers": 1,
        "branch_layers": 2,
        "dim": 8,
        "num_heads": 2,
        "window_sizes": (5, 5, -1),
        "absolute_positions": True,
        "neck_dim": 8,
        "head_dim": 8,
        "head_layers": 2,
        "regression_ranges": ((0, 3), (2, 6), (5, 1000)),
        "drop_path_rate": 0.2,
    }
    return ActionFormerConfig(**(settings | changes))


def tiny_task(loss=None, **changes):
    """A task of that network."""
    config = tiny_config(**changes)
    return ActionFormerTask(
        config, loss or ActionFormerLossConfig(first_normalizer=7.0), CandidateConfig(0.0, 10, 0.01)
    )


def tiny_params(task, seed=0):
    """Parameters of a size at which every part of the network shows."""
    example = {"features": jax.ShapeDtypeStruct((1, FRAMES, FEATURE_DIM), np.float32)}
    shapes = jax.eval_shape(lambda key: task.init(key, example), jax.random.key(0))["params"]
    leaves, structure = jax.tree.flatten(shapes)
    rng = np.random.default_rng(seed)
    values = [(0.4 * rng.normal(size=leaf.shape) + (leaf.ndim < 2) * 0.3).astype(np.float32) for leaf in leaves]
    return jax.tree.unflatten(structure, values)


def make_batch(lengths, *, rows=None, frames=FRAMES, seed=0, garbage=0.0):
    """A batch of videos with so many frames, each with its own features and instances; the other rows are padding."""
    rows = rows or len(lengths)
    batch = {
        "features": np.full((rows, frames, FEATURE_DIM), garbage, np.float32),
        "mask": np.zeros((rows, frames), bool),
        "segments": np.full((rows, 4, 2), garbage, np.float32),
        "segment_labels": np.zeros((rows, 4), np.int32),
        "segment_mask": np.zeros((rows, 4), bool),
        "video_mask": np.arange(rows) < len(lengths),
        "row": np.arange(rows, dtype=np.int32),
    }
    for row, length in enumerate(lengths):
        rng = np.random.default_rng([seed, row])
        count = int(rng.integers(1, 4))
        batch["features"][row, :length] = rng.normal(size=(length, FEATURE_DIM))
        batch["mask"][row, :length] = True
        starts = rng.uniform(0, length - 2, count)
        batch["segments"][row, :count] = np.stack([starts, starts + rng.uniform(1.5, length / 2, count)], -1)
        batch["segment_labels"][row, :count] = rng.integers(0, NUM_CLASSES, count)
        batch["segment_mask"][row, :count] = True
    return batch
