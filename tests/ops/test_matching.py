"""Matching of segments to tokens against SciPy and loops, for any padding."""

import functools
import itertools

import jax
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.optimize import linear_sum_assignment

from fact_jax.ops import matching
from fact_jax.types import UserError
from tests.ragged import host_jit, pad_axis
from tests.reference import matching as reference

SETTINGS = settings(derandomize=True, max_examples=50, deadline=None)
SHAPES = ((5, 3), (3, 5), (4, 4), (1, 3), (3, 1))
GARBAGE = (0.0, -1e6, 1e6, np.nan)

one_to_one = host_jit(matching.match_one_to_one)
one_to_many = host_jit(matching.match_one_to_many)
match = host_jit(matching.match, static_argnums=0)


def prefix(count, size):
    return np.arange(size) < count


def pairs(found):
    """Real pairs as a list; checks that they come first and that the rest is cleared."""
    tokens, segments, mask = map(np.asarray, found)
    assert tokens.shape == segments.shape == mask.shape
    count = int(mask.sum())
    np.testing.assert_array_equal(mask, prefix(count, mask.size))
    assert not tokens[count:].any()
    assert not segments[count:].any()
    return list(zip(tokens[:count].tolist(), segments[:count].tolist(), strict=True))


def total(cost, found):
    return sum(cost[pair] for pair in found)


@pytest.mark.parametrize(("shape", "garbage"), [*itertools.product(SHAPES, GARBAGE)])
def test_one_to_one_equals_scipy_for_any_padding(shape, garbage):
    num_tokens, size = shape
    rng = np.random.default_rng(num_tokens)
    for count in range(size + 1):
        # Continuous costs have one optimum, so the pairs must agree too.
        cost = -rng.random((num_tokens, count)).astype(np.float32) * 1.2
        expected = list(zip(*map(np.ndarray.tolist, linear_sum_assignment(cost)), strict=True))
        found = pairs(one_to_one(pad_axis(cost, size, np.float32(garbage)), prefix(count, size)))
        assert found == expected
        assert len(found) == min(num_tokens, count)


@pytest.mark.parametrize("shape", [(4, 3), (3, 4)])
def test_one_to_one_costs_equal_scipys_with_ties(shape):
    @SETTINGS
    @given(arrays(np.int32, shape, elements=st.integers(-3, 3)), st.integers(0, shape[1]))
    def check(cost, count):
        found = pairs(one_to_one(cost.astype(np.float32), prefix(count, shape[1])))
        best = cost[:, :count][linear_sum_assignment(cost[:, :count])].sum()
        assert total(cost, found) == best
        assert [token for token, _ in found] == sorted({token for token, _ in found})
        assert len({segment for _, segment in found}) == len(found) == min(shape[0], count)
        assert all(segment < count for _, segment in found)

    check()


@pytest.mark.parametrize(("num_tokens", "size"), [(6, 4), (3, 7), (2, 7)])
@pytest.mark.parametrize("garbage", [-1e6, np.nan])
def test_one_to_many_equals_the_loops(num_tokens, size, garbage):
    rng = np.random.default_rng(size)
    repeats = 0
    for _ in range(25):
        count = rng.integers(1, size + 1)
        labels = rng.choice(rng.permutation(9)[: min(num_tokens, 3)], count)
        cost = -rng.random((num_tokens, count)).astype(np.float32)
        padded_labels = pad_axis(labels, size, int(labels[0]), axis=0)
        found = pairs(one_to_many(pad_axis(cost, size, np.float32(garbage)), padded_labels, prefix(count, size)))
        assert found == reference.one_to_many(cost, labels.tolist())
        repeats += len({token for token, _ in found}) < count
    assert repeats or num_tokens > size


@pytest.mark.parametrize("mode", ["o2o", "o2m"])
@pytest.mark.parametrize("garbage", [-1e6, np.nan])
def test_padded_tokens_are_never_matched(mode, garbage):
    rng = np.random.default_rng(6)
    for num_tokens in (2, 3, 5):
        cost = -rng.random((num_tokens, 4)).astype(np.float32)
        labels, mask = np.array([7, 1, 7, 1], np.int32), prefix(4, 4)
        padded = pad_axis(cost, 5, np.float32(garbage), axis=0)
        found = pairs(match(mode, padded, labels, mask, prefix(num_tokens, 5)))
        assert found == pairs(match(mode, cost, labels, mask))


def test_one_to_many_gives_segments_of_a_class_the_first_cheapest_token():
    # Both tokens take class 7, and cost the same for its second segment.
    cost = np.array([[-0.9, -0.5], [-0.1, -0.5]], np.float32)
    assert pairs(one_to_many(cost, np.array([7, 7]), prefix(2, 2))) == [(0, 0), (0, 1)]


