"""A tiny task and dataset in memory, for tests of everything that knows the Task protocol only.

The model is a linear frame classifier with dropout, the product of two matrices, which are multiplied once per step
where that pays; with `mutable` its features are normalised by running sums that every step updates, reduced over
devices.
"""

import dataclasses
import json
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from ml_collections import ConfigDict

from fact_jax.runtime import devices as device_layout
from fact_jax.runtime.signals import StopRequest
from fact_jax.tasks.base import BATCH_AXIS, LossOutput
from fact_jax.training import loop, start, steps
from fact_jax.training.evaluator import Evaluator
from fact_jax.training.logging import writers
from fact_jax.types import Batch
from tests.overrides import override

NUM_CLASSES, FEATURE_DIM = 3, 4
DROPOUT_RATE = 0.5
# Frames on a device from which the matrices are multiplied first: four videos of six frames on one device, not on two.
COMPOSED_FRAMES = 20


class ToyEvaluation:
    """Frame accuracy; or the first of `scores`, which it takes away, if there are any."""

    def __init__(self, scores=()):
        self.correct = self.frames = 0
        self.videos = []
        self._scores, self._score = scores, None

    def add(self, batch, outputs):
        if not self.videos and self._scores:
            self._score = self._scores.pop(0)
        for row in np.flatnonzero(batch.arrays["video_mask"]):
            mask = batch.arrays["mask"][row]
            self.correct += int((outputs["labels"][row] == batch.arrays["labels"][row])[mask].sum())
            self.frames += int(mask.sum())
            self.videos.append(batch.video_ids[row])

    def metrics(self):
        value = 100.0 * self.correct / self.frames if self.frames else float("nan")
        return {"Acc": value if self._score is None else self._score, "frames": float(self.frames)}

    def means(self):
        return []

    def write(self, workdir, *, figures):
        Path(workdir).mkdir(exist_ok=True)
        (Path(workdir) / "toy.json").write_text(json.dumps({"videos": sorted(self.videos), "figures": figures}))
        return ()


def write_evaluation(evaluation, folder, *, figures):
    """As a kind has it."""
    return evaluation.write(folder, figures=figures)


class ToyTask:
    """A linear frame classifier.

    Attributes:
      mutable: keep running feature sums in the mutable state.
      frozen: freeze the bias and halve the learning rate of the kernel.
      scores: if set, evaluations give these values in turn in place of their accuracy.
      num_classes: C.
    """

    predict_keys = ("features", "mask", "row")
    uses_transcript = False
    conv_channels = 8

    def __init__(self, *, mutable=False, frozen=False, scores=(), num_classes=NUM_CLASSES):
        self.mutable, self.frozen, self.scores, self.num_classes = mutable, frozen, list(scores), num_classes

    def init(self, rng, batch):
        dim = batch["features"].shape[-1]
        kernel = 0.1 * jax.random.normal(rng, (dim, self.num_classes))
        mix = jnp.eye(dim) + 0.1 * jax.random.normal(jax.random.fold_in(rng, 1), (dim, dim))
        state = {"sums": jnp.zeros(dim), "count": jnp.zeros(())} if self.mutable else {}
        dense = {"kernel": kernel, "bias": jnp.zeros(self.num_classes)}
        return {"params": {"mix": mix, "dense": dense}, "state": state}

    def compose(self, params, batch):
        if batch is not None and batch["mask"].size < COMPOSED_FRAMES:
            return params
        dense = params["dense"]
        return {"composed": params["mix"] @ dense["kernel"], "bias": dense["bias"]}

    def loss(self, params, state, batch, rng):
        mask = (batch["mask"] & batch["video_mask"][:, None])[..., None]
        features = jnp.where(mask, batch["features"], 0.0)
        if self.mutable:
            sums, count = jax.lax.psum((features.sum((0, 1)), mask.sum().astype(jnp.float32)), BATCH_AXIS)
            state = {"sums": state["sums"] + sums, "count": state["count"] + count}
            features = features - sums / count  # statistics of the whole global batch
        keys = jax.vmap(jax.random.fold_in, (None, 0))(rng, batch["row"])
        keep = jax.vmap(lambda key: jax.random.bernoulli(key, 1 - DROPOUT_RATE, features.shape[-1:]))(keys)
        logits = self._logits(params, features * keep[:, None] / (1 - DROPOUT_RATE))
        log_probs = jnp.take_along_axis(jax.nn.log_softmax(logits), batch["labels"][..., None], -1)
        total = -jnp.sum(jnp.where(mask, log_probs, 0.0))
        frames = mask.sum().astype(jnp.float32)
        return LossOutput(
            {"loss": (total, frames), "square": (jnp.sum(jnp.where(mask, features, 0.0) ** 2), frames)}, state
        )

    def predict(self, params, state, batch):
        features = batch["features"]
        if self.mutable:
            features = features - state["sums"] / jnp.maximum(state["count"], 1.0)
        return {"labels": jnp.argmax(self._logits(params, features), -1)}

    def learning_rate_scales(self, params):
        return {"mix": 1.0, "dense": {"kernel": 0.5, "bias": 0.0}} if self.frozen else None

    def weight_decay_mask(self, params):
        return jax.tree.map(lambda param: param.ndim > 1, params) if self.frozen else None

    def evaluation(self):
        return ToyEvaluation(self.scores)

    @staticmethod
    def _logits(params, features):
        if "composed" in params:
            return features @ params["composed"] + params["bias"]
        return features @ params["mix"] @ params["dense"]["kernel"] + params["dense"]["bias"]


