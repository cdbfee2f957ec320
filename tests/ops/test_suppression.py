"""Suppression of many groups at once; its numbers are compared in tests/parity/nms.py."""

import numpy as np
import pytest

from fact_jax.ops.suppression import soft_suppress


@pytest.mark.parametrize("tied", [False, True])
def test_the_best_results_are_the_same_when_the_others_are_left_out(tied):
    rng = np.random.default_rng(6)
    segments = np.sort(rng.integers(0, 30, (300, 2)), axis=1) + np.array([0, 0.5])
    scores, groups = rng.integers(1, 9, 300) / 10, np.sort(rng.integers(0, 3, 300))
    if not tied:
        segments, scores = segments + rng.uniform(0, 0.1, (300, 2)), rng.uniform(0.01, 1, 300)
    segments, scores = segments.astype(np.float32), scores.astype(np.float32)
    options = {"decay": "gaussian", "min_score": 0.001}
    everything, all_scores = soft_suppress(segments, scores, groups, **options)
    some, some_scores = soft_suppress(segments, scores, groups, **options, most=20)
    assert len(some) < len(everything)
    best, found = (np.argsort(-values, kind="stable")[:20] for values in (all_scores, some_scores))
    assert some[found].tolist() == everything[best].tolist()


def test_nothing_gives_nothing():
    taken, scores = soft_suppress(np.zeros((0, 2)), np.zeros(0), np.zeros(0, int), decay="linear", min_score=0.1)
    assert taken.shape == scores.shape == (0,)