@pytest.mark.parametrize("mode", matching.MODES)
def test_a_video_without_segments_has_no_pairs(mode):
    found = match(mode, np.ones((5, 4), np.float32), np.zeros(4, np.int32), prefix(0, 4))
    assert pairs(found) == []


@pytest.mark.parametrize("count", [0, 1, 4])
def test_in_order(count):
    assert pairs(matching.match_in_order(prefix(count, 4))) == [(k, k) for k in range(count)]


def test_match_dispatches():
    rng = np.random.default_rng(4)
    cost, labels, mask = -rng.random((5, 4)).astype(np.float32), np.array([3, 1, 3, 0], np.int32), prefix(3, 4)
    assert pairs(match("o2o", cost, labels, mask)) == pairs(one_to_one(cost, mask))
    assert pairs(match("o2m", cost, labels, mask)) == pairs(one_to_many(cost, labels, mask))
    assert pairs(match("seq", cost, labels, mask)) == [(0, 0), (1, 1), (2, 2)]


@pytest.mark.parametrize("mode", matching.MODES)
def test_batches_map_over_videos(mode):
    rng = np.random.default_rng(5)
    cost = -rng.random((3, 5, 4)).astype(np.float32)
    labels = rng.integers(0, 3, (3, 4)).astype(np.int32)
    mask = np.stack([prefix(count, 4) for count in (4, 2, 0)])
    batch = host_jit(jax.vmap(functools.partial(matching.match, mode)))(cost, labels, mask)
    for row in range(3):
        assert pairs([x[row] for x in batch]) == pairs(match(mode, cost[row], labels[row], mask[row]))


def attention_case(seed, num_frames=7, num_tokens=3):
    """Attention, segments and labels of a video with two padded frames and one padded segment."""
    rng = np.random.default_rng(seed)
    attention = rng.random((num_frames, num_tokens)).astype(np.float32)
    attention /= attention.sum(axis=1, keepdims=True)
    onehot = np.eye(3, dtype=np.float32)[np.array([0, 0, 1, 1, 1, 1, 1])]
    attention[-2:], onehot[-2:] = 0.0, 0.0
    return attention, onehot, np.array([2, 0, 0])


def test_attention_iou_equals_the_plain_sum():
    attention, onehot, _ = attention_case(0)
    np.testing.assert_allclose(
        matching.attention_iou(attention, onehot), reference.attention_iou(attention, onehot), rtol=1e-5, atol=1e-7
    )


def test_attention_iou_at_its_ends():
    onehot = np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]], np.float32)
    np.testing.assert_allclose(matching.attention_iou(onehot, onehot), np.eye(2))
    # A token that attends to nothing and a padded segment: 0 / 0 counts as 0.
    np.testing.assert_array_equal(matching.attention_iou(np.zeros((3, 1)), np.zeros((3, 1))), [[0.0]])


@pytest.mark.parametrize(("prob_cost", "overlap_cost"), [(0.2, 1.0), (1.0, 0.0), (0.0, 1.0), (0.0, 0.0)])
def test_matching_cost(prob_cost, overlap_cost):
    attention, onehot, labels = attention_case(1)
    probs = np.random.default_rng(2).random((3, 5)).astype(np.float32)
    cost = matching.matching_cost(probs, attention, onehot, labels, prob_cost, overlap_cost)
    iou = reference.attention_iou(attention, onehot)
    assert cost.shape == (3, 3)
    for token, segment in np.ndindex(3, 3):
        expected = -prob_cost * probs[token, labels[segment]] - overlap_cost * iou[token, segment]
        np.testing.assert_allclose(cost[token, segment], expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("mode", "what"), [("o2o", "segments"), ("o2m", "different classes"), ("seq", "segments")])
def test_too_few_tokens_name_the_video_and_the_number_needed(mode, what):
    matching.check_matchable(mode, 12, 12, "P03_tea")
    with pytest.raises(UserError) as caught:
        matching.check_matchable(mode, 12, 13, "P03_tea")
    message = str(caught.value)
    assert "P03_tea" in message
    assert f"13 {what}" in message
    assert "model.num_tokens to at least 13" in message
    assert ("o2m" in message.split("Set ")[1]) == (mode == "o2o")


def test_unknown_mode_is_refused_with_the_choices():
    with pytest.raises(UserError, match="loss.match.*o2o"):
        matching.check_matchable("one2one", 5, 3, "v")
