"""Weights of a checkpoint for everything but training: which checkpoint, and the parameters alone out of it."""

import contextlib
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax

from fact_jax.tasks.base import Task
from fact_jax.training.checkpoints.manager import CheckpointError, Checkpoints
from fact_jax.training.state import merged, trained_part
from fact_jax.types import UserError


class Weights(NamedTuple):
    """What a prediction needs of a checkpoint, and its metadata."""

    params: Any  # averaged parameters if the run averages them, else the parameters; NumPy arrays
    state: Any  # mutable collections, {} if there are none
    item: str  # "ema" or "params"
    meta: dict[str, Any]


def variable_shapes(task: Task, arrays: Mapping[str, Any]):
    """Shapes and types of what `task.init` gives for a batch with these arrays, without computing any."""
    return jax.eval_shape(lambda key: task.init(key, arrays), jax.random.key(0))


def choose_step(checkpoints: Checkpoints, step: int | None, say: Callable[[str], None]) -> int:
    """Returns `step`; or, for None, the best evaluated one, or the latest where none was evaluated after a step.

    Raises UserError if there is no such checkpoint, or the best one cannot be read.
    """
    steps = checkpoints.steps()
    if step is not None:
        if step not in steps:
            listed = ", ".join(map(str, steps)) or "none"
            raise UserError(f"step {step}: there is no such checkpoint in {checkpoints.folder}. Steps: {listed}.")
        return step
    if not steps:
        raise UserError(f"{checkpoints.folder} has no checkpoint yet.")
    try:
        best = checkpoints.best_step(say)
    except CheckpointError as error:
        raise UserError(f"{error}. {others(checkpoints)}") from error
    if best is None:
        say(f"no checkpoint in {checkpoints.folder} was evaluated after a step; taking the latest, step {steps[-1]}")
        return steps[-1]
    return best


def others(checkpoints: Checkpoints, step: int | None = None) -> str:
    """A sentence that names the checkpoints whose metadata can be read, apart from `step`."""
    steps = []
    for found in checkpoints.steps():
        with contextlib.suppress(CheckpointError):
            steps += [found] if checkpoints.meta(found) and found != step else []
    if not steps:
        return f"No other one in {checkpoints.folder} can be used."
    return f"--step takes another one of {checkpoints.folder}: {', '.join(map(str, steps))}."


def read_weights(task: Task, config, checkpoints: Checkpoints, step: int, arrays: Mapping[str, Any]) -> Weights:
    """Reads and verifies the weights of a step; `arrays` of a batch, or their shapes, are what `task.init` looks at.

    Raises CheckpointError if the checkpoint cannot be used.
    """
    shapes = variable_shapes(task, arrays)
    item = "ema" if config.optimizer.ema_decay > 0 else "params"
    params = shapes["params"]
    targets = {item: params}
    if item == "ema":
        targets["ema"] = trained_part(params, task.learning_rate_scales(params))
        if jax.tree.structure(targets["ema"]) != jax.tree.structure(params):
            targets["params"] = params  # has those that the average leaves out
    if jax.tree.leaves(shapes["state"]):
        targets["state"] = shapes["state"]
    items, meta = checkpoints.restore(step, targets)
    found = merged(items["params"], items["ema"]) if len(items.keys() & {"params", "ema"}) == 2 else items[item]
    return Weights(found, items.get("state", shapes["state"]), item, meta)
