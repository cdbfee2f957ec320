"""What the subject "ours" runs on for representation learning: clips, task and batches."""

import jax
import numpy as np
from flax.traverse_util import flatten_dict

from data_pipelines.core.mapped import EvalBatches, TrainBatches
from fact_jax.benchmark import costs
from fact_jax.benchmark.made_clips import MadeChunks, MadeClips
from fact_jax.benchmark.workload import Workload
from fact_jax.models.carl.network import CARL
from fact_jax.models.weights import state_dict
from fact_jax.tasks.representation import systems


class RepresentationMaterial:
    """Made clips to train on and whole videos to embed; see `ours_segmentation.SegmentationMaterial`.

    A training clip has `data.clip.num_frames` steps, whatever the length of its video. A video is one chunk.
    """

    def __init__(self, config, workload: Workload):
        self._config, self._workload, data = config, workload, config.data
        self.task = systems.build(config, num_classes=workload.num_classes)
        sizes = data.clip.num_contexts, data.augmentation.size
        views = systems.num_views(config)
        self._clips = MadeClips(len(workload.lengths), views, data.clip.num_frames, *sizes)
        self._chunks = MadeChunks(workload.lengths, *sizes)
        self.buckets = (data.clip.num_frames,)

    def train_batches(self, micro_batch_size, num_rows):
        """The batches of a training step with all videos, as a run makes them."""
        sizes = {"batch_size": len(self._clips.video_ids), "micro_batch_size": micro_batch_size, "num_rows": num_rows}
        batches = TrainBatches(self._clips, seed=self._config.seed, **sizes)
        return next(batches.iterate(0))

    def eval_batches(self, batch_size, num_rows):
        """The batches of an evaluation of all videos, as a run makes them."""
        return list(EvalBatches(self._chunks, batch_size=batch_size, num_rows=num_rows))

    def finish(self, batch, outputs):
        """What becomes of the fetched outputs of a batch: they are embeddings already."""
        del batch
        return outputs

    def description(self):
        """The sizes of the clips."""
        data = self._config.data
        return {
            "num_views": systems.num_views(self._config),
            "num_frames": data.clip.num_frames,
            "size": data.augmentation.size,
        }

    def tensors(self, params, state):
        """The published state dict, without the counters of its normalisations."""
        return state_dict.to_torch(self.task.links(), {"params": params, **state})

    def costs(self, params, tensors):
        """{"forward": operations of the forward pass of all videos by phase}."""
        del tensors
        shapes = {path: leaf.shape for path, leaf in flatten_dict(params, sep="/").items()}
        clips = self._clips.shapes["frames"][0]
        frozen, others = costs.clip_flops(self.task.model, shapes, clips[1])
        images = clips[0] * len(self._workload.lengths)
        whole = sum(self._workload.lengths)
        # Of what is frozen, no gradient is computed.
        return {
            "forward": {
                "train": images * (frozen / costs.TRAINING_FACTOR + others),
                "evaluate": whole * (frozen + others),
                "trunk": images * frozen,
            }
        }

    def extra_phase(self, phase, params, state, batches, now):
        """A function that runs the frozen backbone on the frames of a training step, and gives its seconds by `now`."""
        assert phase == "trunk", phase
        model, size = self.task.model, self._config.data.augmentation.size
        variables = {"params": params, **state}
        frames = [batch.arrays["frames"].reshape(-1, size, size, 3) for batch in batches]
        frozen = CARL(model)
        run = jax.jit(
            lambda variables, frames: frozen.apply(
                variables,
                frames,
                method=lambda net, x: net.resnet.frozen(x, model.backbone_stages, model.frames_at_once),
            )
        )

        def timed():
            begin = now()
            for images in frames:
                jax.block_until_ready(run(variables, images))
            return now() - begin

        return timed

    def inspect(self, params, batches, predict):
        """(embeddings of every video by name; nothing is told of a prediction)."""
        del params
        arrays = {}
        for batch in batches:
            embeddings = np.asarray(predict(batch)["embeddings"])
            for row, position in enumerate(batch.positions):
                if position >= 0:
                    arrays[f"embeddings{position}"] = embeddings[row, : self._workload.lengths[position]]
        none = [[]] * len(arrays)
        return arrays, {"train": none, "evaluate": none}

    def write_dataset(self, folder):
        """Writes the videos as files; returns the settings of config.data for them."""
        from fact_jax.benchmark import data_wait

        return data_wait.write_videos(self._workload.lengths, folder)
