"""Checkpoints of a run: written by Orbax, verified on the way back.

A checkpoint holds separate items, so that an evaluation reads the parameters alone: `params`, `opt_state`, `state` (if
the model has mutable collections), `ema` (if used) and `meta`, a JSON object with the step, the metrics, the best step
so far, the data position, the seed, the run, and a checksum of every other item and of itself. Orbax notices a
truncated file but not a changed bit, and lists an empty folder as a checkpoint; hence the checksums and the way back.
"""

import contextlib
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np
import orbax.checkpoint as ocp

from fact_jax import run_record
from fact_jax.runtime import devices as device_layout
from fact_jax.training.checkpoints import errors, folders
from fact_jax.training.checkpoints.errors import CheckpointError
from fact_jax.training.checkpoints.integrity import check_shapes, checksum, is_sealed, seal
from fact_jax.training.checkpoints.retention import Keep, can_be_best, rank
from fact_jax.training.state import TrainState
from fact_jax.types import UserError

# Of Orbax, in every checkpoint.
ORBAX_METADATA = "_CHECKPOINT_METADATA"


def items_of(train_state: TrainState) -> dict[str, Any]:
    """Returns the items of a host-side train state by name; `state` and `ema` only where there is something in them."""
    items = {"params": train_state.params, "opt_state": train_state.opt_state}
    if jax.tree.leaves(train_state.state):
        items["state"] = train_state.state
    if train_state.ema_params is not None:
        items["ema"] = train_state.ema_params
    return items


def to_host(train_state: TrainState, devices: Sequence[jax.Device]) -> TrainState:
    """Fetches a train state that is replicated on `devices`, those of all processes; each of them calls this.

    Raises ValueError if a mutable collection differs between devices: its task does not reduce it.
    """
    differing = device_layout.differing_leaves(train_state.state, devices)
    if differing:
        raise ValueError(f"mutable state differs between devices: {', '.join(differing)}; Task.loss must reduce it")
    return device_layout.unreplicate(train_state)


