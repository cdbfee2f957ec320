"""Losses of temporal detections: classes that exclude nothing, and segments by their distances from a point."""

import jax
import jax.numpy as jnp
from jaxtyping import Float

from fact_jax.ops.arrays import Array
from fact_jax.ops.clamping import at_least

LEAST_LENGTH = 1e-8  # of segments that are divided by


def sigmoid_focal_loss(
    logits: Float[Array, "*batch"], targets: Float[Array, "*batch"], *, alpha: float = 0.25, gamma: float = 2.0
) -> Float[Array, "*batch"]:
    """Binary cross-entropy of every class by itself, weighted down where it is small already; >= 0.

    Targets lie in [0, 1]; what lies between enters linearly everywhere. `alpha` is the weight of 1, 1 - alpha that of
    0, `gamma` the power that weighs down.

    Source: Lin et al., Focal Loss for Dense Object Detection, ICCV 2017, equation 5.
    """
    probs = jax.nn.sigmoid(logits)
    # max(x, -x) is |x| with the derivative 0 at 0, where JAX has 1 for abs: that of max(x, 0) is a half there.
    entropy = jnp.maximum(logits, 0) - logits * targets + jnp.log1p(jnp.exp(-jnp.maximum(logits, -logits)))
    match = probs * targets + (1 - probs) * (1 - targets)
    return (alpha * targets + (1 - alpha) * (1 - targets)) * (1 - match) ** gamma * entropy


def distance_iou_loss(predicted: Float[Array, "*batch 2"], targets: Float[Array, "*batch 2"]) -> Float[Array, "*batch"]:
    """1 - tIoU + squared distance of the centres by the squared length of both segments together; >= 0.

    Segments are distances >= 0 from a point to their start and end. Two without length give 1; gradients are finite
    everywhere.

    Source: Zheng et al., Distance-IoU Loss, AAAI 2020, in one dimension.
    """
    (left, right), (true_left, true_right) = (jnp.moveaxis(pair, -1, 0) for pair in (predicted, targets))
    common = jnp.minimum(left, true_left) + jnp.minimum(right, true_right)
    union = left + right + true_left + true_right - common
    hull = jnp.maximum(left, true_left) + jnp.maximum(right, true_right)
    shift = 0.5 * (right - left - true_right + true_left)
    union, hull = at_least(union, LEAST_LENGTH), at_least(hull, LEAST_LENGTH)
    return 1.0 - common / union + jnp.square(shift / hull)
