"""Checkpoints of a run: written by Orbax, verified on the way back.

A checkpoint holds separate items, so that an evaluation reads the parameters alone: `params`, `opt_state`, `state` (if
the model has mutable collections), `ema` (if used) and `meta`, a JSON object with the step, the metrics, the best step
so far, the data position, the seed and a checksum of every other item. Orbax notices a truncated file but not a changed
bit, and lists an empty folder as a checkpoint; hence the checksums and the way back to an older checkpoint.
"""

import contextlib
import hashlib
import math
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import jax
import numpy as np
import orbax.checkpoint as ocp
from orbax.checkpoint import checkpoint_managers

from fact_jax.training import devices as device_layout
from fact_jax.training.state import TrainState
from fact_jax.types import UserError

# What Orbax, TensorStore and the JSON reader raise for files that are missing, cut short or of another shape.
READ_ERRORS = (ValueError, LookupError, OSError, TypeError)


class CheckpointError(Exception):
    """A checkpoint that cannot be used; the message says why."""


def checksum(tree) -> str:
    """Returns SHA-256 over the paths, types, shapes and bytes of all leaves."""
    digest = hashlib.sha256()
    for path, leaf in jax.tree_util.tree_leaves_with_path(tree):
        leaf = np.ascontiguousarray(leaf)
        digest.update(f"{jax.tree_util.keystr(path)} {leaf.dtype.str} {leaf.shape}\n".encode())
        digest.update(leaf.tobytes())
    return digest.hexdigest()


def items_of(train_state: TrainState) -> dict[str, Any]:
    """Returns the items of a host-side train state by name; `state` and `ema` only where there is something in them."""
    items = {"params": train_state.params, "opt_state": train_state.opt_state}
    if jax.tree.leaves(train_state.state):
        items["state"] = train_state.state
    if train_state.ema_params is not None:
        items["ema"] = train_state.ema_params
    return items


def to_host(train_state: TrainState) -> TrainState:
    """Fetches a replicated train state.

    Raises:
      ValueError: a mutable collection differs between devices, which means that its task does not reduce it.
    """
    differing = device_layout.differing_leaves(train_state.state)
    if differing:
        raise ValueError(f"mutable state differs between devices: {', '.join(differing)}; Task.loss must reduce it")
    return device_layout.unreplicate(train_state)


