"""ActionFormer's objective: classes at all points, segments at those that have one, by one running normaliser."""

import dataclasses
from collections.abc import Mapping
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Float, PRNGKeyArray

from fact_jax.losses.localization import distance_iou_loss, sigmoid_focal_loss
from fact_jax.models.actionformer.config import ActionFormerConfig
from fact_jax.models.actionformer.network import Outputs
from fact_jax.ops.arrays import Array
from fact_jax.ops.points import Points, assign, pyramid_points

NORMALIZER_MOMENTUM = 0.9
LEAST_REGRESSION = 0.01  # that the classification is divided by, where it gives the weight of the regression


@dataclasses.dataclass(frozen=True)
class ActionFormerLossConfig:
    """Settings of the objective. Published keys stand in brackets.

    Attributes:
      center_radius: strides around the centre of an instance within which points find it; None: all inside of it
        (center_sample, center_sample_radius).
      label_smoothing: share of every target that is spread over the classes (label_smoothing).
      regression_weight: of the regression beside the classification; 0 or less: as much as makes them equal, by their
        values in the step (loss_weight).
      first_normalizer: positive points of a batch that the running mean starts with (init_loss_norm).
    """

    center_radius: float | None = 1.5
    label_smoothing: float = 0.0
    regression_weight: float = 1.0
    first_normalizer: float = 100.0


class LossSums(NamedTuple):
    """Sums over the points of some videos, before any normaliser; positives are the points that have an instance."""

    classification: Float[Array, ""]
    regression: Float[Array, ""]
    num_positives: Float[Array, ""]


def points_of(config: ActionFormerConfig, num_frames: int) -> Points:
    """The points of a video padded to `num_frames` grid steps, in the order of the network's outputs."""
    return pyramid_points(config.level_lengths(num_frames), config.strides, config.regression_ranges)


def loss_sums(
    config: ActionFormerConfig, loss: ActionFormerLossConfig, outputs: Outputs, batch: Mapping[str, Array]
) -> LossSums:
    """Compares outputs of the network with the instances of the videos.

    Reads features (its length), segments, segment_labels, segment_mask and video_mask of a batch, see
    `fact_jax.types.Batch`. Rows that are padding add nothing.
    """
    points = points_of(config, batch["features"].shape[1])
    segments, labels, mask = (batch[name] for name in ("segments", "segment_labels", "segment_mask"))
    targets = assign(points, segments, labels, mask, config.num_classes, radius=loss.center_radius)
    valid = outputs.mask & batch["video_mask"][:, None]
    positive = valid & (jnp.sum(targets.classes, axis=-1) > 0)
    # There is no background; the published code counts one in all the same.
    smooth = targets.classes * (1 - loss.label_smoothing) + loss.label_smoothing / (config.num_classes + 1)
    focal = jnp.where(valid[..., None], sigmoid_focal_loss(outputs.logits, smooth), 0.0)
    # Whatever stands at the other points: it must not come near a division.
    predicted, wanted = (jnp.where(positive[..., None], offsets, 1.0) for offsets in (outputs.offsets, targets.offsets))
    distance = jnp.where(positive, distance_iou_loss(predicted, wanted), 0.0)
    return LossSums(jnp.sum(focal), jnp.sum(distance), jnp.sum(positive, dtype=jnp.float32))


def regression_weight(loss: ActionFormerLossConfig, classification, regression) -> Float[Array, ""]:
    """Weight of the regression, without a gradient; the values are those of the whole batch, normalised."""
    if loss.regression_weight > 0:
        return jnp.float32(loss.regression_weight)
    classification, regression = map(jax.lax.stop_gradient, (classification, regression))
    return classification / jnp.maximum(regression, LEAST_REGRESSION)


def first_normalizer_state(first: float) -> dict[str, jax.Array]:
    """Returns the state of the running mean before the first step, with its first value.

    The published code loses this mean of positive points on every resume, and on several devices never moves it. Here
    it is part of the checkpoint, and counts the positive points of the whole step.
    """
    return {
        "value": jnp.float32(first),
        "before_step": jnp.float32(first),
        "positives": jnp.float32(0.0),
        # No step has this one: the last number of a step's is 1.
        "step_key": jnp.zeros_like(_step_key(jax.random.key(0))),
    }


def advance_normalizer(state: Mapping[str, Array], key: PRNGKeyArray, num_positives: Float[Array, ""]):
    """Counts positive points of a micro-batch on all devices: (new state, by how much the step's value has grown).

    A step may come in micro-batches, each with the state that the one before it left and with the same key, which no
    other step has. Then what is returned for all of them adds up to the value after the whole step, as if they had been
    one batch: the value grows by all of it with the first.
    """
    step_key = _step_key(key)
    goes_on = jnp.all(state["step_key"] == step_key)
    before = jnp.where(goes_on, state["before_step"], state["value"])
    positives = jnp.where(goes_on, state["positives"], 0.0) + num_positives
    value = NORMALIZER_MOMENTUM * before + (1 - NORMALIZER_MOMENTUM) * jnp.maximum(positives, 1.0)
    grown = value - jnp.where(goes_on, state["value"], 0.0)
    return {"value": value, "before_step": before, "positives": positives, "step_key": step_key}, grown


def _step_key(key):
    return jnp.append(jax.random.key_data(key), jnp.uint32(1))
