"""Losses and gradients that are not finite: the run stops and says where, or leaves the step out."""

import dataclasses
import functools
import json
import re
import shlex
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from fact_jax.training import nonfinite
from fact_jax.training.window import BadStep, NonFiniteError
from fact_jax.types import UserError
from tests.training import toy
from tests.training.watching import assert_same_run, checksums, rows, train_until

SIGNAL = 77.0  # a feature that makes the task below fail


class BreakingTask(toy.ToyTask):
    """Fails where a feature is SIGNAL: the loss is NaN or infinite, or it is finite and its gradient is not."""

    def __init__(self, kind, **options):
        super().__init__(**options)
        self.kind = kind

    def loss(self, params, state, batch, rng):
        broken = jnp.any(batch["features"] == SIGNAL)
        output = super().loss(params, state, batch, rng)
        total, frames = output.terms["loss"]
        if self.kind == "gradient":
            # The root of zero is zero; its derivative is infinite, and NaN once it is multiplied by zero.
            leaf = jax.tree.leaves(params)[0].sum()
            total = total + jnp.where(broken, 1.0, 0.0) * jnp.sqrt(jnp.where(broken, 0.0 * leaf, 1.0))
        else:
            total = jnp.where(broken, getattr(jnp, self.kind), total)
        return output._replace(terms=output.terms | {"loss": (total, frames)})


def broken_batches(*steps, row=1, **options):
    """Batches of one length; those of the given steps (of data, from 0) have SIGNAL in a feature of one row."""
    return toy.ToyTrainBatches(lengths=(6,), bad={step: (row, SIGNAL) for step in steps}, **options)


def videos_of(batches, step):
    return [name for batch in next(batches.iterate(step)) for name in batch.video_ids if name]


KINDS = ("nan", "inf", "gradient")


@pytest.mark.parametrize("kind", KINDS)
def test_the_run_stops_and_keeps_the_batch_and_the_last_good_checkpoint(tmp_path, kind):
    """On two devices, of which the second has the bad video."""
    batches, config = broken_batches(6, row=3), toy.toy_config(train__log_every=4)
    with pytest.raises(NonFiniteError) as caught:
        toy.train(tmp_path, task=BreakingTask(kind), config=config, train_batches=batches)
    message = str(caught.value)
    found = "grad_norm = nan" if kind == "gradient" else f"loss = {kind}"
    assert message.startswith(f"training stopped at step 7: {found}.")
    first = re.search(r"largest absolute feature: (\S+) \(77\)", message)[1]
    assert first == next(batches.iterate(6))[0].video_ids[3]
    assert all(f"{video} (" in message for video in videos_of(batches, 6))
    assert f"Last good checkpoint: step 5 in {tmp_path / 'checkpoints'}." in message
    assert sorted(checksums(tmp_path)) == [5] and not any(row["step"] > 5 for row in rows(tmp_path))
    with np.load(tmp_path / "nonfinite" / "step_7.npz") as stored:
        (batch,) = next(batches.iterate(6))
        for name, array in batch.arrays.items():
            np.testing.assert_array_equal(stored[name], array)
        assert stored["video_ids"].tolist() == list(batch.video_ids)
        assert (stored["step"], stored["seed"]) == (7, config.seed)
        assert stored["term_square"].shape == (2,)
        assert not np.isfinite(stored["term_grad_norm" if kind == "gradient" else "term_loss"]).all()


def test_the_command_in_the_message_opens_the_batch(tmp_path):
    with pytest.raises(NonFiniteError) as caught:
        toy.train(tmp_path, task=BreakingTask("nan"), train_batches=broken_batches(0))
    assert "No checkpoint yet. The same command with --config.train.skip_nonfinite goes on from the start" in str(
        caught.value
    )
    command = shlex.split(str(caught.value).split("to look at it: ")[1].splitlines()[0])
    assert command[:2] == ["python", "-c"]
    result = subprocess.run([sys.executable, *command[1:]], capture_output=True, text=True, timeout=300)
    assert "'features': (4, 6, 4)" in result.stdout, result.stderr


