"""Compiled training and evaluation steps of any task.

Gradients, losses and normalizers of all devices and micro-batches are added before they are divided, so one global
batch gives the same update however it is spread.
"""

import dataclasses
import functools
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from fact_jax.runtime import devices as device_layout
from fact_jax.runtime import host_memory, side_by_side
from fact_jax.runtime.background import Background
from fact_jax.runtime.programs import Composition, ProgramCounter
from fact_jax.tasks.base import BATCH_AXIS, FINITE, Task, all_finite
from fact_jax.training import optimizers
from fact_jax.training.state import TrainState, merged, trained_part
from fact_jax.types import Batch

SKIPPED = "skipped"  # the term that says whether a step was skipped, 1 or 0


class Placed(NamedTuple):
    """The batches of one step on the devices: arrays [devices, B / devices, ...] of this process, padded lengths.

    `video_ids` are of all rows of all processes, "" for padded ones.
    """

    video_ids: tuple[str, ...]
    arrays: tuple[Mapping[str, jax.Array], ...]
    lengths: tuple[int | None, ...]


class TrainStep:
    """One update of the replicated train state.

    A step of one batch is a program for its gradients, one for every bucket, and one for the update: that one knows
    no lengths, and takes as long to compile as the other. A step of several batches, its micro-batches, composes the
    weights once, adds up the gradients with respect to them with one program for every bucket, and makes the update
    with one more: the largest program then holds the activations of one micro-batch. A task whose mutable state or
    whose loss looks at the whole batch sees one micro-batch at a time. `programs` counts compilations.
    """

    def __init__(
        self,
        task: Task,
        optimizer: optax.GradientTransformationExtraArgs,
        devices: Sequence[jax.Device],
        *,
        seed: int,
        ema_decay: float = 0.0,
        skip_nonfinite: bool = False,
        num_buckets: int = 1,
        say: Callable[[str], None] = print,
        background: Background | None = None,
    ):
        """
        Args:
          task: what to train.
          optimizer: what `optimizers.make_optimizer` gave.
          devices: of all processes.
          seed: of the run; step k uses the key of `seed` with k folded in.
          ema_decay: of the parameter average, used where the state has one.
          skip_nonfinite: a step with a term or a gradient norm that is not finite changes nothing but the step number.
          num_buckets, say: how many programs to expect, and what prints a line of each.
          background: what compiles further programs, those of evaluations too.
        """
        self.programs = ProgramCounter(num_buckets, say, background)
        self._task, self._optimizer, self._devices = task, optimizer, list(devices)
        self._ema_decay, self._skip_nonfinite = ema_decay, skip_nonfinite
        self._scales: Any = None  # of the parameters, None if nothing is frozen or slower
        self._weight_scales: Any = None  # of what `Task.compose` makes of them
        self._seed = device_layout.replicate(np.uint32(seed % 2**32), devices)
        parallel = functools.partial(device_layout.parallel, devices=devices)
        self._batch_gradient = parallel(self._gradients_of_batch)
        self._update = parallel(self._update_from_gradients, donate=(0,))
        self._updated_before = False
        self._compose = Composition(task, devices, self.programs)
        self._micro_batch_gradient = parallel(self._gradients_of_micro_batch)
        self._add = parallel(_sum_in_place, donate=(0,))
        self._update_after_micro_batches = parallel(self._update_from_sums, donate=(0,))

    def place(self, batches: tuple[Batch, ...]) -> Placed:
        """Puts the batches of a step on the devices; what comes back can be given to a call in their place."""
        return Placed(
            video_ids=tuple(video_id for batch in batches for video_id in batch.video_ids),
            arrays=tuple(device_layout.place(dict(batch.arrays), self._devices) for batch in batches),
            lengths=tuple(batch.length for batch in batches),
        )

    def __call__(self, train_state: TrainState, batches: tuple[Batch, ...] | Placed):
        """Returns (the new state, terms). The given state is consumed: its memory is reused.

        Terms: name -> (sum, normalizer) over all batches, "grad_norm" -> (norm before clipping, 1) and, with
        `skip_nonfinite`, SKIPPED -> (1 or 0, 1), on the devices, not fetched; read them with `fetch_terms`.
        """
        placed = batches if isinstance(batches, Placed) else self.place(batches)
        self._find_frozen(train_state.params)
        known = train_state.step, self._seed
        beside = None if self._updated_before else functools.partial(self._prepare_update, train_state, placed)
        self._updated_before = True
        if len(placed.arrays) == 1:
            given = train_state.params, train_state.state, *placed.arrays, *known
            found = self.programs.call(self._batch_gradient, *given, length=placed.lengths[0], beside=beside)
            gradients, terms, state = found
            return self.programs.call(self._update, train_state, state, gradients, terms)
        weights = self._compose(train_state.params)
        state, gradients, terms = train_state.state, None, []
        for arrays, length in zip(placed.arrays, placed.lengths, strict=True):
            given = weights, state, arrays, *known
            call = functools.partial(self.programs.call, self._micro_batch_gradient, *given, length=length)
            more, found, state = call(beside=beside)
            beside = None
            gradients = more if gradients is None else self._add(gradients, more)
            terms.append(found)
        return self.programs.call(self._update_after_micro_batches, train_state, state, gradients, terms)

    def foresee(self, train_state: TrainState, steps: Iterable[tuple[Batch, ...]]) -> None:
        """Has programs for the batches of these steps compiled while others are, and while those run.

        `steps` are in the order in which they come; of their batches only shapes and types count.
        """
        self._find_frozen(train_state.params)
        known = device_layout.outline((train_state.params, train_state.state, train_state.step, self._seed))
        for batches in steps:
            for batch in batches:
                self.programs.later(functools.partial(self._prepare_gradient, known, batch, len(batches) > 1))

    def _prepare_gradient(self, known, batch, is_micro_batch):
        params, state, step, seed = known
        arrays = device_layout.place_outline(dict(batch.arrays), self._devices)
        weights = self._compose.prepare(params) if is_micro_batch else params
        function = self._micro_batch_gradient if is_micro_batch else self._batch_gradient
        self.programs.prepare(function, weights, state, arrays, step, seed, length=batch.length)

    def _prepare_update(self, train_state, placed, found):
        """Has the update compiled for what the gradients of a batch will look like."""
        gradients, terms, state = found
        if len(placed.arrays) == 1:
            self.programs.prepare(self._update, train_state, state, gradients, terms)
        else:
            terms = [terms] * len(placed.arrays)
            self.programs.prepare(self._update_after_micro_batches, train_state, state, gradients, terms)

    def _find_frozen(self, params):
        """Notes what is frozen: no gradient of it is made, added up or sent."""
        shapes = jax.tree.map(lambda leaf: jax.ShapeDtypeStruct(leaf.shape[1:], leaf.dtype), params)
        if self._scales is None and (scales := self._task.learning_rate_scales(shapes)) is not None:
            self._scales, self._weight_scales = scales, self._compose.scales(params, scales)

    def _composed(self, params, batch):
        """(the weights, a function from gradients of what is trained of them to those of the trained parameters)."""
        trained = trained_part(params, self._scales)
        weights, pull_back = jax.vjp(lambda trained: self._task.compose(merged(params, trained), batch), trained)
        return weights, lambda gradients: pull_back(_filled(gradients, weights))[0]

    def _gradients_of_batch(self, params, state, batch, step, seed):
        self.programs.traced("train step")
        weights, pull_back = self._composed(params, batch)
        gradients, terms, state = self._gradients(weights, state, batch, step, seed)
        terms, gradients = self._over_devices(terms, gradients)
        return pull_back(gradients), terms, state

    def _update_from_gradients(self, train_state, state, gradients, terms):
        self.programs.traced("update")
        return self._updated(train_state, state, gradients, terms)

    def _gradients_of_micro_batch(self, weights, state, batch, step, seed):
        self.programs.traced("gradient of micro-batches")
        return self._gradients(weights, state, batch, step, seed)

    def _update_from_sums(self, train_state, state, gradients, terms):
        self.programs.traced("update after micro-batches")
        _, pull_back = self._composed(train_state.params, None)
        terms = jax.tree.map(lambda *numbers: sum(numbers[1:], numbers[0]), *terms)
        terms, gradients = self._over_devices(terms, gradients)
        return self._updated(train_state, state, pull_back(gradients), terms)

    def _gradients(self, weights, state, batch, step, seed):
        """(gradients of the loss sum by the trained weights, terms, mutable state) of one device's rows."""
        rng = jax.random.fold_in(jax.random.key(seed), step)

        def loss_sum(trained):
            output = self._task.loss(merged(weights, trained), state, batch, rng)
            return output.terms["loss"][0], (dict(output.terms), output.state)

        # Of a single batch a task may compose its weights otherwise; then all of them count as trained.
        known = jax.tree.structure(weights) == jax.tree.structure(self._weight_scales)
        trained = trained_part(weights, self._weight_scales if known else None)
        gradients, (terms, state) = jax.grad(loss_sum, has_aux=True)(trained)
        return gradients, terms, state

    def _over_devices(self, *sums):
        """Sums of all devices, from those of this one."""
        # XLA keeps an all-reduce over one device, and with it a copy of every gradient.
        return jax.lax.psum(sums, BATCH_AXIS) if len(self._devices) > 1 else sums

    def _updated(self, train_state, state, gradients, terms):
        """(the next train state, terms) from the sums over devices; `state`: the mutable collections after the batch.

        `gradients` are those by the trained parameters.
        """
        normalizer = terms["loss"][1]
        # It ends in a division: XLA for CPUs repeats a choice between numbers in every loop that reads them.
        scale = (normalizer > 0).astype(jnp.float32) / jnp.where(normalizer > 0, normalizer, 1.0)
        params, opt_state, ema_params, unscaled = device_layout.as_stored(
            (train_state.params, train_state.opt_state, train_state.ema_params, gradients)
        )
        # As stored: the norm is then the one that the optimiser clips by, and computed once.
        gradients = _scaled(unscaled, scale)
        terms = terms | {"grad_norm": (optax.tree.norm(gradients), jnp.ones((), jnp.float32))}
        before, value = (params, opt_state, ema_params), terms["loss"][0] * scale
        if self._skip_nonfinite:
            finite = _all_finite(terms)
            terms = terms | {SKIPPED: (1.0 - finite.astype(jnp.float32), jnp.ones((), jnp.float32))}
            # A branch, and no choice between numbers: for that XLA keeps the old ones beside the new. Gradients are
            # scaled inside of it, or they would be stored once more.
            after = jax.lax.cond(
                finite,
                lambda before, gradients: self._optimized(before, _scaled(gradients, scale), value),
                lambda before, gradients: before,
                before,
                unscaled,
            )
            state = jax.tree.map(functools.partial(jnp.where, finite), state, train_state.state)
        else:
            after = self._optimized(before, gradients, value)
        params, opt_state, ema_params = device_layout.from_stored(after)
        new_state = train_state.replace(
            step=train_state.step + 1, params=params, opt_state=opt_state, state=state, ema_params=ema_params
        )
        return new_state, terms

    def _optimized(self, before, gradients, value):
        """(parameters, optimiser state, averaged parameters) after an update; `value` is the mean loss of the batch."""
        params, opt_state, ema_params = before
        updates, opt_state = self._optimizer.update(_filled(gradients, params), opt_state, params, value=value)
        params = optax.apply_updates(params, updates)
        return params, opt_state, optimizers.update_ema(ema_params, params, self._ema_decay)


