"""Compiled training and evaluation steps of any task.

Gradients, losses and normalizers of all devices are added before they are divided, so one global batch gives the same
update on any number of devices.
"""

import time
from collections.abc import Callable, Mapping, Sequence

import jax
import jax.numpy as jnp
import numpy as np
import optax

from fact_jax.tasks.base import BATCH_AXIS, Task
from fact_jax.training import devices as device_layout
from fact_jax.training import optimizers
from fact_jax.training.state import TrainState
from fact_jax.types import Batch


class ProgramCounter:
    """Counts the programs compiled for one step function: one per length bucket, and no more.

    Attributes:
      name: what is counted, for the log line.
      expected: number of buckets.
      lengths: bucket length of every program so far, in order of compilation.
    """

    def __init__(self, name: str, expected: int, say: Callable[[str], None]):
        self.name = name
        self.expected = expected
        self.lengths: list[int] = []
        self._say = say

    def traced(self, batch: Mapping[str, jax.Array]) -> None:
        """Notes a new program. Called from inside the step's Python body, which runs once per compilation."""
        self.lengths.append(batch["mask"].shape[-1])

    def call(self, function: Callable, *args):
        """Calls `function`, and says how long it took if that compiled a program."""
        programs = len(self.lengths)
        start = time.perf_counter()
        result = function(*args)
        if len(self.lengths) > programs:
            seconds = time.perf_counter() - start
            self._say(
                f"compiled {self.name} for bucket T={self.lengths[-1]} in {seconds:.1f} s "
                f"(program {len(self.lengths)} of {self.expected})"
            )
        return result


class TrainStep:
    """One update of the replicated train state.

    Attributes:
      programs: counts compilations.
    """

    def __init__(
        self,
        task: Task,
        optimizer: optax.GradientTransformation,
        devices: Sequence[jax.Device],
        *,
        seed: int,
        ema_decay: float = 0.0,
        num_buckets: int = 1,
        say: Callable[[str], None] = print,
    ):
        """
        Args:
          task: what to train.
          optimizer: what `optimizers.make_optimizer` gave.
          devices: where to run.
          seed: of the run; step k uses the key of `seed` with k folded in.
          ema_decay: decay of the parameter average, used where the state has one.
          num_buckets: how many programs to expect.
          say: prints a line.
        """
        self.programs = ProgramCounter("train step", num_buckets, say)
        self._task = task
        self._optimizer = optimizer
        self._ema_decay = ema_decay
        self._num_devices = len(devices)
        self._seed = device_layout.replicate(np.uint32(seed % 2**32), devices)
        self._step = device_layout.parallel(self._update, devices, donate=(0,))

    def __call__(self, train_state: TrainState, batch: Batch):
        """Returns (the new state, terms). The given state is consumed: its memory is reused.

        Terms: name -> (sum, normalizer) over the global batch and "grad_norm" -> (norm before clipping, 1), on the
        devices, not fetched; read them with `fetch_terms`.
        """
        arrays = device_layout.shard(dict(batch.arrays), self._num_devices)
        return self.programs.call(self._step, train_state, arrays, self._seed)

    def _update(self, train_state, batch, seed):
        self.programs.traced(batch)
        rng = jax.random.fold_in(jax.random.key(seed), train_state.step)

        def loss_sum(params):
            output = self._task.loss(params, train_state.state, batch, rng)
            return output.terms["loss"][0], (dict(output.terms), output.state)

        gradients, (terms, state) = jax.grad(loss_sum, has_aux=True)(train_state.params)
        terms, gradients = jax.lax.psum((terms, gradients), BATCH_AXIS)
        normalizer = terms["loss"][1]
        scale = jnp.where(normalizer > 0, 1.0 / jnp.where(normalizer > 0, normalizer, 1.0), 0.0)
        gradients = jax.tree.map(lambda gradient: gradient * scale, gradients)
        terms["grad_norm"] = (optax.tree.norm(gradients), jnp.ones((), jnp.float32))
        updates, opt_state = self._optimizer.update(gradients, train_state.opt_state, train_state.params)
        params = optax.apply_updates(train_state.params, updates)
        new_state = train_state.replace(
            step=train_state.step + 1,
            params=params,
            opt_state=opt_state,
            state=state,
            ema_params=optimizers.update_ema(train_state.ema_params, params, self._ema_decay),
        )
        return new_state, terms


class EvalStep:
    """Predictions for one batch with replicated parameters.

    Attributes:
      programs: counts compilations.
    """

    def __init__(
        self,
        task: Task,
        devices: Sequence[jax.Device],
        *,
        num_buckets: int = 1,
        say: Callable[[str], None] = print,
    ):
        self.programs = ProgramCounter("eval step", num_buckets, say)
        self._task = task
        self._num_devices = len(devices)
        self._step = device_layout.parallel(self._predict, devices)

    def __call__(self, params, state, batch: Batch):
        """Returns the outputs of `Task.predict`, split over the devices and not fetched (see `devices.unshard`)."""
        # Nothing else of the batch: the padded size of its transcripts may differ between evaluated sets.
        arrays = device_layout.shard({key: batch.arrays[key] for key in self._task.predict_keys}, self._num_devices)
        return self.programs.call(self._step, params, state, arrays)

    def _predict(self, params, state, batch):
        self.programs.traced(batch)
        return self._task.predict(params, state, batch)


def fetch_terms(steps_terms: Sequence) -> list[dict[str, list[float]]]:
    """Fetches the terms of several steps at once: one dict name -> [sum, normalizer] per step.

    The numbers are float32 values as Python floats, which JSON stores without loss.
    """
    first = jax.tree.map(lambda leaf: leaf.addressable_shards[0].data, list(steps_terms))
    return [
        {name: [float(np.ravel(number)[0]) for number in pair] for name, pair in terms.items()}
        for terms in jax.device_get(first)
    ]