def test_a_run_that_stopped_stops_there_again_and_goes_on_when_it_may_skip(tmp_path):
    batches = functools.partial(broken_batches, 6)
    for _ in range(2):
        with pytest.raises(NonFiniteError, match="stopped at step 7"):
            toy.train(tmp_path, task=BreakingTask("nan"), train_batches=batches())
    skipping = toy.toy_config(train__skip_nonfinite=True)
    outcome, lines = toy.train(tmp_path, task=BreakingTask("nan"), config=skipping, train_batches=batches())
    assert outcome.finished and lines[0].startswith("resuming after step 5")
    assert any(line.startswith("skipped step 7: loss = nan. ") for line in lines)


def test_a_bad_micro_batch_is_found_and_all_of_them_are_written(tmp_path):
    batches = broken_batches(1, row=3, cut=functools.partial(toy.micro_batches, videos=2))
    with pytest.raises(NonFiniteError, match="stopped at step 2"):
        toy.train(tmp_path, task=BreakingTask("gradient"), train_batches=batches, num_devices=1)
    with np.load(tmp_path / "nonfinite" / "step_2.npz") as stored:
        pieces = next(batches.iterate(1))
        for number, piece in enumerate(pieces):
            np.testing.assert_array_equal(stored[f"features_{number}"], piece.arrays["features"])
        assert sorted((stored[f"features_{number}"] == SIGNAL).any() for number in range(2)) == [False, True]


def test_a_batch_that_cannot_be_read_again_or_written_takes_nothing_from_the_message(tmp_path):
    bad = BadStep(3, ("a", "b"), {"loss": [float("nan"), 1.0]})

    def fail(step):
        raise UserError("features/a.npy has changed")

    error = nonfinite.explain(bad, fail, workdir=tmp_path, seed=0, last_good=2)
    assert "Videos of that batch: a, b.\nThe batch was not written: features/a.npy has changed\n" in str(error)
    (tmp_path / "nonfinite").write_text("")
    batch = toy.make_batch([1, 2], rows=2, length=5)
    error = nonfinite.explain(bad, lambda step: (batch,), workdir=tmp_path, seed=0, last_good=2)
    assert "largest absolute feature: " in str(error) and "The batch was not written: " in str(error)


def test_the_videos_with_extreme_features_are_named():
    batch = toy.make_batch([1, 2, 3], rows=4, length=5)
    quiet = nonfinite.describe((batch,))
    assert "None of them is extreme; a lower config.optimizer.learning_rate" in quiet[1]
    # Padding holds anything.
    batch.arrays["features"][3] = 1e30
    batch.arrays["features"][1, -1] = 1e30 * ~batch.arrays["mask"][1, -1]
    assert nonfinite.describe((batch,)) == quiet
    batch.arrays["features"][2, 0, 1] = -1e38
    batch.arrays["features"][0, 1, 0] = np.nan
    lines = nonfinite.describe((batch,))
    assert "v1 (NaN), v3 (1e+38), v2 (" in lines[0]
    assert lines[1] == "Extreme values are in v1, v3: look at their features."
    many = toy.make_batch(range(30), rows=30, length=3)
    assert nonfinite.describe((many,))[0].endswith(" and 10 more.")


def test_of_several_processes_each_tells_of_the_videos_it_has_read(tmp_path, monkeypatch):
    whole = toy.make_batch([1, 2, 3, 4], rows=4, length=5)
    own = dataclasses.replace(whole, arrays={name: array[2:] for name, array in whole.arrays.items()}, first_row=2)
    own.arrays["features"][1, 0] = 1e20
    monkeypatch.setattr(jax, "process_index", lambda: 1)
    monkeypatch.setattr(jax, "process_count", lambda: 2)
    first, second = nonfinite.describe((own,))
    assert "v4 (1e+20), v3 (" in first and "v1 (read by another process), v2 (read by another process)" in first
    assert second == "Extreme values are in v4: look at its features."
    path = nonfinite.write_batch(tmp_path, BadStep(3, ("v1",), {"loss": [1.0, 1.0]}), (own,), 0)
    with np.load(path) as stored:
        assert path.name == "step_3_process_1.npz" and stored["video_ids"].tolist() == ["v3", "v4"]


