"""Down-sampling and up-sampling in time against slow loops and values of the published code."""

import collections

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st

from fact_jax.ops import resampling

PROPERTY = hypothesis.settings(derandomize=True, max_examples=50, deadline=None)


def majority_reference(labels, sample_rate):
    """The published rule, chunk by chunk: Counter keeps the order in which labels were first seen."""
    chunks = [labels[i : i + sample_rate] for i in range(0, len(labels), sample_rate)]
    return [collections.Counter(chunk).most_common(1)[0][0] for chunk in chunks]


@pytest.mark.parametrize(
    ("sample_rate", "labels", "expected"),
    [
        (2, [0], [0]),
        (2, [0, 1], [0]),
        (2, [0, 1, 1], [0, 1]),
        (3, [1, 0], [1]),
        (3, [0, 2, 1, 1], [0, 1]),
        (3, [2, 1, 1, 1, 1, 2, 2, 2, 1, 2, 0, 1, 2, 2, 2, 0, 2, 2], [1, 1, 2, 2, 2, 2]),
        (4, [3, 3, 0, 0, 5], [3, 5]),
        (3, [], []),
    ],
)
def test_majority_of_chunks(sample_rate, labels, expected):
    reduced = resampling.downsample_labels(np.array(labels, np.int32), sample_rate)
    assert reduced.tolist() == expected
    assert reduced.dtype == np.int32


@PROPERTY
@hypothesis.given(st.lists(st.integers(0, 4), max_size=40), st.integers(1, 7))
def test_majority_equals_the_loop(labels, sample_rate):
    reduced = resampling.downsample_labels(np.array(labels, np.int64), sample_rate)
    assert reduced.tolist() == majority_reference(labels, sample_rate)
    assert len(reduced) == resampling.downsampled_length(len(labels), sample_rate)


@pytest.mark.parametrize(
    ("num_source", "num_target", "expected"),
    [
        (7, 20, [0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4, 5, 5, 5, 6, 6]),
        (1, 5, [0] * 5),
        (10, 7, [0, 1, 2, 4, 5, 7, 8]),
        (5, 5, [0, 1, 2, 3, 4]),
        (3, 0, []),
    ],
)
def test_nearest_index(num_source, num_target, expected):
    assert resampling.nearest_index(num_source, num_target).tolist() == expected


def test_nearest_index_rounds_in_single_precision():
    # 47 * 32 / 94 is 16 exactly, but float32(47) * float32(32 / 94) is just below.
    assert resampling.nearest_index(32, 94)[47] == 15


@PROPERTY
@hypothesis.given(st.integers(1, 400), st.integers(1, 8))
def test_stretching_back_is_within_a_frame_of_exact_arithmetic(num_frames, sample_rate):
    num_source = resampling.downsampled_length(num_frames, sample_rate)
    index = resampling.nearest_index(num_source, num_frames)
    exact = np.array([i * num_source // num_frames for i in range(num_frames)])
    assert index[0] == 0 and index[-1] < num_source
    assert np.all(np.diff(index) >= 0)
    assert np.all((exact - index >= 0) & (exact - index <= 1))
    values = np.arange(num_source) * 10
    np.testing.assert_array_equal(resampling.upsample(values, num_frames), values[index])


def test_impossible_requests_are_refused():
    with pytest.raises(ValueError, match="at least 1"):
        resampling.downsample_labels(np.zeros(3, int), 0)
    with pytest.raises(ValueError, match="one axis"):
        resampling.downsample_labels(np.zeros((3, 2), int), 2)
    with pytest.raises(ValueError, match="cannot stretch 0 frames"):
        resampling.nearest_index(0, 4)
