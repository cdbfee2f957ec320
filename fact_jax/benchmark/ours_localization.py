"""What the subject "ours" runs on for temporal action localization: videos, task and batches."""

import dataclasses

import jax
from flax.traverse_util import flatten_dict

from data_pipelines.core.batching import EvalBatches, TrainBatches
from data_pipelines.core.sampling import whole_batches
from data_pipelines.localization.batching import SegmentExamples
from data_pipelines.localization.truncation import TruncationConfig
from fact_jax.app.runs.localization import own_micro_batch_size
from fact_jax.benchmark import costs
from fact_jax.benchmark.workload import MadeActions, Workload
from fact_jax.models.weights import state_dict
from fact_jax.runtime.devices import choose
from fact_jax.tasks.localization.actionformer import network_task
from fact_jax.tasks.localization.evaluation import VideoTime, detect, nms_settings


class LocalizationMaterial:
    """Made videos with actions; see `ours_segmentation.SegmentationMaterial`."""

    def __init__(self, config, workload: Workload):
        self._config, self._workload, data = config, workload, config.data
        self.task = network_task(config, workload.num_classes)
        self._nms = nms_settings(config.detection)
        self._source = MadeActions(workload, data.feature_stride, data.window)
        self._train_source = MadeActions(workload.cut_to(data.max_frames), data.feature_stride, data.window)
        self.buckets = tuple(sorted(set(map(self.task.model.computed_length, workload.lengths))))

    def train_batches(self, micro_batch_size, num_rows):
        """The batches of a training step with all videos; none is cropped, so that both subjects see the same."""
        source, data, length_of = self._train_source, self._config.data, self.task.model.computed_length
        examples = SegmentExamples(source, TruncationConfig(data.max_frames, data.truncation_threshold, ()))
        sizes = {"batch_size": len(source), "micro_batch_size": micro_batch_size, "num_rows": num_rows}
        if own_micro_batch_size(self._config, length_of, choose(micro_batch_size)):
            sizes |= {"micro_batch_size": 1, "num_rows": 1}
        own = {"padded_length": length_of, "sample": whole_batches, "seed": self._config.seed}
        batches = TrainBatches(examples, **sizes, **own)
        return next(batches.iterate(0))

    def eval_batches(self, batch_size, num_rows):
        """The batches of an evaluation of all videos, as a run makes them."""
        padded_length = self.task.model.computed_length
        examples = SegmentExamples(self._source)
        return list(EvalBatches(examples, batch_size=batch_size, padded_length=padded_length, num_rows=num_rows))

    def finish(self, batch, outputs):
        """Detections in seconds of every video of a batch, of its fetched candidates."""
        rows = [(row, position) for row, position in enumerate(batch.positions) if position >= 0]
        times = [VideoTime(self._source.grids[place], self._source.durations[place]) for _, place in rows]
        return [detect(outputs, row, time, self._nms) for (row, _), time in zip(rows, times, strict=True)]

    def description(self):
        """How candidates are chosen and become detections, and how the features lie in time."""
        config, data = self.task.candidate_config, self._config.data
        own = {"candidates": dataclasses.asdict(config), "nms": dataclasses.asdict(self._nms)}
        return own | {"feature_stride": data.feature_stride, "window": data.window}

    def tensors(self, params, state):
        """The published state dict."""
        del state
        return state_dict.to_torch(self.task.links(), params)

    def costs(self, params, tensors):
        """{"forward": operations of the forward pass of all videos as the published code pads them, by phase}."""
        del tensors
        shapes = {path: leaf.shape for path, leaf in flatten_dict(params, sep="/").items()}
        model, lengths = self.task.model, self._workload.lengths
        padded = {"train": [model.max_frames] * len(lengths), "evaluate": map(model.padded_length, lengths)}
        flops = {
            phase: sum(costs.pyramid_flops(model, shapes, frames) for frames in found)
            for phase, found in padded.items()
        }
        return {"forward": flops}

    def inspect(self, params, batches, predict):
        """(likeliest class, logits and offsets of every point; no segments, candidates and detections of videos)."""
        arrays, found = {}, {}
        probe = jax.jit(self.task.outputs)
        for batch in batches:
            candidates = predict(batch)
            detections = iter(self.finish(batch, candidates))
            features = {key: batch.arrays[key] for key in self.task.predict_keys}
            outputs = jax.device_get(probe(params, features))
            for row, position in enumerate(batch.positions):
                if position < 0:
                    continue
                mask = outputs.mask[row]
                arrays[f"logits{position}"] = logits = outputs.logits[row][mask]
                arrays[f"offsets{position}"] = outputs.offsets[row][mask]
                arrays[f"labels{position}"] = logits.argmax(-1)
                found[position] = [int(candidates["valid"][row].sum()), len(next(detections).scores)]
        none = [[]] * len(found)
        return arrays, {"train": none, "evaluate": none, "detections": [found[place] for place in sorted(found)]}

    def write_dataset(self, folder):
        """As that of `SegmentationMaterial`."""
        from fact_jax.benchmark import data_wait

        return data_wait.write_annotated(self._source, folder)
