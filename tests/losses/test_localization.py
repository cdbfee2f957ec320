"""Losses of temporal detections against single numbers."""

import jax
import jax.numpy as jnp
import numpy as np
from jax.test_util import check_grads

from fact_jax.losses.localization import distance_iou_loss, sigmoid_focal_loss
from tests.reference import localization as reference


def test_focal_loss_equals_the_reference():
    logits = np.linspace(-6, 6, 13).astype(np.float32)
    for target in (0.0, 0.05, 0.5, 1.0):
        expected = [reference.focal(float(logit), target) for logit in logits]
        np.testing.assert_allclose(
            sigmoid_focal_loss(logits, np.full(13, target, np.float32)), expected, rtol=2e-5, atol=1e-7
        )
    check_grads(
        lambda x: sigmoid_focal_loss(x, jnp.array([0.0, 0.3, 1.0])), (jnp.array([1.0, -2.0, 0.5]),), 1, eps=1e-2
    )


def test_focal_loss_is_finite_at_the_ends():
    logits, targets = np.array([-200.0, 200.0, -200.0, 200.0], np.float32), np.array([0.0, 1.0, 1.0, 0.0], np.float32)
    value, gradient = jax.vmap(jax.value_and_grad(sigmoid_focal_loss))(logits, targets)
    np.testing.assert_allclose(value, [0.0, 0.0, 50.0, 150.0], rtol=1e-6)
    assert np.all(np.isfinite(gradient))


def test_distance_iou_loss_equals_the_reference():
    rng = np.random.default_rng(0)
    predicted, targets = rng.uniform(0.1, 5, (2, 20, 2)).astype(np.float32)
    expected = [
        reference.distance_iou(one.tolist(), other.tolist()) for one, other in zip(predicted, targets, strict=True)
    ]
    np.testing.assert_allclose(distance_iou_loss(predicted, targets), expected, rtol=1e-5, atol=1e-6)
    assert distance_iou_loss(targets, targets).max() < 1e-6


def test_distance_iou_loss_of_segments_without_length():
    nothing = jnp.zeros((1, 2))
    value, gradient = jax.value_and_grad(lambda x: jnp.sum(distance_iou_loss(x, nothing)))(nothing)
    assert value == 1.0 and np.all(np.isfinite(gradient))
