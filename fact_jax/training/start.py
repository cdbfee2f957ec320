"""Where a run starts from: its first state, or the newest checkpoint that can be used."""

import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jax
import numpy as np
import optax
from jax.extend import core as jax_core

from fact_jax import run_record
from fact_jax.runtime import programs
from fact_jax.runtime.processes.group import Processes
from fact_jax.tasks.base import Task
from fact_jax.training import host_draws, optimizers
from fact_jax.training import state as train_states
from fact_jax.training.checkpoints import manager as checkpoint_store
from fact_jax.training.checkpoints.shared import SharedCheckpoints
from fact_jax.training.feed import close
from fact_jax.types import Batch, UserError

# What JAX calls the program of `jax.random.uniform`. Under another name it would be compiled for every shape.
UNIFORM = "_uniform"


@dataclasses.dataclass(frozen=True)
class StartingPoint:
    """What the loop goes on from."""

    state: train_states.TrainState  # of NumPy arrays
    optimizer: optax.GradientTransformationExtraArgs
    batches: Iterator[tuple[Batch, ...]]  # of the steps that follow, as `iterate` gives them, but `first`
    first: tuple[Batch, ...] | None  # batches of the next step, if they were read already
    step: int = 0  # completed updates
    evaluated_step: int = -1  # `step` if it was evaluated, else -1
    # Of the best evaluation so far; value None if there was none.
    best: dict[str, Any] = dataclasses.field(default_factory=lambda: {"step": 0, "value": None})
    window: tuple[dict, ...] = ()  # terms of the steps since the last log line, see `TermWindow`
    skipped: int = 0  # steps, see there


def total_steps(config, steps_per_epoch: int) -> int:
    """Returns the number of updates of a run: `config.train.steps`, or as many as its epochs have."""
    return config.train.steps or config.train.epochs * steps_per_epoch


def open_checkpoints(config, workdir: Path, *, read_only: bool = False, processes: Processes = Processes()):
    """Opens the checkpoints of a run, for several processes `SharedCheckpoints`; those of another run are refused."""
    folder, keep = Path(workdir) / "checkpoints", config.checkpoint

    def open_here():
        record = run_record.read(workdir)
        keeping = {"keep_latest": keep.keep_latest, "keep_best": keep.keep_best, "read_only": read_only}
        return checkpoint_store.Checkpoints(folder, **keeping, run=record and run_record.identity(record))

    return open_here() if processes.count == 1 else SharedCheckpoints(processes, folder, open_here)


def initial_state(task: Task, config, batch: Batch, steps_per_epoch: int, *, shapes_only: bool = False):
    """Returns (the state before the first update, the optimiser).

    The leaves of the state are NumPy arrays; with `shapes_only` no number is computed and they are
    `jax.ShapeDtypeStruct`. `batch` is one of training, for its shapes.
    """
    optimizer = None

    def create(key):
        nonlocal optimizer
        variables = task.init(key, batch.arrays)
        params = variables["params"]
        scales, decay_mask = task.learning_rate_scales(params), task.weight_decay_mask(params)
        optimizer = optimizers.make_optimizer(config.optimizer, steps_per_epoch, scales, decay_mask)
        return train_states.create(variables, optimizer, use_ema=config.optimizer.ema_decay > 0, scales=scales)

    key = train_states.init_key(config.seed)
    if shapes_only:
        return jax.eval_shape(create, key), optimizer
    state = evaluate_needed(create, key)
    programs.forget_start()
    return state, optimizer


def evaluate_needed(function: Callable, argument):
    """Returns `function(argument)` as NumPy arrays, without the operations that the result does not depend on.

    For initialisations: a module draws its parameters on its way through the whole network. The numbers are those of a
    plain call. Arrays of one number, as an optimiser starts with, take no memory; they cannot be written to. Seconds of
    a processor with an empty compilation cache, of which a plain call takes at least twice the second column and one
    jitted program four times:

                                 this     everything drawn by JAX
      fact_gtea                  2.6      7.7
      actionformer_thumos14      2.3      5.4
    """
    closed, shapes = jax.make_jaxpr(function, return_shape=True)(argument)
    outputs = list(closed.jaxpr.outvars)
    constants = {
        equation.outvars[0]: np.asarray(equation.invars[0].val)
        for equation in closed.jaxpr.eqns
        if equation.primitive is jax.lax.broadcast_in_dim_p and isinstance(equation.invars[0], jax_core.Literal)
    }
    computed = list(_variables(outputs) - constants.keys())
    needed, kept = set(computed), []
    for equation in reversed(closed.jaxpr.eqns):
        if needed & _variables(equation.outvars):
            kept.append(equation)
            needed |= _variables(equation.invars)
    values = _evaluated(closed, kept[::-1], jax.tree.leaves(argument)) | constants
    found = [output.val if isinstance(output, jax_core.Literal) else values[output] for output in outputs]
    found = jax.tree.unflatten(jax.tree.structure(shapes), found)
    return jax.tree.map(lambda shape, leaf: np.broadcast_to(np.asarray(leaf, shape.dtype), shape.shape), shapes, found)


