"""What the training loop asks of a system: the Task and Evaluation protocols.

A task binds a model, its losses and its metrics. The loop, the evaluator and the checkpoints know a system through
these methods only, so a new system needs no change there.
"""

import functools
from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

import jax
import jax.numpy as jnp
import numpy as np

from fact_jax.types import Batch

Tree = Any  # a pytree of arrays

FINITE = "finite"  # what `Task.predict` says of its scores
BATCH_AXIS = "batch"  # name of the device axis inside every traced task function, for lax.psum and friends


def all_finite(*scores: jax.Array | tuple[jax.Array, jax.Array]) -> jax.Array:
    """Returns bool [B]: whether all numbers of every video are finite.

    `scores`: arrays [B, ...], or pairs of one with a bool mask over its first axes, outside of which nothing counts.
    """
    found = []
    for entry in scores:
        values, mask = entry if isinstance(entry, tuple) else (entry, None)
        finite = jnp.isfinite(values)
        if mask is not None:
            finite |= ~mask.reshape(mask.shape + (1,) * (finite.ndim - mask.ndim))
        found.append(jnp.all(finite, axis=tuple(range(1, finite.ndim))))
    return functools.reduce(jnp.logical_and, found)


class LossOutput(NamedTuple):
    """Losses of the rows of one device.

    Attributes:
      terms: name -> (sum, normalizer), two float scalars. "loss" is minimised, the others are logged. Rows whose
        `video_mask` is False add nothing to either number. Sums and normalizers of all devices are added before they
        are divided, so a term may weight videos or frames as it likes and still gives the same value on any number of
        devices. The normalizer of "loss" must not depend on the parameters.
      state: the mutable collections after this batch, as they came in, {} where nothing is mutable. They must be the
        same on every device: reduce over `BATCH_AXIS` whatever depends on the rows.
    """

    terms: Mapping[str, tuple[jax.Array, jax.Array]]
    state: Tree


class Evaluation(Protocol):
    """Accumulates one pass over an evaluation set, or several, on the host; one object per pass."""

    def add(self, batch: Batch, outputs: Mapping[str, np.ndarray]) -> None:
        """Takes one batch and what `Task.predict` gave for it, every array with its B rows first.

        The batch has all B global rows; in a run of several processes not its heavy arrays. Rows with `video_mask`
        False are skipped. Its `subset` says which set it is of.
        """

    def metrics(self) -> dict[str, float]:
        """Returns name -> value over everything added, NaN where it is undefined; always the same names."""

    def means(self) -> list[dict]:
        """Returns rows of further means, such as over classes, as of `metrics.frame_scores.mean_row`; may be none."""


class Task(Protocol):
    """One system on one dataset."""

    @property
    def predict_keys(self) -> tuple[str, ...]:
        """Arrays of a batch that `predict` reads, such as ("features", "mask", "row")."""
        ...

    @property
    def conv_channels(self) -> int | None:
        """Channels of the widest convolution over frames, by which videos are predicted one by one or side by side."""
        return None

    def init(self, rng: jax.Array, batch: Mapping[str, np.ndarray]) -> dict[str, Tree]:
        """Returns {"params": tree, "state": tree of mutable collections, {} if none}.

        Traced; only the operations that the result depends on are then evaluated, one by one (compiling an
        initialisation takes longer than running it). `batch` is one of training, for its shapes.
        """

    def compose(self, params: Tree, batch: Mapping[str, jax.Array] | None) -> Tree:
        """Returns the parameters as the network multiplies with them, for instance linear maps in a row as one.

        Pure, traced and differentiable. `loss` and `predict` take either form. Called once per update and once per
        evaluation. The weights serve `batch` on one device, whose shapes say whether it is large enough for what they
        cost; None: many batches, as in an evaluation.
        """
        return params

    def loss(self, params: Tree, state: Tree, batch: Mapping[str, jax.Array], rng: jax.Array) -> LossOutput:
        """Returns the losses of the rows of one device. Pure; traced under the device axis `BATCH_AXIS`.

        Args:
          params: composed or not.
          state: mutable collections.
          batch: the arrays of `fact_jax.types.Batch`.
          rng: a key, the same on every device: fold in `batch["row"]` for what shall differ between videos, so that
            the numbers do not depend on how rows are spread over devices.
        """

    def predict(self, params: Tree, state: Tree, batch: Mapping[str, jax.Array]) -> dict[str, jax.Array]:
        """Returns arrays [B, ...] for the rows of one device. Pure; traced; deterministic.

        Sees only the arrays named by `predict_keys`, none of which is a label, so it serves unlabelled videos as well.
        FINITE, bool [B], says of every video whether all scores behind its prediction are finite numbers: the most
        likely of NaN is class 0. A task may leave it out if its floating-point outputs are these scores.
        """

    def learning_rate_scales(self, params: Tree) -> Tree | None:
        """Returns a factor on the learning rate for every parameter, or None: every parameter at the full rate.

        A factor is a float or, where parts of a parameter differ, a NumPy array that spreads over it.
        0.0 freezes a parameter: it has no optimiser state, no weight decay, no average and no part in the norm that
        gradients are clipped to. Looks at names and shapes alone.
        """
        return None

    def weight_decay_mask(self, params: Tree) -> Tree | None:
        """Returns for every parameter whether weight decay applies to it, or None: it applies to all of them."""
        return None
