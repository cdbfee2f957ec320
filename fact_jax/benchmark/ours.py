"""The subject "ours": this project's training and evaluation steps, run as a training run does.

The only module of the benchmark that knows how a step is called.
"""

import dataclasses
import functools
import json
import math
import time
from pathlib import Path

import jax
import numpy as np

from data_pipelines.batching import EvalBatches, TrainBatches
from data_pipelines.buckets import check_buckets, choose_buckets
from data_pipelines.statistics import compute_statistics
from fact_jax.benchmark import memory
from fact_jax.benchmark.workload import MadeVideos, Workload
from fact_jax.models import state_dict
from fact_jax.ops.noise import video_seeds
from fact_jax.tasks import systems
from fact_jax.tasks.frame_segmentation import FrameTask
from fact_jax.training import compilation, host_memory, start
from fact_jax.training import devices as device_layout
from fact_jax.training.steps import EvalStep, TrainStep
from fact_jax.types import VerbNouns

# When the libraries were loaded, the last of them just now.
LOADED = time.time()
LOADED_BYTES = memory.peak()
# Weights that stand still keep the number of predicted segments, and with it the work of a step, the same.
LEARNING_RATE = 1e-12


class Ours:
    """Answers the requests of `workers.serve`."""

    def __init__(self, config, workload: Workload, folder, eval_batch: int):
        """
        Args:
          config: ConfigDict of the run.
          workload: classes and features; `prepare` says which lengths.
          folder: where weights and predictions are exchanged.
          eval_batch: videos of an evaluation batch.
        """
        host_memory.keep_between_runs()
        if config.compilation_cache:
            compilation.use_cache(_quiet)
        if config.matmul_precision:
            jax.config.update("jax_default_matmul_precision", config.matmul_precision)
        self._config = config.copy_and_resolve_references()
        with self._config.unlocked():
            self._config.optimizer.learning_rate = LEARNING_RATE
        self._workload, self._folder, self._eval_batch = workload, Path(folder), eval_batch

    def prepare(self, lengths, training=True, evaluation=True, eval_batch=None):
        """Makes batches, state and compiled steps for videos of these lengths; returns what there is to say of them.

        Returns:
          dict: device and backend; buckets; padding_waste, share of padded frames of a training step; micro_batches,
          the padded lengths of its batches.
        """
        config = self._config
        self._lengths = lengths
        source, verb_nouns = self._source(lengths)
        statistics = compute_statistics(source)
        self._task = systems.build(
            config, class_names=source.class_names, statistics=statistics, full_labels=source.full_labels,
            verb_nouns=verb_nouns,
        )
        data = config.data
        buckets = data.buckets or choose_buckets(source.lengths, data.max_buckets, data.max_padding)
        shared = {
            "buckets": check_buckets(buckets, source.lengths, source.video_ids),
            "max_segments": statistics.max_segments[0],
        }
        batches = self._train_batches(source, shared)
        host_state, optimizer = start.initial_state(self._task, config, batches[0], 1)
        self._params = host_state.params
        if training:
            self._train_step = TrainStep(self._task, optimizer, self._devices, seed=config.seed, say=_quiet)
            self._state = device_layout.replicate(host_state, self._devices)
            # On the devices already, as in a run, which puts the next batch there while a step runs.
            self._placed = self._train_step.place(batches)
        if evaluation:
            self._prepare_evaluation(source, shared, eval_batch or self._eval_batch)
        padded = [batch.arrays["mask"].shape for batch in batches]
        return {
            "device": jax.devices()[0].device_kind,
            "backend": jax.default_backend(),
            "buckets": list(shared["buckets"]),
            "micro_batches": [f"{rows} x {length}" for rows, length in padded],
            "padding_waste": 1.0 - sum(lengths) / sum(rows * length for rows, length in padded),
        }

    def _train_batches(self, source, shared):
        """The batches of a training step with all videos, as a run makes them."""
        size = len(source)
        micro = min(self._config.train.micro_batch_size or size, size)
        self._devices = device_layout.choose(micro)
        rows = device_layout.num_rows(micro, len(self._devices))
        return next(
            TrainBatches(
                source, batch_size=size, micro_batch_size=micro, seed=self._config.seed, num_rows=rows, **shared
            ).iterate(0)
        )

    def _prepare_evaluation(self, source, shared, size):
        size = min(size, len(source))
        devices = device_layout.choose(size)
        rows = device_layout.num_rows(size, len(devices))
        self._eval_batches = list(EvalBatches(source, batch_size=size, num_rows=rows, **shared))
        self._eval_step = EvalStep(self._task, devices, say=_quiet)
        self._weights = self._eval_step.compose(device_layout.replicate(self._params, devices))

    def _source(self, lengths):
        """(MadeVideos, VerbNouns or None) of these lengths."""
        workload = self._workload.with_lengths(lengths)
        if not self._config.data.verb_mapping_file and not (
            self._config.data.reader == "synthetic" and self._config.data.synthetic.verb_noun
        ):
            return MadeVideos(workload), None
        side = math.isqrt(workload.num_classes - 1) + 1
        ids = [divmod(number, side) for number in range(workload.num_classes)]
        pairs = VerbNouns(
            tuple(f"verb{number}" for number in range(ids[-1][0] + 1)),
            tuple(f"noun{number}" for number in range(side)),
            tuple(verb for verb, _ in ids),
            tuple(noun for _, noun in ids),
        )
        return MadeVideos(workload, [f"verb{verb},noun{noun}" for verb, noun in ids]), pairs

    def train(self):
        """Seconds of one training step."""
        begin = time.perf_counter()
        self._state, terms = self._train_step(self._state, self._placed)
        jax.block_until_ready((self._state, terms))
        return time.perf_counter() - begin

    def evaluate(self):
        """Seconds to label all videos."""
        begin = time.perf_counter()
        for batch in self._eval_batches:
            device_layout.unshard(self._eval_step(self._weights, {}, batch))
        return time.perf_counter() - begin

    def first_step(self, lengths, started):
        """Seconds from the start of this process, at `started` by the clock, to the end of its first training step.

        Returns:
          dict: import, of the libraries; init, of data, task and state; compile, what the first step took more than
          the second; step, the second; total.
        """
        self.prepare(lengths, evaluation=False)
        prepared = time.time()
        first = self.train()
        end = time.time()
        step = self.train()
        return {
            "import": LOADED - started,
            "init": prepared - LOADED,
            "compile": first - step,
            "step": step,
            "total": end - started,
        }

    def wait_for_data(self, folder, lengths, num_videos, num_steps):
        """See `data_wait.measure`."""
        # Imported here: it brings all that a run needs, whose memory is no part of a step's.
        from fact_jax.benchmark import data_wait

        workload = self._workload.with_lengths(lengths[place % len(lengths)] for place in range(num_videos + 1))
        source, verb_nouns = self._source(workload.lengths)
        return data_wait.measure(self._config, source, verb_nouns, Path(folder), len(lengths), num_steps)

    def publish(self):
        """Writes the network's settings and weights for the other subject: network.json, weights.npz.

        Returns:
          what `costs.forward_flops` takes for the model.
        """
        tensors = state_dict.to_torch(self._task.links(), self._params)
        np.savez(self._folder / "weights.npz", **tensors)
        optimizer = self._config.optimizer.to_dict()
        network = {
            "system": self._config.model.name,
            "model": dataclasses.asdict(self._task.model),
            "loss": dataclasses.asdict(self._task.loss_config),
            "optimizer": optimizer,
        }
        (self._folder / "network.json").write_text(json.dumps(network), encoding="utf-8")
        if not isinstance(self._task, FrameTask):
            return network["model"]
        # Convolutions multiply every frame with every weight.
        weights = sum(tensor.size for tensor in tensors.values() if tensor.ndim > 1)
        return {"per_frame": weights + self._task.model.other_multiply_adds}

    def inspect(self):
        """Writes labels and last frame logits of every video to ours.npz.

        Returns:
          dict from phase to P of every video (rows) in every block over segments (columns); dropout and masking make
          those of training others than those of evaluation.
        """
        results, segments = {}, {"train": {}, "evaluate": {}}

        @functools.partial(jax.jit, static_argnames="training")
        def probe(params, batch, training):
            noise = video_seeds(jax.random.key(self._config.seed), batch["row"]) if training else None
            if isinstance(self._task, FrameTask):
                return self._task.network_outputs(params, batch, noise)[-1], []
            transcript = (batch["segment_labels"], batch["segment_mask"]) if self._task.uses_transcript else ()
            outputs = self._task.network.apply({"params": params}, batch["features"], batch["mask"], noise, *transcript)
            counts = [output.segments.runs.count for output in outputs if output.segments is not None]
            return outputs[-1].frame_logits, counts

        for batch in self._eval_batches:
            labels = device_layout.unshard(self._eval_step(self._weights, {}, batch))["labels"]
            arrays = dict(batch.arrays)
            rows = [(row, position) for row, position in enumerate(batch.positions) if position >= 0]
            for phase, counted in segments.items():
                logits, counts = jax.device_get(probe(self._params, arrays, training=phase == "train"))
                for row, position in rows:
                    counted[position] = [int(count[row]) for count in counts]
            for row, position in rows:
                length = self._lengths[position]
                results[f"labels{position}"] = labels[row, :length]
                results[f"logits{position}"] = logits[row, :length]
        np.savez(self._folder / "ours.npz", **results)
        return {phase: [counted[position] for position in sorted(counted)] for phase, counted in segments.items()}

    def ceiling(self, size, repeats):
        """Largest measured operations per second of a product of two square float32 matrices."""
        product = jax.jit(lambda a, b: a @ b)
        a = jax.numpy.ones((size, size), self._config.get("dtype", "float32"))
        jax.block_until_ready(product(a, a))
        best = float("inf")
        for _ in range(repeats):
            begin = time.perf_counter()
            jax.block_until_ready(product(a, a))
            best = min(best, time.perf_counter() - begin)
        return 2 * size**3 / best

    def peak(self, phase):
        """Peak memory in bytes of one more run of `phase`, "train" or "evaluate", after a first one."""
        self._params = None  # only `publish` and `inspect` need them
        getattr(self, phase)()
        memory.reset_peak()
        getattr(self, phase)()
        stats = jax.devices()[0].memory_stats() or {}
        return {"host": memory.peak(), "device": stats.get("peak_bytes_in_use"), "libraries": LOADED_BYTES}


def _quiet(line):
    del line
