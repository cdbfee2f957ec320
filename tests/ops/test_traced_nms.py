"""Suppression inside compiled code against that on the host."""

import jax
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fact_jax.ops import nms, traced_nms

P = 40  # candidates, of which some are valid: one program for each of the settings


def _drawn(seed, coarse):
    """(segments, scores, labels, valid) of P candidates; coarse ones have many equal scores and overlaps."""
    rng = np.random.default_rng(seed)
    starts, lengths = rng.integers(0, 20, P), rng.integers(1, 9, P)
    scores = rng.integers(1, 9, P) / 8
    if not coarse:
        starts, lengths, scores = (values + rng.uniform(0, 0.9, P) for values in (starts, lengths, scores * 0.1))
    segments = np.stack([starts, starts + lengths], axis=1).astype(np.float32)
    return segments, scores.astype(np.float32), rng.integers(0, 3, P).astype(np.int32), rng.random(P) < rng.random()


def _program(config):
    if config not in _PROGRAMS:
        _PROGRAMS[config] = jax.jit(lambda *arrays: traced_nms.suppress(*arrays, config))
    return _PROGRAMS[config]


_PROGRAMS = {}


@pytest.mark.parametrize("method", nms.METHODS)
@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), per_class=st.booleans(), coarse=st.booleans())
def test_it_is_that_of_the_host(method, seed, per_class, coarse):
    # Equal scores stay equal where exp is not involved: its last digit is another in compiled code.
    segments, scores, labels, valid = _drawn(seed, coarse and method != "gaussian")
    config = nms.NmsConfig(method, per_class, 20, 0.05, 0.5, 0.3, 0.5)
    expected = nms.suppress(nms.Detections(segments[valid], scores[valid], labels[valid]), config)
    found = jax.device_get(_program(config)(segments, scores, labels, valid))
    assert found.count == len(expected.scores)
    exact = {"rtol": 1e-6 if method == "gaussian" else 0, "atol": 0}
    np.testing.assert_allclose(found.scores[: found.count], expected.scores, **exact)
    np.testing.assert_array_equal(found.labels[: found.count], expected.labels)
    np.testing.assert_allclose(found.segments[: found.count], expected.segments, rtol=0 if per_class else 1e-5)


def test_candidates_without_any_that_is_valid():
    segments, scores, labels, valid = _drawn(0, coarse=True)
    assert _program(nms.NmsConfig())(segments, scores, labels, valid & False).count == 0
