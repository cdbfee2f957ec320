"""Temporal action localization: binds ActionFormer to its objective, its candidates and an evaluation."""

import dataclasses
from collections.abc import Callable

import jax
import jax.numpy as jnp
from flax.traverse_util import path_aware_map

from fact_jax.models.actionformer import published
from fact_jax.models.actionformer.candidates import CandidateConfig, candidates
from fact_jax.models.actionformer.config import ActionFormerConfig, from_settings
from fact_jax.models.actionformer.heads import logit
from fact_jax.models.actionformer.network import ActionFormer
from fact_jax.models.actionformer.objective import (
    ActionFormerLossConfig,
    advance_normalizer,
    first_normalizer_state,
    loss_sums,
    regression_weight,
)
from fact_jax.ops.dropout_rng import video_seeds
from fact_jax.tasks.base import BATCH_AXIS, FINITE, Evaluation, LossOutput, Task, all_finite
from fact_jax.types import UserError, check_choice

CENTER_SAMPLING = ("radius", "none")
EMPTY_PRIOR = 1e-6  # published with head_empty_cls


@dataclasses.dataclass(frozen=True)
class ActionFormerTask(Task):
    """Trains and evaluates ActionFormer.

    Batches hold `segments` float32 [B, S, 2], start and end of every instance in units of the feature grid, beside
    `segment_labels` and `segment_mask`. The published numbers are those of training videos padded to
    `model.max_frames`, and of evaluated ones padded to `model.padded_length`; padded to `model.exact_length` or more of
    their own they have the same. `empty_classes` have no example, and start with the probability EMPTY_PRIOR. A task
    that only predicts has no loss and no evaluation.
    """

    model: ActionFormerConfig
    loss_config: ActionFormerLossConfig | None = None
    candidate_config: CandidateConfig = CandidateConfig()
    new_evaluation: Callable[[], Evaluation] | None = None
    empty_classes: tuple[int, ...] = ()

    predict_keys = ("features", "mask")

    @property
    def network(self):
        return ActionFormer(self.model)

    @property
    def point_levels(self):
        """(strides, ranges, radius) of the points that find a segment in training, see `ops.points`."""
        return self.model.strides, self.model.regression_ranges, self.loss_config.center_radius

    def init(self, rng, batch):
        """Draws initial parameters as the published code does; see the protocol."""
        width, streams = batch["features"].shape[-1], self.model.stream_dims
        if streams and sum(streams) != width:
            raise UserError(
                f"the features have {width} channels, and model.stream_dims {streams} are {sum(streams)}: give the "
                "channels of every feature stream, in the order in which they lie behind one another."
            )
        # Abstract inputs: only the initialisers run, not the network.
        features = jax.ShapeDtypeStruct((1, self.model.max_frames, width), jnp.float32)
        mask = jax.ShapeDtypeStruct(features.shape[:2], bool)
        params = self.network.lazy_init(rng, features, mask)["params"]
        if self.empty_classes:
            output = params["heads"]["classification"]["output"]
            output["bias"] = output["bias"].at[jnp.array(self.empty_classes)].set(logit(EMPTY_PRIOR))
        return {"params": params, "state": self.first_state()}

    def first_state(self):
        """The mutable collections before the first step; {} in a task that only predicts."""
        if self.loss_config is None:
            return {}
        return {"normalizer": first_normalizer_state(self.loss_config.first_normalizer)}

    def loss(self, params, state, batch, rng):
        """Sums ActionFormer's objective over the videos of one device; see the protocol.

        Terms: "loss"; "loss_classification" and "loss_regression", its parts before the weight of the latter;
        "positives", points per video that have an instance; "normalizer", what the losses are divided by.

        With micro-batches the normaliser is that of the whole step. A regression_weight of 0 is that of a micro-batch.
        """
        dropout_rng = self.dropout_rng(rng, batch)
        outputs = self.network.apply({"params": params}, batch["features"], batch["mask"], dropout_rng)
        sums = loss_sums(self.model, self.loss_config, outputs, batch)
        positives = jax.lax.psum(sums.num_positives, BATCH_AXIS)
        running, grown = advance_normalizer(state["normalizer"], rng, positives)
        # A number of the whole batch: one device brings it in.
        first = (jax.lax.axis_index(BATCH_AXIS) == 0).astype(jnp.float32)
        normalizer = grown * first
        parts = (0.0, 0.0)
        if self.loss_config.regression_weight <= 0:
            parts = jax.lax.psum(jax.lax.stop_gradient((sums.classification, sums.regression)), BATCH_AXIS)
        weight = regression_weight(self.loss_config, *(part / running["value"] for part in parts))
        terms = {
            "loss": (sums.classification + weight * sums.regression, normalizer),
            "loss_classification": (sums.classification, normalizer),
            "loss_regression": (sums.regression, normalizer),
            "positives": (sums.num_positives, jnp.sum(batch["video_mask"], dtype=jnp.float32)),
            "normalizer": (normalizer, first * (running["positives"] == positives)),
        }
        return LossOutput(terms, {"normalizer": running})

    def dropout_rng(self, rng, batch):
        """Seeds of the dropout of every row."""
        return video_seeds(rng, batch["row"])

    def predict(self, params, state, batch):
        """Candidates of every video: see `fact_jax.models.actionformer.candidates`; and FINITE.

        A score that is no number exceeds no threshold: among the candidates it would not be seen.
        """
        outputs = self.outputs(params, batch)
        found = candidates(self.model, self.candidate_config, outputs, batch["features"].shape[1])
        return found | {FINITE: all_finite((outputs.logits, outputs.mask), (outputs.offsets, outputs.mask))}

    def outputs(self, params, batch):
        """What the network gives for a batch, without dropout: see `fact_jax.models.actionformer.network.Outputs`."""
        return self.network.apply({"params": params}, batch["features"], batch["mask"])

    def weight_decay_mask(self, params):
        """Weights of convolutions and affine maps decay; biases, norms, scales and positions do not."""
        return path_aware_map(lambda path, _: path[-1] == "kernel", params)

    def links(self):
        return published.links(self.model)

    def evaluation(self):
        return self.new_evaluation()


def loss_config(loss) -> ActionFormerLossConfig:
    """Builds the ActionFormerLossConfig of `config.loss`."""
    sampling = check_choice("config.loss.center_sampling", loss["center_sampling"], CENTER_SAMPLING)
    radius = loss["center_radius"] if sampling == "radius" else None
    values = {name: loss[name] for name in ("label_smoothing", "regression_weight", "first_normalizer")}
    return ActionFormerLossConfig(radius, **values)


def candidate_config(detection) -> CandidateConfig:
    """Builds the CandidateConfig of `config.detection`."""
    names = ("candidate_threshold", "candidates_per_level", "min_duration")
    return CandidateConfig(*(detection[name] for name in names))


def network_task(config, num_classes: int) -> ActionFormerTask:
    """Builds a task without an evaluation, from the settings of a run and the number of its classes."""
    model = from_settings(config["model"], num_classes, config["data"]["max_frames"], config["dtype"])
    return ActionFormerTask(model, loss_config(config["loss"]), candidate_config(config["detection"]))