def make_batch(indices, *, rows, length, epoch_noise=0.0):
    """Returns a batch of videos `indices`, padded with garbage to `rows` rows and `length` frames."""
    arrays = {
        "features": np.full((rows, length, FEATURE_DIM), 7.0, np.float32),
        "mask": np.zeros((rows, length), bool),
        "labels": np.zeros((rows, length), np.int32),
        "video_mask": np.zeros(rows, bool),
        "row": np.arange(rows, dtype=np.int32),
    }
    for row, index in enumerate(indices):
        rng = np.random.default_rng(int(index))
        frames = int(rng.integers(2, length + 1))
        labels = rng.integers(0, NUM_CLASSES, frames)
        arrays["features"][row, :frames] = rng.normal(size=(frames, FEATURE_DIM)) + epoch_noise
        arrays["features"][row, np.arange(frames), labels] += 2.0
        arrays["labels"][row, :frames] = labels
        arrays["mask"][row, :frames] = True
        arrays["video_mask"][row] = True
    padding = rows - len(indices)
    ids = [f"v{i}" for i in indices] + [""] * padding
    return Batch(arrays, ids, list(indices) + [-1] * padding, heavy=("features",))


def micro_batches(batch, videos, *, rows=None, lengths=None):
    """Cuts a batch into micro-batches of so many videos, by length.

    Args:
      batch: the whole batch.
      videos: of a micro-batch; the last may have fewer.
      rows: of a micro-batch, `videos` by default; those beyond its videos are padding.
      lengths: buckets; None: all micro-batches keep the length of the batch.
    """
    rows = rows or videos
    frames = batch.arrays["mask"].sum(1)
    real = np.flatnonzero(batch.arrays["video_mask"])
    order = real[np.argsort(frames[real], kind="stable")]
    found = []
    for first in range(0, len(order), videos):
        chosen = order[first : first + videos]
        padding = rows - len(chosen)
        padded = batch.arrays["mask"].shape[1]
        length = min(bucket for bucket in lengths or (padded,) if bucket >= frames[chosen].max())
        # Padded rows repeat the last video, which nothing may look at.
        places = np.pad(chosen, (0, padding), mode="edge")
        arrays = {key: array[places] for key, array in batch.arrays.items()}
        arrays = {key: array[:, :length] if array.ndim > 1 else array for key, array in arrays.items()}
        arrays["video_mask"] = np.arange(rows) < len(chosen)
        video_ids = [batch.video_ids[row] for row in chosen] + [""] * padding
        positions = [batch.positions[row] for row in chosen] + [-1] * padding
        found.append(Batch(arrays, video_ids, positions, heavy=batch.heavy))
    return tuple(found)


class ToyTrainBatches:
    """Batches as a pure function of (seed, step); alternates between two bucket lengths.

    `cut`, a function from a batch to its micro-batches, makes several of each. `bad` has for some steps (a row, a value
    that stands among its features).
    """

    def __init__(self, *, batch_size=4, rows=4, num_videos=12, lengths=(6, 9), seed=0, hook=None, cut=None, bad=()):
        self.cut = cut or (lambda batch: (batch,))
        self.batch_size, self.rows, self.num_videos = batch_size, rows, num_videos
        self.lengths, self.seed, self.hook, self.bad = lengths, seed, hook, dict(bad)
        self.buckets = tuple(sorted(set(lengths)))
        self.steps_per_epoch = num_videos // batch_size

    def outlines(self, start_step, end):
        hook, self.hook = self.hook, None
        steps = range(start_step, min(end, start_step + len(self.lengths)))
        found = [batches for _, batches in zip(steps, self.iterate(start_step), strict=False)]
        self.hook = hook
        return found

    def iterate(self, start_step):
        step = start_step
        while True:
            epoch, index = divmod(step, self.steps_per_epoch)
            order = np.random.default_rng((self.seed, epoch)).permutation(self.num_videos)
            chosen = order[index * self.batch_size : (index + 1) * self.batch_size]
            batch = make_batch(chosen, rows=self.rows, length=self.lengths[step % len(self.lengths)])
            if step in self.bad:
                row, value = self.bad[step]
                batch.arrays["features"][row, 0, 2] = value
            if self.hook:
                self.hook(step)
            yield self.cut(batch)
            step += 1


