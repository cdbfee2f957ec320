"""From candidates to detections."""

import time

import numpy as np
import pytest

from fact_jax.ops.nms import Detections, NmsConfig, fuse_scores, suppress, vote
from fact_jax.types import UserError


def random_candidates(count, classes, seed=0):
    rng = np.random.default_rng(seed)
    starts = rng.uniform(0, 2000, count)
    segments = np.stack([starts, starts + np.exp(rng.uniform(0, 5, count))], axis=1).astype(np.float32)
    scores = rng.uniform(0, 1, count).astype(np.float32) ** 4
    return Detections(segments, scores, rng.integers(0, classes, count).astype(np.int32))


@pytest.mark.parametrize("method", ["gaussian", "linear", "hard"])
def test_detections_come_from_the_best_to_the_worst_up_to_the_limit(method):
    found = suppress(random_candidates(200, 3), NmsConfig(method=method, max_detections=20))
    assert len(found.scores) == 20 and (np.diff(found.scores) <= 0).all()
    assert found.segments.shape == (20, 2) and set(found.labels) <= {0, 1, 2}


def test_classes_see_each_other_only_where_they_should():
    same = Detections(np.float32([[0, 9], [0, 9]]), np.float32([0.9, 0.8]), np.int32([1, 0]))
    apart = suppress(same, NmsConfig(method="hard"))
    assert apart.labels.tolist() == [1, 0]
    together = suppress(same, NmsConfig(method="hard", per_class=False))
    assert together.labels.tolist() == [1]


def test_no_method_keeps_all_and_no_candidate_gives_none():
    candidates = random_candidates(10, 2)
    assert suppress(candidates, NmsConfig(method="none")) is candidates
    assert len(suppress(candidates.at(slice(0, 0)), NmsConfig()).scores) == 0
    with pytest.raises(UserError, match="Did you mean 'gaussian'"):
        NmsConfig(method="gausian")


def test_voting_takes_the_mean_of_what_overlaps():
    candidates = Detections(np.float32([[0, 10], [1, 10], [50, 60]]), np.float32([0.5, 1.0, 1.0]), np.int32([0, 0, 0]))
    voted = vote(np.float32([[0, 10]]), candidates, 0.8)
    np.testing.assert_allclose(voted, [[0.9 / 1.4, 10]], rtol=1e-6)
    found = suppress(candidates, NmsConfig(method="hard", per_class=False, voting_threshold=0.8, min_score=0.001))
    np.testing.assert_allclose(found.segments[found.scores == 1][0], [1 - 0.45 / 1.45, 10], rtol=1e-5)


def test_fusion_gives_every_segment_two_classes():
    detections = Detections(np.float32([[0, 1], [2, 3]]), np.float32([0.25, 1.0]), np.int32([0, 0]))
    fused = fuse_scores(detections, [0.0, 0.64, 0.04, 0.16])
    assert fused.labels.tolist() == [1, 1, 3, 3]
    np.testing.assert_allclose(fused.scores, [0.8, 0.4, 0.4, 0.2], rtol=1e-6)
    np.testing.assert_array_equal(fused.segments, [[2, 3], [0, 1], [2, 3], [0, 1]])
    assert len(fuse_scores(random_candidates(300, 1), [0.5]).scores) == 200


def test_many_candidates_take_no_long_time():
    candidates = random_candidates(5000, 20)
    start = time.perf_counter()
    suppress(candidates, NmsConfig(min_score=0.001, max_detections=200))
    # 3 ms on a quiet core; a loop over items takes minutes.
    assert time.perf_counter() - start < 5
