"""--init_from: the weights that a run starts from, of another run or of weight files, and what becomes of them."""

import dataclasses
import hashlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np
from flax.traverse_util import flatten_dict, unflatten_dict
from ml_collections import ConfigDict

from fact_jax import run_record
from fact_jax.app import kinds, published_weights
from fact_jax.models.weights import class_list, weight_files
from fact_jax.models.weights.transfer import Axes, ClassLabels, Transfer, collapse, transfer
from fact_jax.models.weights.variables import apart, together
from fact_jax.runtime.processes.group import Processes
from fact_jax.training.checkpoints.manager import CheckpointError, Checkpoints
from fact_jax.training.checkpoints.weights import choose_step, others, read_weights, variable_shapes
from fact_jax.types import UserError, VerbNouns

# In "derived" of config.json, see `StartingWeights.origin`.
ORIGIN = "init_from"
# Classes and settings that are named in a line.
_MOST_NAMED = 12


@dataclasses.dataclass(frozen=True)
class StartingWeights:
    """Weights of a network of the same system as a run's.

    Attributes:
      origin: for config.json: "path" (absolute), "sha256" (of the file or of the parameters), "step" (None of a file);
        of several files also "parts", the origin of each.
      where: the same for people.
      tree: of float32 NumPy arrays, see `models.weights.variables`; of a file of one part, that part.
      class_names: by id; None where nothing tells.
      model: config.model there.
      notes: what was done on the way.
    """

    origin: Mapping[str, Any]
    where: str
    tree: Any
    axes: Axes
    feature_dim: int | None  # None: it reads videos
    class_names: tuple[str, ...] | None
    model: Mapping[str, Any]
    notes: tuple[str, ...] = ()

    def check(self, derived: Mapping[str, Any]) -> None:
        """Raises UserError if the network of a run, see `derived` of config.json, reads other features."""
        if self.feature_dim != derived.get("feature_dim", self.feature_dim):
            raise UserError(
                f"--init_from: {self.where} reads features of {self.feature_dim} channels, the data has "
                f"{derived['feature_dim']}. Extract the features with the same network, or start without these weights."
            )

    def put_into(self, params, state, config, derived: Mapping[str, Any], say: Callable[[str], None]):
        """(parameters, state) that a run starts with, with what can be taken from here.

        Says what was taken and what starts anew.
        """
        tree = together(params, state)
        tasks = kinds.of_system(config.model.name).tasks()
        _, shapes, axes = network(tasks, config, derived)
        wanted = jax.tree.map(lambda leaf: leaf.shape, shapes)
        if wanted != jax.tree.map(lambda leaf: leaf.shape, tree):
            raise ValueError("the network of the run is not the one that its settings give")
        try:
            done = transfer(self.tree, tree, self.axes, axes)
        except UserError as error:
            raise UserError(
                f"--init_from: {self.where}: {error} Another size of the network? See config.model."
            ) from error
        for line in self._lines(done, derived["class_names"] if axes else None, config.model.to_dict()):
            say(line)
        return apart(done.tree, state)

    def _lines(self, done: Transfer, class_names, model):
        yield f"started from {self.where}:"
        yield from (f"  {note}" for note in self.notes)
        ours, theirs = _sizes(done.tree), _sizes(self.tree)
        whole, anew = "taken as it is", "starts anew"
        rows = [(whole, done.whole, ours), ("taken by channel and class", done.by_class, ours)]
        rows += [(anew, list(done.new), ours), ("left there", done.left, theirs)]
        for what, paths, sizes in rows:
            names = f": {', '.join(collapse(paths, sizes))}" if paths and what not in (whole, anew) else ""
            count = sum(sizes[path] for path in paths)
            yield f"  {what:<27}{len(paths):>5} parameters, {count:,} numbers{names}"
            if what == anew:
                reasons: dict[str, list[str]] = {}
                for path, reason in done.new.items():
                    reasons.setdefault(reason, []).append(path)
                yield from (f"    {reason}: {', '.join(collapse(names, ours))}" for reason, names in reasons.items())
        if class_names is not None:
            yield from self._class_lines(class_names)
        differing = run_record.differences(self.model, model, ())
        if differing:
            yield f"  settings of the network that differ: {_listing(differing)}"
        yield "  the optimiser, its schedule, the step and running averages start anew"

    def _class_lines(self, class_names):
        if self.class_names is None:
            yield "  the classes there are not known, so whatever has an entry per class starts anew"
            return
        if tuple(class_names) == self.class_names:
            yield f"  the {len(class_names)} classes are the same"
            return
        common = [name for name in class_names if name in self.class_names]
        new = [name for name in class_names if name not in self.class_names]
        left = [name for name in self.class_names if name not in class_names]
        yield f"  classes of the same name: {len(common)}" + (f", {_listing(common)}" if common else "")
        yield f"  classes that start anew: {len(new)}" + (f", {_listing(new)}" if new else "")
        yield f"  classes left there: {len(left)}" + (f", {_listing(left)}" if left else "")


