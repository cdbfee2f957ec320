"""A tiny CARL task with batches of random clips."""

import dataclasses

import numpy as np

from fact_jax.models.carl.objective import CARLLossConfig
from fact_jax.tasks.representation.carl import CARLTask
from fact_jax.types import Batch
from tests.models.carl_cases import TINY, tiny_variables

SIZE = 32


def tiny_task(loss=None, **model):
    """A CARLTask of a few channels and layers."""
    small = {"stage_blocks": (1, 1, 1, 1), "num_layers": 1} | model
    return CARLTask(dataclasses.replace(TINY, **small), CARLLossConfig(**(loss or {})))


def clips(num_videos, num_rows, *, num_views=2, num_steps=TINY.num_frames):
    """A training Batch of the first of eight random videos, whose clips lack 0 to 2 frames; then rows of padding."""
    rng = np.random.default_rng(0)
    length = rng.integers(num_steps, 2 * num_steps, 8)
    steps = np.sort(rng.integers(0, length[:, None, None], (8, num_views, num_steps)), axis=-1)
    kept = num_steps - np.arange(8)[:, None, None] % 3
    arrays = {
        "frames": np.float32(rng.normal(size=(8, num_views * num_steps, SIZE, SIZE, 3))),
        "steps": np.int32(steps),
        "mask": np.broadcast_to(np.arange(num_steps) < kept, steps.shape),
        "labels": np.int32(rng.integers(-1, 3, steps.shape)),
        "length": np.int32(length),
        "group": np.zeros(8, np.int32),
    }
    exists = np.arange(num_rows) < num_videos
    arrays = {name: array[:num_rows] * exists.reshape(-1, *[1] * (array.ndim - 1)) for name, array in arrays.items()}
    arrays = {name: array.astype(np.int32) if array.dtype == np.int64 else array for name, array in arrays.items()}
    arrays |= {"video_mask": exists, "row": np.arange(num_rows, dtype=np.int32)}
    names = [f"v{row}" if row < num_videos else "" for row in range(num_rows)]
    return Batch(arrays, names, range(num_rows), heavy=("frames",))


def started(task):
    """{"params", "state"} of random numbers."""
    variables = tiny_variables(task.model)
    return {"params": variables["params"], "state": {"batch_stats": variables["batch_stats"]}}
