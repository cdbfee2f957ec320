"""The training loop of every task: starts or resumes, updates, logs, evaluates, saves.

A step number is the number of completed updates. The numbers of a run depend on its config and seed only: the data
order is a function of (seed, step), random numbers come from (seed, step, row), and a checkpoint holds whatever else an
update or a log line depends on. So a run that was interrupted and resumed ends with the same bits as one that was not.
"""

import dataclasses
from collections.abc import Iterable, Sequence
from pathlib import Path

import jax

from fact_jax.runtime import devices as device_layout
from fact_jax.runtime.processes.group import Processes
from fact_jax.runtime.signals import StopRequest
from fact_jax.tasks.base import Task
from fact_jax.training import evaluator, nonfinite, optimizers
from fact_jax.training.checkpoints import manager as checkpoint_store
from fact_jax.training.feed import Feed, Timing
from fact_jax.training.logging import writers
from fact_jax.training.logging.tensorboard import TensorBoardWriter
from fact_jax.training.start import open_checkpoints, starting_point, total_steps
from fact_jax.training.steps import EvalStep, TrainStep
from fact_jax.training.window import NonFiniteError, TermWindow
from fact_jax.types import Batch, UserError


@dataclasses.dataclass(frozen=True)
class Outcome:
    """How a call of `train` ended.

    Attributes:
      finished: the run has reached its last step and evaluated it.
      step: the last completed step.
    """

    finished: bool
    step: int


@dataclasses.dataclass
class Settings:
    """What the loop needs apart from task, data and config.

    Attributes:
      workdir: folder of the run.
      split: what the evaluation set is called in metrics.jsonl, e.g. "test".
      num_buckets: number of length buckets of the training batches.
      devices: where to run, of all processes.
      eval_step: compiled prediction, shared with the caller's own evaluations.
      console: where lines go.
      stop: asked after every step and every evaluation batch.
      processes: of the run.
    """

    workdir: Path
    split: str
    num_buckets: int
    devices: Sequence[jax.Device]
    eval_step: EvalStep
    console: writers.Console
    stop: StopRequest
    processes: Processes = Processes()


def train(task: Task, config, train_batches, eval_batches: Iterable[Batch], settings: Settings) -> Outcome:
    """Trains until the last step or until asked to stop, from whatever the workdir holds.

    Args:
      task: what to train.
      config: the config of the run; reads seed, optimizer, train, eval.select_metric, checkpoint and log.
      train_batches: has `steps_per_epoch` and `iterate(start_step)`, an endless iterator of tuples: the batch of a
        step, or its micro-batches.
      eval_batches: every video of the evaluation set once; iterated anew for every evaluation.
      settings: see there.

    Raises:
      NonFiniteError: a loss or gradient is NaN or infinite, and `config.train.skip_nonfinite` is off. Nothing of that
        step is saved but its batch, for inspection.
      UserError: a setting or the checkpoints of the workdir cannot be used.
    """
    with open_checkpoints(config, settings.workdir, processes=settings.processes) as checkpoints:
        run = _Run(task, config, train_batches, eval_batches, settings, checkpoints)
        try:
            outcome = run.run()
        finally:
            run.close()
    settings.stop.idle()
    return outcome


