"""Published weights in, published weights out: a state dict becomes the workdir of a run, and the other way round.

A state dict does not tell the classes; an export writes their names beside it, in <file>.mapping.txt, and a conversion
of a file with such a list compares them with the dataset's.

A converted workdir holds config.json and one checkpoint with the parameters and running statistics alone, which --mode
eval and --mode predict take. Its record, "derived", knows the network and nothing of the videos; "converted" in it
names the file.
"""

import dataclasses
import hashlib
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

import jax
from ml_collections import ConfigDict

from fact_jax import files, run_record
from fact_jax.app import kinds, published_weights
from fact_jax.app.runs.base import Classes
from fact_jax.layers.batch_norm import STATISTICS
from fact_jax.models.weights import class_list, weight_files
from fact_jax.models.weights.variables import apart, grouped, together
from fact_jax.training.checkpoints.manager import CheckpointError, Checkpoints
from fact_jax.training.checkpoints.weights import choose_step, others, read_weights, variable_shapes
from fact_jax.training.logging import writers
from fact_jax.training.ownership import own
from fact_jax.training.state import trained_part
from fact_jax.types import UserError

STEP = 0  # of a converted checkpoint: no update of this run has been made

# The same for all systems: it shapes predictions and leaves no trace in a state dict.
UNTOLD = {"data.sample_rate": "one frame in this many is used"}


def convert(
    config,
    workdir,
    checkpoint,
    *,
    read_classes: Callable[[], Classes],
    explicit: Collection[str] = (),
    console: writers.Console,
) -> None:
    """Makes a workdir from a published state dict, the file `checkpoint`.

    Args:
      config: of the run; what the file tells about the network takes the place of its values.
      workdir: may hold an earlier conversion of the same file, nothing else.
      read_classes: gives the classes of the dataset. Called once the file is known to be of a network of ours.
      explicit: dotted keys of `config` that the user or a reference config set; the file may not contradict them.

    Raises:
      UserError: the file is of another system, does not fit the settings or the dataset, or the workdir is taken.
    """
    workdir, checkpoint = Path(workdir), Path(checkpoint)
    # A run that averages its weights evaluates the average, as the published code does.
    state = weight_files.read_state_dict(checkpoint, averaged=config.optimizer.ema_decay > 0)
    found, system = published_weights.recognise(state.tensors, checkpoint), config.model.name
    if system not in found.systems:
        configs = f"configs/{found.model_settings['name'].replace('+', 'p')}_*.py"
        other = f"the config is of another system (config.model.name is {system!r})"
        way_out = f"Give a config of {found.title}, one of {configs}: --config."
        raise UserError(f"{checkpoint} holds {found.contents}, {other}. {way_out}")
    config, changed = published_weights.adopt(config, found, explicit, checkpoint)
    class_names, class_file, verb_nouns = read_classes()
    found.check_classes(class_names, verb_nouns, checkpoint)
    data = config.data
    dataset = "the synthetic dataset" if data.reader == "synthetic" else Path(data.dir) / class_file
    beside = class_list.beside(checkpoint)
    listed = class_list.check(beside, class_names, dataset) if found.has_classes else None
    derived: dict[str, Any] = {
        "class_names": list(class_names),
        "feature_dim": found.feature_dim,
        "verb_nouns": None if verb_nouns is None else dataclasses.asdict(verb_nouns),
        "buckets": list(config.data.get("buckets", ())),
    }
    tasks = kinds.of_system(system).tasks()
    task, arrays = tasks.restore(config, derived), tasks.example_arrays(derived)
    derived["model"] = dataclasses.asdict(task.model)
    with open(checkpoint, "rb") as file:
        derived["converted"] = {"file": checkpoint.name, "sha256": hashlib.file_digest(file, "sha256").hexdigest()}
    shapes = variable_shapes(task, arrays)
    tree = taken = published_weights.variables(task, together(shapes["params"], shapes["state"]), found, checkpoint)
    if found.part:
        tree = published_weights.completed(task, config, arrays, taken)
    _check_workdir(workdir, config, derived)
    with own(workdir, "--mode convert"):
        _check_workdir(workdir, config, derived)  # again: another process may just have made its run here
        _save(config, workdir, _items(config, task, arrays, shapes["state"], tree), derived)
        # Last, so that a workdir with a record has its checkpoint.
        run_record.write(workdir, config=config.to_dict(), derived=derived)
    classes = f"{len(class_names)} classes, in the order of {class_file}" if found.has_classes else ""
    untold = _not_inferred(config, found, explicit, classes, listed)
    for line in (*_summary(checkpoint, state, found, _coverage(taken, tree, config), changed), *untold):
        console.say(line)
    if found.part:
        told = f"the rest has learned nothing, so its predictions mean nothing: train it with --init_from {checkpoint}"
        console.say(f"wrote {workdir} with the {found.part} part alone; {told}")
    else:
        console.say(f"wrote {workdir}; --mode eval and --mode predict with --workdir {workdir} use it")


