"""What the subject "ours" runs on for recognition: clips, task and batches."""

import jax
import numpy as np

from data_pipelines.core.mapped import EvalBatches, TrainBatches
from fact_jax.benchmark import costs
from fact_jax.benchmark.made_clips import MadeLabelledClips
from fact_jax.benchmark.workload import Workload
from fact_jax.models.cast import published
from fact_jax.tasks.recognition import systems
from fact_jax.tasks.recognition.evaluation import LOGITS


class RecognitionMaterial:
    """Made clips, one view each; see `ours_segmentation.SegmentationMaterial`.

    A clip has `data.sampling.num_frames` frames, whatever the length of its video.
    """

    def __init__(self, config, workload: Workload):
        self._config, self._workload, data = config, workload, config.data
        pairs = config.eval.select_metric == "Action@1"
        self.task = systems.build(config, num_classes=[workload.num_classes] * (1 + pairs))
        self._clips = MadeLabelledClips(
            len(workload.lengths), data.sampling.num_frames, data.augmentation.size, self.task.model.num_classes
        )
        self.buckets = (data.sampling.num_frames,)

    def weights(self, params):
        """First weights none of which are 0, as are those behind which nothing else would change a logit."""
        rng, deviation = np.random.default_rng(7), self.task.model.dim**-0.5

        def moved(leaf):
            return leaf + (deviation * rng.standard_normal(leaf.shape, np.float32)).astype(leaf.dtype)

        return jax.tree.map(moved, params)

    def train_batches(self, micro_batch_size, num_rows):
        """The batches of a training step with all clips, as a run makes them."""
        sizes = {"batch_size": len(self._clips.video_ids), "micro_batch_size": micro_batch_size, "num_rows": num_rows}
        batches = TrainBatches(self._clips, seed=self._config.seed, **sizes)
        return next(batches.iterate(0))

    def eval_batches(self, batch_size, num_rows):
        """The batches of an evaluation of all clips, as a run makes them."""
        return list(EvalBatches(self._clips, batch_size=batch_size, num_rows=num_rows))

    def finish(self, batch, outputs):
        """What becomes of the fetched outputs of a batch: they are logits already."""
        del batch
        return outputs

    def description(self):
        """The sizes of the clips."""
        data, model = self._config.data, self.task.model
        return {
            "num_frames": data.sampling.num_frames,
            "size": data.augmentation.size,
            "num_classes": list(model.num_classes),
        }

    def tensors(self, params, state):
        """The published state dict."""
        del state
        return published.to_state_dict(self.task.model, params)

    def costs(self, params, tensors):
        """{"forward": operations of the forward pass of all clips by phase}."""
        del params, tensors
        forward = len(self._workload.lengths) * costs.expert_flops(self.task.model)
        return {"forward": {"train": forward, "evaluate": forward}}

    def inspect(self, params, batches, predict):
        """(logits of every clip by name; nothing is told of a prediction)."""
        del params
        arrays = {}
        for batch in batches:
            found = predict(batch)
            logits = np.concatenate([np.asarray(found[f"{LOGITS}{head}"]) for head in self.task.model.heads], axis=-1)
            for row, position in enumerate(batch.positions):
                if position >= 0:
                    arrays[f"logits{position}"] = logits[row]
        none = [[]] * len(arrays)
        return arrays, {"train": none, "evaluate": none}

    def write_dataset(self, folder):
        """Writes the clips as files, and lists of them; returns the settings of config.data for them."""
        from fact_jax.benchmark import data_wait

        heads = self.task.model.heads
        return data_wait.write_clips(self._workload.lengths, heads, folder)
