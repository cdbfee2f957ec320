"""Recognition of actions in clips: binds CAST to mixed targets and an evaluation of views."""

import dataclasses

import jax.numpy as jnp

from fact_jax.models.cast import published
from fact_jax.models.cast.config import CASTConfig
from fact_jax.models.cast.network import CAST, initial_variables
from fact_jax.models.cast.objective import loss_terms
from fact_jax.models.cast.scales import decays, layer_scales
from fact_jax.ops.dropout_rng import video_seeds
from fact_jax.ops.mixup import MixupConfig, mix_batch
from fact_jax.tasks.base import BATCH_AXIS, FINITE, LossOutput, Task, all_finite
from fact_jax.tasks.recognition.evaluation import LOGITS


@dataclasses.dataclass(frozen=True)
class CASTTask(Task):
    """Trains and evaluates CAST.

    Training batches are those of `data_pipelines.recognition.source.TrainClips`, evaluated ones those of
    `EvaluationViews`. A task that only predicts has no loss. Nothing of the state is mutable.

    With micro-batches every one of them is mixed on its own, with a weight of its own, as the batch of a GPU was in the
    published runs. The loss is a sum over clips, so nothing else changes.
    """

    model: CASTConfig
    loss_config: MixupConfig | None = None
    layer_decay: float = 1.0

    predict_keys = ("frames",)

    @property
    def network(self):
        return CAST(self.model)

    def init(self, rng, batch):
        """Draws initial variables as the published code does; see the protocol. Looks at no batch."""
        del batch
        return {"params": initial_variables(self.model, rng)["params"], "state": {}}

    def loss(self, params, state, batch, rng):
        """Sums the cross-entropy of all heads over the clips of one device; see the protocol and `loss_terms`."""
        heads, clips = self.model.heads, _augmented(batch, self.model.num_frames)
        frames, targets = mix_batch(
            self.loss_config,
            rng,
            clips["frames"],
            clips["labels"],
            clips["row"],
            clips["video_mask"],
            tuple(heads.values()),
            BATCH_AXIS,
        )
        logits = self.network.apply({"params": params}, frames, video_seeds(rng, clips["row"]))
        return LossOutput(loss_terms(logits, dict(zip(heads, targets, strict=True)), clips["video_mask"]), state)

    def predict(self, params, state, batch):
        """Logits float32 [B, K] of every head, named after it with LOGITS in front, and FINITE."""
        del state
        logits = self.network.apply({"params": params}, batch["frames"])
        outputs = {f"{LOGITS}{head}": jnp.asarray(found, jnp.float32) for head, found in logits.items()}
        return outputs | {FINITE: all_finite(*outputs.values())}

    def learning_rate_scales(self, params):
        """Layers learn the slower the earlier they are; the experts are frozen as `config.model` says."""
        return layer_scales(self.model, params, self.layer_decay)

    def weight_decay_mask(self, params):
        """Matrices decay, as published, but for the positions of the exchange."""
        return decays(self.model, params)

    def links(self):
        """Names of the published state dict."""
        return published.links(self.model)


class CASTFeatures(CASTTask):
    """Gives what the classifiers of a trained CAST see instead of their logits."""

    def predict(self, params, state, batch):
        """ "features" float32 [B, rows, E], see `CAST.features`, and FINITE."""
        del state
        found = self.network.apply({"params": params}, batch["frames"], method=CAST.features)
        found = jnp.asarray(found, jnp.float32)
        return {"features": found, FINITE: all_finite(found)}


def _augmented(batch, num_frames):
    """The arrays of a batch with a row for every augmentation of a clip: those of a clip follow one another."""
    frames, count = batch["frames"], batch["frames"].shape[1] // num_frames
    clips = {name: jnp.repeat(batch[name], count, axis=0) for name in ("labels", "video_mask")}
    rows = batch["row"][:, None] * count + jnp.arange(count)
    return clips | {"row": rows.reshape(-1), "frames": frames.reshape(-1, num_frames, *frames.shape[2:])}
