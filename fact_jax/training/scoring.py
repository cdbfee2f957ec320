"""Evaluation of checkpoints, apart from the training loop: parameters alone are read."""

from collections.abc import Mapping, Sequence

from fact_jax.runtime import devices as device_layout
from fact_jax.tasks.base import Evaluation
from fact_jax.training.checkpoints.manager import Checkpoints
from fact_jax.training.checkpoints.weights import read_weights
from fact_jax.training.evaluator import Evaluator
from fact_jax.training.feed import iterating
from fact_jax.training.logging import writers
from fact_jax.training.loop import Setup


def evaluate_checkpoint(
    setup: Setup, checkpoints: Checkpoints, step: int, evaluators: Sequence[Evaluator]
) -> dict[str, Evaluation] | None:
    """Returns the filled evaluation of every evaluator by its name, at one checkpoint, or None if asked to stop.

    Raises CheckpointError if it cannot be used, NonFiniteScores if it gives no numbers. `evaluators` are some of the
    run's, at least one.
    """
    with iterating(next(iter(evaluators[0].sets.values()))) as batches:
        weights = read_weights(setup.task, setup.config, checkpoints, step, next(batches).arrays)
    params, state = device_layout.replicate((weights.params, weights.state), setup.devices)
    for evaluator in evaluators:
        setup.eval_step.foresee(params, state, evaluator.outlines())
    try:
        return _evaluate(setup, evaluators, step, setup.eval_step.compose(params), state)
    finally:
        setup.eval_step.programs.background.forget()


def _evaluate(setup, evaluators, step, composed, state):
    console, stop = setup.console, setup.stop
    evaluated = {}
    for evaluator in evaluators:
        console.begin(f"evaluate {evaluator.name}", sum(map(len, evaluator.sets.values())))
        evaluation = evaluator.run(setup.eval_step, composed, state, console.progress, stop.poll, step)
        console.end()
        if evaluation is None:
            console.say(f"stopped by {stop.name} during an evaluation. Run the same command again to repeat it.")
            return None
        evaluated[evaluator.name] = evaluation
    return evaluated


def stored_metrics(meta: Mapping) -> dict[str, dict[str, float | None]]:
    """Returns the metrics that training stored with a checkpoint, by evaluator; {} if it evaluated nothing there."""
    return ({meta["split"]: meta["metrics"]} if meta["metrics"] else {}) | meta.get("others", {})


def compare_with_stored(evaluated: Mapping[str, Evaluation], meta: Mapping) -> tuple[bool, str]:
    """Compares an evaluation with the metrics that training stored with the checkpoint.

    Returns (equal, text): equal to the last bit, and a line that says so; or a text with every metric that differs. A
    checkpoint that training did not evaluate gives (True, "").
    """
    stored = {name: metrics for name, metrics in stored_metrics(meta).items() if name in evaluated}
    if not stored:
        return True, ""
    where = f"the {' and '.join(stored)} metrics that training stored with step {meta['step']}"
    lines = []
    for name, then in stored.items():
        now = writers.to_json_values(evaluated[name].metrics())
        lines += [
            f"  {key}: {then.get(key)} then, {now.get(key)} now"
            for key in sorted(now | then)
            if then.get(key) != now.get(key)
        ]
    if not lines:
        return True, f"the same, to the last digit, as {where}"
    return False, "\n".join([f"warning: not equal to {where}:", *lines])
