"""One pass over an evaluation set."""

from collections.abc import Callable, Iterable

from fact_jax.tasks.base import Evaluation, Task
from fact_jax.training.steps import EvalStep
from fact_jax.types import Batch


def evaluate(
    task: Task,
    eval_step: EvalStep,
    weights,
    state,
    batches: Iterable[Batch],
    *,
    progress: Callable[[int], None] = lambda done: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> Evaluation | None:
    """Runs the model over every batch and returns the filled evaluation, or None if `should_stop` said so.

    One batch is computed on the devices while the host works on the one before. Of several processes all call this,
    each with its own rows of the batches, and all get the evaluation of all rows.

    Args:
      task: gives the empty evaluation.
      eval_step: the compiled prediction.
      weights: what `eval_step.compose` gave.
      state: replicated mutable collections.
      batches: every video exactly once; padded rows carry `video_mask` False.
      progress: called with the number of batches done.
      should_stop: asked before every batch; gives the same answers in all processes.
    """
    evaluation = task.evaluation()
    running = None
    done = 0
    for batch in batches:
        if should_stop():
            return None
        outputs = eval_step(weights, state, batch)
        if running is not None:
            evaluation.add(*eval_step.fetch(*running))
            done += 1
            progress(done)
        running = (batch, outputs)
    if running is not None:
        evaluation.add(*eval_step.fetch(*running))
        progress(done + 1)
    return evaluation