def sentence(origin: Mapping[str, Any]) -> str:
    """A sentence for the results of a run that began with these weights."""
    step = "" if origin["step"] is None else f", step {origin['step']}"
    return f"Training began with the weights of {origin['path']}{step} (SHA-256 {origin['sha256'][:16]})."


def of_run(
    workdir: Path, init_from: str | Sequence[str] | None, config, processes: Processes, say: Callable[[str], None]
) -> tuple[StartingWeights | None, Mapping[str, Any] | None]:
    """(weights that training begins with, None where it goes on or begins without; their origin, for config.json).

    A run that has a checkpoint keeps its own state. Of several processes all call this, and each reads the weights.
    Raises UserError as `load`, or where the workdir holds a run that begins otherwise.
    """
    state = processes.from_main(lambda: _look_into(workdir))
    recorded = state["origin"]
    if state["has_checkpoints"]:
        if init_from:
            began = sentence(recorded) if recorded else "Training began without other weights."
            say(f"{workdir} holds a run with checkpoints, which keeps its own state: --init_from is not read. {began}")
        return None, recorded
    if init_from and state["exists"] and recorded is None:
        raise UserError(
            f"{workdir} holds a run that begins without --init_from, and has no checkpoint yet. Use another --workdir, "
            "or leave --init_from out."
        )
    if not (init_from or recorded):
        return None, None
    try:
        weights = load_all(_paths(init_from) or _recorded_paths(recorded), config, say)
    except UserError as error:
        if init_from:
            raise
        raise UserError(
            f"{workdir} holds a run without a checkpoint, which begins with other weights. {error}"
        ) from error
    if recorded and weights.origin["sha256"] != recorded["sha256"]:
        found = f"{weights.where}, SHA-256 {weights.origin['sha256'][:16]}"
        raise UserError(
            f"{workdir} holds a run without a checkpoint, which begins with other weights than {found}. "
            f"{sentence(recorded)} Give those with --init_from, or use another --workdir."
        )
    return weights, recorded or weights.origin


def _paths(init_from):
    """The places that are given, one or several."""
    return (init_from,) if isinstance(init_from, str) else tuple(init_from or ())


def _recorded_paths(origin):
    return [part["path"] for part in origin.get("parts", [origin])]


def is_drawn(workdir: Path) -> bool:
    """Whether what a run without other weights began with was drawn: those of a converted file were not."""
    record = run_record.read(workdir)
    return not record or "converted" not in record["derived"]


def _look_into(workdir):
    record, folder = run_record.read(workdir), workdir / "checkpoints"
    has_checkpoints = folder.is_dir() and any(path.name.isdecimal() for path in folder.iterdir())
    origin = record["derived"].get(ORIGIN) if record else None
    return {"exists": record is not None, "has_checkpoints": has_checkpoints, "origin": origin}


def load_all(paths: Sequence[str], config, say: Callable[[str], None]) -> StartingWeights:
    """`load` of one place, or the weights of several together, such as files of the parts of a network.

    Raises UserError as `load`, or where two of them bring the same parameter.
    """
    found = [load(path, config, say) for path in paths]
    return found[0] if len(found) == 1 else _together(found)


def _together(found):
    trees: dict[str, Any] = {}
    owners: dict[str, str] = {}
    for weights in found:
        for path, array in flatten_dict(weights.tree, sep="/").items():
            if path in owners:
                raise UserError(
                    f"--init_from: {owners[path]} and {weights.where} both bring {path}. Give one of them alone, or "
                    "files of different parts of the network."
                )
            owners[path], trees[path] = weights.where, array
    digests = "".join(weights.origin["sha256"] for weights in found)
    origin = {
        "path": " and ".join(weights.origin["path"] for weights in found),
        "sha256": hashlib.sha256(digests.encode()).hexdigest(),
        "step": None,
        "parts": [dict(weights.origin) for weights in found],
    }
    return StartingWeights(
        origin,
        " and ".join(weights.where for weights in found),
        unflatten_dict(trees, sep="/"),
        {path: axes for weights in found for path, axes in weights.axes.items()},
        next((weights.feature_dim for weights in found if weights.feature_dim is not None), None),
        next((weights.class_names for weights in found if weights.class_names is not None), None),
        {name: value for weights in found for name, value in weights.model.items()},
        tuple(f"{weights.where}: {note}" for weights in found for note in weights.notes),
    )


def load(path, config, say: Callable[[str], None]) -> StartingWeights:
    """Reads the weights in `path`, a workdir (its best step) or a weight file, for a run with this config.

    Raises UserError if there are none, or they are of another system.
    """
    path = Path(path).expanduser()
    if not path.exists():
        raise UserError(f"--init_from: {path} does not exist; expected a workdir or {weight_files.EXPECTED}.")
    return _of_workdir(path, config, say) if path.is_dir() else _of_file(path, config)


