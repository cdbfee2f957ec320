"""Runs of equal labels against loops, on ragged batches with garbage beyond every video's end."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fact_jax.ops import pooling, segments
from tests.ragged import host_jit, prefix_mask
from tests.reference.segmentation_scores import runs
from tests.reference.segments import run_sums

T, K = 9, 2
SETTINGS = settings(derandomize=True, max_examples=50, deadline=None)
VIDEOS = st.lists(st.lists(st.integers(0, 2), max_size=T), min_size=3, max_size=3)

find_segments = host_jit(pooling.find_segments)


@functools.cache
def pooled(num_segments):
    """Everything that depends on a batch of segments, compiled once per number of segments."""

    @jax.jit
    def compute(values, labels, mask):
        found = pooling.find_segments(labels, mask)
        return {
            "sum": pooling.pool_sum(values, found, mask, num_segments),
            "mean": pooling.pool_mean(values, found, mask, num_segments),
            "lengths": pooling.segment_lengths(found, mask, num_segments),
            "centres": pooling.segment_centres(found, mask, num_segments),
        }

    return compute


def batch(videos, seed=0):
    """(labels [B, T], mask [B, T], values [B, T, K]) with NaN values and continuing labels in the padding."""
    rng = np.random.default_rng(seed)
    mask = prefix_mask([len(v) for v in videos], T)
    labels = rng.integers(0, 3, mask.shape)
    for row, video in enumerate(videos):
        labels[row, : len(video)] = video
    values = rng.normal(size=mask.shape + (K,)).astype(np.float32)
    return labels, mask, np.where(mask[..., None], values, np.nan).astype(np.float32)


@SETTINGS
@given(st.lists(st.integers(0, 3), max_size=30))
def test_frames_to_segments_and_back_is_the_identity(labels):
    names, starts, ends = segments.frames_to_segments(np.array(labels, np.int32))
    assert [*zip(names, starts, ends, strict=True)] == runs(labels)
    assert names.dtype == starts.dtype == ends.dtype == np.int64
    back = segments.segments_to_frames(names, starts, ends)
    assert back.dtype == np.int64
    np.testing.assert_array_equal(back, labels)


def test_frames_to_segments_wants_one_axis():
    with pytest.raises(ValueError, match=r"\(2, 3\)"):
        segments.frames_to_segments(np.zeros((2, 3), int))


@SETTINGS
@given(VIDEOS)
def test_runs_of_a_batch(videos):
    labels, mask, _ = batch(videos)
    found = find_segments(labels, mask)
    assert found.index.dtype == found.count.dtype == jnp.int32
    for row, video in enumerate(videos):
        expected = runs(video)
        assert found.count[row] == len(expected)
        for run, (_, start, end) in enumerate(expected):
            assert (found.index[row, start:end] == run).all()
        assert (found.index[row, len(video) :] == max(len(expected) - 1, 0)).all()


@SETTINGS
@given(VIDEOS)
def test_pooling_over_runs(videos):
    labels, mask, values = batch(videos)
    out = jax.device_get(pooled(T)(values, labels, mask))
    for row, video in enumerate(videos):
        expected = runs(video)
        lengths = [end - start for _, start, end in expected] + [0] * (T - len(expected))
        sums = run_sums(values[row], video, T)
        np.testing.assert_array_equal(out["lengths"][row], lengths)
        np.testing.assert_allclose(out["sum"][row], sums, rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(out["mean"][row], sums / np.maximum(lengths, 1)[:, None], rtol=1e-5, atol=1e-6)
        centres = [(start + end - 1) // 2 for _, start, end in expected]
        np.testing.assert_array_equal(out["centres"][row], centres + [0] * (T - len(expected)))


@pytest.mark.parametrize(
    ("video", "size"), [([], 1), ([1], 1), ([2] * T, 1), ([0, 1] * (T // 2), T // 2 * 2), ([0, 0, 1, 2, 2], 2)]
)
def test_small_buckets_hold_the_first_runs(video, size):
    labels, mask, values = batch([video])
    small, large = (jax.device_get(pooled(p)(values, labels, mask)) for p in (size, T))
    for name in small:
        np.testing.assert_array_equal(small[name], large[name][:, :size])
        assert np.isfinite(small[name]).all()


def test_spread_repeats_over_frames():
    videos = [[0, 0, 1], [], [2] * T]
    labels, mask, _ = batch(videos)
    values = np.random.default_rng(1).normal(size=(3, T, K)).astype(np.float32)
    out = host_jit(lambda *args: pooling.spread(args[0], pooling.find_segments(*args[1:])))(values, labels, mask)
    assert out.shape == (3, T, K)
    for row, video in enumerate(videos):
        for run, (_, start, end) in enumerate(runs(video)):
            for time in range(start, end):
                np.testing.assert_array_equal(out[row, time], values[row, run])


def test_gradient_of_a_mean_is_shared_by_the_frames_of_its_run():
    labels, mask, values = batch([[0, 0, 1]])
    gradient = host_jit(jax.grad(lambda v: jnp.sum(pooled(T)(v, labels, mask)["mean"])))(values)
    np.testing.assert_allclose(gradient[0, :, 0], [0.5, 0.5, 1.0] + [0.0] * (T - 3))


def test_class_fractions_add_up_segments_of_one_class():
    rng = np.random.default_rng(2)
    fractions = rng.random((2, 4, 3)).astype(np.float32)
    fractions[1, :, 1:] = 0.0  # padded segments overlap nothing
    labels = np.array([[1, 0, 1], [3, 0, 0]])
    expected = np.zeros((2, 4, 5))
    for row in range(2):
        for run in range(4):
            for segment in range(3):
                expected[row, run, labels[row, segment]] += fractions[row, run, segment]
    np.testing.assert_allclose(pooling.class_fractions(fractions, labels, 5), expected, rtol=1e-6)
