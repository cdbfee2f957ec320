"""Losses of temporal detections against single numbers."""

import jax
import jax.numpy as jnp
import numpy as np
from jax.test_util import check_grads

from fact_jax.losses import localization
from tests.reference import localization as reference

# Compiled: without that every operation is a program.
sigmoid_focal_loss = jax.jit(localization.sigmoid_focal_loss)
distance_iou_loss = jax.jit(localization.distance_iou_loss)
focal_gradient = jax.jit(jax.vmap(jax.value_and_grad(localization.sigmoid_focal_loss)))


@jax.jit
def iou_gradient(predicted, targets):
    """(sum of the losses, its gradient with respect to what is predicted)."""
    return jax.value_and_grad(lambda x: jnp.sum(localization.distance_iou_loss(x, targets)))(predicted)


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


def test_focal_loss_has_its_gradient_at_a_logit_of_0():
    # With p = 1/2, entropy log(2) and its derivative p - t. Target 0: loss 0.75 p^2 entropy, so the gradient is
    # 0.75 (2 p p (1 - p) log(2) + p^2 p). Target 1: 0.25 (1 - p)^2 entropy, -0.25 (2 (1 - p) p (1 - p) log(2) + p^3).
    # Target 1/2: the weights are even there, and the slopes of both sides cancel. PyTorch gives the same.
    one = 2 * 0.125 * np.log(2) + 0.125
    for zero in (0.0, -0.0):
        _, found = focal_gradient(np.full(3, zero, np.float32), np.array([0.0, 1.0, 0.5], np.float32))
        np.testing.assert_allclose(found, [0.75 * one, -0.25 * one, 0.0], rtol=1e-6)
    np.testing.assert_allclose([0.75 * one, -0.25 * one], [0.223715, -0.074572], atol=1e-6)


def test_focal_loss_is_finite_at_the_ends():
    logits, targets = np.array([-200.0, 200.0, -200.0, 200.0], np.float32), np.array([0.0, 1.0, 1.0, 0.0], np.float32)
    value, gradient = focal_gradient(logits, targets)
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
    nothing = np.zeros((1, 2), np.float32)
    value, gradient = iou_gradient(nothing, nothing)
    assert value == 1.0 and np.all(np.isfinite(gradient))


def test_distance_iou_loss_has_its_gradient_where_a_length_is_the_least_one():
    # A segment of 1e-8 before the point and none behind, against nothing: union and hull are the limit itself, where
    # PyTorch's clamp keeps the whole gradient. min and max of the equal ends behind the point give each a half.
    _, gradient = iou_gradient(np.array([[1e-8, 0.0]], np.float32), np.zeros((1, 2), np.float32))
    np.testing.assert_allclose(gradient, [[0.0, -1.25e8]], rtol=1e-6)


def test_equal_ends_share_the_gradient():
    # Against the segment (1, 2): common 3, union 3, hull 3, shift 0. The ends of (1, 3) give common 3, union 4, hull 4,
    # shift -1/2: values of PyTorch, whose minimum and maximum halve the gradient of equal numbers as well.
    targets = np.array([[1.0, 2.0], [1.0, 3.0]], np.float32)
    _, gradient = iou_gradient(np.array([[1.0, 2.0], [1.0, 2.0]], np.float32), targets)
    np.testing.assert_allclose(gradient, [[0.0, 0.0], [-0.00390625, -0.28125]], atol=1e-7)
