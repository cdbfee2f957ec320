"""Action segmentation by networks that give every frame class logits, stage after stage (MS-TCN and its kin).

Binds any `FrameModelConfig` to the loss that MS-TCN made common, and to the segmentation metrics.
"""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from fact_jax.losses.classification import frame_cross_entropy
from fact_jax.losses.smoothing import smoothness
from fact_jax.models.frame_model import FrameModelConfig
from fact_jax.ops.dropout_rng import video_seeds
from fact_jax.tasks.base import LossOutput, Task
from fact_jax.tasks.segmentation.evaluation import SegmentationEvaluation, SegmentationProtocol, protocol_of
from fact_jax.tasks.segmentation.inputs import correct_frames, network_inputs
from fact_jax.types import VerbNouns


@dataclasses.dataclass(frozen=True)
class StageLossConfig:
    """Loss of one stage: cross-entropy plus smoothness.

    Attributes:
      smoothing_weight: of the smoothness.
      smoothing_clip: largest change of a log-probability between neighbouring frames that counts, in nats.
    """

    smoothing_weight: float
    smoothing_clip: float


@dataclasses.dataclass(frozen=True)
class FrameTask(Task):
    """Trains and evaluates a `FrameModelConfig`.

    Attributes:
      model: FrameModelConfig.
      loss_config: StageLossConfig; None in a task that only predicts.
      protocol: how predictions are scored and written; None in a task that only predicts.
    """

    model: FrameModelConfig
    loss_config: StageLossConfig | None = None
    protocol: SegmentationProtocol | None = None

    predict_keys = ("features", "mask")
    uses_transcript = False

    def compose(self, params, batch):
        """See the protocol, and `FrameModelConfig.compose`."""
        return self.model.compose(params, None if batch is None else batch["mask"].size)

    def init(self, rng, batch):
        """Draws initial parameters; see the protocol."""
        variables = self.model.network.lazy_init(rng, *network_inputs(batch), None)
        return {"params": variables["params"], "state": {}}

    def loss(self, params, state, batch, rng):
        """The losses of all stages, summed, of the videos of one device; see the protocol.

        Terms: "loss", averaged over videos; "loss_frame" and "loss_smooth", its unweighted parts averaged over stages
        as well; "accuracy", correct training frames of the last stage.

        Source: Abu Farha & Gall, MS-TCN, CVPR 2019, with batches of one video. Deviation: of several videos the
        published code counts the padding in the mean of the smoothness; here every video counts alike.
        """
        mask, video_mask = batch["mask"], batch["video_mask"].astype(jnp.float32)
        logits = self.network_outputs(params, batch, video_seeds(rng, batch["row"]))
        frame, smooth = stage_losses(self.loss_config, logits, batch["labels"], mask)
        losses = jnp.sum(frame + self.loss_config.smoothing_weight * smooth, axis=0)
        num_videos = jnp.sum(video_mask)
        terms = {"loss": (jnp.sum(losses * video_mask), num_videos)}
        for name, values in (("frame", frame), ("smooth", smooth)):
            terms[f"loss_{name}"] = (jnp.sum(jnp.mean(values, axis=0) * video_mask), num_videos)
        terms["accuracy"] = correct_frames(jnp.argmax(logits[-1], axis=-1), batch)
        return LossOutput(terms, state)

    def predict(self, params, state, batch):
        """int32 [B, T] "labels", the most likely class of the last stage, and "first_stage_labels" of the first."""
        return _labels(self.network_outputs(params, batch))

    def predict_scores(self, params, state, batch):
        """As `predict`, with "probabilities" float [B, T, K] of the last stage and "confidence" float [B, T], the
        probability of the label."""
        logits = self.network_outputs(params, batch)
        probabilities = jax.nn.softmax(logits[-1])
        return _labels(logits) | {"probabilities": probabilities, "confidence": jnp.max(probabilities, axis=-1)}

    def network_outputs(self, params, batch, dropout_rng=None):
        """Logits of all stages, [stages, B, T, K]; `dropout_rng` as in `FrameModelConfig.network`."""
        return self.model.network.apply({"params": params}, batch["features"], batch["mask"], dropout_rng)

    def links(self):
        """Links to the published names of the parameters; see `FrameModelConfig.links`."""
        return self.model.links()

    def evaluation(self):
        """An empty accumulator."""
        return SegmentationEvaluation(self.protocol)


def _labels(logits):
    return {"labels": jnp.argmax(logits[-1], axis=-1), "first_stage_labels": jnp.argmax(logits[0], axis=-1)}


def stage_losses(loss: StageLossConfig, logits, labels, mask):
    """Cross-entropy and smoothness of every stage.

    Args:
      loss: reads `smoothing_clip`.
      logits: float [stages, B, T, K].
      labels: int [B, T].
      mask: bool [B, T].

    Returns:
      (cross-entropy, smoothness), float [stages, B] each: means over the valid frames, and over the valid pairs of
      neighbouring frames and all classes.
    """
    weights = jnp.ones(logits.shape[-1])

    def one(stage):
        log_probs = jax.nn.log_softmax(stage)
        frame = frame_cross_entropy(log_probs, labels, weights, mask)
        return frame, smoothness(log_probs, mask, clip=loss.smoothing_clip, constant_past=True)

    return jax.vmap(one)(logits)


def build(
    model: type[FrameModelConfig],
    config: Any,
    *,
    class_names,
    statistics,
    full_labels: Callable[[str], np.ndarray],
    verb_nouns: VerbNouns | None = None,
) -> FrameTask:
    """Builds the task of a run.

    Args:
      model: the system.
      config: resolved config of the run.
      class_names: name of every class.
      statistics: of the training videos; nothing here depends on them.
      full_labels: gives the labels of an evaluated video at the full rate, int [N].
      verb_nouns: of classes that are pairs of a verb and a noun, which are classes like others here.

    Raises:
      UserError: settings are missing or unknown, or contradict each other.
    """
    del statistics, verb_nouns
    settings = model.from_settings(config.model, len(class_names), config.dtype)
    loss = StageLossConfig(config.loss.smoothing_weight, config.loss.smoothing_clip)
    return FrameTask(settings, loss, protocol_of(config, class_names, full_labels))


def restore(model: type[FrameModelConfig], config: Mapping[str, Any], derived: Mapping[str, Any]) -> FrameTask:
    """Builds the task of a recorded run for prediction alone; see `systems.restore`."""
    return FrameTask(model.from_settings(config["model"], len(derived["class_names"]), config["dtype"]))