def _filled(gradients, tree):
    """Gradients with zeros for the leaves of a tree that they leave out."""
    return merged(jax.tree.map(jnp.zeros_like, tree), gradients)


def _scaled(tree, scale):
    return jax.tree.map(lambda leaf: leaf * scale, tree)


def _all_finite(terms):
    # Of a whole batch and after the sum over devices, so that all of them decide alike.
    return jnp.all(jnp.isfinite(jnp.stack(jax.tree.leaves(terms))))


def _sum_in_place(first, second):
    return device_layout.from_stored(jax.tree.map(jnp.add, *device_layout.as_stored((first, second))))


class EvalStep:
    """Predictions for one batch with replicated weights; `programs` counts compilations."""

    def __init__(
        self, task: Task, devices: Sequence[jax.Device], *, num_buckets: int = 1, say: Callable[[str], None] = print
    ):
        self.programs = ProgramCounter(num_buckets, say)
        self._task, self._devices = task, list(devices)
        self._composition = Composition(task, devices, self.programs)
        self._step = device_layout.parallel(self._predict, devices)
        self._compiled: set[tuple] = set()  # the shapes of batches that there is a program for

    def compose(self, params) -> Any:
        """Returns the weights of replicated parameters, for as many calls as are made with them.

        They share memory with the parameters: an update of a train state that holds these ends their use.
        """
        return self._composition(params)

    def foresee(self, params, state, batches: Iterable[Batch]) -> None:
        """Has programs for these batches compiled while others are, and while those run; see `TrainStep.foresee`.

        `params`, `state`: replicated, to be composed.
        """
        params, state = device_layout.outline((params, state))
        for batch in batches:
            self.programs.later(functools.partial(self._prepare, params, state, batch))

    def _prepare(self, params, state, batch):
        arrays = device_layout.place_outline(self._read(batch), self._devices)
        self.programs.prepare(self._step, self._composition.prepare(params), state, arrays, length=batch.length)

    def _read(self, batch):
        # Nothing else of the batch: the padded size of its transcripts may differ between evaluated sets.
        return {key: batch.arrays[key] for key in self._task.predict_keys}

    def __call__(self, weights, state, batch: Batch):
        """Returns the outputs of `Task.predict`, split over the devices and not fetched (see `devices.unshard`).

        FINITE is always among them.

        `weights` is what `compose` gave, `state` the replicated mutable collections.
        """
        arrays = device_layout.place(self._read(batch), self._devices)
        if (shapes := self._shapes(batch)) not in self._compiled:
            outputs = self.programs.call(self._step, weights, state, arrays, length=batch.length)
            self._compiled.add(shapes)
            return outputs
        # Without the counter, which tells of one call at a time.
        outputs = self._step(weights, state, arrays)
        host_memory.give_back_excess()
        return outputs

    def runs_beside(self, batch: Batch) -> bool:
        """Whether a call may be made for this batch while another one is made, see `runtime.side_by_side`.

        That is so on the CPU, where it is worth it, once there is a program for such a batch.
        """
        if len(self._devices) > 1 or jax.process_count() > 1 or self._devices[0].platform != "cpu":
            return False
        frames = len(batch.video_ids) * (batch.length or 0)
        return self._shapes(batch) in self._compiled and side_by_side.is_worth_it(self._task.conv_channels, frames)

    def _shapes(self, batch):
        return tuple(batch.arrays[key].shape for key in self._task.predict_keys)

    def fetch(self, batch: Batch, outputs) -> tuple[Batch, Mapping[str, np.ndarray]]:
        """Returns a batch and what a call gave for it on the host, with the rows of all processes in each of them.

        Of several processes all call this; the heavy arrays stay where they are.
        """
        if len(device_layout.local(self._devices)) == len(self._devices):
            return batch, device_layout.unshard(outputs)
        arrays = {key: array for key, array in batch.arrays.items() if key not in batch.heavy}
        placed = device_layout.place(arrays, self._devices)
        arrays, outputs = device_layout.gather((placed, outputs), self._devices)
        return dataclasses.replace(batch, arrays=arrays, first_row=0), outputs

    def _predict(self, weights, state, batch):
        self.programs.traced("eval step")
        return checked_outputs(self._task, weights, state, batch)


def checked_outputs(task, weights, state, batch: Mapping[str, jax.Array]) -> dict[str, jax.Array]:
    """What `Task.predict` gives for the arrays of a batch, with FINITE in any case."""
    outputs = task.predict(weights, state, batch)
    if FINITE in outputs:
        return outputs
    scores = [array for array in outputs.values() if jnp.issubdtype(array.dtype, jnp.inexact)]
    rows = jnp.ones(len(jax.tree.leaves(outputs)[0]), bool)
    return outputs | {FINITE: all_finite(rows, *scores)}


def fetch_terms(steps_terms: Sequence) -> list[dict[str, list[float]]]:
    """Fetches the terms of several steps at once: one dict name -> [sum, normalizer] per step.

    The numbers are float32 values as Python floats, which JSON stores without loss.
    """
    first = jax.tree.map(lambda leaf: leaf.addressable_shards[0].data, list(steps_terms))
    return [
        {name: [float(np.ravel(number)[0]) for number in pair] for name, pair in terms.items()}
        for terms in jax.device_get(first)
    ]