def export(workdir, output, *, step: int | None = None, console: writers.Console) -> None:
    """Writes a checkpoint of a run as a published state dict, its classes and, of FACT, a YAML config beside it.

    The ending of `output` says its format, see `weight_files.SUFFIXES`; `step`: None = the best. Raises UserError if
    there is no such run or checkpoint, or the file cannot be written.
    """
    workdir, output = Path(workdir), weight_files.check_output(output)
    record = run_record.read(workdir)
    if record is None or not (workdir / "checkpoints").is_dir():
        raise UserError(f"{workdir} holds no checkpoint to export.")
    with run_record.trusting(workdir):
        config, derived = ConfigDict(record["config"]), record["derived"]
        tasks = kinds.of_system(config.model.name).tasks()
        task, arrays, class_names = (
            tasks.restore(config, derived),
            tasks.example_arrays(derived),
            derived["class_names"],
        )
    if not task.links():
        what = f"No names of the parameters of {task.model.title} are published"
        raise UserError(f"{what}, so there is no file to write.")
    with Checkpoints(workdir / "checkpoints", read_only=True, run=run_record.identity(record)) as checkpoints:
        chosen = choose_step(checkpoints, step, console.say)
        try:
            weights = read_weights(task, config, checkpoints, chosen, arrays)
        except CheckpointError as error:
            raise UserError(f"{error}. {others(checkpoints, chosen)}") from error
    mapping_file = class_list.beside(output)
    published = tasks.publish(task, together(weights.params, weights.state), config, derived)
    texts = {output.with_name(f"{output.name}{ending}"): text for ending, text in published.texts.items()}
    if published.has_classes:
        texts[mapping_file] = class_list.text(class_names)
    _write_export(output, published.tensors, texts, **published.layout)
    averaged = " (averaged weights)" if weights.item == "ema" else ""
    console.say(f"wrote step {chosen}{averaged} to {output}: {published_weights.size(published.tensors)}")
    if published.has_classes:
        console.say(f"wrote {mapping_file}, its {len(class_names)} classes; keep it beside the weights")
    for note in published.notes:
        console.say(note.format(file=output))


def _write_export(output, tensors, texts, **form):
    """Writes the weights, see `weight_files.write_state_dict`, and texts (path -> content) beside them, or nothing."""
    written: list[Path] = []
    try:
        # The small files first: a place that cannot be written to is found out before the weights replace older ones.
        for path, text in texts.items():
            try:
                written.append(files.atomic_write_text(path, text))
            except OSError as error:
                reason = f"{path} cannot be written: {error.strerror}"
                raise UserError(f"{reason}. It belongs beside {output.name}.") from error
        weight_files.write_state_dict(output, tensors, **form)
    except UserError:
        for path in written:
            path.unlink(missing_ok=True)
        raise