class Checkpoints:
    """The checkpoints below one folder. Close it, or use it in a `with` statement, to wait for running writes."""

    def __init__(self, folder: Path, *, keep_latest: int = 1, keep_best: int = 1, read_only: bool = False):
        """
        Args:
          folder: where the checkpoints lie, one folder per step.
          keep_latest: how many of the newest to keep, at least 1.
          keep_best: how many of the best to keep; of equal ones the later counts as better.
          read_only: change nothing; the folder must exist.
        """
        self._folder = Path(folder).absolute()
        if keep_latest < 1 or keep_best < 1:
            raise UserError("config.checkpoint: keep_latest and keep_best must be at least 1.")
        policy = checkpoint_managers.AnyPreservationPolicy([
            checkpoint_managers.LatestN(keep_latest),
            # Sorting is stable, so of equal values the later step is the better one.
            checkpoint_managers.BestN(get_metric_fn=_ranking, n=keep_best),
        ])
        # Orbax's own read_only option only adds warnings: it writes nothing before the first save either way.
        options = ocp.CheckpointManagerOptions(
            create=not read_only,
            save_root_metadata=not read_only,
            preservation_policy=policy,
            best_fn=_ranking,
            best_mode="max",
        )
        try:
            self._manager = ocp.CheckpointManager(self._folder, options=options)
        except READ_ERRORS as error:
            raise UserError(
                f"the checkpoints in {self._folder} cannot be listed ({type(error).__name__}: {error}). A step folder "
                "with damaged metadata has to be moved away."
            ) from error

    @property
    def folder(self) -> Path:
        """Where the checkpoints lie."""
        return self._folder

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.close()

    def steps(self) -> list[int]:
        """Returns the steps there are checkpoints of, in order. Whether they can be read is not known yet."""
        return sorted(self._manager.all_steps())

    def save(self, items: Mapping[str, Any], meta: Mapping[str, Any], value: float | None) -> None:
        """Starts to write a checkpoint in the background; a checkpoint of the same step is replaced.

        Args:
          items: trees of numpy arrays by name, see `items_of`. They must not change afterwards.
          meta: JSON values; "step" names the checkpoint. The checksums are added here.
          value: the selection metric, or None if this step was not evaluated.
        """
        step = meta["step"]
        self.wait()
        if step in self._manager.all_steps():
            # Only after an evaluation that was cut short: the same state again, this time with its metrics.
            self._manager.delete(step)
        meta = dict(meta) | {"checksums": {name: checksum(tree) for name, tree in items.items()}}
        saves = {name: ocp.args.StandardSave(tree) for name, tree in items.items()}
        args = ocp.args.Composite(**saves, meta=ocp.args.JsonSave(meta))
        if not self._manager.save(step, args=args, metrics={"value": value}):
            raise CheckpointError(f"the checkpoint of step {step} was not written: {self._folder} has a later one")

    def meta(self, step: int) -> dict[str, Any]:
        """Returns the metadata of a checkpoint.

        Raises:
          CheckpointError: it cannot be read.
        """
        with _readable(self._folder / str(step)):
            meta = self._manager.restore(step, args=ocp.args.Composite(meta=ocp.args.JsonRestore())).meta
            if not isinstance(meta, dict) or meta.get("step") != step or "checksums" not in meta:
                raise ValueError("its metadata is not that of this step")
        return meta

    def restore(self, step: int, targets: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        """Reads and verifies items of a checkpoint.

        Args:
          step: which.
          targets: item name -> tree of arrays with the expected shapes and types. Only these items are read.

        Returns:
          (items, meta): items as trees of numpy arrays.

        Raises:
          CheckpointError: the checkpoint is incomplete, of another shape, or its checksum is wrong.
        """
        meta = self.meta(step)
        hosts = {
            name: jax.tree.map(lambda leaf: np.empty(leaf.shape, leaf.dtype), tree) for name, tree in targets.items()
        }
        with _readable(self._folder / str(step)):
            requests = {name: ocp.args.StandardRestore(tree) for name, tree in hosts.items()}
            restored = self._manager.restore(step, args=ocp.args.Composite(**requests))
        items = {name: restored[name] for name in targets}
        for name, tree in items.items():
            _check_shapes(self._folder / str(step), name, tree, hosts[name])
            if checksum(tree) != meta["checksums"].get(name):
                raise CheckpointError(f"{self._folder / str(step)} is damaged: the checksum of {name!r} is wrong")
        return items, meta

    def restore_latest(self, targets: Mapping[str, Any], say: Callable[[str], None]):
        """Reads the newest checkpoint that is complete and intact, and sets damaged newer ones aside.

        Orbax would refuse to save below the step of a damaged checkpoint, so those move to `damaged/` beside the
        checkpoints.

        Returns:
          (items, meta) as `restore`, or None if there is no checkpoint at all.

        Raises:
          UserError: there are checkpoints and none of them can be used.
        """
        steps = self.steps()
        problems = []
        for step in reversed(steps):
            try:
                found = self.restore(step, targets)
            except CheckpointError as error:
                problems.append((step, error))
                say(f"warning: cannot resume from step {step}: {error}")
                continue
            for bad_step, _ in problems:
                say(f"warning: moved the checkpoint of step {bad_step} to {self._set_aside(bad_step)}")
            if problems:
                say(f"warning: falling back to the checkpoint of step {step}")
            return found
        if not steps:
            return None
        reasons = "\n".join(f"  step {step}: {error}" for step, error in problems)
        raise UserError(
            f"no checkpoint in {self._folder} can be used:\n{reasons}\n"
            "Move that folder away to start from the beginning."
        )

    def best_step(self) -> int:
        """Returns the evaluated step with the largest selection metric, the later one of equals.

        Raises:
          CheckpointError: no readable checkpoint was evaluated.
        """
        ranking = []
        for step in self.steps():
            with contextlib.suppress(CheckpointError):
                meta = self.meta(step)
                if meta["metrics"] or meta.get("converted"):
                    ranking.append((_ranking({"value": meta["value"]}), step))
        if not ranking:
            raise CheckpointError(f"{self._folder} holds no evaluated checkpoint")
        return max(ranking)[1]

    def wait(self) -> None:
        """Waits until everything saved so far is on disk."""
        self._manager.wait_until_finished()

    def close(self) -> None:
        """Waits for running writes and lets go of the folder."""
        self._manager.wait_until_finished()
        self._manager.close()

    def _set_aside(self, step: int) -> Path:
        shelf = self._folder.parent / "damaged"
        shelf.mkdir(exist_ok=True)
        target = shelf / str(step)
        number = 1
        while target.exists():
            number += 1
            target = shelf / f"{step}-{number}"
        os.rename(self._folder / str(step), target)
        self._manager.reload()
        return target


def _ranking(metrics: Mapping[str, float | None]) -> float:
    """The value a checkpoint is ranked by; a step that was not evaluated, or without a number, comes last."""
    value = metrics["value"]
    return -math.inf if value is None or math.isnan(value) else value


def _check_shapes(path: Path, item: str, tree, target) -> None:
    """Raises CheckpointError for an item of another model: with numpy targets Orbax ignores their shapes."""
    wanted = {jax.tree_util.keystr(key): leaf for key, leaf in jax.tree_util.tree_leaves_with_path(target)}
    for key, leaf in jax.tree_util.tree_leaves_with_path(tree):
        name = jax.tree_util.keystr(key)
        if (leaf.shape, leaf.dtype) != (wanted[name].shape, wanted[name].dtype):
            raise CheckpointError(
                f"{path} is of another model: {item}{name} is {leaf.dtype}{leaf.shape}, expected "
                f"{wanted[name].dtype}{wanted[name].shape}"
            )


@contextlib.contextmanager
def _readable(path: Path):
    """Turns what the readers raise for a damaged checkpoint into one CheckpointError."""
    try:
        yield
    except READ_ERRORS as error:
        reason = str(error).strip().splitlines()
        raise CheckpointError(f"{path} cannot be read: {reason[0] if reason else type(error).__name__}") from error
