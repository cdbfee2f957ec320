"""Averages of parameters some of which are frozen: resumed to the bit, stored once, and what an evaluation reads."""

import jax
import numpy as np
import pytest

from fact_jax.training import loop
from fact_jax.training.checkpoints.weights import read_weights
from tests.training import toy
from tests.training.watching import assert_same_run, train_until

STEPS = 3


def short_batches(**options):
    return toy.ToyTrainBatches(lengths=(6,), **options)


@pytest.mark.parametrize("frozen", [True, False])
def test_weights_of_a_resumed_run_are_averages_and_what_is_frozen(tmp_path, frozen):
    task = toy.ToyTask(frozen=frozen)
    config = toy.toy_config(train__steps=STEPS, train__eval_every=STEPS, optimizer__ema_decay=0.9)
    arguments = {"task": task, "config": config}
    toy.train(tmp_path / "whole", train_batches=short_batches(), **arguments)
    train_until(2, tmp_path / "resumed", short_batches, **arguments)
    toy.train(tmp_path / "resumed", train_batches=short_batches(), **arguments)
    assert_same_run(tmp_path / "whole", tmp_path / "resumed", STEPS)

    state, _ = toy.some_steps(task, 2, STEPS, config=config)
    (batch,) = next(short_batches().iterate(0))
    with loop.open_checkpoints(config, tmp_path / "resumed", read_only=True) as checkpoints:
        weights = read_weights(task, config, checkpoints, STEPS, batch.arrays)
    assert weights.item == "ema"
    jax.tree.map(np.testing.assert_array_equal, weights.params, state.eval_params)
    average = jax.tree.leaves(state.ema_params)
    assert len(average) == len(jax.tree.leaves(state.params)) - frozen