def _check_workdir(workdir, config, derived):
    """Raises UserError unless the workdir is free or holds the same conversion."""
    record = run_record.read(workdir)
    if record is None:
        return
    if "converted" not in record["derived"]:
        raise UserError(f"{workdir} holds a run. Use another --workdir for the converted weights.")
    run_record.check(workdir, config=config.to_dict(), derived=derived)


def _items(config, task, arrays, state, tree):
    """What a checkpoint holds that evaluations read; `state` as of the task, shapes only."""
    if any(name != STATISTICS and jax.tree.leaves(collection) for name, collection in state.items()):
        # As before a first step; evaluation does not look at what no file has. Compiled: no parameter is drawn.
        state = jax.device_get(jax.jit(lambda key: task.init(key, arrays)["state"])(jax.random.key(config.seed)))
    params, state = apart(tree, state)
    items = {"params": params}
    if jax.tree.leaves(state):
        items["state"] = state
    if config.optimizer.ema_decay > 0:
        items["ema"] = trained_part(params, task.learning_rate_scales(params))  # what evaluation reads of such a run
    return items


def _save(config, workdir, items, derived):
    meta = {"step": STEP, "value": None, "select_metric": config.eval.select_metric, "split": None, "metrics": {}}
    meta |= {"best": {"step": STEP, "value": None}, "position": {"epoch": 0, "batch": 0}, "seed": config.seed}
    meta |= {"window": [], "converted": True}
    identity = run_record.identity({"config": config.to_dict(), "derived": derived})
    with Checkpoints(workdir / "checkpoints", run=identity) as checkpoints:
        if checkpoints.steps() not in ([], [STEP]):
            raise UserError(f"{workdir} holds checkpoints of a run. Use another --workdir for the converted weights.")
        checkpoints.save(items, meta)


def _summary(checkpoint, state, found, coverage, changed):
    yield f"read {checkpoint}: {published_weights.size(state.tensors)}"
    yield from (f"  {note}" for note in (*state.notes, *found.notes))
    kinds = sorted({str(tensor.dtype) for tensor in found.tensors.values()} - {"float32"})
    if kinds:
        yield f"  numbers of type {', '.join(kinds)} became float32"
    if found.buffers:
        yield f"  not needed, computed here: {', '.join(found.buffers)}"
    yield from coverage
    yield from found.lines()
    if changed:
        yield "the file differs from the config, so these took its values:"
        yield from (f"  {key} = {value!r} (was {present!r})" for key, present, value in changed)


def _coverage(taken, tree, config):
    """What came from the file, and what starts anew."""
    yield f"  every tensor has its place: {_numbers(taken)}, none missing, none left over"
    if taken is not tree:
        rest = {
            group: {name: module for name, module in modules.items() if name not in grouped(taken)[group]}
            for group, modules in grouped(tree).items()
        }
        anew = f"at random, by seed {config.seed}: {', '.join(rest['params'])}, {_numbers(rest)}"
        yield f"  the rest of the network starts anew, {anew}; it has learned nothing yet"


def _numbers(tree):
    """How many numbers of a tree of variables are parameters, and how many running statistics."""
    statistics = tree.get(STATISTICS, {})
    counts = [
        sum(leaf.size for leaf in jax.tree.leaves(part))
        for part in (tree["params"] if statistics else tree, statistics)
    ]
    return f"{counts[0]:,} parameters" + (f" and {counts[1]:,} running statistics" if statistics else "")


def _not_inferred(config, found, explicit, classes, listed):
    """What the file does not tell, and which value is used."""
    yield "a file does not tell these; check that they are right, they change predictions:"
    for key, what in (found.untold() | UNTOLD).items():
        group, _, name = key.rpartition(".")
        value = config[group].get(name)
        if value is not None:
            yield f"  {key} = {value!r}: {what}, {'as given' if key in explicit else 'from the config'}"
    if classes:
        agree = f"the {classes.partition(',')[0]} agree in name and order with {listed}"
        yield f"  {classes}" if listed is None else agree
    yield "settings of training (dropout, masking, loss, optimizer) are the config's; predictions do not need them"