def test_parameters_that_are_not_finite_are_not_saved(tmp_path):
    """Loss and gradient of the step are finite; the update is not."""
    config = toy.toy_config(
        optimizer__name="sgd", optimizer__learning_rate=3e38, optimizer__clip_norm=0.0, train__eval_every=1
    )
    batches = toy.ToyTrainBatches(lengths=(6,))
    task = toy.ToyTask()
    original = task.loss

    def loss(params, state, batch, rng):
        output = original(params, state, batch, rng)
        total, frames = output.terms["loss"]
        return output._replace(terms=output.terms | {"loss": (1e3 * total, frames)})

    task.loss = loss
    with pytest.raises(NonFiniteError, match="after step 1 there are numbers that are not finite in .*params"):
        toy.train(tmp_path, task=task, config=config, train_batches=batches)
    assert checksums(tmp_path) == {}


def state_after(steps, *, skip, task=None, batches=None, num_devices=2):
    """The host-side train state and terms after these steps of training."""
    task, batches = task or BreakingTask("nan", mutable=True), batches or broken_batches()
    config = toy.toy_config(optimizer__ema_decay=0.5)
    return toy.some_steps(task, num_devices, steps, batches=batches, config=config, skip_nonfinite=skip)


@pytest.mark.parametrize("kind, num_devices", [("nan", 1), ("inf", 2), ("gradient", 4)])
def test_a_skipped_step_changes_nothing_but_the_step_number(kind, num_devices):
    task = BreakingTask(kind, mutable=True)
    before, _ = state_after(2, skip=True, task=task, batches=broken_batches(2), num_devices=num_devices)
    after, terms = state_after(3, skip=True, task=task, batches=broken_batches(2), num_devices=num_devices)
    assert (int(before.step), int(after.step)) == (2, 3)
    for name in ("params", "opt_state", "state", "ema_params"):
        jax.tree.map(np.testing.assert_array_equal, getattr(before, name), getattr(after, name))
    assert [step["skipped"] for step in terms] == [[0.0, 1.0], [0.0, 1.0], [1.0, 1.0]]


def test_the_mutable_state_of_a_step_in_pieces_is_taken_back():
    class Breaking(toy.SumTask, BreakingTask):
        def __init__(self):
            BreakingTask.__init__(self, "gradient")

    cut = functools.partial(toy.micro_batches, videos=2)
    options = {"task": Breaking(), "skip": True, "num_devices": 1}
    before, _ = state_after(2, batches=broken_batches(2, cut=cut), **options)
    after, terms = state_after(3, batches=broken_batches(2, cut=cut), **options)
    assert before.state["batches"] == after.state["batches"] == 4
    for name in ("params", "opt_state", "state", "ema_params"):
        jax.tree.map(np.testing.assert_array_equal, getattr(before, name), getattr(after, name))
    assert terms[-1]["skipped"] == [1.0, 1.0]


def test_without_a_bad_step_the_numbers_are_those_of_a_run_that_does_not_skip():
    plain, plain_terms = state_after(3, skip=False)
    guarded, terms = state_after(3, skip=True)
    jax.tree.map(np.testing.assert_array_equal, plain, guarded)
    assert [{name: pair for name, pair in step.items() if name != "skipped"} for step in terms] == plain_terms


def skipping_run():
    """Steps 3, 4 and 8 of twelve are skipped."""
    config = toy.toy_config(optimizer__ema_decay=0.9, train__log_every=4, train__skip_nonfinite=True)
    return {"task": BreakingTask("gradient", mutable=True), "config": config}


@pytest.fixture(scope="module")
def skipped(tmp_path_factory):
    workdir = tmp_path_factory.mktemp("skipped")
    outcome, lines = toy.train(workdir, train_batches=broken_batches(2, 3, 7), **skipping_run())
    assert outcome.finished
    return workdir, lines


