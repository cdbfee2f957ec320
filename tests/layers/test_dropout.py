"""Dropout and the augmentation of inputs."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from fact_jax.layers.dropout import ChannelDropout, Dropout, TimeMask
from fact_jax.ops import dropout_rng
from tests.ragged import host_jit, pad_axis, prefix_mask
from tests.reference import layers as reference

ROWS = 2000
X = np.random.default_rng(0).uniform(1.0, 2.0, (4, 8, 6)).astype(np.float32)
video_seeds = host_jit(dropout_rng.video_seeds)


def seeds(rows=4, key=0):
    return video_seeds(jax.random.key(key), np.arange(rows))


def run(layer, *args):
    return host_jit(layer.apply)({}, *args)


@pytest.mark.parametrize("layer", [Dropout, ChannelDropout])
def test_without_noise_or_at_rate_zero_nothing_happens(layer):
    assert layer(0.5).apply({}, X, None) is X
    assert layer(0.0).apply({}, X, seeds()) is X


@pytest.mark.parametrize("rate", [0.2, 0.7])
def test_dropout_zeroes_or_scales_at_the_asked_rate(rate):
    x = np.full((4, 64, 64), 3.0, np.float32)
    out = run(Dropout(rate), x, seeds())
    kept = out != 0
    np.testing.assert_allclose(out[kept], 3.0 / (1 - rate), rtol=1e-6)
    assert abs(kept.mean() - (1 - rate)) < 5 * np.sqrt(rate * (1 - rate) / kept.size)


@pytest.mark.parametrize("layer", [Dropout(0.5), ChannelDropout(0.5)])
def test_dropout_ignores_padding_and_other_videos(layer):
    out = run(layer, X, seeds())
    padded = run(layer, pad_axis(X, 11, 9.0), seeds())
    np.testing.assert_array_equal(padded[:, :8], out)
    np.testing.assert_array_equal(run(layer, X[2:3], seeds()[2:3]), out[2:3])
    assert np.any((out[0] == 0) != (out[1] == 0))


def test_dropped_entries_have_no_gradient():
    out = run(Dropout(0.5), X, seeds())
    gradient = host_jit(jax.grad(lambda x: jnp.sum(Dropout(0.5).apply({}, x, seeds()))))(X)
    np.testing.assert_array_equal(gradient, np.where(out == 0, 0.0, 2.0))


def test_channel_dropout_drops_channels_for_the_whole_video():
    x = np.ones((200, 3, 50), np.float32)
    out = run(ChannelDropout(0.3), x, seeds(200))
    np.testing.assert_array_equal(out, np.broadcast_to(out[:, :1], out.shape))
    kept = out[:, 0] != 0
    np.testing.assert_allclose(out[:, 0][kept], 1 / 0.7, rtol=1e-6)
    assert abs(kept.mean() - 0.7) < 5 * np.sqrt(0.21 / kept.size)
    assert len(np.unique(kept, axis=0)) > 190


@pytest.mark.parametrize(("count", "active"), [(0, True), (3, False)])
def test_time_mask_can_be_off(count, active):
    mask = np.ones((4, 8), bool)
    assert TimeMask(count, 3, 0.5).apply({}, X, mask, seeds() if active else None) is X


@pytest.mark.parametrize(
    ("count", "max_frames", "max_fraction"), [(1, 5, 0.9), (5, 30, 0.05), (5, 4, 0.25), (3, 60, 0.1), (4, 1, 0.5)]
)
def test_time_mask_equals_the_loops(monkeypatch, count, max_frames, max_fraction):
    lengths = (40, 33, 20, 19, 10, 3, 1, 0)
    rng = np.random.default_rng(count)
    draws = rng.random((len(lengths), count, 2)).astype(np.float32)
    draws[1] = np.float32(1 - 2**-24)  # the largest number the generator gives
    x = rng.uniform(1, 2, (len(lengths), 40, 2)).astype(np.float32)
    monkeypatch.setattr(dropout_rng, "random_uniform", lambda seeds, layer_salt, shape: draws.reshape(shape))
    mask = prefix_mask(lengths, 40)
    out = run(TimeMask(count, max_frames, max_fraction), x, mask, seeds(len(lengths)))
    for row, length in enumerate(lengths):
        expected = reference.time_mask(x[row, :length], draws[row], max_frames, max_fraction)
        np.testing.assert_array_equal(out[row, :length], expected)


def covered(layer, length, size=None, key=0):
    """Bool [ROWS, length]: which frames of a video of ones are zeroed, in many independent rows."""
    mask = prefix_mask([length] * ROWS, size or length)
    out = run(layer, np.ones(mask.shape + (1,), np.float32), mask, seeds(ROWS, key))
    return np.asarray(out)[:, :length, 0] == 0


def test_the_last_frame_is_never_covered():
    hits = covered(TimeMask(5, 30, 0.95), 12)
    assert not hits[:, -1].any()
    assert hits[:, :-1].any(axis=0).all()


def test_length_and_start_of_a_stretch_are_uniform():
    """Lengths 0..4, three frames at most: lengths 3 and 4 both give 3."""
    hits = covered(TimeMask(1, 5, 0.3), 10)
    sizes = hits.sum(axis=1)
    for size, share in enumerate([0.2, 0.2, 0.2, 0.4]):
        assert abs(np.mean(sizes == size) - share) < 5 * np.sqrt(share * (1 - share) / ROWS)
    starts = hits.argmax(axis=1)[sizes == 3]
    counts = np.bincount(starts, minlength=7)
    assert len(counts) == 7  # 0..T - length - 1
    assert np.max(np.abs(counts / len(starts) - 1 / 7)) < 5 * np.sqrt(1 / 7 * 6 / 7 / len(starts))
    # One stretch has one beginning.
    assert np.all(np.sum(hits[:, 1:] & ~hits[:, :-1], axis=1) + hits[:, 0] == (sizes > 0))


def test_a_length_of_zero_ends_the_masking_of_its_video():
    """Half of the videos stop at the first draw, however many stretches are asked for."""
    untouched = np.mean(~covered(TimeMask(20, 2, 1.0), 50).any(axis=1))
    assert abs(untouched - 0.5) < 5 * 0.5 / np.sqrt(ROWS)


def test_videos_too_short_for_the_fraction_stay_whole():
    assert not covered(TimeMask(5, 30, 0.05), 19).any()
    assert covered(TimeMask(5, 30, 0.05), 20).any()


def test_time_mask_counts_the_valid_frames_only():
    layer = TimeMask(3, 6, 0.5)
    np.testing.assert_array_equal(covered(layer, 9, 14), covered(layer, 9))


@pytest.mark.parametrize("max_fraction", [0.05, 0.1, 0.25, 0.5])
def test_limit_on_the_length_is_exact(max_fraction, monkeypatch):
    """int(fraction * T) as Python computes it, for every T up to 400."""
    lengths = np.arange(401)
    draws = np.full((401, 1, 2), 1 - 2**-24, np.float32)
    monkeypatch.setattr(dropout_rng, "random_uniform", lambda seeds, layer_salt, shape: draws)
    mask = prefix_mask(lengths, 401)
    x, unused = np.ones((401, 401, 1)), np.zeros((401, 2), np.uint32)
    out = run(TimeMask(1, 1000, max_fraction), x, mask, unused)
    hidden = np.sum(np.asarray(out)[..., 0] == 0, axis=1)
    np.testing.assert_array_equal(hidden, [int(max_fraction * n) for n in lengths])
