"""Optimisers against slow references."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fact_jax.training import optimizers
from fact_jax.types import UserError
from tests.training import reference, toy

STEPS_PER_EPOCH = 3


def run_optimizer(config, params, gradients, scales=None, decay_mask=None):
    """Returns the parameters after all gradients."""
    optimizer = optimizers.make_optimizer(config, STEPS_PER_EPOCH, scales, decay_mask)
    state = optimizer.init(params)
    for gradient in gradients:
        updates, state = optimizer.update(gradient, state, params)
        params = optax.apply_updates(params, updates)
    return params


def run_in_two_leaves(config, params, gradients, *masks):
    """As `run_optimizer` of flat arrays; two leaves, so that the norm is that of the whole tree."""
    params, *gradients = ({"a": jnp.asarray(flat[:2]), "b": jnp.asarray(flat[2:])} for flat in (params, *gradients))
    found = run_optimizer(config, params, gradients, *masks)
    return np.concatenate([found["a"], found["b"]])


def optimizer_config(**values):
    return toy.toy_config(**{f"optimizer__{name}": value for name, value in values.items()}).optimizer


@settings(max_examples=25, deadline=None, derandomize=True)
@given(
    st.sampled_from(["adam", "sgd", "sgd+momentum"]),
    st.sampled_from([0.0, 0.5, 10.0]),
    st.sampled_from([0.0, 0.1]),
    st.sampled_from([-1, 0, 1, 2]),
    st.integers(0, 2**31 - 1),
)
def test_updates_equal_the_reference(name, clip_norm, weight_decay, decay_epoch, seed):
    rng = np.random.default_rng(seed)
    params = rng.normal(size=5).astype(np.float32)
    gradients = (rng.normal(size=(10, 5)) * rng.choice([0.01, 1.0, 30.0], size=(10, 1))).astype(np.float32)
    momentum = 0.7 if name == "sgd+momentum" else 0.0
    config = optimizer_config(
        name=name.partition("+")[0],
        momentum=momentum,
        clip_norm=clip_norm,
        weight_decay=weight_decay,
        decay_epoch=decay_epoch,
        learning_rate=0.01,
    )
    got = run_in_two_leaves(config, params, gradients)
    rates = [
        reference.learning_rate(k, rate=0.01, factor=0.1, decay_epoch=decay_epoch, steps_per_epoch=STEPS_PER_EPOCH)
        for k in range(10)
    ]
    settings_ = {"clip_norm": clip_norm, "weight_decay": weight_decay}
    if name == "adam":
        expected = reference.adam(params.tolist(), gradients.tolist(), rates, **settings_)
    else:
        expected = reference.sgd(params.tolist(), gradients.tolist(), rates, momentum=momentum, **settings_)
    np.testing.assert_allclose(got, expected, rtol=2e-5, atol=2e-6)


def test_adamw_with_decay_groups_equals_the_reference():
    rng = np.random.default_rng(4)
    params, gradients = rng.normal(size=5).astype(np.float32), rng.normal(size=(12, 5)).astype(np.float32)
    config = optimizer_config(
        name="adamw",
        weight_decay=0.3,
        clip_norm=1.0,
        learning_rate=0.05,
        schedule="cosine",
        warmup_epochs=1,
        cosine_epochs=3,
        lowest_rate=1e-8,
    )
    rates = reference.warm_cosine(12, rate=0.05, lowest=1e-8, warm=3, total=12)
    expected = reference.adam(params.tolist(), gradients.tolist(), rates, clip_norm=1.0, decoupled=0.3, decayed=(0, 1))
    for scales in (None, {"a": 1.0, "b": 1.0}):
        got = run_in_two_leaves(config, params, gradients, scales, {"a": True, "b": False})
        np.testing.assert_allclose(got, expected, rtol=2e-5, atol=2e-6)


@pytest.mark.parametrize("warm, after", [(1, 3), (2, 2), (0, 4)])
def test_cosine_equals_the_published_recursion(warm, after):
    config = optimizer_config(
        learning_rate=0.25, schedule="cosine", warmup_epochs=warm, cosine_epochs=after, lowest_rate=1e-4
    )
    schedule = optimizers.learning_rate_schedule(config, STEPS_PER_EPOCH)
    warm, total = warm * STEPS_PER_EPOCH, (warm + after) * STEPS_PER_EPOCH
    expected = reference.warm_cosine(total, rate=0.25, lowest=1e-4, warm=warm, total=total)
    if not warm:
        expected[0] = 0.25
        for count in range(1, total):
            expected[count] = 1e-4 + 0.5 * (0.25 - 1e-4) * (1 + np.cos(np.pi * count / total))
    np.testing.assert_allclose([schedule(k) for k in range(total)], expected, rtol=1e-5)
    assert float(schedule(total)) == float(schedule(10 * total)) == pytest.approx(1e-4)


@pytest.mark.parametrize("warm, start", [(0, 0.0), (2, 0.125)])
def test_a_rate_by_epoch_is_that_of_the_published_cosine(warm, start):
    epochs, rate = 5, 0.5
    config = optimizer_config(
        learning_rate=rate, schedule="cosine", warmup_epochs=warm, cosine_epochs=epochs + 1 - warm, lowest_rate=0.0
    )
    config.update({"per_epoch": True, "warmup_rate": start})
    schedule = optimizers.learning_rate_schedule(config, STEPS_PER_EPOCH)
    rising = [start + (rate - start) * epoch / max(warm - 1, 1) for epoch in range(warm)]
    falling = [rate * (1 + np.cos(np.pi * epoch / (epochs + 1 - warm))) / 2 for epoch in range(epochs - warm)]
    np.testing.assert_allclose([schedule(k) for k in range(15)], np.repeat(rising + falling, 3), rtol=1e-5)


def test_multistep_drops_at_every_milestone_after_the_warm_up():
    config = optimizer_config(
        learning_rate=1.0, schedule="multistep", warmup_epochs=1, milestones=(1, 3), decay_factor=0.1
    )
    schedule = optimizers.learning_rate_schedule(config, STEPS_PER_EPOCH)
    expected = [0.0, 0.5, 1.0, *[1.0] * 3, *[0.1] * 6, *[0.01] * 4]
    np.testing.assert_allclose([schedule(k) for k in range(16)], expected, rtol=1e-6)


def test_scaled_and_frozen_parameters():
    config = optimizer_config(name="sgd", weight_decay=0.5, clip_norm=5.0, learning_rate=0.1, decay_epoch=0)
    params = {"fast": jnp.ones(2), "slow": jnp.ones(2), "frozen": jnp.ones(2)}
    gradients = {"fast": jnp.array([3.0, 0.0]), "slow": jnp.array([0.0, 4.0]), "frozen": jnp.array([100.0, 100.0])}
    scales, decayed = {"fast": 1.0, "slow": 0.5, "frozen": 0.0}, {"fast": False, "slow": True, "frozen": True}
    got = run_optimizer(config, params, [gradients], scales, decayed)
    # The frozen gradient is no part of the norm: 3-4-5 is not clipped (but for the 1e-6).
    np.testing.assert_allclose(got["fast"], [0.7, 1.0], rtol=1e-5)
    np.testing.assert_allclose(got["slow"], [0.975, 0.775], rtol=1e-5)
    np.testing.assert_array_equal(got["frozen"], [1.0, 1.0])
    # A factor for every entry.
    apart = run_optimizer(config, params, [gradients], scales | {"slow": np.array([0.5, 0.25])}, decayed)
    np.testing.assert_allclose(apart["slow"], [0.975, 0.8875], rtol=1e-5)
    adam = optimizers.make_optimizer(optimizer_config(), STEPS_PER_EPOCH, scales)
    moments = [leaf for leaf in jax.tree.leaves(adam.init(params)) if leaf.ndim]
    assert len(moments) == 4  # two moments of two trained parameters


def test_ema_follows_the_formula():
    assert optimizers.update_ema(None, {"a": jnp.ones(1)}, 0.9) is None
    ema = optimizers.update_ema({"a": jnp.array([1.0])}, {"a": jnp.array([2.0])}, 0.9)
    np.testing.assert_allclose(ema["a"], [1.1], rtol=1e-6)


def test_unknown_optimizer_names_the_nearest():
    with pytest.raises(UserError, match="'adamm'. Did you mean 'adam'"):
        optimizers.make_optimizer(optimizer_config(name="adamm"), STEPS_PER_EPOCH)
