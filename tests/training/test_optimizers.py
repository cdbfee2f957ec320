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


def run_optimizer(config, params, gradients, scales=None):
    """Returns the parameters after all gradients."""
    optimizer = optimizers.make_optimizer(config, STEPS_PER_EPOCH, scales)
    state = optimizer.init(params)
    for gradient in gradients:
        updates, state = optimizer.update(gradient, state, params)
        params = optax.apply_updates(params, updates)
    return params, state


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
    # Two leaves, so that the norm is that of the whole tree.
    split = [{"a": jnp.asarray(g[:2]), "b": jnp.asarray(g[2:])} for g in gradients]
    got, _ = run_optimizer(config, {"a": jnp.asarray(params[:2]), "b": jnp.asarray(params[2:])}, split)
    rates = [
        reference.learning_rate(k, rate=0.01, factor=0.1, decay_epoch=decay_epoch, steps_per_epoch=STEPS_PER_EPOCH)
        for k in range(10)
    ]
    settings_ = {"clip_norm": clip_norm, "weight_decay": weight_decay}
    if name == "adam":
        expected = reference.adam(params.tolist(), gradients.tolist(), rates, **settings_)
    else:
        expected = reference.sgd(params.tolist(), gradients.tolist(), rates, momentum=momentum, **settings_)
    np.testing.assert_allclose(np.concatenate([got["a"], got["b"]]), expected, rtol=2e-5, atol=2e-6)


@pytest.mark.parametrize("decay_epoch, drop", [(1, 3), (2, 6), (4, 12), (0, None), (-1, None)])
def test_learning_rate_drops_once(decay_epoch, drop):
    schedule = optimizers.learning_rate_schedule(
        optimizer_config(learning_rate=1.0, decay_epoch=decay_epoch, decay_factor=0.25), STEPS_PER_EPOCH
    )
    rates = [float(schedule(k)) for k in range(40)]
    assert rates == [1.0 if drop is None or k < drop else 0.25 for k in range(40)]


def test_scaled_and_frozen_parameters():
    config = optimizer_config(name="sgd", weight_decay=0.0, clip_norm=5.0, learning_rate=0.1, decay_epoch=0)
    params = {"fast": jnp.ones(2), "slow": jnp.ones(2), "frozen": jnp.ones(2)}
    gradients = {"fast": jnp.array([3.0, 0.0]), "slow": jnp.array([0.0, 4.0]), "frozen": jnp.array([100.0, 100.0])}
    got, state = run_optimizer(config, params, [gradients], {"fast": 1.0, "slow": 0.5, "frozen": 0.0})
    # The frozen gradient is no part of the norm: 3-4-5 is not clipped (but for the 1e-6).
    np.testing.assert_allclose(got["fast"], [0.7, 1.0], rtol=1e-5)
    np.testing.assert_allclose(got["slow"], [1.0, 0.8], rtol=1e-5)
    np.testing.assert_array_equal(got["frozen"], [1.0, 1.0])
    adam = optimizers.make_optimizer(optimizer_config(), STEPS_PER_EPOCH, {"fast": 1.0, "slow": 0.5, "frozen": 0.0})
    moments = [leaf for leaf in jax.tree.leaves(adam.init(params)) if leaf.ndim]
    assert len(moments) == 4  # two moments of two trained parameters


def test_ema_follows_the_formula():
    assert optimizers.update_ema(None, {"a": jnp.ones(1)}, 0.9) is None
    ema = optimizers.update_ema({"a": jnp.array([1.0])}, {"a": jnp.array([2.0])}, 0.9)
    np.testing.assert_allclose(ema["a"], [1.1], rtol=1e-6)


def test_unknown_optimizer_names_the_nearest():
    with pytest.raises(UserError, match="'adamm'. Did you mean 'adam'"):
        optimizers.make_optimizer(optimizer_config(name="adamm"), STEPS_PER_EPOCH)
