"""What the subject "ours" runs on for action segmentation: videos, task and batches."""

import dataclasses
import functools
import math

import jax

from data_pipelines.core.batching import EvalBatches, TrainBatches
from data_pipelines.core.buckets import check_buckets, choose_buckets
from data_pipelines.segmentation.batching import FrameExamples
from data_pipelines.segmentation.statistics import compute_statistics
from fact_jax.benchmark.workload import MadeVideos, Workload
from fact_jax.models.weights import state_dict
from fact_jax.ops.dropout_rng import video_seeds
from fact_jax.tasks.segmentation import systems
from fact_jax.tasks.segmentation.frame_models import FrameTask
from fact_jax.types import VerbNouns


class SegmentationMaterial:
    """Made videos with a label per frame, the `task` of the config for them and padded lengths, `buckets`."""

    def __init__(self, config, workload: Workload):
        self._config, self._workload = config, workload
        self._source, self._verb_nouns = source, nouns = self._make_source()
        statistics = compute_statistics(source)
        known = {"statistics": statistics, "full_labels": source.full_labels, "verb_nouns": nouns}
        self.task = systems.build(config, class_names=source.class_names, **known)
        data, lengths = config.data, self._source.lengths
        buckets = data.buckets or choose_buckets(lengths, data.max_buckets, data.max_padding)
        self.buckets = check_buckets(buckets, lengths, self._source.video_ids)
        self._examples = FrameExamples(self._source, statistics.max_segments[0])

    def _make_source(self):
        """(MadeVideos, VerbNouns or None)."""
        workload, data = self._workload, self._config.data
        if not data.verb_mapping_file and not (data.reader == "synthetic" and data.synthetic.verb_noun):
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

    def train_batches(self, micro_batch_size, num_rows):
        """The batches of a training step with all videos, as a run makes them."""
        sizes = {"batch_size": len(self._source), "micro_batch_size": micro_batch_size, "num_rows": num_rows}
        batches = TrainBatches(self._examples, buckets=self.buckets, seed=self._config.seed, **sizes)
        return next(batches.iterate(0))

    def eval_batches(self, batch_size, num_rows):
        """The batches of an evaluation of all videos, as a run makes them."""
        return list(EvalBatches(self._examples, buckets=self.buckets, batch_size=batch_size, num_rows=num_rows))

    def finish(self, batch, outputs):
        """What becomes of the fetched outputs of a batch: they are labels already."""
        del batch
        return outputs

    def description(self):
        """What the other subject has to know beside the settings of the network, its loss and its optimiser."""
        return {}

    def tensors(self, params, state):
        """The published state dict."""
        del state
        return state_dict.to_torch(self.task.links(), params)

    def costs(self, params, tensors):
        """What `costs.forward_flops` takes for the network with these parameters, `tensors` by published names."""
        del params
        if not isinstance(self.task, FrameTask):
            return dataclasses.asdict(self.task.model)
        # Convolutions multiply every frame with every weight.
        weights = sum(tensor.size for tensor in tensors.values() if tensor.ndim > 1)
        return {"per_frame": weights + self.task.model.other_multiply_adds}

    def inspect(self, params, batches, predict):
        """What is compared, and what is told of a prediction; `predict` gives the fetched outputs of a batch.

        Returns:
          (arrays by name: labels and last frame logits of every video, dict from phase to the predicted segments of
          every video (rows) in every block over segments (columns); dropout and masking change those of training).
        """
        task, arrays, segments = self.task, {}, {"train": {}, "evaluate": {}}

        @functools.partial(jax.jit, static_argnames="training")
        def probe(params, batch, training):
            dropout_rng = video_seeds(jax.random.key(self._config.seed), batch["row"]) if training else None
            if isinstance(task, FrameTask):
                return task.network_outputs(params, batch, dropout_rng)[-1], []
            transcript = (batch["segment_labels"], batch["segment_mask"]) if task.uses_transcript else ()
            outputs = task.network.apply({"params": params}, batch["features"], batch["mask"], dropout_rng, *transcript)
            counts = [output.segments.segmentation.count for output in outputs if output.segments is not None]
            return outputs[-1].frame_logits, counts

        for batch in batches:
            labels = predict(batch)["labels"]
            rows = [(row, position) for row, position in enumerate(batch.positions) if position >= 0]
            for phase, counted in segments.items():
                logits, counts = jax.device_get(probe(params, dict(batch.arrays), training=phase == "train"))
                for row, position in rows:
                    counted[position] = [int(count[row]) for count in counts]
            for row, position in rows:
                length = self._source.lengths[position]
                arrays[f"labels{position}"] = labels[row, :length]
                arrays[f"logits{position}"] = logits[row, :length]
        return arrays, {phase: [counted[place] for place in sorted(counted)] for phase, counted in segments.items()}

    def write_dataset(self, folder):
        """Writes the videos as a dataset, the last one for the tests; returns the settings of config.data for it."""
        # Imported here: it brings all that a run needs, whose memory is no part of a step's.
        from fact_jax.benchmark import data_wait

        return data_wait.write_dataset(self._source, self._verb_nouns, folder)
