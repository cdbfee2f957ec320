"""Evaluation of checkpoints, apart from the training loop: parameters alone are read."""

from collections.abc import Mapping, Sequence

import jax

from fact_jax.runtime import devices as device_layout
from fact_jax.runtime.signals import StopRequest
from fact_jax.tasks.base import Evaluation, Task
from fact_jax.training import evaluator
from fact_jax.training.checkpoints.manager import Checkpoints
from fact_jax.training.checkpoints.weights import read_weights
from fact_jax.training.logging import writers
from fact_jax.training.steps import EvalStep


def evaluate_checkpoint(
    task: Task,
    config,
    checkpoints: Checkpoints,
    step: int,
    eval_batches: Mapping[str, Sequence],
    *,
    eval_step: EvalStep,
    devices: Sequence[jax.Device],
    console: writers.Console,
    stop: StopRequest,
) -> dict[str, Evaluation] | None:
    """Returns the filled evaluation of every evaluation set at one checkpoint, or None if asked to stop.

    Args:
      task: whose checkpoint it is.
      config: of the run.
      checkpoints: of the run.
      step: which checkpoint.
      eval_batches: name of the set -> its batches.
      eval_step: compiled prediction.
      devices: where to run, of all processes.
      console: shows progress.
      stop: asked before every batch.

    Raises:
      CheckpointError: the checkpoint cannot be used.
    """
    first = next(iter(next(iter(eval_batches.values()))))
    weights = read_weights(task, config, checkpoints, step, first.arrays)
    composed = eval_step.compose(device_layout.replicate(weights.params, devices))
    state = device_layout.replicate(weights.state, devices)
    evaluated = {}
    for name, batches in eval_batches.items():
        console.begin(f"evaluate {name}", len(batches))
        evaluated[name] = evaluator.evaluate(
            task, eval_step, composed, state, batches, progress=console.progress, should_stop=stop.poll
        )
        console.end()
        if evaluated[name] is None:
            console.say(f"stopped by {stop.name} during an evaluation. Run the same command again to repeat it.")
            return None
    return evaluated


def compare_with_stored(evaluated: Mapping[str, Evaluation], meta: Mapping) -> tuple[bool, str]:
    """Compares an evaluation with the metrics that training stored with the checkpoint.

    Returns:
      (equal, text): equal to the last bit, and a line that says so; or a text with every metric that differs. A
      checkpoint that training did not evaluate gives (True, "").
    """
    stored, split = meta["metrics"], meta["split"]
    if not stored or split not in evaluated:
        return True, ""
    found = {name: writers.to_json_value(value) for name, value in evaluated[split].metrics().items()}
    where = f"the {split} metrics that training stored with step {meta['step']}"
    if found == stored:
        return True, f"the same, to the last digit, as {where}"
    lines = [
        f"  {name}: {stored.get(name)} then, {found.get(name)} now"
        for name in sorted(found | stored)
        if stored.get(name) != found.get(name)
    ]
    return False, "\n".join([f"warning: not equal to {where}:", *lines])
