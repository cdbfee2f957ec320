"""What the processes of a comparison do: train a run, measure one, write the report of all runs.

A process ends when the one that started it does, however that ends: a comparison that is killed would otherwise leave
a run behind, which the next one could not continue.
"""

import multiprocessing
import os
import resource
import signal
import sys
import threading
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

from absl import logging

from fact_jax.app import config_flags, experiment, kinds
from fact_jax.reporting.report import write_report
from fact_jax.runtime import heaps, programs
from fact_jax.training.logging import writers
from fact_jax.types import UserError


def work(result: Connection, task: Callable[..., Any], arguments: tuple) -> None:
    """Calls a task, sends (what it returns, MiB of memory at most), and exits.

    A UserError is printed; the exit code is 2 then.
    """
    for signum, code in ((signal.SIGTERM, 0), (signal.SIGINT, 130)):  # nothing is there to lose yet
        signal.signal(signum, lambda signum, frame, code=code: os._exit(code))
    threading.Thread(target=_end_with_parent, daemon=True).start()
    logging.set_verbosity(logging.WARNING)
    heaps.share()
    programs.serve_one_run()
    try:
        found = task(*arguments)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr, flush=True)
        sys.exit(2)
    result.send((found, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024))


def _end_with_parent():
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def train(config: str, workdir: str) -> None:
    """Trains the run of a config, the value of --config, to its end, or until it is asked to stop."""
    experiment.run(config_flags.load(config), workdir)


class Stopwatch(writers.Console):
    """A console that adds up the time of training steps, without compilations and evaluations; it says nothing.

    A step is over when its numbers were logged: until then it may only have been started.
    """

    def __init__(self):
        self.seconds, self.steps, self._trains = 0.0, 0, False
        super().__init__()

    def say(self, text):
        del text

    def begin(self, label, total, done=0, unit="step"):
        del total, unit
        self._trains = label == "train"  # and not the evaluation of a checkpoint, which counts batches
        self.restart_clock(done)

    def restart_clock(self, done):
        super().restart_clock(done)
        self._mark = (time.perf_counter(), done)

    def progress(self, done, note=""):
        now, (before, step) = time.perf_counter(), self._mark
        if self._trains and not note.startswith("evaluation"):
            self.seconds, self.steps = self.seconds + now - before, self.steps + done - step
        self._mark = (now, done)


def measure(config: str, workdir: str) -> tuple[float, int]:
    """Trains as `train`; returns (seconds of a step, steps)."""
    watch = Stopwatch()
    experiment.run(config_flags.load(config), workdir, console=watch)
    return watch.seconds / max(watch.steps, 1), watch.steps


def report(folder: str, workdirs: list[str], output: str) -> None:
    """Writes the report of runs, all of which and the output are named below a folder."""
    os.chdir(folder)  # the same names wherever the folder lies
    by_system = {system: kind.report()() for kind in kinds.KINDS for system in kind.systems}
    write_report(workdirs, output, by_system, lambda line: None)
