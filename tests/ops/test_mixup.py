"""Mixup: the published numbers, whatever the devices, and the law of the weights."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from fact_jax.ops import mixup
from fact_jax.ops.mixup import MixupConfig
from fact_jax.types import UserError

CLASSES = (5, 3)


def batch_of(count, rows, first=0):
    """(frames, labels, rows, exists) of `count` clips in so many rows, numbered from `first`."""
    rng = np.random.default_rng(count)
    frames, labels = np.zeros((rows, 2, 3, 3, 3), np.float32), np.zeros((rows, 2), np.int32)
    frames[:count] = rng.normal(size=(count, 2, 3, 3, 3))
    labels[:count] = rng.integers(0, CLASSES, (count, 2))
    return frames, labels, np.arange(first, first + rows, dtype=np.int32), np.arange(rows) < count


@functools.cache
def program(config, devices):
    def run(*arrays):
        return mixup.mix_batch(config, jax.random.key(3), *arrays, CLASSES, "batch")

    return jax.pmap(run, "batch", devices=jax.devices()[:devices])


def mixed(config, devices, arrays):
    """The results of all rows, on so many devices."""
    split = [array.reshape(devices, -1, *array.shape[1:]) for array in arrays]
    return jax.tree.map(lambda a: np.asarray(a).reshape(-1, *a.shape[2:]), program(config, devices)(*split))


def test_a_batch_is_mixed_with_its_mirror_image_on_any_devices():
    config = MixupConfig(probability=1.0)
    frames, labels, rows, exists = arrays = batch_of(6, 6, first=12)
    weight = float(mixup.draw_weight(config, jax.random.key(3), jnp.int32(12)))
    found, targets = mixed(config, 1, arrays)
    assert 0 < weight < 1
    np.testing.assert_allclose(found, weight * frames + (1 - weight) * frames[::-1], atol=1e-6)
    for head, (count, target) in enumerate(zip(CLASSES, targets, strict=True)):
        plain = 0.9 * np.eye(count)[labels[:, head]] + 0.1 / count
        np.testing.assert_allclose(target, weight * plain + (1 - weight) * plain[::-1], atol=1e-6)
        np.testing.assert_allclose(target.sum(axis=1), 1.0, rtol=1e-6)
    # Two devices, and rows of padding behind the clips.
    for devices, padded in ((2, 6), (2, 8)):
        other, others = mixed(config, devices, batch_of(6, padded, first=12))
        np.testing.assert_allclose(other[:6], found, atol=1e-6)
        jax.tree.map(lambda one, two: np.testing.assert_allclose(one[:6], two, atol=1e-6), others, targets)


def test_batches_that_are_not_mixed_are_smoothed():
    frames, labels, *_ = arrays = batch_of(4, 4)
    found, (nouns, _) = mixed(MixupConfig(probability=0.0, smoothing=0.2), 1, arrays)
    np.testing.assert_array_equal(found, frames)
    np.testing.assert_allclose(nouns, 0.8 * np.eye(5)[labels[:, 0]] + 0.04, rtol=1e-6)


def test_weights_follow_the_law_and_differ_between_steps_and_micro_batches():
    def weights(config, key, rows):
        return np.asarray(jax.jit(jax.vmap(functools.partial(mixup.draw_weight, config, key)))(rows))

    rows, config = np.arange(4000), MixupConfig(probability=0.5, alpha=0.8)
    found = weights(config, jax.random.key(0), rows)
    apart = found[found < 1]
    assert 0.46 < len(apart) / 4000 < 0.54 and len(np.unique(apart)) > 0.99 * len(apart)
    # Beta(a, a): mean 1/2, variance 1 / (4 (2 a + 1)).
    assert apart.mean() == pytest.approx(0.5, abs=0.03) and apart.var() == pytest.approx(1 / 10.4, abs=0.006)
    assert not np.array_equal(found, weights(config, jax.random.key(1), rows))


@pytest.mark.parametrize(
    ("batch", "micro", "wrong"),
    [(6, 0, False), (5, 0, True), (24, 6, False), (9, 6, True), (8, 3, True), (4, 7, False)],
)
def test_odd_batches_are_refused(batch, micro, wrong):
    said = mixup.why_not_mixed(MixupConfig(), batch, micro)
    assert bool(said) == wrong and mixup.why_not_mixed(MixupConfig(probability=0.0), batch, micro) == ""
    if wrong:
        assert str(batch) in said and "even" in said


@pytest.mark.parametrize("wrong", [{"probability": 1.5}, {"alpha": 0.0}, {"smoothing": 1.0}])
def test_settings_out_of_range_are_named(wrong):
    with pytest.raises(UserError, match=next(iter(wrong))):
        MixupConfig(**wrong)
