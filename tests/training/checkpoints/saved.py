"""Checkpoints for tests: what is in them, and how one is damaged."""

import numpy as np
import optax


def make_items(step):
    params = {"dense": {"kernel": np.full((2, 3), step, np.float32), "bias": np.arange(3, dtype=np.float32)}}
    stages = optax.scale_by_adam(), optax.trace(0.9), optax.scale_by_schedule(lambda count: 0.1)
    opt_state = optax.chain(*stages).init(params)
    return {"params": params, "opt_state": opt_state, "state": {"count": np.int32(step).reshape(())}}


def save(checkpoints, step, value, **items):
    metrics = {} if value is None else {"Acc": value}
    best = {"step": 0, "value": None}
    checkpoints.save(make_items(step) | items, {"step": step, "metrics": metrics, "value": value, "best": best})


def damage(folder, step, item="params"):
    """Flips one bit of the largest data file of an item."""
    files = (folder / str(step) / item / "d").iterdir()
    path = max(files, key=lambda path: path.stat().st_size)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))
