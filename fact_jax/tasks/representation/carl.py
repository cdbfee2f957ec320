"""Representation of frames: binds CARL to its losses and an evaluation of the embeddings."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
from jaxtyping import Int, PRNGKeyArray

from fact_jax.layers.batch_norm import STATISTICS, Batch
from fact_jax.models.carl import published
from fact_jax.models.carl.config import CARLConfig
from fact_jax.models.carl.network import CARL, initial_variables, trained
from fact_jax.models.carl.objective import CARLLossConfig, loss_terms
from fact_jax.ops.arrays import Array, Seeds
from fact_jax.ops.dropout_rng import fold, video_seeds
from fact_jax.tasks.base import BATCH_AXIS, FINITE, LossOutput, Task, all_finite

_FRAME_SIZE = 224  # of the frames whose shape an initialisation looks at; parameters do not depend on it


def clip_seeds(key: PRNGKeyArray, rows: Int[Array, " V"], num_views: int) -> Seeds:
    """Seeds of the dropout of every view of every video, the views of a video in a row."""
    seeds = video_seeds(key, rows)
    return jnp.stack([fold(seeds, view) for view in range(num_views)], axis=1).reshape(-1, seeds.shape[-1])


@dataclasses.dataclass(frozen=True)
class CARLTask(Task):
    """Trains and evaluates CARL.

    Training batches are those of `data_pipelines.representation.source.TrainClips`, of B videos with one or two views
    of T steps each; the views of a video are clips in a row. Evaluated batches are those of `EvaluationChunks`. A task
    that only predicts has no loss. The mutable state is {"batch_stats"}, running statistics of the
    normalisations.

    With micro-batches every one of them has statistics of its own, as a batch of that size has. The loss is a sum over
    videos, so nothing else changes but for losses that compare videos, see `CARLLossConfig.compares_videos`.
    """

    model: CARLConfig
    loss_config: CARLLossConfig | None = None

    predict_keys = ("frames", "mask")

    @property
    def network(self):
        return CARL(self.model)

    def init(self, rng, batch):
        """Draws initial variables as the published code does; see the protocol. Looks at no batch."""
        del batch
        shape = (1, self.model.num_contexts, _FRAME_SIZE, _FRAME_SIZE, 3)
        variables = initial_variables(self.model, rng, jax.ShapeDtypeStruct(shape, jnp.float32))
        return {"params": variables["params"], "state": {STATISTICS: variables[STATISTICS]}}

    def loss(self, params, state, batch, rng):
        """Sums the objective over the videos of one device; see the protocol.

        Terms: "loss", and what `loss_terms` gives beside it. Normalisation goes by the statistics of all devices
        together, those of the published runs on several GPUs.
        """
        num_videos, num_views, num_steps = batch["steps"].shape
        clips = (num_videos * num_views,)
        exists, is_alone = batch["video_mask"], jax.lax.axis_size(BATCH_AXIS) == 1
        seeds = clip_seeds(rng, batch["row"], num_views)
        frames = batch["frames"]
        frames = frames.reshape(*clips, num_steps * self.model.num_contexts, *frames.shape[2:])
        mask = batch["mask"].reshape(*clips, num_steps)
        statistics = Batch(jnp.repeat(exists, num_views), None if is_alone else BATCH_AXIS)

        def run(network):
            options = {"batch": statistics, "project": self.loss_config.projects, "dropout_rng": seeds}
            embeddings = network(frames, mask, **options)
            return embeddings, network.classified(embeddings, seeds) if self.model.num_classes else None

        (embeddings, logits), moved = self.network.apply({"params": params, **state}, mutable=STATISTICS, method=run)
        compared = {name: batch[name].reshape(mask.shape) for name in ("steps", "labels")}
        compared |= {"mask": mask, "lengths": jnp.repeat(batch["length"], num_views)}
        if self.loss_config.compares_videos and not is_alone:
            terms = self._terms_of_all(embeddings, compared, exists)
        else:
            terms = loss_terms(self.loss_config, embeddings, compared, exists, logits)
        return LossOutput(terms, {STATISTICS: moved[STATISTICS]})

    def _terms_of_all(self, embeddings, compared, exists):
        """The terms of the videos of all devices, each of which brings in an equal part."""
        gather = functools.partial(jax.lax.all_gather, axis_name=BATCH_AXIS, tiled=True)
        embeddings, compared, exists = jax.tree.map(gather, (embeddings, compared, exists))
        terms = loss_terms(self.loss_config, embeddings, compared, exists)
        return jax.tree.map(lambda number: number / jax.lax.axis_size(BATCH_AXIS), terms)

    def predict(self, params, state, batch):
        """Embeddings float32 [B, T, E] of chunks, and FINITE. Frames outside of the mask have none worth reading.

        Positions are stretched over the frames that a chunk has.
        """
        mask = batch["mask"]
        lengths = jnp.sum(mask, axis=1, dtype=jnp.int32)
        embeddings = self.network.apply({"params": params, **state}, batch["frames"], mask, lengths=lengths)
        return {"embeddings": embeddings, FINITE: all_finite((embeddings, mask))}

    def learning_rate_scales(self, params):
        """The backbone is frozen as `config.model` says. All that is trained decays, as published."""
        return trained(self.model, params)

    def links(self):
        """Names of the published state dict, of parameters and statistics."""
        return published.links(self.model)
