"""Runs of main.py that do not live to their end, and what they leave."""

import json
import sys
import time
from pathlib import Path

import jax
import numpy as np
import orbax.checkpoint as ocp

from tests import jobs

STEPS, EVERY = 240, 8
# Nothing here takes longer unless it hangs.
PATIENCE_SEC = 1800.0
POLL_SEC = 0.001
# The smallest network there is, and what takes long to import left out: most of a life is its start.
SMALL = (
    "--config.model.blocks=iu",
    "--config.model.input_block.frame_layers=1",
    "--config.model.update_block.frame_layers=1",
    "--config.log.tensorboard=false",
)
SETTINGS = (f"--config.train.steps={STEPS}", f"--config.train.eval_every={EVERY}", "--config.train.log_every=1")


def command(workdir, *more, settings=SETTINGS):
    """A small real run: the quick form of the synthetic config."""
    program = [sys.executable, "main.py", "--config", "configs/fact_synthetic.py:quick", "--workdir", str(workdir)]
    return [*program, *SMALL, *settings, *more]


class Life(jobs.Job):
    """One process of a run."""

    def __init__(self, workdir, *more, devices=1, settings=SETTINGS):
        self.workdir = Path(workdir)
        self._started = time.time()
        self._rows, self._saves = len(self._lines()), 0
        self._saving = bool(unfinished(workdir))  # what the process before left
        super().__init__([command(workdir, *more, settings=settings)], devices=devices)
        (self.process,) = self.processes

    def until(self, happened):
        """Waits until `happened(self)`; returns False if the process ended before."""
        deadline = time.monotonic() + PATIENCE_SEC
        while not happened(self):
            if self.process.poll() is not None:
                return False
            assert time.monotonic() < deadline, "nothing happened"
            time.sleep(POLL_SEC)
        return True

    def kill(self):
        """SIGKILL; returns what the process had printed."""
        self.process.kill()
        return self.end()[1]

    def interrupt(self, signum, times=1):
        """Sends a signal, several times in quick succession; returns (exit code, what was printed, seconds)."""
        start = time.monotonic()
        for _ in range(times):
            self.process.send_signal(signum)
            time.sleep(0.02)
        return *self.end(), time.monotonic() - start

    def end(self):
        """Waits for the process; returns (exit code, what was printed)."""
        return self.process.wait(PATIENCE_SEC), self.texts()[0]

    # What `until` takes.

    def importing(self):
        return "jaxlib" in Path(f"/proc/{self.process.pid}/maps").read_text()

    def prepared(self):
        """The workdir is this process's; the lock file may be that of one that was killed."""
        lock = self.workdir / ".lock"
        mine = lock.exists() and f"process {self.process.pid} " in lock.read_text()
        return mine and (self.workdir / "config.json").exists()

    def rows(self, number):
        return lambda life: len(self._lines()) >= self._rows + number

    def evaluations(self, number):
        """The last row before an evaluation is there."""
        return lambda life: sum(self._is_evaluated_next(line) for line in self._lines()[self._rows :]) >= number

    def saves(self, number):
        """So many checkpoints have begun to be written."""

        def look(life):
            saving = bool(unfinished(self.workdir))
            self._saves += saving and not self._saving
            self._saving = saving
            return self._saves >= number

        return look

    def writing_results(self, life=None):
        return any(path.stat().st_mtime > self._started for path in self.workdir.glob("predictions/*.txt"))

    def _lines(self):
        path = self.workdir / "metrics.jsonl"
        return path.read_bytes().splitlines() if path.exists() else []

    @staticmethod
    def _is_evaluated_next(line):
        row = json.loads(line)
        return "train/loss" in row and row["step"] % EVERY == 0


def unfinished(workdir):
    """Folders of checkpoints that are being written, or were."""
    return list(Path(workdir).glob("checkpoints/*.orbax-checkpoint-tmp*"))


def finish(workdir, *more, **options):
    """Runs to the end; returns what was printed."""
    with Life(workdir, *more, **options) as life:
        code, output = life.end()
    assert code == 0, output
    return output


def leftovers(workdir):
    """Names of files and folders that a finished run should not have."""
    return [
        str(path)
        for path in Path(workdir).rglob("*")
        if path.name.endswith(".tmp")
        or "orbax-checkpoint-tmp" in path.name
        or path.name in (".removed", ".replaced", ".lock", "damaged")
    ]


def contents(workdir):
    """Everything that a finished run is compared by: bytes of files, and of the arrays of its checkpoints."""
    workdir = Path(workdir)
    names = ["metrics.jsonl", "results.json", "results.md", "config.json", "statistics.txt"]
    paths = [workdir / name for name in names]
    paths += [path for folder in ("predictions", "tables") for path in sorted((workdir / folder).iterdir())]
    found = {str(path.relative_to(workdir)): path.read_bytes() for path in paths}
    results = json.loads(found["results.json"])
    with ocp.CheckpointManager(workdir / "checkpoints") as manager:
        for step in {results["best_step"], results["final_step"]}:
            items = {name: ocp.args.StandardRestore() for name in ("params", "opt_state")}
            restored = manager.restore(step, args=ocp.args.Composite(meta=ocp.args.JsonRestore(), **items))
            found[f"{step}/meta"] = restored.meta
            for name in items:
                for path, leaf in jax.tree_util.tree_leaves_with_path(restored[name]):
                    found[f"{step}/{name}{jax.tree_util.keystr(path)}"] = np.asarray(leaf).tobytes()
    return found


def differences(first, second):
    """Names under which two `contents` differ."""
    return sorted(name for name in first.keys() | second.keys() if first.get(name) != second.get(name))


def rows_are_whole(workdir):
    """Whether metrics.jsonl has every training step once and in order, as far as it goes."""
    rows = [json.loads(line) for line in (Path(workdir) / "metrics.jsonl").read_text().splitlines()]
    trained = [row["step"] for row in rows if "train/loss" in row]
    return trained == list(range(1, len(trained) + 1))
