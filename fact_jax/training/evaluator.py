"""The evaluations of a run: what each of them reads, when, and one pass of it."""

import contextlib
import dataclasses
import functools
from collections.abc import Callable, Generator, Mapping, Sequence
from typing import Any

import numpy as np

from fact_jax.runtime import side_by_side
from fact_jax.tasks.base import FINITE, Evaluation
from fact_jax.training.feed import iterating
from fact_jax.training.nonfinite import NonFiniteScores
from fact_jax.training.steps import EvalStep
from fact_jax.types import Batch, UserError


@dataclasses.dataclass(frozen=True)
class Evaluator:
    """One evaluation of a run, with its own videos and its own period."""

    name: str  # of its rows in metrics.jsonl and of its scores in results.json, such as "test"
    # Name -> sized batches of every video of that set once, which know their `num_videos` and `outlines()`, see there.
    # They are read set by set, anew for every pass.
    sets: Mapping[str, Any]
    start: Callable[[], Evaluation]  # gives the empty one of a pass
    # Steps between two passes in training, which ends with one in any case; 0: only finished checkpoints are scored.
    every: int = 0
    at_start: bool = False  # with a period: also before the first step, which is never the best
    # The sets whose videos are scored, where others are what they are compared with; (): all.
    scored: Sequence[str] = ()

    @property
    def num_videos(self) -> int:
        """Videos of all sets that are scored together."""
        return sum(self.sets[name].num_videos for name in self.scored or self.sets)

    def is_due(self, step: int, total: int) -> bool:
        """Whether a run of `total` steps evaluates after `step`."""
        if step == 0:
            return self.every > 0 and self.at_start
        return self.every > 0 and (step >= total or step % self.every == 0)

    def run(
        self,
        eval_step: EvalStep,
        weights,
        state,
        progress: Callable[[int], None] = lambda done: None,
        should_stop: Callable[[], bool] = lambda: False,
        step: int | None = None,
    ) -> Evaluation | None:
        """Runs the model over every batch and returns the filled evaluation, or None if `should_stop` said so.

        Batches are computed while the host works on those before, see `runtime.side_by_side`. Of several processes all
        call this, each with its own rows of the batches, and all get the evaluation of all rows.

        Args:
          eval_step, weights: compiled, and what its `compose` gave.
          state: replicated mutable collections.
          progress: called with the number of batches done.
          should_stop: asked before every batch; gives the same answers in all processes.
          step: which parameters these are, for messages.

        Raises:
          NonFiniteScores: scores of some videos are NaN or infinite; it names all of them.
        """
        evaluation, stopped = _Checked(self.start()), False

        def until_stopped(batches):
            nonlocal stopped
            for batch in batches:
                if stopped := should_stop():
                    return
                yield batch

        with contextlib.closing(self._batches()) as all_batches:
            predicted = side_by_side.in_order(
                functools.partial(eval_step, weights, state), until_stopped(all_batches), eval_step.runs_beside
            )
            with contextlib.closing(predicted):
                for done, (batch, outputs) in enumerate(predicted, 1):
                    evaluation.add(*eval_step.fetch(batch, outputs))
                    progress(done)
        if stopped:
            return None
        if evaluation.bad:
            bad, count = [video for _, video in evaluation.bad], len(evaluation.seen)
            raise NonFiniteScores(bad, step, f" of the {count} {self.name} videos")
        return evaluation.evaluation

    def outlines(self) -> list[Batch]:
        """Returns a batch of every shape that a pass has, in their order, with zeros that take no memory."""
        return [batch for batches in self.sets.values() for batch in batches.outlines()]

    def _batches(self) -> Generator[Batch, None, None]:
        for subset, batches in self.sets.items():
            with iterating(batches) as iterator:
                for batch in iterator:
                    yield dataclasses.replace(batch, subset=subset)


class _Checked:
    """An evaluation that takes videos whose scores are numbers; the first others end it, and all of them are `bad`."""

    def __init__(self, evaluation):
        # (set, video) of all; several rows may be parts of one.
        self.evaluation, self.bad, self.seen = evaluation, {}, set()

    def add(self, batch, outputs):
        for row in np.flatnonzero(batch.arrays["video_mask"]):
            video = batch.subset, batch.video_ids[row]
            self.seen.add(video)
            if not outputs[FINITE][row]:
                self.bad[video] = None
        if not self.bad:
            self.evaluation.add(batch, outputs)


def selecting(evaluators: Sequence[Evaluator], metric: str) -> Evaluator:
    """Returns the evaluator whose metric chooses the best step: the first in training with it; else UserError."""
    names: list[str] = []
    for evaluator in evaluators:
        if evaluator.every:
            found = evaluator.start().metrics()
            if metric in found:
                return evaluator
            names += found
    raise UserError(f"config.eval.select_metric is {metric!r}; this task has {', '.join(names)}.")
