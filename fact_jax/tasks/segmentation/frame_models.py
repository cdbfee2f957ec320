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
from fact_jax.tasks.base import FINITE, LossOutput, Task, all_finite
from fact_jax.tasks.segmentation.evaluation import SegmentationEvaluation, SegmentationProtocol, protocol_of
from fact_jax.tasks.segmentation.inputs import correct_frames, network_inputs, video_terms
from fact_jax.types import VerbNouns


@dataclasses.dataclass(frozen=True)
class StageLossConfig:
    """Loss of one stage: cross-entropy plus smoothness, of changes of log-probabilities up to a clip in nats."""

    smoothing_weight: float
    smoothing_clip: float


@dataclasses.dataclass(frozen=True)
class FrameTask(Task):
    """Trains and evaluates a `FrameModelConfig`; without a loss and a protocol it only predicts."""

    model: FrameModelConfig
    loss_config: StageLossConfig | None = None
    protocol: SegmentationProtocol | None = None

    predict_keys = ("features", "mask")
    uses_transcript = False

    @property
    def conv_channels(self):
        return self.model.conv_channels

    def compose(self, params, batch):
        return self.model.compose(params, None if batch is None else batch["mask"].size)

    def init(self, rng, batch):
        variables = self.model.network.lazy_init(rng, *network_inputs(batch), None)
        return {"params": variables["params"], "state": {}}

    def loss(self, params, state, batch, rng):
        """The losses of all stages, summed, of the videos of one device; see the protocol.

        Terms: "loss", averaged over videos; "loss_frame" and "loss_smooth", its unweighted parts averaged over stages
        as well; "accuracy", correct training frames of the last stage.

        Source: Abu Farha & Gall, MS-TCN, CVPR 2019, with batches of one video. Deviation: of several videos the
        published code counts the padding in the mean of the smoothness; here every video counts alike.
        """
        logits = self.network_outputs(params, batch, video_seeds(rng, batch["row"]))
        frame, smooth = stage_losses(self.loss_config, logits, batch["labels"], batch["mask"])
        losses = {"loss": jnp.sum(frame + self.loss_config.smoothing_weight * smooth, axis=0)}
        losses |= {"loss_frame": jnp.mean(frame, axis=0), "loss_smooth": jnp.mean(smooth, axis=0)}
        terms = video_terms(batch, losses)
        return LossOutput(terms | {"accuracy": correct_frames(jnp.argmax(logits[-1], axis=-1), batch)}, state)

    def predict(self, params, state, batch):
        """int32 [B, T] "labels", the most likely class of the last stage, "first_stage_labels" of the first, FINITE."""
        return _labels(self.network_outputs(params, batch), batch["mask"])

    def predict_scores(self, params, state, batch):
        """As `predict`, with "probabilities" float [B, T, K] of the last stage and "confidence" float [B, T], the
        probability of the label."""
        logits = self.network_outputs(params, batch)
        probabilities = jax.nn.softmax(logits[-1])
        return _labels(logits, batch["mask"]) | {
            "probabilities": probabilities,
            "confidence": jnp.max(probabilities, axis=-1),
        }

    def network_outputs(self, params, batch, dropout_rng=None):
        """Logits of all stages, [stages, B, T, K]; `dropout_rng` as in `FrameModelConfig.network`."""
        return self.model.network.apply({"params": params}, batch["features"], batch["mask"], dropout_rng)

    def links(self):
        return self.model.links()

    def evaluation(self):
        return SegmentationEvaluation(self.protocol)


def _labels(logits, mask):
    labels = {"labels": jnp.argmax(logits[-1], axis=-1), "first_stage_labels": jnp.argmax(logits[0], axis=-1)}
    return labels | {FINITE: all_finite((logits[0], mask), (logits[-1], mask))}


def stage_losses(loss: StageLossConfig, logits, labels, mask):
    """Cross-entropy and smoothness, [stages, B] each, of logits [stages, B, T, K].

    Means over the valid frames, and over the valid pairs of neighbouring frames and all classes.
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
    """Builds the task of a run of the system `model`; see `fact_jax.tasks.segmentation.fact.build`.

    Nothing here depends on statistics, and pairs of a verb and a noun are classes like others.
    """
    del statistics, verb_nouns
    settings = model.from_settings(config.model, len(class_names), config.dtype)
    loss = StageLossConfig(config.loss.smoothing_weight, config.loss.smoothing_clip)
    return FrameTask(settings, loss, protocol_of(config, class_names, full_labels))


def restore(model: type[FrameModelConfig], config: Any, derived: Mapping[str, Any]) -> FrameTask:
    """Builds the task of a recorded run for prediction alone; see `systems.restore`."""
    return FrameTask(model.from_settings(config["model"], len(derived["class_names"]), config["dtype"]))
