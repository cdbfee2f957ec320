"""What tests of training share: how a run is stopped, and how two runs are compared."""

import json
import signal
from pathlib import Path

import jax
import numpy as np

from fact_jax.runtime.signals import StopRequest
from fact_jax.training.logging import writers


def checksums(workdir):
    """Checksums and metrics of all checkpoints of a run, by step."""
    metas = [json.loads(path.read_text()) for path in Path(workdir).glob("checkpoints/*/meta/metadata")]
    return {meta["step"]: meta for meta in metas}


def rows(workdir):
    return writers.read_rows(Path(workdir) / "metrics.jsonl")


class StopAt(StopRequest):
    """Stops the run when the data pipeline reaches a step, as a signal would; the update of that step is not made."""

    def __init__(self, step, signum=signal.SIGTERM):
        super().__init__()
        self.step, self.signal = step, signum

    def note_step(self, step):
        if step == self.step:
            self.signum = self.signal


def assert_trees_close(first, second, tolerance):
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=0, atol=tolerance), first, second)
