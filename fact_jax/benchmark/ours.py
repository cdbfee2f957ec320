"""The subject "ours": this project's training and evaluation steps, run as a training run does.

The only module of the benchmark that knows how a step is called.
"""

import dataclasses
import functools
import json
import pkgutil
from pathlib import Path

import jax
import numpy as np

from fact_jax.benchmark import clocks, memory
from fact_jax.benchmark.kinds import kind_of
from fact_jax.benchmark.workload import Workload
from fact_jax.runtime import compilation, host_memory, programs, side_by_side
from fact_jax.runtime import devices as device_layout
from fact_jax.training import start
from fact_jax.training.steps import EvalStep, TrainStep

# Weights that stand still keep the number of predicted segments, and with it the work of a step, the same.
LEARNING_RATE = 1e-12


class Ours:
    """Answers the requests of a `workers.Worker`."""

    def __init__(self, config, workload: Workload, folder, eval_batch: int, clock: str = "wall"):
        """
        Args:
          config: the ConfigDict.
          workload: classes and features.
          folder: to exchange files in.
          eval_batch: videos of an evaluation batch.
          clock: one of `clocks.CLOCKS`.
        """
        self._make_material = pkgutil.resolve_name(kind_of(config.model.name).ours)
        # When the libraries were loaded, the last of them just now, and what they hold.
        self._loaded, self._library_bytes = clocks.stamp(clock), memory.peak()
        self._clock, self._now = clock, clocks.CLOCKS[clock]
        host_memory.keep_between_runs()
        programs.serve_one_run()
        if config.compilation_cache:
            compilation.use_cache(_quiet)
        if config.matmul_precision:
            jax.config.update("jax_default_matmul_precision", config.matmul_precision)
        self._config = config.copy_and_resolve_references()
        with self._config.unlocked():
            self._config.optimizer.update({"learning_rate": LEARNING_RATE, "lowest_rate": LEARNING_RATE})
        self._workload, self._folder, self._eval_batch = workload, Path(folder), eval_batch
        self._extracting = None

    def prepare(self, lengths, training=True, evaluation=True, eval_batch=None):
        """Makes batches, state and compiled steps for videos of these lengths; returns what is known of them.

        Of it `padding_waste` is the share of padded frames of a training step.
        """
        config = self._config
        self._material = material = self._make_material(config, self._workload.with_lengths(lengths))
        self._task = material.task
        micro = min(config.train.micro_batch_size or len(lengths), len(lengths))
        devices = device_layout.choose(micro)
        batches = material.train_batches(micro, device_layout.num_rows(micro, len(devices)))
        host_state, optimizer = start.initial_state(self._task, config, batches[0], 1)
        self._params, self._mutable = host_state.params, host_state.state
        if evaluation and hasattr(material, "weights"):  # those of a start tell too little of what is computed
            self._params = material.weights(self._params)
        self._extra, self._batches = {}, batches
        if training:
            decay = config.optimizer.ema_decay
            self._train_step = TrainStep(self._task, optimizer, devices, seed=config.seed, ema_decay=decay, say=_quiet)
            self._state = device_layout.replicate(host_state, devices)
            # On the devices already, as in a run, which puts the next batch there while a step runs.
            self._placed = self._train_step.place(batches)
        if evaluation:
            self._prepare_evaluation(min(eval_batch or self._eval_batch, len(lengths)))
        masks = [_mask(batch.arrays) for batch in batches]
        return {
            "device": jax.devices()[0].device_kind,
            "backend": jax.default_backend(),
            "buckets": list(material.buckets),
            "micro_batches": [f"{rows} x {length}" for rows, length in (mask.shape for mask in masks)],
            "padding_waste": 1.0 - sum(int(mask.sum()) for mask in masks) / sum(mask.size for mask in masks),
        }

    def _prepare_evaluation(self, size):
        devices = device_layout.choose(size)
        self._eval_batches = self._material.eval_batches(size, device_layout.num_rows(size, len(devices)))
        self._eval_step = EvalStep(self._task, devices, say=_quiet)
        params, self._state_read = device_layout.replicate((self._params, self._mutable), devices)
        self._weights = self._eval_step.compose(params)

    def _predict(self, batch):
        return device_layout.unshard(self._eval_step(self._weights, self._state_read, batch))

    def train(self):
        """Seconds of one training step."""
        begin = self._now()
        self._state, terms = self._train_step(self._state, self._placed)
        jax.block_until_ready((self._state, terms))
        return self._now() - begin

    def in_a_row(self, steps):
        """Seconds per training step of several, of which each is handed over while the one before may still run."""
        begin = self._now()
        for _ in range(steps):
            self._state, terms = self._train_step(self._state, self._placed)
        jax.block_until_ready((self._state, terms))
        return (self._now() - begin) / steps

    def evaluate(self):
        """Seconds to label all videos, or to find their actions."""
        begin = self._now()
        start = functools.partial(self._eval_step, self._weights, self._state_read)
        for batch, outputs in side_by_side.in_order(start, self._eval_batches, self._eval_step.runs_beside):
            self._material.finish(batch, device_layout.unshard(outputs))
        return self._now() - begin

    def trunk(self):
        """Seconds of the phase "trunk", see `ours_representation`."""
        if not self._extra:
            self._extra["trunk"] = self._material.extra_phase(
                "trunk", self._params, self._mutable, self._batches, self._now
            )
        return self._extra["trunk"]()

    def first_step(self, lengths, started):
        """Seconds from the start of this process, at `started`, to the end of its first training step, in parts."""
        self.prepare(lengths, evaluation=False)
        prepared = clocks.stamp(self._clock)
        first = self.train()
        end = clocks.stamp(self._clock)
        step = self.train()
        started = clocks.start(self._clock, started)
        # Of the libraries; of data, task and state; what the first step took more than the second.
        spans = {"import": self._loaded - started, "init": prepared - self._loaded, "compile": first - step}
        return {**spans, "step": step, "total": end - started}

    def wait_for_data(self, folder, lengths, num_videos, num_steps):
        """See `data_wait.measure`."""
        # Imported here: it brings all that a run needs, whose memory is no part of a step's.
        from fact_jax.benchmark import data_wait

        videos = self._workload.with_lengths(lengths[place % len(lengths)] for place in range(num_videos + 1))
        write = self._make_material(self._config, videos).write_dataset
        return data_wait.measure(self._config, write, num_videos, Path(folder), len(lengths), num_steps)

    def extract(self, path, what):
        """Seconds of `Extracting.whole`, `network`, `reading` or `indexing` of the video at `path`."""
        from fact_jax.benchmark import extracting

        if self._extracting is None:
            told = self._config, self._task, self._params, self._mutable, Path(path)
            self._extracting = extracting.Extracting(*told)
        return getattr(self._extracting, what)()

    def publish(self):
        """Writes network.json and weights.npz for the other subject; returns what operations are counted with."""
        tensors = self._material.tensors(self._params, self._mutable)
        np.savez(self._folder / "weights.npz", **tensors)
        network = {
            "system": self._config.model.name,
            "model": dataclasses.asdict(self._task.model),
            "loss": dataclasses.asdict(self._task.loss_config),
            "optimizer": self._config.optimizer.to_dict(),
            **self._material.description(),
        }
        (self._folder / "network.json").write_text(json.dumps(network), encoding="utf-8")
        return self._material.costs(self._params, tensors)

    def inspect(self):
        """Writes what is compared of every video to ours.npz; returns what is told of its prediction."""
        arrays, told = self._material.inspect(self._params, self._eval_batches, self._predict)
        np.savez(self._folder / "ours.npz", **arrays)
        return told

    def ceiling(self, size, repeats):
        """Largest measured operations per second of a product of two square float32 matrices."""
        product = jax.jit(lambda a, b: a @ b)
        a = jax.numpy.ones((size, size), self._config.get("dtype", "float32"))
        jax.block_until_ready(product(a, a))
        best = float("inf")
        for _ in range(repeats):
            begin = self._now()
            jax.block_until_ready(product(a, a))
            best = min(best, self._now() - begin)
        return 2 * size**3 / best

    def peak(self, phase):
        """Peak memory in bytes of one more run of `phase`, "train" or "evaluate", after a first one."""
        # Only `publish`, `inspect` and `trunk` need them. In a run they are gone once they are on the devices.
        self._params, self._batches = None, ()
        getattr(self, phase)()
        memory.reset_peak()
        getattr(self, phase)()
        stats = jax.devices()[0].memory_stats() or {}
        return {"host": memory.peak(), "device": stats.get("peak_bytes_in_use"), "libraries": self._library_bytes}


def _mask(arrays):
    """bool [rows, T], which frames exist; [rows, 1] of clips, all of which have the same frames."""
    mask = arrays.get("mask")
    return arrays["video_mask"][:, None] if mask is None else mask.reshape(-1, mask.shape[-1])


def _quiet(line):
    del line
