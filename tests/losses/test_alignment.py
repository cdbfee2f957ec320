"""Alignment of attention with matched segments, against loops."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

from fact_jax.losses.alignment import alignment_losses, matched_columns, token_targets
from fact_jax.ops.matching import Match
from tests.ragged import host_jit, pad_axis, prefix_mask
from tests.reference import losses as reference

M, X, S = 4, 6, 3
LENGTHS = (6, 4, 1)
# Pairs of each video in list order. The first one uses a token twice; the second has fewer pairs than S.
PAIRS = (((2, 1), (0, 2), (2, 0)), ((1, 1), (3, 0)), ((3, 0),))
compiled = jax.jit(alignment_losses)


def match_of(lists, size=S):
    tokens, segments = (np.array([[p[k] for p in x] + [0] * (size - len(x)) for x in lists], np.int32) for k in (0, 1))
    return Match(tokens, segments, prefix_mask([len(x) for x in lists], size))


def case(seed=0):
    """Arguments of `alignment_losses` with fractions as targets and garbage wherever padding is."""
    rng = np.random.default_rng(seed)
    mask = prefix_mask(LENGTHS, X)
    f2a = rng.normal(size=(3, M, X)).astype(np.float32)
    a2f = rng.normal(size=(3, X, M)).astype(np.float32)
    targets = rng.random((3, X, S)).astype(np.float32)
    weights = rng.uniform(0.5, 1.5, (3, S)).astype(np.float32)
    f2a[np.broadcast_to(~mask[:, None], f2a.shape)] = 55.0
    a2f[~mask], targets[~mask] = -60.0, 9.0
    for row, pairs in enumerate(PAIRS):
        weights[row, len(pairs) :] = 100.0
    return f2a, a2f, targets, match_of(PAIRS), weights, mask


def test_values_equal_the_loops():
    f2a, a2f, targets, match, weights, mask = case()
    out = jax.device_get(compiled(f2a, a2f, targets, match, weights, mask))
    for row, n in enumerate(LENGTHS):
        expected = reference.alignment(f2a[row, :, :n], a2f[row, :n], targets[row, :n], PAIRS[row], weights[row])
        np.testing.assert_allclose([out[0][row], out[1][row]], expected, rtol=2e-5)


def test_gradients():
    f2a, a2f, *rest = case()
    mask = rest[-1]
    f2a, a2f = np.where(mask[:, None], f2a, 0.0), np.where(mask[..., None], a2f, 0.0)
    check_grads(lambda x, y: compiled(x, y, *rest), (f2a, a2f), 1, ["rev"], atol=1e-2, rtol=1e-2)


@pytest.mark.parametrize("garbage", [1e9, -1e9])
def test_padding_changes_neither_value_nor_gradient(garbage):
    f2a, a2f, targets, match, weights, mask = (jax.tree.map(lambda x: x[:1], x) for x in case())
    extra = np.float32(garbage)

    def loss(f2a, a2f, *rest):
        return jnp.sum(jnp.stack(compiled(f2a, a2f, *rest)))

    compute = host_jit(jax.value_and_grad(loss, argnums=(0, 1)))
    value, gradients = compute(f2a, a2f, targets, match, weights, mask)
    padded, (f2a_gradient, a2f_gradient) = compute(
        pad_axis(f2a, X + 2, extra, axis=2),
        pad_axis(a2f, X + 2, extra),
        pad_axis(pad_axis(targets, X + 2, extra), S + 2, extra, axis=2),
        match_of(PAIRS[:1], S + 2),
        pad_axis(weights, S + 2, 100.0),
        prefix_mask([X], X + 2),
    )
    np.testing.assert_allclose(padded, value, rtol=1e-6)
    np.testing.assert_allclose(f2a_gradient[:, :, :X], gradients[0], rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(a2f_gradient[:, :X], gradients[1], rtol=1e-5, atol=1e-7)
    assert not np.any(f2a_gradient[:, :, X:])
    assert not np.any(a2f_gradient[:, X:])


def test_weights_belong_to_positions_in_the_list_and_not_to_segments():
    """As published: the weights are those of segments in temporal order, but the j-th one multiplies the j-th pair."""
    f2a, a2f = np.zeros((1, M, 2), np.float32), np.zeros((1, 2, M), np.float32)
    targets = np.eye(2, dtype=np.float32)[None]
    mask = np.ones((1, 2), bool)
    weights = np.array([[1.0, 0.0]], np.float32)
    match = match_of([((0, 1), (1, 0))], 2)
    gradient = host_jit(jax.grad(lambda x: compiled(x, a2f, targets, match, weights, mask)[0][0]))(f2a)
    # Only the first pair counts: token 0 with segment 1.
    np.testing.assert_allclose(gradient[0, 0], [0.25, -0.25], atol=1e-6)
    assert not np.any(gradient[0, 1:])


def test_a_token_listed_twice_shares_its_attention_twice():
    a2f = np.zeros((1, 1, M), np.float32)
    args = np.zeros((1, M, 1), np.float32), a2f, np.array([[[1.0, 0.0]]], np.float32)
    _, loss = compiled(*args, match_of([((1, 0), (1, 1))], 2), np.ones((1, 2), np.float32), np.ones((1, 1), bool))
    np.testing.assert_allclose(loss, [np.log(2.0)], rtol=1e-6)


@pytest.mark.parametrize("empty", ["frames", "pairs"])
def test_empty_videos_cost_nothing(empty):
    f2a, a2f, targets, match, weights, mask = case()
    if empty == "frames":
        mask = np.zeros_like(mask)
    else:
        match = match_of([(), (), ()])
    rest = targets, match, weights, mask
    compute = host_jit(jax.value_and_grad(lambda x, y: jnp.sum(jnp.stack(compiled(x, y, *rest))), (0, 1)))
    value, gradients = compute(f2a, a2f)
    assert value == 0.0
    assert not any(np.any(g) for g in gradients)


def test_matched_columns():
    values = np.arange(12).reshape(2, 2, 3)
    out = matched_columns(values, np.array([[2, 2], [0, 1]]))
    np.testing.assert_array_equal(out, [[[2, 2], [5, 5]], [[6, 7], [9, 10]]])


def test_token_targets():
    labels = np.array([[4, 5, 4], [6, 7, 0], [8, 0, 0]], np.int32)
    targets = token_targets(match_of((((2, 0), (0, 1), (2, 2)), *PAIRS[1:])), labels, M, 9)
    assert targets.dtype == np.int32
    np.testing.assert_array_equal(targets, [[5, 9, 4, 9], [9, 7, 9, 6], [9, 9, 9, 8]])


def test_token_targets_without_pairs_are_null():
    np.testing.assert_array_equal(token_targets(match_of([()]), np.array([[1, 2, 3]]), M, 9), [[9] * M])
