"""The runs of a comparison, each a process of its own: what it takes in time and memory is told apart."""

import json
import multiprocessing
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from fact_jax import files, run_record
from fact_jax.app import config_flags
from fact_jax.app.comparison import child
from fact_jax.reporting.results import read_results
from fact_jax.types import UserError

COSTS = "costs.json"
_POLL = 0.05  # seconds


class Job(NamedTuple):
    """A run of a comparison; `name` is that of its folder below that of the comparison."""

    name: str
    config: Mapping[str, Any]


class Cost(NamedTuple):
    """What a process took: seconds of wall time, and MiB of memory at most."""

    seconds: float
    peak_mib: float


class Stopped(Exception):
    """The comparison was asked to stop, and what ran has saved itself."""


class Workplace:
    """The folder of a comparison, in which jobs are done one after the other."""

    def __init__(self, folder: Path, stop):
        """`stop`: StopRequest; what runs when it is asked to stop saves itself first."""
        self.folder, self._stop = Path(folder), stop

    def run_folder(self, name: str) -> Path:
        """Where a job trains."""
        return self.folder / name

    def settings(self, job: Job) -> str:
        """Writes the settings of a job; returns the value of --config that reads them."""
        folder = self.folder / "settings" / job.name.replace("/", ".")
        text = json.dumps({"config": job.config, "derived": {}}, indent=2) + "\n"
        files.atomic_write_text(folder / run_record.FILE, text)
        return f"{config_flags.STORED_CONFIG}:{folder}"

    def train(self, job: Job) -> None:
        """Trains a job to its end, or goes on with it; Stopped where the comparison is asked to stop."""
        workdir = self.run_folder(job.name)
        _, cost = self.process(job.name, child.train, self.settings(job), str(workdir))
        self._add_cost(job.name, cost)
        if read_results(workdir) is None:
            raise UserError(f"{job.name} was stopped before its end. Run the same command again to go on.")

    def process(self, what: str, task: Callable, *arguments: Any) -> tuple[Any, Cost]:
        """(what a task of `child` returns in a process of its own, what that took); a UserError where it fails."""
        context, start = multiprocessing.get_context("spawn"), time.perf_counter()
        receiver, sender = context.Pipe(duplex=False)
        process = context.Process(target=child.work, args=(sender, task, arguments))
        process.start()
        sender.close()
        try:
            told = False
            while process.is_alive():
                if self._stop.requested and not told:
                    process.terminate()
                    told = True
                process.join(_POLL)
            found = receiver.recv() if receiver.poll() else None
        finally:
            process.kill()
            receiver.close()
        if self._stop.requested:
            raise Stopped
        if process.exitcode or found is None:
            raise UserError(
                f"{what} ended with exit code {process.exitcode}; the lines above say why. What is finished is kept: "
                "the same command goes on with the rest."
            )
        return found[0], Cost(time.perf_counter() - start, found[1])

    def costs(self) -> dict[str, Cost]:
        """Costs by the name of a job; those of attempts that were killed are not known."""
        path = self.folder / COSTS
        if not path.exists():
            return {}
        try:
            return {name: Cost(*map(float, cost)) for name, cost in json.loads(files.read_data(path)).items()}
        except (OSError, ValueError, TypeError, AttributeError) as error:
            raise UserError(f"{path} cannot be read ({error}). Remove it: times and memory start anew.") from error

    def _add_cost(self, name, cost):
        known = self.costs()
        before = known.get(name, Cost(0.0, 0.0))
        known[name] = Cost(before.seconds + cost.seconds, max(before.peak_mib, cost.peak_mib))
        files.atomic_write_text(self.folder / COSTS, json.dumps(known, indent=2) + "\n")
