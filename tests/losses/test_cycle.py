"""Temporal cycle consistency; the published numbers are in tests/parity."""

import functools

import jax
import numpy as np
import pytest

from fact_jax.losses.cycle import cycle_consistency


@functools.partial(jax.jit, static_argnames=("loss", "similarity"))
@functools.partial(jax.value_and_grad, has_aux=True)
def compiled(embeddings, *rest, **settings):
    found = cycle_consistency(embeddings, *rest, **settings)
    return found.loss, found


def case(num_clips=3, num_steps=5):
    embeddings = np.random.default_rng(0).normal(size=(num_clips, num_steps, 4)).astype(np.float32)
    steps = np.tile(np.arange(num_steps, dtype=np.int32), (num_clips, 1))
    return embeddings, steps, np.full(num_clips, num_steps, np.int32), np.ones(num_clips, bool)


@pytest.mark.parametrize("loss", ["regression_mse_var", "classification"])
def test_absent_clips_are_in_no_pair(loss):
    given = case()
    given[-1][1] = False
    (total, found), gradient = compiled(*given, loss=loss)
    (wanted, _), _ = compiled(*(array[[0, 2]] for array in given), loss=loss)
    np.testing.assert_allclose(total, wanted, rtol=1e-5)
    assert found.count == 2 * 5 and not np.any(gradient[1])


def test_one_clip_alone_has_no_pair():
    (total, found), gradient = compiled(*case(1))
    assert total == 0 and found.count == 0 and not np.any(gradient)


def test_a_cycle_that_is_certain_has_a_finite_gradient():
    embeddings, *rest = case()
    embeddings *= 100.0  # every softmax has all on one frame, so that no time varies
    (total, found), gradient = compiled(embeddings, *rest)
    assert np.isfinite(total) and np.isfinite(found.log_variance) and np.all(np.isfinite(gradient))


def test_equal_clips_of_frames_far_apart_come_back():
    embeddings = np.tile(10.0 * np.eye(4, dtype=np.float32), (2, 1, 1))
    steps, lengths = np.tile(np.arange(4, dtype=np.int32), (2, 1)), np.full(2, 4, np.int32)
    (total, found), _ = compiled(
        embeddings, steps, lengths, np.ones(2, bool), loss="regression_mse", label_smoothing=0.0
    )
    assert total == pytest.approx(0, abs=1e-9) and found.count == 8
