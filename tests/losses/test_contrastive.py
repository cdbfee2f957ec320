"""Losses between two views, and n-pairs; the published numbers are in tests/parity."""

import functools

import jax
import numpy as np
import pytest
from jax.test_util import check_grads

from fact_jax.losses.contrastive import n_pairs, sequence_contrastive

SETTINGS = ("negatives", "positives", "label_variance", "temperature")


@functools.partial(jax.jit, static_argnames=SETTINGS)
@functools.partial(jax.value_and_grad, has_aux=True)
def compiled(embeddings, *rest, **settings):
    return sequence_contrastive(embeddings, *rest, **settings)


def case(num_videos=2, num_steps=4):
    """Embeddings of unit length, steps, lengths, mask, video_mask; of the first video the last frame is padding."""
    rng = np.random.default_rng(0)
    embeddings = rng.normal(size=(num_videos, 2, num_steps, 3)).astype(np.float32)
    embeddings /= np.linalg.norm(embeddings, axis=-1, keepdims=True)
    steps = np.sort(rng.integers(0, 9, embeddings.shape[:3]), axis=-1).astype(np.int32)
    mask = np.ones(steps.shape, bool)
    mask[0, :, -1] = False
    return embeddings, steps, np.full((num_videos, 2), 9, np.int32), mask, np.ones(num_videos, bool)


def loops(embeddings, steps, lengths, mask, video_mask, negatives, variance=10.0, temperature=0.1):
    """The sum frame by frame, as the equations have it."""
    places = [(v, a, t) for v in np.flatnonzero(video_mask) for a in range(2) for t in range(steps.shape[2])]
    total = 0.0
    for i in [place for place in places if mask[place]]:
        denominator, curve = 0.0, {}
        for j in places:
            own = i[:2] == j[:2]
            weight = 0.0 if ("single" in negatives and i[0] != j[0]) or ("noself" in negatives and own) else 1.0
            weight = weight if mask[j] else 1e-6
            power = np.exp(np.dot(embeddings[i].astype(np.float64), embeddings[j]) / temperature)
            denominator += weight * power
            if i[0] == j[0] and not own and mask[j]:
                distance = steps[i] / lengths[i[:2]] * lengths[j[:2]] - steps[j]
                curve[j] = np.exp(-(distance**2) / (2 * variance)), power
        scale = sum(height for height, _ in curve.values())
        for height, power in curve.values():
            if scale > 0 and height > 0:
                target = height / scale
                total += target * (np.log(target) - np.log(power / denominator + 1e-6))
    return total


@pytest.mark.parametrize("negatives", ["single_noself", "batch"])
def test_values_equal_the_loops_and_absent_videos_are_in_no_denominator(negatives):
    given = case(3)
    given[-1][2] = False
    (total, count), gradient = compiled(*given, negatives=negatives)
    np.testing.assert_allclose(total, loops(*given, negatives), rtol=1e-5)
    assert count == given[3][:2].sum()
    assert np.all(gradient[2] == 0)
    (without, _), _ = compiled(*(array[:2] for array in given), negatives=negatives)
    np.testing.assert_allclose(total, without, rtol=1e-6)


def test_gradients_are_finite_where_whole_views_are_padding_and_no_frame_has_a_neighbour():
    embeddings, steps, lengths, mask, exists = case()
    mask[0, 0] = False  # no frame of the other view has a positive
    steps[1, 0], steps[1, 1] = [0, 1, 2, 3], [400, 401, 402, 403]  # the curve is 0 in float32
    embeddings[1, 1, 0] = 0.0
    lengths[1] = 500
    (total, count), gradient = compiled(embeddings, steps, lengths, mask, exists, negatives="single_noself")
    assert total == 0 and count == mask.sum()
    assert np.all(np.isfinite(gradient))


def test_a_low_temperature_does_not_overflow():
    given = case()
    (total, _), gradient = compiled(*given, temperature=0.002)
    assert np.isfinite(total) and total > 0 and np.all(np.isfinite(gradient))


def test_far_frames_keep_their_curve_where_float32_has_no_numbers():
    # exp(-42^2 / 20) and its neighbours are below the least normal number, which accelerators take for 0.
    embeddings, _, lengths, mask, exists = case(1)
    steps = np.array([[[0, 0, 0, 0], [42, 43, 44, 45]]], np.int32)
    mask[...] = True
    lengths[...] = 100
    (total, _), _ = compiled(embeddings, steps, lengths, mask, exists)
    np.testing.assert_allclose(total, loops(embeddings, steps, lengths, mask, exists, "single_noself"), rtol=1e-5)


def test_gradients_equal_finite_differences():
    embeddings, *rest = case()

    def loss(embeddings):
        return sequence_contrastive(embeddings, *rest, negatives="batch_noself", temperature=0.5)[0]

    check_grads(jax.jit(loss), (embeddings,), 1, ["rev"], atol=1e-2, rtol=1e-2)


def test_without_positives_there_is_no_loss():
    (total, count), gradient = compiled(*case(), positives="none")
    assert total == 0 and count == 14 and not np.any(gradient)


def test_n_pairs_by_hand():
    clip = np.array([[1.0, 0.0], [2.0, 0.0], [0.0, 1.0], [0.0, 3.0]], np.float32)
    found = n_pairs(clip[None], regularization=0.4)
    # Products [[2, 0], [0, 3]]; squared lengths 1, 1 of the anchors and 4, 9 of the positives.
    entropy = (np.log(1 + np.exp(-2)) + np.log(1 + np.exp(-3))) / 2
    np.testing.assert_allclose(found, [entropy + 0.1 * (1.0 + 6.5)], rtol=1e-6)
