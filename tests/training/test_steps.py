"""The train step: devices, padding, mutable state, averages, compilations."""

import re
import threading

import jax
import numpy as np
import pytest

from fact_jax.runtime import devices as device_layout
from fact_jax.runtime import side_by_side
from fact_jax.training import start, steps
from fact_jax.training.evaluator import Evaluator
from tests.training import toy
from tests.training.watching import assert_trees_close

FRAMES = 36  # of the ten test videos


@pytest.mark.parametrize("options", [{}, {"mutable": True}, {"frozen": True}], ids=["plain", "mutable", "frozen"])
def test_any_number_of_devices_gives_the_same_update(options):
    reference, reference_terms = toy.three_steps(toy.ToyTask(**options), 1)
    assert int(reference.step) == 3
    for num_devices, num_rows in ((2, 4), (4, 12), (8, 8)):
        # Four videos: some devices hold padded rows only, on which nothing depends.
        batches = toy.ToyTrainBatches(rows=num_rows, lengths=(6,))
        state, terms = toy.three_steps(toy.ToyTask(**options), num_devices, batches=batches)
        assert_trees_close(reference.params, state.params, 1e-6)
        assert_trees_close(reference.state, state.state, 1e-4)
        assert_trees_close(reference.opt_state, state.opt_state, 1e-6)
        for expected, found in zip(reference_terms, terms, strict=True):
            assert found["loss"] == pytest.approx(expected["loss"], rel=1e-5)


def test_random_numbers_change_with_seed_and_step_only():
    first, terms = toy.three_steps(toy.ToyTask(), 2)
    again, _ = toy.three_steps(toy.ToyTask(), 2)
    other, other_terms = toy.three_steps(toy.ToyTask(), 2, config=toy.toy_config(seed=4))
    jax.tree.map(np.testing.assert_array_equal, first.params, again.params)
    assert terms[0]["loss"] != other_terms[0]["loss"]


def test_update_equals_gradient_of_the_mean_by_hand():
    """One SGD step without dropout noise in play: params - rate * mean gradient over all valid frames."""
    config = toy.toy_config(
        optimizer__name="sgd", optimizer__clip_norm=0.0, optimizer__weight_decay=0.0, optimizer__decay_epoch=0
    )
    task, batches, devices = toy.ToyTask(), toy.ToyTrainBatches(), jax.local_devices()[:2]
    (batch,) = next(iter(batches.iterate(0)))
    host_state, optimizer = start.initial_state(task, config, batch, batches.steps_per_epoch)
    train_step = steps.TrainStep(task, optimizer, devices, seed=config.seed, say=lambda text: None)
    state, terms = train_step(device_layout.replicate(host_state, devices), (batch,))
    rng = jax.random.fold_in(jax.random.key(config.seed), 0)

    def mean_loss(params):
        total, frames = task.loss(params, {}, batch.arrays, rng).terms["loss"]
        return total / frames

    loss, gradient = jax.value_and_grad(mean_loss)(host_state.params)
    expected = jax.tree.map(lambda p, g: p - config.optimizer.learning_rate * g, host_state.params, gradient)
    assert_trees_close(device_layout.unreplicate(state).params, expected, 1e-6)
    (fetched,) = steps.fetch_terms([terms])
    assert fetched["loss"][0] / fetched["loss"][1] == pytest.approx(float(loss), rel=1e-5)


@pytest.mark.parametrize("copies", [1, 2], ids=["batch", "micro-batches"])
def test_what_is_frozen_has_no_gradient(copies):
    """The same batch several times has the same mean gradient."""
    task, batches, devices = toy.ToyTask(frozen=True), toy.ToyTrainBatches(), jax.local_devices()[:2]
    config = toy.toy_config()
    (batch,) = next(iter(batches.iterate(0)))
    host_state, optimizer = start.initial_state(task, config, batch, batches.steps_per_epoch)
    train_step = steps.TrainStep(task, optimizer, devices, seed=config.seed, say=lambda text: None)
    state, terms = train_step(device_layout.replicate(host_state, devices), (batch,) * copies)
    rng = jax.random.fold_in(jax.random.key(config.seed), 0)

    def mean_loss(params):
        total, frames = task.loss(params, {}, batch.arrays, rng).terms["loss"]
        return total / frames

    gradient = jax.grad(mean_loss)(host_state.params)
    squares = [np.sum(np.square(part)) for part in (gradient["mix"], gradient["dense"]["kernel"])]
    (fetched,) = steps.fetch_terms([terms])
    assert fetched["grad_norm"][0] == pytest.approx(np.sqrt(sum(squares)), rel=1e-5)
    assert np.any(gradient["dense"]["bias"])
    moved = jax.tree.map(lambda now, then: bool(np.any(now != then)), device_layout.unreplicate(state).params,
                         host_state.params)  # fmt: skip
    assert moved == {"mix": True, "dense": {"kernel": True, "bias": False}}


