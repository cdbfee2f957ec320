"""Points of a pyramid and the instances they have to find, against loops."""

import jax
import numpy as np
import pytest

from fact_jax.ops.points import assign, pyramid_points
from tests.reference import localization as reference

RANGES = ((0, 4), (3, 8), (8, 10000))
POINTS = pyramid_points((16, 8, 4), (1, 2, 4), RANGES)
NUM_CLASSES = 3

assign_jit = jax.jit(assign, static_argnames=("num_classes", "radius"))


def padded(videos, count):
    """Segments, labels and mask of videos, lists of (start, end, label), filled up with something else."""
    segments = np.full((len(videos), count, 2), 3.0, np.float32)
    segments[..., 1] = 3.5
    labels, mask = np.ones((len(videos), count), np.int32), np.zeros((len(videos), count), bool)
    for row, instances in enumerate(videos):
        for place, (start, end, label) in enumerate(instances):
            segments[row, place], labels[row, place], mask[row, place] = (start, end), label, True
    return segments, labels, mask


def test_points_lie_on_the_grid_without_a_shift():
    assert [part.shape for part in POINTS] == [(28,)] * 4
    np.testing.assert_array_equal(POINTS.time[[0, 1, 15, 16, 17, 24, 27]], [0, 1, 15, 0, 2, 0, 12])
    np.testing.assert_array_equal(POINTS.stride[[0, 15, 16, 23, 24]], [1, 1, 2, 2, 4])
    np.testing.assert_array_equal(POINTS.low[[0, 16, 24]], [0, 3, 8])
    np.testing.assert_array_equal(POINTS.high[[0, 16, 24]], [4, 8, 10000])


@pytest.mark.parametrize("radius", [1.5, None])
def test_targets_equal_the_reference(radius):
    rng = np.random.default_rng(5)
    videos = []
    for count in (0, 1, 6, 9):
        starts = rng.uniform(-1, 12, count).round(2)
        lengths = rng.choice([0.5, 2.0, 3.0, 3.0005, 6.0, 11.0], count)
        videos.append(
            [(s, s + n, int(k)) for s, n, k in zip(starts, lengths, rng.integers(0, NUM_CLASSES, count), strict=True)]
        )
    # At both bounds of a range, on the end of an instance, and two of one length around the same point.
    videos.append([(4.0, 8.0, 0), (6.0, 6.5, 1), (0.0, 14.0, 2), (4.5, 8.5, 1)])
    segments, labels, mask = padded(videos, 12)
    found = jax.device_get(assign_jit(POINTS, segments, labels, mask, NUM_CLASSES, radius=radius))
    for row, instances in enumerate(videos):
        pairs = [tuple(map(float, segments[row, place])) for place in range(len(instances))]
        classes, offsets = reference.assign(
            list(zip(*map(np.ndarray.tolist, POINTS), strict=True)),
            pairs,
            [label for *_, label in instances],
            NUM_CLASSES,
            radius,
        )
        np.testing.assert_array_equal(found.classes[row], classes)
        some = [place for place, pair in enumerate(offsets) if pair is not None]
        np.testing.assert_allclose(
            found.offsets[row, some], np.reshape([offsets[place] for place in some], (-1, 2)), rtol=1e-5, atol=1e-5
        )
    assert not found.classes[0].any()


def test_near_ties_give_several_classes_and_clear_ones_a_single_one():
    segments, labels, mask = padded([[(2.0, 6.0, 0), (2.0, 6.0005, 1), (2.0, 6.002, 2)]], 3)
    found = jax.device_get(assign_jit(POINTS, segments, labels, mask, NUM_CLASSES, radius=None))
    np.testing.assert_array_equal(found.classes[0, 4], [1.0, 1.0, 0.0])
    np.testing.assert_allclose(found.offsets[0, 4], [2.0, 2.0])
    # The same class twice counts once.
    found = jax.device_get(assign_jit(POINTS, segments, np.zeros_like(labels), mask, NUM_CLASSES, radius=None))
    np.testing.assert_array_equal(found.classes[0, 4], [1.0, 0.0, 0.0])
