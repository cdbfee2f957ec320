"""The checkpoints of a run of several processes: process 0 has them, the others get what it reads."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import jax
import numpy as np

from fact_jax.runtime import devices as device_layout
from fact_jax.runtime.processes.group import Processes
from fact_jax.training.checkpoints.manager import CheckpointError, Checkpoints


class SharedCheckpoints:
    """As `Checkpoints`, for a process of several: all of them make the same calls, and process 0 alone has the files."""

    def __init__(self, processes: Processes, folder: Path, open_checkpoints: Callable[[], Checkpoints]):
        """
        Args:
          processes: of the run.
          folder: where the checkpoints lie in process 0.
          open_checkpoints: called in process 0 only.
        """
        self.folder = folder
        self._processes = processes
        self._own = open_checkpoints() if processes.is_main else None

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.close()

    def steps(self) -> list[int]:
        """See `Checkpoints`."""
        return self._ask(lambda: self._own.steps())

    def best_step(self, say: Callable[[str], None] = lambda text: None) -> int | None:
        """See `Checkpoints`."""
        return self._ask(lambda: self._own.best_step(say))

    def meta(self, step: int) -> dict[str, Any]:
        """See `Checkpoints`."""
        return self._ask(lambda: self._own.meta(step))

    def save(self, items: Mapping[str, Any], meta: Mapping[str, Any]) -> None:
        """See `Checkpoints`; `items` is looked at in process 0 only."""
        if self._own is not None:
            self._own.save(items, meta)

    def restore(self, step: int, targets: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        """See `Checkpoints`."""
        return self._share(lambda: self._own.restore(step, targets), targets)

    def restore_latest(self, targets: Mapping[str, Any], say: Callable[[str], None]):
        """See `Checkpoints`."""
        return self._share(lambda: self._own.restore_latest(targets, say), targets)

    def wait(self) -> None:
        """See `Checkpoints`; the others do not wait."""
        if self._own is not None:
            self._own.wait()

    def close(self) -> None:
        """See `Checkpoints`."""
        if self._own is not None:
            self._own.close()

    def _ask(self, call):
        def answer():
            try:
                return {"value": call()}
            except CheckpointError as error:
                return {"error": str(error)}

        answered = self._processes.from_main(answer)
        if "error" in answered:
            raise CheckpointError(answered["error"])
        return answered["value"]

    def _share(self, read, targets):
        """What `read` returns in process 0, (items, meta) or None, in all."""
        found = None

        def read_here():
            nonlocal found
            found = read()
            return None if found is None else found[1]

        meta = self._ask(read_here)
        if meta is None:
            return None
        empty = jax.tree.map(lambda leaf: np.empty(leaf.shape, leaf.dtype), dict(targets))
        items = empty if found is None else found[0]
        devices = device_layout.one_per_process()
        return device_layout.broadcast(items, devices, is_source=self._processes.is_main), meta
