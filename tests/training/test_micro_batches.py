"""A step in micro-batches makes the update of the whole batch; what it reuses, and what it compiles."""

import functools

import jax
import numpy as np
import pytest

from fact_jax.runtime import devices as device_layout
from fact_jax.training import start, steps
from tests.training import toy
from tests.training.watching import assert_same_run, assert_trees_close, train_until

BUCKETS = (5, 7, 9)
SETTINGS = {"optimizer__ema_decay": 0.5, "optimizer__clip_norm": 0.1, "optimizer__weight_decay": 0.1}


def batches_of(cut=None, **options):
    """Five videos a step, up to nine frames long."""
    return toy.ToyTrainBatches(batch_size=5, rows=options.pop("rows", 5), lengths=(9,), cut=cut, **options)


def cut_into(videos, rows=None):
    return functools.partial(toy.micro_batches, videos=videos, rows=rows, lengths=BUCKETS)


@pytest.fixture(scope="module")
def whole_steps():
    """Train state and terms of three steps of whole batches on one device."""
    return toy.three_steps(toy.SumTask(), 1, batches=batches_of(), config=toy.toy_config(**SETTINGS))


@pytest.mark.parametrize("num_devices", [1, 2])
@pytest.mark.parametrize("videos", [2, 3], ids="pieces of {}".format)
def test_micro_batches_make_the_update_of_the_whole_batch(whole_steps, videos, num_devices):
    """Pieces of 2, 2 and 1 videos and of 3 and 2; on two devices an odd piece has a padded row more."""
    config = toy.toy_config(**SETTINGS)
    rows = videos + videos % num_devices
    whole, terms = whole_steps
    assert all(step["grad_norm"][0] > 0.2 for step in terms)  # else pieces that are clipped alone would go unnoticed
    pieces, piece_terms = toy.three_steps(
        toy.SumTask(), num_devices, batches=batches_of(cut_into(videos, rows)), config=config
    )
    assert int(pieces.step) == 3
    assert_trees_close(whole.params, pieces.params, 1e-6)
    assert_trees_close(whole.opt_state, pieces.opt_state, 1e-6)
    assert_trees_close(whole.ema_params, pieces.ema_params, 1e-6)
    assert pieces.state["frames"] == whole.state["frames"] == sum(step["loss"][1] for step in terms)
    assert pieces.state["batches"] == 3 * -(-5 // videos)
    for expected, found in zip(terms, piece_terms, strict=True):
        assert expected.keys() == found.keys()
        for name in expected:
            assert found[name] == pytest.approx(expected[name], rel=1e-5)


def train_step_of(num_devices, batches, say):
    task, config, devices = toy.ToyTask(mutable=True), toy.toy_config(), jax.local_devices()[:num_devices]
    first = next(batches.iterate(0))
    host_state, optimizer = start.initial_state(task, config, first[0], batches.steps_per_epoch)
    train_step = steps.TrainStep(task, optimizer, devices, seed=0, num_buckets=len(BUCKETS), say=say)
    return train_step, device_layout.replicate(host_state, devices), first


def test_a_gradient_program_for_every_bucket_and_few_others():
    lines = []
    batches = batches_of(cut_into(2))
    train_step, state, _ = train_step_of(1, batches, lines.append)
    for _, pieces in zip(range(6), batches.iterate(0), strict=False):
        state, _ = train_step(state, pieces)
    assert sorted(train_step.programs.lengths) == list(BUCKETS)
    assert train_step.programs.count == len(BUCKETS) + 2 == len(lines) / 2
    gradients = [line for line in lines if line.startswith("compiled gradient of micro-batches for bucket T=")]
    assert len(gradients) == 3 and gradients[-1].endswith("(program 3 of 3)")
    assert sum(line.startswith("compiled composition of weights in ") for line in lines) == 1
    assert sum(line.startswith("compiled update after micro-batches in ") for line in lines) == 1


@pytest.mark.parametrize("cut", [None, cut_into(2)], ids=["whole", "pieces"])
@pytest.mark.parametrize("num_devices", [1, 2])
def test_the_memory_of_the_state_is_reused(cut, num_devices, recwarn):
    batches = batches_of(cut or (lambda batch: (batch,)), rows=6)
    train_step, state, pieces = train_step_of(num_devices, batches, lambda line: None)
    after, terms = train_step(state, pieces)
    for name in ("params", "opt_state", "step"):
        assert all(leaf.is_deleted() for leaf in jax.tree.leaves(getattr(state, name)))
    jax.block_until_ready((after, terms))
    assert not [str(warning.message) for warning in recwarn if "donated" in str(warning.message)]


def test_nothing_is_reduced_over_a_single_device():
    task, config = toy.ToyTask(), toy.toy_config()
    batches = batches_of(lambda batch: (batch,), rows=6)
    first = next(batches.iterate(0))
    host_state, optimizer = start.initial_state(task, config, first[0], 3)
    texts = []
    for num_devices in (1, 2):
        devices = jax.local_devices()[:num_devices]
        train_step = steps.TrainStep(task, optimizer, devices, seed=0, say=lambda line: None)
        placed = train_step.place(first)
        state = device_layout.replicate(host_state, devices)
        seed = device_layout.replicate(np.uint32(0), devices)
        given = state.params, state.state, placed.arrays[0], state.step, seed
        texts.append(train_step._batch_gradient.lower(*given).as_text())
    assert "all_reduce" not in texts[0] and "all_reduce" in texts[1]


def test_an_interrupted_run_in_micro_batches_ends_with_the_same_bits(tmp_path):
    config = toy.toy_config(train__steps=6, train__log_every=4, optimizer__ema_decay=0.9)
    arguments = {"task": toy.SumTask(), "config": config, "num_devices": 1}
    toy.train(tmp_path / "whole", train_batches=batches_of(cut_into(2)), **arguments)
    train_until(3, tmp_path / "cut", functools.partial(batches_of, cut_into(2)), **arguments)
    outcome, _ = toy.train(tmp_path / "cut", train_batches=batches_of(cut_into(2)), **arguments)
    assert outcome.finished
    assert_same_run(tmp_path / "cut", tmp_path / "whole", 6)