def _of_workdir(path, config, say):
    record = run_record.read(path)
    if record is None or not (path / "checkpoints").is_dir():
        raise UserError(f"--init_from: {path} holds no run with a checkpoint; expected a workdir or a weight file.")
    with run_record.trusting(path):
        there, derived = ConfigDict(record["config"]), record["derived"]
        tasks = kinds.of_system(there.model.name).tasks()
    _check_system(path, there.model.name, (there.model.name,), config)
    with run_record.trusting(path):
        task, _, axes = network(tasks, there, derived)
        arrays, names = tasks.example_arrays(derived), tuple(derived["class_names"])
    with Checkpoints(path / "checkpoints", read_only=True, run=run_record.identity(record)) as checkpoints:
        step = choose_step(checkpoints, None, say)
        try:
            weights = read_weights(task, there, checkpoints, step, arrays)
        except CheckpointError as error:
            raise UserError(f"--init_from: {error}. {others(checkpoints, step)}") from error
    digest = weights.meta["checksums"][weights.item]
    origin = {"path": str(path.absolute()), "sha256": digest, "step": step}
    where = f"{path}, step {step}" + (" (averaged weights)" if weights.item == "ema" else "")
    model = there.model.to_dict()
    tree = together(weights.params, weights.state)
    return StartingWeights(origin, where, tree, axes, derived.get("feature_dim"), names, model)


def _of_file(path, config):
    state = weight_files.read_state_dict(path)
    found = published_weights.recognise(state.tensors, path)
    _check_system(path, found.contents, found.systems, config)
    if found.part:
        _check_sizes(path, found, config)
    there, _ = published_weights.adopt(config, found, (), path)
    names = class_list.read(class_list.beside(path))
    if names is not None and found.num_classes not in (None, len(names)):
        beside = f"{class_list.beside(path)} has {len(names)} classes"
        raise UserError(f"--init_from: {path} is of a network with {found.num_classes} classes, and {beside}.")
    notes = (*state.notes, *found.notes)
    if names is None and found.has_classes:
        notes += (f"no list of its classes is beside it, which would be {class_list.beside(path)}",)
    pairs, nameless = found.example_verb_nouns(), [f"class {k}" for k in range(found.num_classes or 1)]
    derived = {"class_names": list(names or nameless), "feature_dim": found.feature_dim}
    derived["verb_nouns"] = None if pairs is None else dataclasses.asdict(pairs)
    if pairs is not None:
        names, notes = None, (*notes, "a weight file does not tell the order of its verbs and nouns; a workdir does")
    tasks = kinds.of_system(there.model.name).tasks()
    labels = ClassLabels.of(names, found.num_classes)
    task, shapes, axes = network(tasks, there, derived, labels)
    tree = published_weights.variables(task, shapes, found, path)
    with open(path, "rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    origin = {"path": str(path.absolute()), "sha256": digest, "step": None}
    return StartingWeights(origin, str(path), tree, axes, found.feature_dim, names, there.model.to_dict(), notes)


def _check_system(path, title, systems, config):
    if config.model.name not in systems:
        raise UserError(
            f"--init_from: {path} holds weights of {title}, and this run is of {config.model.name!r} "
            "(config.model.name). Expected weights of the same system."
        )


def _check_sizes(path, found, config):
    """Raises UserError where one part of a network, which is taken whole, is not as large as in a run."""
    differing = [
        f"  config.{key} is {ours!r}, in the file {theirs!r}"
        for key, theirs, ours in found.wanted(config.model)
        if theirs != ours
    ]
    if differing:
        what = f"{path} holds {found.contents}, in another size than the run's"
        raise UserError("\n".join([f"--init_from: {what}:", *differing, "Give the settings that belong to the file."]))


def network(tasks, config, derived, labels: ClassLabels | None = None):
    """(task, shapes of its variables, Axes) of a network by its settings and the `derived` of config.json.

    Variables are those of `models.weights.variables`. Labels are by default those of its classes.
    """
    task, arrays = tasks.restore(config, derived), tasks.example_arrays(derived)

    def shapes_of(task):
        found = variable_shapes(task, arrays)
        return together(found["params"], found["state"])

    if labels is None:
        pairs = derived.get("verb_nouns")
        labels = ClassLabels.of(derived["class_names"], verb_nouns=VerbNouns(**pairs) if pairs else None)
    one_more = dict(derived) | {"class_names": [*derived["class_names"], ""]}

    def larger():
        return shapes_of(tasks.restore(config, one_more))

    shapes = shapes_of(task)
    return task, shapes, tasks.class_axes(task, shapes, larger, labels)


def _sizes(params):
    return {
        "/".join(str(key.key) for key in path): int(np.size(leaf))
        for path, leaf in jax.tree_util.tree_flatten_with_path(params)[0]
    }


def _listing(names):
    names = list(names)
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return ", ".join(names[:_MOST_NAMED]) + more