class Checkpoints(contextlib.AbstractContextManager):
    """The checkpoints below one folder. Close it, or use it in a `with` statement, to wait for running writes."""

    def __init__(
        self,
        folder: Path,
        *,
        keep_latest: int = 1,
        keep_best: int = 1,
        read_only: bool = False,
        run: Mapping[str, Any] | None = None,
    ):
        """
        Args:
          folder: has one folder per step.
          keep_latest, keep_best: how many of the newest and of the best to keep, at least 1.
          read_only: change nothing; the folder must exist. Otherwise what a killed process left is removed.
          run: what `run_record.identity` says of the run; checkpoints of another one are refused. None: of any.
        """
        self.folder = Path(folder).absolute()
        self._run = run and dict(run)
        if keep_latest < 1 or keep_best < 1:
            raise UserError("config.checkpoint: keep_latest and keep_best must be at least 1.")
        errors.quiet_orbax()
        if not read_only:
            self.folder.mkdir(parents=True, exist_ok=True)
            folders.tidy(self.folder)
        self._keep = Keep(keep_latest, keep_best)
        self._running: int | None = None  # the step that is being written
        self._size = 0  # bytes of its arrays
        # Orbax's own read_only option only adds warnings: it writes nothing before the first save either way.
        options = ocp.CheckpointManagerOptions(
            create=False,  # Orbax would have all processes create it
            save_root_metadata=not read_only,
            multiprocessing_options=_alone(),
            preservation_policy=self._keep,
            todelete_subdir=folders.REMOVED,
            lightweight_initialize=True,  # one checkpoint with unreadable metadata does not hide the others
            async_options=ocp.AsyncOptions(post_finalization_callback=lambda: folders.force_to_disk(self.folder)),
        )
        try:
            self._manager = ocp.CheckpointManager(self.folder, options=options)
        except errors.READ_ERRORS as error:
            reason = f"{type(error).__name__}: {error}"
            raise UserError(f"the checkpoints in {self.folder} cannot be listed ({reason}).") from error
        if not read_only:
            for step in self.steps():
                with contextlib.suppress(CheckpointError):
                    self._keep.ranks[step] = rank(self._read_meta(step))

    def __exit__(self, *exception):
        self.close()

    def steps(self) -> list[int]:
        """Returns the steps there are checkpoints of, in order. Whether they can be read is not known yet."""
        return sorted(self._manager.all_steps())

    def save(self, items: Mapping[str, Any], meta: Mapping[str, Any]) -> None:
        """Starts to write a checkpoint in the background; a checkpoint of the same step is replaced.

        Args:
          items: trees of numpy arrays by name, see `items_of`. They must not change afterwards.
          meta: JSON values; "step" names the checkpoint, "metrics" is empty unless it was evaluated, "value" is the
            selection metric. The checksums and the run are added here.

        Raises UserError if this checkpoint, or the one before, cannot be written.
        """
        step = meta["step"]
        self.wait()
        if step in self._manager.all_steps():
            # Only after an evaluation that was cut short: the same state again, this time with its metrics.
            folders.lay_aside(self.folder, step)
            self._manager.reload()
        sums = {name: checksum(tree) for name, tree in items.items()}
        meta = seal(dict(meta) | {"checksums": sums, "run": self._run})
        saves = {name: ocp.args.StandardSave(tree) for name, tree in items.items()}
        args = ocp.args.Composite(**saves, meta=ocp.args.JsonSave(meta))
        self._size = sum(leaf.nbytes for tree in items.values() for leaf in jax.tree.leaves(tree))
        self._keep.ranks[step] = rank(meta)
        with self._writing(step):
            saved = self._manager.save(step, args=args)
        if not saved:
            raise CheckpointError(f"the checkpoint of step {step} was not written: {self.folder} has a later one")
        self._running = step

    def meta(self, step: int) -> dict[str, Any]:
        """Returns the metadata of a checkpoint.

        Raises CheckpointError if it cannot be read, UserError if it is of another run.
        """
        meta = self._read_meta(step)
        lines = []
        if there := meta.get("run"):
            for part, values in (self._run or {}).items():
                # A checkpoint from before a setting was neutral names it still.
                neutral = run_record.NEUTRAL if part == "config" else ()
                lines += [f"  {part}.{line}" for line in run_record.differences(there.get(part, {}), values, neutral)]
        if lines:
            listed = "\n".join(lines)
            raise UserError(
                f"{self.folder / str(step)} is a checkpoint of another run:\n{listed}\n"
                "Move it away, or use the --workdir that it belongs to."
            )
        return meta

    def _read_meta(self, step):
        path = self.folder / str(step)
        if step == self._running:
            self.wait()
        with errors.readable(path):
            if not isinstance(json.loads((path / ORBAX_METADATA).read_text(encoding="utf-8")), dict):
                raise ValueError(f"{ORBAX_METADATA} is not what Orbax writes")
            meta = self._manager.restore(step, args=ocp.args.Composite(meta=ocp.args.JsonRestore())).meta
            if not isinstance(meta, dict) or meta.get("step") != step or "checksums" not in meta:
                raise ValueError("its metadata is not that of this step")
            if not is_sealed(meta):
                raise ValueError("the checksum of its metadata is wrong")
        return meta

    def restore(self, step: int, targets: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        """Reads and verifies items of a checkpoint; returns (trees of numpy arrays by item name, metadata).

        Only the items of `targets` are read, trees of arrays with the expected shapes and types. Raises CheckpointError
        if the checkpoint is incomplete, of another shape, or its checksum is wrong.
        """
        meta, path = self.meta(step), self.folder / str(step)
        hosts = jax.tree.map(lambda leaf: np.empty(leaf.shape, leaf.dtype), dict(targets))
        with errors.readable(path):
            requests = {name: ocp.args.StandardRestore(tree) for name, tree in hosts.items()}
            restored = self._manager.restore(step, args=ocp.args.Composite(**requests))
        items = {name: restored[name] for name in targets}
        for name, tree in items.items():
            check_shapes(path, name, tree, hosts[name])
            if checksum(tree) != meta["checksums"].get(name):
                raise CheckpointError(f"{path} is damaged: the checksum of {name!r} is wrong")
        return items, meta

    def restore_latest(self, targets: Mapping[str, Any], say: Callable[[str], None]):
        """Reads the newest checkpoint that is complete and intact, and sets damaged newer ones aside.

        Orbax would refuse to save below the step of a damaged checkpoint, so those move to `damaged/` beside the
        checkpoints. Returns (items, meta) as `restore`, None if there is no checkpoint at all. Raises UserError if
        there are some and none of them can be used, or one is of another run.
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
                say(f"warning: moved the checkpoint of step {bad_step} to {folders.set_aside(self.folder, bad_step)}")
            if problems:
                self._manager.reload()
                say(f"warning: falling back to the checkpoint of step {step}")
            return found
        if not steps:
            return None
        reasons = "\n".join(f"  step {step}: {error}" for step, error in problems)
        raise UserError(
            f"no checkpoint in {self.folder} can be used:\n{reasons}\n"
            "Move that folder away to start from the beginning."
        )

    def best_step(self, say: Callable[[str], None] = lambda text: None) -> int | None:
        """Returns the trained and evaluated step with the largest selection metric, the later of equals, or None.

        Raises CheckpointError if the best one cannot be read; `say` is told of others that cannot.
        """
        metas, unreadable = {}, {}
        for step in self.steps():
            try:
                metas[step] = self.meta(step)
            except CheckpointError as error:
                unreadable[step] = error
        if unreadable and not metas:
            raise next(iter(unreadable.values()))
        known = metas[max(metas)]["best"]["step"] if metas else 0
        if known and known not in metas:
            reason = unreadable.get(known, "its checkpoint is gone")
            raise CheckpointError(f"the best step is {known}, and {reason}")
        for error in unreadable.values():
            say(f"warning: {error}")
        ranking = [(rank(meta), step) for step, meta in metas.items() if can_be_best(meta)]
        return max(ranking)[1] if ranking else None

    def wait(self) -> None:
        """Waits until everything saved so far is on disk; raises UserError if it cannot be written."""
        with self._writing(self._running):
            self._manager.wait_until_finished()
        if self._running is not None:
            self._running = None
            folders.discard_removed(self.folder)

    def close(self) -> None:
        """As `wait`, and lets go of the folder."""
        try:
            self.wait()
        finally:
            with contextlib.suppress(*errors.WRITE_ERRORS):  # says again what `wait` said
                self._manager.close()

    @contextlib.contextmanager
    def _writing(self, step):
        """Turns what a full disk and other errors of files raise into a UserError; the checkpoints before stay."""
        try:
            yield
        except errors.WRITE_ERRORS as error:
            if not errors.is_full(error) and not isinstance(error, OSError):
                raise
            self._running = None
            folders.tidy(self.folder)
            raise UserError(errors.save_error(error, self.folder, step, self._size)) from error


def _alone() -> ocp.options.MultiprocessingOptions:
    """Options by which Orbax waits for no other process: of several, one has the checkpoints."""
    own, options = jax.process_index(), ocp.options.MultiprocessingOptions
    if jax.process_count() == 1:
        return options()
    return options(primary_host=own, active_processes={own}, barrier_sync_key_prefix=f"process{own}")
