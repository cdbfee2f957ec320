"""What tests of training share: how a run is stopped, and how two runs are compared."""

import json
import signal
from pathlib import Path

import jax
import numpy as np

from fact_jax.runtime.signals import StopRequest
from fact_jax.training import loop
from fact_jax.training.logging import writers
from tests.training import toy


def checksums(workdir):
    """Checksums and metrics of all checkpoints of a run, by step."""
    metas = [json.loads(path.read_text()) for path in Path(workdir).glob("checkpoints/*/meta/metadata")]
    return {meta["step"]: meta for meta in metas}


def rows(workdir):
    return writers.read_rows(Path(workdir) / "metrics.jsonl")


def trained_steps(workdir):
    return [row["step"] for row in rows(workdir) if "train/loss" in row]


class StopAt(StopRequest):
    """Stops the run when the data pipeline reaches a step, as a signal would; the update of that step is not made."""

    def __init__(self, step):
        super().__init__()
        self.step = step

    def note_step(self, step):
        if step == self.step:
            self.signum = signal.SIGTERM


def train_until(step, workdir, batches_of, **options):
    """Trains the toy task until the data pipeline reaches a step; returns the lines printed."""
    stop = StopAt(step)
    outcome, lines = toy.train(workdir, train_batches=batches_of(hook=stop.note_step), stop=stop, **options)
    assert outcome == loop.Outcome(finished=False, step=step)
    return lines


def assert_same_run(workdir, other, step=None):
    """The same rows, and the same bits in all checkpoints, or in that of one step."""
    assert (workdir / "metrics.jsonl").read_bytes() == (other / "metrics.jsonl").read_bytes()
    first, second = checksums(workdir), checksums(other)
    assert first == second if step is None else first[step] == second[step]


def assert_trees_close(first, second, tolerance):
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=0, atol=tolerance), first, second)