class _Run:
    """One process's part of a run."""

    def __init__(self, task, config, train_batches, eval_batches, settings, checkpoints):
        self._task, self._config, self._settings = task, config, settings
        self._train_batches, self._eval_batches = train_batches, eval_batches
        self._checkpoints = checkpoints
        self._console, self._stop = settings.console, settings.stop
        self._total = total_steps(config, train_batches.steps_per_epoch)
        self._writes = settings.processes.is_main
        self._jsonl = writers.JsonlWriter(settings.workdir / "metrics.jsonl") if self._writes else writers.NoWriter()
        self._writers = []
        self._schedule = optimizers.learning_rate_schedule(config.optimizer, train_batches.steps_per_epoch)
        self._timing = Timing()
        start = starting_point(task, config, train_batches, checkpoints, self._console.say)
        self._step = self._saved_step = start.step
        self._evaluated_step, self._best = start.evaluated_step, start.best
        self._window = TermWindow(start.window, start.skipped)
        self._skips = nonfinite.SkipReport(self._console.say)
        self._host_state = start.state
        self._train_step = TrainStep(
            task,
            start.optimizer,
            settings.devices,
            seed=config.seed,
            ema_decay=config.optimizer.ema_decay,
            skip_nonfinite=config.train.skip_nonfinite,
            num_buckets=settings.num_buckets,
            say=self._console.say,
        )
        self._feed = Feed(start.batches, self._train_step.place, self._timing)

    def run(self) -> Outcome:
        """Runs to the end or to a stop signal."""
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
        programs = self._train_step.programs.count
        self._state, terms = self._train_step(self._state, placed)
        self._step += 1
        if self._train_step.programs.count > programs:
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

    def close(self):
        """Leaves nothing half written."""
        self._console.end()
        for writer in self._writers:
            writer.close()

    def _begin(self):
        settings, config = self._settings, self._config
        split = () if self._step == self._evaluated_step else (settings.split,)
        self._jsonl.rewind(self._step, drop_groups_at_step=split)
        if config.log.tensorboard and self._writes:
            self._writers.append(TensorBoardWriter(settings.workdir / "tensorboard", self._step + 1))
        if config.log.wandb and self._writes:
            self._writers.append(writers.WandbWriter(settings.workdir, config, self._console.say))
        self._state = device_layout.replicate(self._host_state, settings.devices)
        self._host_state = None
        origin = f"resuming after step {self._step}" if self._step else "training from the start"
        place = f"{len(settings.devices)} device(s)"
        if settings.processes.count > 1:
            place = f"{place} of {settings.processes.count} processes"
        self._console.say(f"{origin}: {self._total} steps on {place}")
        self._console.begin("train", self._total, self._step)

    def _evaluation_due(self) -> bool:
        at_end = self._step >= self._total
        due = self._step > 0 and (at_end or self._step % self._config.train.eval_every == 0)
        return due and self._evaluated_step != self._step

    def _check_losses(self):
        try:
            self._skips.tell(self._window.fetch())
        except NonFiniteError as error:
            bad = error.bad
            raise nonfinite.explain(
                bad,
                # Data order is a function of (seed, step); the arrays on the devices are gone.
                lambda: next(iter(self._train_batches.iterate(bad.step - 1))),
                workdir=self._settings.workdir,
                seed=self._config.seed,
                last_good=self._saved_step,
            ) from error

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
        self._jsonl.write(self._step, "train", values)
        numbers = {name: value for name, value in values.items() if writers.to_json_value(value) is not None}
        for writer in self._writers:
            writer.write(self._step, "train", numbers)
        epoch = (self._step - 1) // self._train_batches.steps_per_epoch + 1
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
        metrics = self._evaluate()
        if metrics is None:
            return  # asked to stop: the caller saves the step as it is, and a resumed run evaluates it first
        name = self._config.eval.select_metric
        if name not in metrics:
            raise UserError(f"config.eval.select_metric is {name!r}; this task has {', '.join(metrics)}.")
        value = writers.to_json_value(metrics[name])
        is_best = self._best["value"] is None or (value is not None and value >= self._best["value"])
        if is_best:
            self._best = {"step": self._step, "value": value}
        self._evaluated_step = self._step
        self._jsonl.write(self._step, self._settings.split, metrics)
        for writer in self._writers:
            writer.write(self._step, self._settings.split, metrics)
        best = "  (best so far)" if is_best else f"  (best {name}: step {self._best['step']})"
        scores = "  ".join(f"{key} {number:.2f}" for key, number in metrics.items())
        self._console.say(f"step {self._step}  {self._settings.split}:  {scores}{best}")
        self._save(metrics, value)
        self._restart_clocks()

    def _evaluate(self):
        if self._step > self._saved_step:
            self._stop.busy("a batch of the evaluation")
        eval_step = self._settings.eval_step
        evaluation = evaluator.evaluate(
            self._task,
            eval_step,
            eval_step.compose(self._state.eval_params),
            self._state.state,
            self._eval_batches,
            progress=lambda done: self._console.progress(self._step, f"evaluation batch {done}"),
            should_stop=self._stop.poll,
        )
        return None if evaluation is None else evaluation.metrics()

    def _save(self, metrics, value):
        self._stop.busy(f"the checkpoint of step {self._step}")
        epoch, batch = divmod(self._step, self._train_batches.steps_per_epoch)
        meta = {
            "step": self._step,
            "value": value,
            "select_metric": self._config.eval.select_metric,
            "split": self._settings.split,
            "metrics": {name: writers.to_json_value(number) for name, number in metrics.items()},
            "best": self._best,
            "position": {"epoch": epoch, "batch": batch},
            "seed": self._config.seed,
            "window": self._window.fetched,
            "skipped": self._window.skipped,
        }
        items = checkpoint_store.items_of(checkpoint_store.to_host(self._state, self._settings.devices))
        nonfinite.check_state(items, self._step, workdir=self._settings.workdir, last_good=self._saved_step)
        # The rows of these steps first: a checkpoint on disk vouches for them.
        self._jsonl.flush()
        self._checkpoints.save(items, meta)
        self._saved_step = self._step

    def _save_and_say(self):
        self._check_losses()
        if self._step > self._saved_step:
            self._save({}, None)
        self._checkpoints.wait()
        self._console.say(
            f"stopped by {self._stop.name} after step {self._step} of {self._total}; everything is saved in "
            f"{self._settings.workdir}. Run the same command again to continue."
        )
