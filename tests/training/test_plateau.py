"""The learning rate that follows the training loss: against loops and PyTorch, in a run, in pieces, on devices."""

import functools

import jax
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fact_jax.training import plateau
from fact_jax.training.logging import writers
from tests.ragged import host_jit
from tests.training import reference, toy
from tests.training.watching import assert_same_run, train_until

SETTINGS = {"plateau_factor": 0.5, "plateau_patience": 0, "decay_epoch": 0}
# Whole numbers, whose sums are exact, and with them every comparison.
LOSSES = st.lists(st.integers(30_000, 30_010), min_size=40, max_size=40)


def plateau_config(**overrides):
    return toy.toy_config(**{f"optimizer__{name}": value for name, value in SETTINGS.items()}, **overrides)


@functools.cache
def compiled(rate, factor, patience, steps_per_epoch):
    transformation = plateau.scale_on_plateau(rate, factor, patience, steps_per_epoch)

    def step(state, value):
        scale, state = transformation.update(1.0, state, value=value)
        return state, (scale, state.used)

    return host_jit(lambda losses: jax.lax.scan(step, transformation.init({}), losses)[1])


def scales_of(losses, *options):
    """What an update of 1 becomes with every loss; and the scales that the states tell of."""
    return [part.tolist() for part in compiled(*options)(np.array(losses, np.float32))]


OPTIONS = st.sampled_from([(1e-3, 0.5, 3, 1), (1e-3, 0.25, 1, 3), (5e-8, 0.5, 0, 1), (1e-3, 0.5, 0, 4)])


@settings(max_examples=25, deadline=None, derandomize=True)
@given(LOSSES, OPTIONS)
def test_scales_equal_the_loops_and_those_of_pytorch(losses, options):
    rate, factor, patience, steps_per_epoch = options
    expected = reference.plateau_scales(
        losses, rate=rate, factor=factor, patience=patience, steps_per_epoch=steps_per_epoch
    )
    found, told = scales_of(losses, *options)
    assert found == told == expected
    torch = pytest.importorskip("torch")
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=rate)
    scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, "min", factor=factor, patience=patience)
    rates = []
    for start in range(0, len(losses) - steps_per_epoch + 1, steps_per_epoch):
        rates += [optimizer.param_groups[0]["lr"]] * steps_per_epoch
        scheduler.step(float(sum(losses[start : start + steps_per_epoch])))
    np.testing.assert_allclose(np.array(found[: len(rates)]) * rate, rates, rtol=1e-6)


def batches_of(**options):
    return toy.ToyTrainBatches(lengths=(6,), **options)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Workdir of a run of six epochs of three steps that nothing disturbed."""
    workdir = tmp_path_factory.mktemp("whole")
    toy.train(workdir, config=plateau_config(train__epochs=6, train__log_every=1), train_batches=batches_of())
    return workdir


def test_a_run_logs_the_learning_rates_of_its_losses(whole):
    rows = [row for row in writers.read_rows(whole / "metrics.jsonl") if "train/loss" in row]
    losses, rates = ([row[f"train/{name}"] for row in rows] for name in ("loss", "learning_rate"))
    scales = reference.plateau_scales(losses, rate=0.05, factor=0.5, patience=0, steps_per_epoch=3)
    assert rates == [float(np.float32(0.05) * np.float32(scale)) for scale in scales]
    assert len(set(rates)) > 1


def test_a_run_that_was_interrupted_ends_with_the_same_bits(whole, tmp_path):
    config = plateau_config(train__epochs=6, train__log_every=1)
    for step in (4, 9):
        train_until(step, tmp_path, batches_of, config=config)
    toy.train(tmp_path, config=config, train_batches=batches_of())
    assert_same_run(tmp_path, whole, 18)


def plateau_after(num_steps, num_devices=1, *, task=None, batches=None, skip_nonfinite=False):
    task, batches = task or toy.ToyTask(), batches or batches_of()
    state, terms = toy.some_steps(
        task, num_devices, num_steps, config=plateau_config(), batches=batches, skip_nonfinite=skip_nonfinite
    )
    losses = [step["loss"][0] / step["loss"][1] for step in terms if not step.get("skipped", (0.0, 1.0))[0]]
    return plateau.find_state(state.opt_state), losses


def test_devices_and_micro_batches_give_the_same_state():
    found, losses = plateau_after(11)
    expected = reference.plateau_scales([*losses, 0.0], rate=0.05, factor=0.5, patience=0, steps_per_epoch=3)
    assert (float(found.used), float(found.scale)) == tuple(expected[-2:])
    assert float(found.total) == pytest.approx(sum(losses[9:])) and int(found.updates) == 2
    pieces = batches_of(cut=functools.partial(toy.micro_batches, videos=2, lengths=(6,)))
    for other in (plateau_after(11, 2)[0], plateau_after(11, batches=pieces)[0]):
        np.testing.assert_allclose(other, found, rtol=1e-5)


def test_the_state_is_found_beside_frozen_parameters():
    frozen, losses = plateau_after(4, task=toy.ToyTask(frozen=True))
    assert float(frozen.best) == pytest.approx(sum(losses[:3]))


def test_a_skipped_step_is_no_part_of_an_epoch():
    state, losses = plateau_after(5, batches=batches_of(bad={1: (0, np.nan)}), skip_nonfinite=True)
    assert len(losses) == 4 and int(state.updates) == 1
    assert float(state.best) == pytest.approx(sum(losses[:3]))
    assert float(state.total) == pytest.approx(losses[3])
