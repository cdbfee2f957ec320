"""Where a run starts: the first state costs what its parameters cost, a resumed run computes none."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from fact_jax.training import start
from fact_jax.training import state as train_states
from tests.training import toy


def test_only_what_the_result_depends_on_is_evaluated():
    calls = []

    def note(number):
        calls.append(float(number))
        return np.float32(number)

    def function(argument):
        kept = jax.random.uniform(argument["key"], (3, 2))
        unused = jax.pure_callback(note, jax.ShapeDtypeStruct((), jnp.float32), kept.sum())
        result = {"kept": kept * 2.0, "as it is": argument["x"], "twice": [kept, kept]}
        return result | {"filled": jnp.full((2, 3), 1.5), "count": jnp.zeros((), jnp.int32), "half": 0.5}, unused

    argument = {"key": jax.random.key(3), "x": jnp.arange(2.0)}
    expected, _ = function(argument)
    calls.clear()
    found = start.evaluate_needed(lambda argument: function(argument)[0], argument)
    assert calls == []
    jax.tree.map(np.testing.assert_array_equal, found, expected)
    types = jax.tree.map(lambda leaf: jnp.asarray(leaf).dtype, expected)
    assert jax.tree.map(lambda leaf: leaf.dtype, found) == types
    assert found["filled"].strides == (0, 0)


def test_the_first_parameters_are_those_the_task_draws():
    task, config = toy.ToyTask(mutable=True), toy.toy_config(optimizer__ema_decay=0.5)
    batch = toy.make_batch([0], rows=1, length=4)
    state, _ = start.initial_state(task, config, batch, 3)
    drawn = task.init(train_states.init_key(config.seed), batch.arrays)
    for found in (state.params, state.ema_params):
        jax.tree.map(np.testing.assert_array_equal, found, drawn["params"])
    assert all(isinstance(leaf, np.ndarray) for leaf in jax.tree.leaves(state))


@pytest.mark.parametrize("options", [{}, {"frozen": True, "mutable": True}], ids=["plain", "frozen"])
def test_shapes_are_those_of_the_state(options):
    task, config = toy.ToyTask(**options), toy.toy_config(optimizer__ema_decay=0.5)
    batch = toy.make_batch([0], rows=1, length=4)
    state, _ = start.initial_state(task, config, batch, 3)
    shapes, _ = start.initial_state(task, config, batch, 3, shapes_only=True)
    assert jax.tree.structure(shapes) == jax.tree.structure(state)
    for shape, leaf in zip(jax.tree.leaves(shapes), jax.tree.leaves(state), strict=True):
        assert (shape.shape, shape.dtype) == (leaf.shape, leaf.dtype)


def test_a_resumed_run_draws_no_parameters(tmp_path, monkeypatch):
    batches = toy.ToyTrainBatches(lengths=(6,))
    toy.train(tmp_path, config=toy.toy_config(train__steps=2), train_batches=batches)
    drawn = []
    monkeypatch.setattr(start, "evaluate_needed", lambda *arguments: drawn.append(arguments))
    outcome, _ = toy.train(tmp_path, config=toy.toy_config(train__steps=3), train_batches=batches)
    assert outcome.step == 3 and not drawn
