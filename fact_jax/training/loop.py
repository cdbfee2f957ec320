"""The training loop of every task: starts or resumes, updates, logs, evaluates, saves.

A step number is the number of completed updates. The numbers of a run depend on its config and seed only: the data
order is a function of (seed, step), random numbers come from (seed, step, row), and a checkpoint holds whatever else an
update or a log line depends on. So a run that was interrupted and resumed ends with the same bits as one that was not.
"""

import contextlib
import dataclasses
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax

from fact_jax.runtime import devices as device_layout
from fact_jax.runtime.processes.group import Processes
from fact_jax.runtime.signals import StopRequest
from fact_jax.tasks.base import Task
from fact_jax.training import nonfinite, optimizers
from fact_jax.training.checkpoints import manager as checkpoint_store
from fact_jax.training.evaluator import Evaluator, selecting
from fact_jax.training.feed import Feed, Timing, iterating
from fact_jax.training.logging import writers
from fact_jax.training.logging.tensorboard import TensorBoardWriter
from fact_jax.training.start import open_checkpoints, starting_point, total_steps
from fact_jax.training.steps import EvalStep, TrainStep
from fact_jax.training.window import NonFiniteError, TermWindow


class Outcome(NamedTuple):
    """How a call of `train` ended: whether the last step was reached and evaluated, and the last completed step."""

    finished: bool
    step: int


@dataclasses.dataclass(frozen=True, kw_only=True)
class Setup:
    """A run with its data opened."""

    config: Any  # the loop reads seed, optimizer, train, eval.select_metric, checkpoint and log
    workdir: Path
    task: Task
    # Has `steps_per_epoch`, `buckets`, the padded lengths, and `iterate(start_step)`, an endless iterator of tuples:
    # the batch of a step, or its micro-batches. `outlines(start_step, end)` gives those tuples that have new shapes.
    train_batches: Any
    evaluators: Sequence[Evaluator]  # in training or of finished checkpoints; the first one's predictions are kept
    eval_step: EvalStep
    devices: Sequence[jax.Device]  # of all processes
    console: writers.Console
    stop: StopRequest  # asked after every step and every evaluation batch
    processes: Processes = Processes()
    # From parameters and state as they were drawn to those that a new run starts with; None: the drawn ones.
    first_variables: Callable[[Any, Any], tuple[Any, Any]] | None = None


def train(setup: Setup) -> Outcome:
    """Trains until the last step or until asked to stop, from whatever the workdir holds.

    Raises NonFiniteError if a loss or gradient is NaN or infinite, and `config.train.skip_nonfinite` is off: nothing of
    that step is saved but its batch, for inspection. Raises UserError if a setting or the checkpoints cannot be used.
    """
    with (
        open_checkpoints(setup.config, setup.workdir, processes=setup.processes) as checkpoints,
        contextlib.closing(_Run(setup, checkpoints)) as run,
    ):
        outcome = run.run()
    setup.stop.idle()
    return outcome