def test_ema_is_kept_when_asked_for():
    without, _ = toy.three_steps(toy.ToyTask(), 1)
    assert without.ema_params is None and without.eval_params is without.params
    kept, _ = toy.three_steps(toy.ToyTask(), 2, config=toy.toy_config(optimizer__ema_decay=0.5))
    assert_trees_close(without.params, kept.params, 1e-6)
    gap = np.abs(kept.ema_params["dense"]["kernel"] - kept.params["dense"]["kernel"]).max()
    assert 1e-4 < gap < 1.0
    assert jax.tree.all(jax.tree.map(np.array_equal, kept.eval_params, kept.ema_params))


def test_what_is_frozen_is_not_averaged():
    config = toy.toy_config(optimizer__ema_decay=0.5)
    state, _ = toy.three_steps(toy.ToyTask(frozen=True), 2, config=config)
    assert len(jax.tree.leaves(state.ema_params)) == len(jax.tree.leaves(state.params)) - 1
    assert state.eval_params["dense"]["bias"] is state.params["dense"]["bias"]
    assert state.eval_params["dense"]["kernel"] is state.ema_params["dense"]["kernel"]


def test_one_program_per_bucket():
    """Counted twice: by what the step reports and by the compilations JAX announces."""
    compiled = []

    def note(event, duration, **details):
        if event == "/jax/core/compile/backend_compile_duration" and details.get("fun_name", "").find("_fun") >= 0:
            compiled.append(details)

    jax.monitoring.register_event_duration_secs_listener(note)
    task, config = toy.ToyTask(), toy.toy_config()
    batches, devices, lines = toy.ToyTrainBatches(lengths=(5, 7, 8)), jax.local_devices()[:2], []
    stream = batches.iterate(0)
    (first,) = next(stream)
    host_state, optimizer = start.initial_state(task, config, first, batches.steps_per_epoch)
    train_step = steps.TrainStep(task, optimizer, devices, seed=0, num_buckets=3, say=lines.append)
    eval_step = steps.EvalStep(task, devices, num_buckets=3, say=lines.append)
    state = device_layout.replicate(host_state, devices)
    for _, (batch,) in zip(range(9), batches.iterate(0), strict=False):
        state, _ = train_step(state, (batch,))
        eval_step(eval_step.compose(state.params), state.state, batch)
    assert train_step.programs.lengths == [5, 7, 8]
    assert eval_step.programs.lengths == [5, 7, 8]
    assert len(compiled) in (0, 8)  # with the update and the composition. 0: JAX names them otherwise
    assert sum("compiled composition of weights" in line for line in lines) == 1
    before, after = (
        [line for line in lines if line.startswith(f"{word} train step")] for word in ("compiling", "compiled")
    )
    assert before[0] == "compiling train step for bucket T=5 (program 1 of 3) ..."
    assert re.fullmatch(
        r"compiling train step for bucket T=7 \(program 2 of 3; the last took \d+\.\d s\) \.\.\.", before[1]
    )
    assert len(before) == len(after) == 3
    assert "bucket T=7 in " in after[1] and after[1].endswith("(program 2 of 3)")


def test_evaluation_sees_every_video_once():
    task, devices = toy.ToyTask(), jax.local_devices()[:2]
    variables = task.init(jax.random.key(0), toy.make_batch([0], rows=1, length=4).arrays)
    params = device_layout.replicate(variables["params"], devices)
    done = []
    eval_step = steps.EvalStep(task, devices, say=lambda text: None)
    test = Evaluator("test", {"some": toy.ToyEvalBatches(), "none": []}, task.evaluation)
    evaluation = test.run(eval_step, params, {}, progress=done.append)
    assert sorted(evaluation.videos) == sorted(f"v{i}" for i in range(100, 110))
    assert evaluation.metrics()["frames"] == FRAMES
    assert done == [1, 2, 3]
    empty = Evaluator("test", {"none": []}, task.evaluation).run(steps.EvalStep(task, devices), params, {})
    assert empty.metrics().keys() == evaluation.metrics().keys()


def test_small_batches_are_evaluated_beside_each_other_once_compiled(monkeypatch):
    task, devices, lines = toy.ToyTask(), jax.local_devices()[:1], []
    variables = task.init(jax.random.key(0), toy.make_batch([0], rows=1, length=4).arrays)
    params = device_layout.replicate(variables["params"], devices)
    eval_step = steps.EvalStep(task, devices, say=lines.append)
    test = Evaluator("test", {"some": toy.ToyEvalBatches()}, task.evaluation)
    alone = test.run(eval_step, params, {})
    told, threads = list(lines), set()
    original = steps.EvalStep.__call__

    def noted(self, *args):
        threads.add(threading.current_thread().name.split("_")[0])
        return original(self, *args)

    monkeypatch.setattr(steps.EvalStep, "__call__", noted)
    beside = test.run(eval_step, params, {})
    assert threads == {"batch"} and lines == told
    assert beside.metrics() == alone.metrics() and beside.videos == alone.videos
    monkeypatch.setattr(side_by_side, "MOST_FRAMES", 1)
    threads.clear()
    assert test.run(eval_step, params, {}).metrics() == alone.metrics()
    assert threads == {"MainThread"}
