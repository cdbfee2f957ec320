"""The checkpoints of a run of several processes: process 0 has them, the others get what it reads."""

import contextlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import jax
import numpy as np

from fact_jax.runtime import devices as device_layout
from fact_jax.runtime.processes.group import Processes
from fact_jax.training.checkpoints.manager import CheckpointError, Checkpoints


class SharedCheckpoints(contextlib.AbstractContextManager):
    """As `Checkpoints`, for a process of several: all of them make the same calls, and process 0 alone has the files.

    Only process 0 calls `open_checkpoints`, looks at what is saved, and waits.
    """

    def __init__(self, processes: Processes, folder: Path, open_checkpoints: Callable[[], Checkpoints]):
        self.folder, self._processes = folder, processes
        self._own: Any = open_checkpoints() if processes.is_main else None

    def __exit__(self, *exception):
        self.close()

    def steps(self) -> list[int]:
        return self._ask(lambda: self._own.steps())

    def best_step(self, say: Callable[[str], None] = lambda text: None) -> int | None:
        return self._ask(lambda: self._own.best_step(say))

    def meta(self, step: int) -> dict[str, Any]:
        return self._ask(lambda: self._own.meta(step))

    def save(self, items: Mapping[str, Any], meta: Mapping[str, Any]) -> None:
        if self._own is not None:
            self._own.save(items, meta)

    def restore(self, step: int, targets: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        return self._share(lambda: self._own.restore(step, targets), targets)

    def restore_latest(self, targets: Mapping[str, Any], say: Callable[[str], None]):
        return self._share(lambda: self._own.restore_latest(targets, say), targets)

    def wait(self) -> None:
        if self._own is not None:
            self._own.wait()

    def close(self) -> None:
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
        return device_layout.broadcast(items, device_layout.one_per_process(), is_source=self._processes.is_main), meta