def test_skipped_steps_are_counted_named_and_kept_out_of_averages(skipped):
    workdir, lines = skipped
    logged = [row for row in rows(workdir) if "train/loss" in row]
    assert [row["train/skipped_steps"] for row in logged] == [2, 3, 3]
    assert all(np.isfinite(row["train/loss"]) and np.isfinite(row["train/grad_norm"]) for row in logged)
    named = [line for line in lines if line.startswith("skipped step ")]
    assert [line.split(":")[0] for line in named] == ["skipped step 3", "skipped step 4", "skipped step 8"]
    for line, step in zip(named, (2, 3, 7), strict=True):
        assert line.endswith(f"Videos of that batch: {', '.join(videos_of(broken_batches(), step))}")
    assert [meta["skipped"] for meta in checksums(workdir).values()] == [3] * len(checksums(workdir))
    assert any(line.startswith("step 8/12") and "skipped_steps 3" in line for line in lines)
    assert lines[-1] == "skipped 3 of 12 steps, whose losses or gradients were not finite"
    assert not any("WARNING" in line for line in lines)
    assert not (workdir / "nonfinite").exists()


def test_a_resumed_run_skips_and_counts_to_the_same_bits(tmp_path, skipped):
    for step in (3, 4, 9):
        train_until(step, tmp_path, functools.partial(broken_batches, 2, 3, 7), **skipping_run())
    outcome, _ = toy.train(tmp_path, train_batches=broken_batches(2, 3, 7), **skipping_run())
    assert outcome.finished
    assert_same_run(tmp_path, skipped[0])


def test_a_run_that_skips_most_steps_says_so_loudly(tmp_path):
    config = toy.toy_config(train__epochs=16, train__skip_nonfinite=True)
    batches = broken_batches(*range(2, 48))
    outcome, lines = toy.train(tmp_path, task=BreakingTask("inf"), config=config, train_batches=batches)
    assert outcome.finished
    warnings = [line for line in lines if line.startswith("WARNING: ")]
    assert warnings[0].startswith("WARNING: 2 of the 2 steps since the last log line were skipped")
    assert lines[-1].startswith("WARNING: 46 of the 48 steps so far were skipped")
    # Every name has an end.
    assert sum(line.startswith("skipped step ") for line in lines) == nonfinite.MAX_STEPS
    assert sum(line == "skipped steps that follow are counted, and no longer named" for line in lines) == 1
    last = rows(tmp_path)[-2]
    assert last["train/loss"] is None and last["train/skipped_steps"] == 46
    # The rate has dropped after two epochs of updates, which there have not been.
    assert last["train/learning_rate"] == pytest.approx(0.05)
    texts = (tmp_path / "metrics.jsonl").read_text().splitlines()
    for text in [*texts, *(path.read_text() for path in tmp_path.glob("checkpoints/*/meta/metadata"))]:
        json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))


class UnsureTask(toy.ToyTask):
    """Its scores of the second video of every batch are no numbers; what it predicts looks like any other label."""

    def predict(self, params, state, batch):
        return super().predict(params, state, batch) | {"finite": batch["row"] != 1}


def test_videos_whose_scores_are_no_numbers_are_not_evaluated(tmp_path):
    with pytest.raises(NonFiniteError) as caught:
        toy.train(tmp_path, task=UnsureTask())
    assert str(caught.value) == (
        "step 5: the network's scores are not finite for 3 of the 10 test videos: v101, v105, v109. They were not "
        "evaluated. Look for extreme values in the features of these videos. Step 5 is saved: the same command "
        "evaluates it again, and goes on."
    )
    assert list(checksums(tmp_path)) == [5] and not any("test/Acc" in row for row in rows(tmp_path))
    # Sound scores from here on: the run is what it would have been.
    outcome, lines = toy.train(tmp_path)
    assert outcome.finished and lines[0].startswith("resuming after step 5")
    toy.train(tmp_path / "whole")
    assert rows(tmp_path) == rows(tmp_path / "whole")