class ToyEvalBatches:
    """Ten test videos, once each, in batches of four with padded rows in the last."""

    def __init__(self, *, rows=4, length=6, hook=None):
        self.rows, self.length, self.hook = rows, length, hook

    num_videos = 10

    def __len__(self):
        return 3

    def outlines(self):
        return [make_batch([], rows=self.rows, length=self.length)]

    def __iter__(self):
        for first in range(0, 10, 4):
            if self.hook:
                self.hook(first)
            indices = range(100 + first, 100 + min(first + 4, 10))
            yield make_batch(list(indices), rows=self.rows, length=self.length)


def toy_config(**overrides):
    """Returns the part of a config the loop reads; dotted overrides, e.g. train__epochs=2."""
    config = ConfigDict(
        {
            "seed": 3,
            "optimizer": {
                "name": "adam",
                "learning_rate": 0.05,
                "momentum": 0.0,
                "weight_decay": 0.01,
                "clip_norm": 1.0,
                "decay_epoch": 2,
                "decay_factor": 0.1,
                "ema_decay": 0.0,
            },
            "train": {
                "batch_size": 4,
                "epochs": 4,
                "steps": 0,
                "log_every": 2,
                "eval_every": 5,
                "skip_nonfinite": False,
            },
            "eval": {"batch_size": 4, "select_metric": "Acc", "figures": False},
            "checkpoint": {"keep_latest": 1, "keep_best": 1},
            "log": {"tensorboard": False, "wandb": False},
        }
    )
    return override(config, overrides)


def setup_of(workdir, task, config, *, devices, console, eval_batches=None, evaluators=None, **more):
    """A `loop.Setup` on the toy data; `more` are further fields of it."""
    test = Evaluator("test", {"test": eval_batches or ToyEvalBatches()}, task.evaluation, config.train.eval_every)
    return loop.Setup(
        config=config,
        workdir=Path(workdir),
        task=task,
        evaluators=evaluators or [test],
        eval_step=steps.EvalStep(task, devices, num_buckets=1, say=console.say),
        devices=devices,
        console=console,
        **more,
    )


def train(workdir, *, task=None, config=None, train_batches=None, num_devices=2, stop=None, **more):
    """Runs the loop on the toy data; returns (outcome, lines printed)."""
    lines, console = [], writers.Console()
    console.say = lines.append
    more |= {"train_batches": train_batches or ToyTrainBatches(), "stop": stop or StopRequest(), "console": console}
    devices = jax.local_devices()[:num_devices]
    return loop.train(setup_of(workdir, task or ToyTask(), config or toy_config(), devices=devices, **more)), lines


def three_steps(task, num_devices, **options):
    """`some_steps` of three."""
    return some_steps(task, num_devices, 3, **options)


def some_steps(task, num_devices, num_steps, *, batches=None, config=None, skip_nonfinite=False):
    """Returns the host-side train state after so many steps and the fetched terms of each."""
    config = config or toy_config()
    batches = batches or ToyTrainBatches(lengths=(6,))
    devices = jax.local_devices()[:num_devices]
    first = next(iter(batches.iterate(0)))
    host_state, optimizer = start.initial_state(task, config, first[0], batches.steps_per_epoch)
    train_step = steps.TrainStep(
        task,
        optimizer,
        devices,
        seed=config.seed,
        ema_decay=config.optimizer.ema_decay,
        skip_nonfinite=skip_nonfinite,
        say=lambda text: None,
    )
    state, terms = device_layout.replicate(host_state, devices), []
    for _, batch in zip(range(num_steps), batches.iterate(0), strict=False):
        state, step_terms = train_step(state, batch)
        terms += steps.fetch_terms([step_terms])
    return device_layout.unreplicate(state), terms


@dataclasses.dataclass(frozen=True)
class NoSettings:
    """Stands for the settings of a model and of a loss, which a run records."""

    null_weight: float = 0.5


def build(config, *, class_names, statistics, full_labels, verb_nouns=None):
    """Builds the toy task as `systems.BUILDERS` builds a system."""
    del config, statistics, verb_nouns
    task = ToyTask(num_classes=len(class_names))
    task.model, task.loss_config, task.full_labels = NoSettings(), NoSettings(), full_labels
    return task


class SumTask(ToyTask):
    """Collects sums in its mutable state that no loss depends on, so that micro-batches do not change them."""

    def init(self, rng, batch):
        return super().init(rng, batch) | {"state": {"frames": np.zeros(()), "batches": np.zeros((), np.int32)}}

    def loss(self, params, state, batch, rng):
        output = super().loss(params, {}, batch, rng)
        frames = output.terms["loss"][1]
        # Reduced over devices, as every state has to be.
        frames = jax.lax.psum(frames, "batch")
        return output._replace(state={"frames": state["frames"] + frames, "batches": state["batches"] + 1})
