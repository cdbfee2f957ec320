"""Suppression of many groups at once against the loop over one list."""

import numpy as np
import pytest

from fact_jax.ops.suppression import DECAYS, hard_suppress, soft_suppress
from tests.reference import suppression as reference


def candidates(seed, count, *, tied):
    """(segments, scores, groups); `tied` ones have few different scores and places."""
    rng = np.random.default_rng(seed)
    segments = np.sort(rng.integers(0, 30, (count, 2)), axis=1).astype(np.float32)
    scores = rng.integers(1, 9, count).astype(np.float32) / 10
    if not tied:
        segments += np.float32([0, 0.5]) + rng.uniform(0, 0.1, (count, 2)).astype(np.float32)
        scores = rng.uniform(0.01, 1, count).astype(np.float32)
    return segments, scores, np.sort(rng.integers(0, 3, count))


def by_group(segments, scores, groups, function):
    """What `function` takes of every group, by place in all."""
    taken = []
    for group in np.unique(groups):
        places = np.flatnonzero(groups == group)
        taken += places[function(segments[places], scores[places])].tolist()
    return taken


@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("decay", DECAYS)
@pytest.mark.parametrize("min_score", [0.0, 0.2])
def test_soft_suppression_takes_what_the_loop_takes(decay, tied, min_score):
    for seed in range(4):
        segments, scores, groups = candidates(seed, 40, tied=tied)
        options = {"decay": decay, "min_score": min_score, "iou_threshold": 0.3, "sigma": 0.5}
        taken, lowered = soft_suppress(segments, scores, groups, **options)
        wanted = by_group(segments, scores, groups, lambda s, p, told=options: reference.soft_suppress(s, p, **told)[0])
        assert taken.tolist() == wanted
        assert (lowered <= scores[taken]).all() and lowered.dtype == np.float32


@pytest.mark.parametrize("min_score", [0.0, 0.3])
def test_hard_suppression_takes_what_the_loop_takes(min_score):
    segments, scores, groups = candidates(5, 60, tied=True)
    options = {"min_score": min_score, "iou_threshold": 0.3}
    taken, kept = hard_suppress(segments, scores, groups, **options)
    wanted = by_group(segments, scores, groups, lambda s, p: reference.hard_suppress(s, p, **options))
    assert taken.tolist() == wanted
    np.testing.assert_array_equal(kept, scores[taken])
    again, _ = hard_suppress(segments[taken], scores[taken], groups[taken], **options)
    assert sorted(again.tolist()) == list(range(len(taken)))


@pytest.mark.parametrize("tied", [False, True])
def test_the_best_results_are_the_same_when_the_others_are_left_out(tied):
    segments, scores, groups = candidates(6, 300, tied=tied)
    options = {"decay": "gaussian", "min_score": 0.001}
    everything, all_scores = soft_suppress(segments, scores, groups, **options)
    some, some_scores = soft_suppress(segments, scores, groups, **options, most=20)
    assert len(some) < len(everything)
    best, found = (np.argsort(-values, kind="stable")[:20] for values in (all_scores, some_scores))
    assert some[found].tolist() == everything[best].tolist()


def test_nothing_gives_nothing():
    taken, scores = soft_suppress(np.zeros((0, 2)), np.zeros(0), np.zeros(0, int), decay="linear", min_score=0.1)
    assert taken.shape == scores.shape == (0,)