def _variables(atoms):
    return {atom for atom in atoms if not isinstance(atom, jax_core.Literal)}


def _evaluated(closed, equations, arguments):
    """{variable: value} of some of the equations of a jaxpr, one by one."""
    values = dict(zip(closed.jaxpr.constvars, closed.consts, strict=True))
    values |= dict(zip(closed.jaxpr.invars, arguments, strict=True))
    for equation in equations:
        given = [atom.val if isinstance(atom, jax_core.Literal) else values[atom] for atom in equation.invars]
        values |= zip(equation.outvars, _results(closed, equation, given), strict=True)
    return values


def _results(closed, equation, given):
    """The results of one equation of a jaxpr; those of `jax.random.uniform` are drawn without compiling anything."""
    drawn = equation.outvars[0].aval
    if equation.params.get("name") == UNIFORM and drawn.dtype == np.float32 and host_draws.can_draw(given[0]):
        key, low, high = given
        return [host_draws.uniform(key, low, high, drawn.shape)]
    variables = {atom: value for atom, value in zip(equation.invars, given, strict=True) if _variables([atom])}
    alone = closed.jaxpr.replace(constvars=[], invars=list(variables), outvars=equation.outvars, eqns=[equation])
    return jax_core.jaxpr_as_fun(closed.replace(jaxpr=alone, consts=[]))(*variables.values())


def starting_point(
    task: Task,
    config,
    train_batches,
    checkpoints: checkpoint_store.Checkpoints,
    say: Callable[[str], None],
    first_variables: Callable[[Any, Any], tuple[Any, Any]] | None = None,
) -> StartingPoint:
    """Reads the newest usable checkpoint, or makes the initial state where there is none.

    `first_variables` gives parameters and state of a run that starts, from those that were drawn.
    Raises UserError if there are checkpoints and none of them can be used, or one is of another run or a later step.
    """
    saved = checkpoints.steps()
    expected = saved[-1] if saved else 0
    batches = train_batches.iterate(expected)
    first = next(batches)
    initial, optimizer = initial_state(task, config, first[0], train_batches.steps_per_epoch, shapes_only=bool(saved))
    found = checkpoints.restore_latest(checkpoint_store.items_of(initial), say)
    if found is None:
        if first_variables is not None:
            # The optimiser's first state depends on the shapes of the parameters alone.
            params, state = first_variables(initial.params, initial.state)
            scales = task.learning_rate_scales(params)
            average = None if initial.ema_params is None else train_states.trained_part(params, scales)
            initial = initial.replace(params=params, state=state, ema_params=average)
        return StartingPoint(initial, optimizer, batches, first)
    items, meta = found
    total = total_steps(config, train_batches.steps_per_epoch)
    if meta["step"] > total:
        raise UserError(
            f"{checkpoints.folder / str(meta['step'])} is of a later step than the last one of this run, {total}. Move "
            "it away, or use another --workdir."
        )
    if meta["step"] != expected:  # the newest checkpoints are damaged
        close(batches)
        batches, first = train_batches.iterate(meta["step"]), None
    state = train_states.TrainState(
        np.array(meta["step"], np.int32),
        items["params"],
        items["opt_state"],
        items.get("state", initial.state),
        items.get("ema"),
    )
    evaluated_step = meta["step"] if meta["metrics"] or meta.get("others") else -1
    window, skipped = tuple(meta["window"]), meta.get("skipped", 0)
    return StartingPoint(state, optimizer, batches, first, meta["step"], evaluated_step, meta["best"], window, skipped)