class _Run:
    """One process's part of a run."""

    def __init__(self, setup, checkpoints):
        config, train_batches = setup.config, setup.train_batches
        self._setup, self._config, self._checkpoints = setup, config, checkpoints
        self._console, self._stop = setup.console, setup.stop
        self._total = total_steps(config, train_batches.steps_per_epoch)
        self._selecting = selecting(setup.evaluators, config.eval.select_metric)
        self._jsonl = writers.JsonlWriter(setup.workdir / "metrics.jsonl") if setup.processes.is_main else None
        self._writers = []  # TensorBoard, Weights & Biases
        self._schedule = optimizers.learning_rate_schedule(config.optimizer, train_batches.steps_per_epoch)
        self._timing = Timing()
        start = starting_point(setup.task, config, train_batches, checkpoints, self._console.say, setup.first_variables)
        self._step = self._saved_step = start.step
        self._evaluated_step, self._best = start.evaluated_step, start.best
        self._window = TermWindow(start.window, start.skipped)
        self._skips = nonfinite.SkipReport(self._console.say)
        self._host_state = start.state
        self._train_step = TrainStep(
            setup.task,
            start.optimizer,
            setup.devices,
            seed=config.seed,
            ema_decay=config.optimizer.ema_decay,
            skip_nonfinite=config.train.skip_nonfinite,
            num_buckets=len(train_batches.buckets),
            say=self._console.say,
            background=setup.eval_step.programs.background,
        )
        self._feed = Feed(start.batches, self._train_step.place, self._timing, start.first)
        for programs in (self._train_step.programs, setup.eval_step.programs):
            programs.watch(self._compiling, self._stop.compiled)

    def run(self) -> Outcome:
        if self._step >= self._total and not self._evaluation_due():
            return Outcome(finished=True, step=self._step)
        self._begin()
        if self._evaluation_due():
            self._evaluate_and_save()
        self._restart_clocks()
        while self._step < self._total and not self._stop.poll():
            placed = self._feed.take()
            if self._stop.requested:
                break
            self._advance(placed)
            if self._step % self._config.train.log_every == 0 or self._step == self._total:
                self._log()
            if self._evaluation_due():
                self._evaluate_and_save()
        self._console.end()
        finished = self._step >= self._total and not self._evaluation_due()
        if not finished:
            self._save_and_say()
        if self._window.skipped:
            self._skips.conclude(self._window.skipped, self._step)
        return Outcome(finished=finished, step=self._step)

    def _advance(self, placed):
        """Starts the next update; while it runs, the batches of the one after it go to the devices."""
        self._stop.busy(f"step {self._step + 1}")
        delays = self._train_step.programs.delays
        self._state, terms = self._train_step(self._state, placed)
        self._step += 1
        if self._train_step.programs.delays > delays:
            self._restart_clocks()  # a compilation says nothing about the time left
        self._window.add(self._step, placed.video_ids, terms)
        if self._window.full:
            self._check_losses()
        self._console.progress(self._step)
        if self._step < self._total and not self._stop.requested and not self._evaluation_due():
            self._feed.prepare()

    def _restart_clocks(self):
        self._console.restart_clock(self._step)
        self._timing.restart(self._step)

    def _compiling(self):
        state = self._state
        self._stop.compiling(lambda: self._leave(state))

    def _leave(self, state):
        """Saves before or, in a thread, during a compilation; returns what to tell, "" if the program runs already."""
        if self._step > self._saved_step:
            self._check_losses()
            host_state = device_layout.copy_unless_donated(
                state, lambda tree: checkpoint_store.to_host(tree, self._setup.devices)
            )
            if host_state is None:
                return ""
            self._store({}, host_state)
        farewell = self._farewell()
        for writer in self._writers:
            writer.close()
        return farewell

    def close(self):
        self._setup.eval_step.programs.watch()
        self._setup.eval_step.programs.background.forget()
        self._console.end()
        self._feed.close()
        for writer in self._writers:
            writer.close()

    def _begin(self):
        setup, config = self._setup, self._config
        if self._jsonl:
            pending = () if self._step == self._evaluated_step else tuple(e.name for e in setup.evaluators if e.every)
            self._jsonl.rewind(self._step, drop_groups_at_step=pending, say=self._console.say)
            if config.log.tensorboard:
                self._writers.append(TensorBoardWriter(setup.workdir / "tensorboard", self._step + 1))
            if config.log.wandb:
                self._writers.append(writers.WandbWriter(setup.workdir, config, self._console.say))
        self._state = device_layout.replicate(self._host_state, setup.devices)
        self._host_state = None
        origin = f"resuming after step {self._step}" if self._step else "training from the start"
        of_processes = f" of {setup.processes.count} processes" if setup.processes.count > 1 else ""
        place = f"{len(setup.devices)} device(s){of_processes}"
        self._console.say(f"{origin}: {self._total} steps on {place}")
        self._console.begin("train", self._total, self._step)
        self._train_step.foresee(self._state, setup.train_batches.outlines(self._step, self._total))
        for evaluator in sorted(setup.evaluators, key=lambda evaluator: not evaluator.every):
            setup.eval_step.foresee(self._state.eval_params, self._state.state, evaluator.outlines())

    def _evaluation_due(self) -> bool:
        return self._evaluated_step != self._step and bool(self._due())

    def _due(self) -> list[Evaluator]:
        return [evaluator for evaluator in self._setup.evaluators if evaluator.is_due(self._step, self._total)]

    def _check_losses(self):
        try:
            self._skips.tell(self._window.fetch())
        except NonFiniteError as error:
            workdir, seed = self._setup.workdir, self._config.seed
            raise nonfinite.explain(error.bad, self._read_again, workdir, seed, self._saved_step) from error

    def _read_again(self, step):
        """The batches of a step, whose arrays on the devices are gone; data order is a function of (seed, step)."""
        with iterating(self._setup.train_batches.iterate(step - 1)) as batches:
            return next(batches)

    def _write(self, group, values, *, besides=None):
        """Writes values to metrics.jsonl, and to the other writers those that they take (None: all)."""
        if self._jsonl:
            self._jsonl.write(self._step, group, values)
        for writer in self._writers:
            writer.write(self._step, group, values if besides is None else besides)

    def _log(self):
        self._check_losses()
        self._skips.warn(self._window.skipped_steps, self._window.steps, "since the last log line")
        values = self._window.pop_averages()
        if not values:
            return
        # The schedule counts updates: a step that was skipped is none.
        update = self._step - 1 - self._window.skipped
        values["learning_rate"] = optimizers.last_learning_rate(self._schedule, update, self._state.opt_state)
        terms = writers.format_values(values)
        if self._config.train.skip_nonfinite:
            values["skipped_steps"] = self._window.skipped
            terms += f"  skipped_steps {self._window.skipped}"
        self._write("train", values, besides={name: value for name, value in values.items() if math.isfinite(value)})
        epoch = (self._step - 1) // self._setup.train_batches.steps_per_epoch + 1
        pace = self._console.pace(self._step, self._total)
        timing = self._timing.pop(self._step)
        if timing:
            # Not in metrics.jsonl, which is the same whenever and wherever a run takes place.
            for writer in self._writers:
                writer.write(self._step, "timing", timing)
            pace = f"{pace}, data wait {100 * timing['data_wait']:.1f} %"
        self._console.progress(self._step, f"loss {values['loss']:.4g}")
        self._console.say(f"step {self._step}/{self._total}  epoch {epoch}  {terms}  {pace}")

    def _evaluate_and_save(self):
        self._check_losses()
        evaluated = self._evaluate()
        if evaluated is None:
            return  # asked to stop: the caller saves the step as it is, and a resumed run evaluates it first
        self._evaluated_step = self._step
        for name, metrics in evaluated.items():
            best = self._choose(metrics) if name == self._selecting.name else ""
            self._write(name, metrics)
            scores = "  ".join(f"{key} {number:.2f}" for key, number in metrics.items())
            self._console.say(f"step {self._step}  {name}:  {scores}{best}")
        self._save(evaluated)
        self._restart_clocks()

    def _choose(self, metrics):
        """Notes the step if it is the best so far, which step 0 never is; returns the words for it."""
        if self._step == 0:
            return "  (before training)"
        name = self._config.eval.select_metric
        value = writers.to_json_value(metrics[name])
        if self._best["value"] is None or (value is not None and value >= self._best["value"]):
            self._best = {"step": self._step, "value": value}
            return f"  ({name} is no number)" if value is None else "  (best so far)"
        return f"  (best {name}: step {self._best['step']})"

    def _evaluate(self):
        """{name: metrics} of every evaluator whose turn it is, None if asked to stop."""
        if self._step > self._saved_step:
            self._stop.busy("a batch of the evaluation")

        def progress(done):
            self._console.progress(self._step, f"evaluation batch {done}")

        eval_step = self._setup.eval_step
        weights = eval_step.compose(self._state.eval_params)
        evaluated = {}
        for evaluator in self._due():
            evaluation = self._evaluated(evaluator, eval_step, weights, progress)
            if evaluation is None:
                return None
            evaluated[evaluator.name] = evaluation.metrics()
        return evaluated

    def _evaluated(self, evaluator, eval_step, weights, progress):
        try:
            return evaluator.run(eval_step, weights, self._state.state, progress, self._stop.poll, self._step)
        except nonfinite.NonFiniteScores as error:
            if self._step > self._saved_step:
                self._save({})  # tells apart: parameters that are no numbers are not saved, and named instead
            self._checkpoints.wait()
            again = "the same command evaluates it again, and goes on"
            raise nonfinite.NonFiniteError(f"{error} Step {self._step} is saved: {again}.") from error

    def _save(self, evaluated):
        self._stop.busy(f"the checkpoint of step {self._step}")
        self._store(evaluated, checkpoint_store.to_host(self._state, self._setup.devices))

    def _store(self, evaluated, host_state):
        epoch, batch = divmod(self._step, self._setup.train_batches.steps_per_epoch)
        evaluated = {name: writers.to_json_values(metrics) for name, metrics in evaluated.items()}
        metrics = evaluated.pop(self._selecting.name, {})
        meta = {
            "step": self._step,
            "value": metrics.get(self._config.eval.select_metric),
            "select_metric": self._config.eval.select_metric,
            "split": self._selecting.name,
            "metrics": metrics,
            "best": self._best,
            "position": {"epoch": epoch, "batch": batch},
            "seed": self._config.seed,
            "window": self._window.fetched,
            "skipped": self._window.skipped,
        }
        meta |= {"others": evaluated} if evaluated else {}  # by evaluators that select nothing
        items = checkpoint_store.items_of(host_state)
        nonfinite.check_state(items, self._step, self._setup.workdir, self._saved_step)
        if self._jsonl:
            self._jsonl.flush()  # the rows of these steps first: a checkpoint on disk vouches for them
        self._checkpoints.save(items, meta)
        self._saved_step = self._step

    def _save_and_say(self):
        self._check_losses()
        if self._step > self._saved_step:
            self._save({})
        self._console.say(self._farewell())

    def _farewell(self):
        """What to tell of a run that ends early, once everything is on the disk."""
        self._checkpoints.wait()
        return (
            f"stopped by {self._stop.name} after step {self._step} of {self._total}; everything is saved in "
            f"{self._setup.workdir}. Run the same command again to continue."
        )
