"""The loop: resuming to the bit, logging, selection, stopping."""

import gc
import re
import signal
import time
import weakref

import jax
import pytest

from fact_jax.training import loop
from fact_jax.training.evaluator import Evaluator
from fact_jax.training.start import starting_point
from fact_jax.types import UserError
from tests import jobs
from tests.training import toy
from tests.training.watching import StopAt, assert_same_run, checksums, rows, train_until, trained_steps

TOTAL = 12


def short_batches(**options):
    """One bucket, so that a run compiles one training program."""
    return toy.ToyTrainBatches(lengths=(6,), **options)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """Workdir of a run with mutable state and averaged weights that nothing disturbed."""
    workdir = tmp_path_factory.mktemp("undisturbed")
    outcome, lines = toy.train(workdir, **full_run())
    assert outcome == loop.Outcome(finished=True, step=TOTAL)
    return workdir, lines


def full_config():
    return toy.toy_config(optimizer__ema_decay=0.9, train__log_every=4)


def full_run():
    return {"task": toy.ToyTask(mutable=True), "config": full_config(), "train_batches": short_batches()}


def test_log_rows(undisturbed):
    workdir, lines = undisturbed
    steps = [(row["step"], [name for name in row if name != "step"][0].split("/")[0]) for row in rows(workdir)]
    assert steps == [(4, "train"), (5, "test"), (8, "train"), (10, "test"), (12, "train"), (12, "test")]
    first = rows(workdir)[0]
    assert list(first)[1] == "train/loss" and first["train/learning_rate"] == pytest.approx(0.05)
    # Two epochs of three steps have ended before the update that step 7 counts.
    assert rows(workdir)[2]["train/learning_rate"] == pytest.approx(0.005)
    assert any(line.startswith("step 8/12  epoch 3  loss ") for line in lines)


def test_timing_goes_to_the_console_and_the_event_files_only(tmp_path):
    config = toy.toy_config(train__steps=6, log__tensorboard=True)
    _, lines = toy.train(tmp_path, config=config, train_batches=short_batches())
    logged = [line for line in lines if line.startswith("step ") and "loss" in line]
    # The first two lines come right after compilations, as far as there were any.
    assert all(re.search(r" s/step, 0:\d\d left, data wait \d+\.\d %$", line) for line in logged[1:])
    assert "data_wait" not in (tmp_path / "metrics.jsonl").read_text()
    (events,) = (tmp_path / "tensorboard").iterdir()
    content = events.read_bytes()
    assert b"timing/data_wait" in content and b"timing/steps_per_second" in content


def test_a_stopped_or_finished_run_reads_no_further(tmp_path):
    read = []
    batches = short_batches(hook=read.append)
    toy.train(tmp_path, config=toy.toy_config(train__steps=4), train_batches=batches)
    assert read == [0, 1, 2, 3]
    read.clear()
    stop = StopAt(6)
    batches = short_batches(hook=lambda step: (read.append(step), stop.note_step(step)))
    outcome, _ = toy.train(tmp_path, config=toy.toy_config(train__steps=9), train_batches=batches, stop=stop)
    assert outcome.step == 6 and read == [4, 5, 6]


def test_logged_loss_is_the_mean_over_the_frames_of_all_its_steps(tmp_path):
    toy.train(tmp_path, config=toy.toy_config(train__steps=2), train_batches=short_batches())
    _, terms = toy.three_steps(toy.ToyTask(), 2)
    total, frames = (sum(term["loss"][part] for term in terms[:2]) for part in (0, 1))
    assert rows(tmp_path)[0]["train/loss"] == total / frames


@pytest.mark.parametrize("stops", [[7], [1, 2, 10]], ids=str)
def test_interrupted_run_ends_with_the_same_bits(tmp_path, undisturbed, stops):
    for step in stops:
        lines = train_until(step, tmp_path, short_batches, task=toy.ToyTask(mutable=True), config=full_config())
        assert f"stopped by SIGTERM after step {step} of 12" in lines[-1]
    outcome, lines = toy.train(tmp_path, **full_run())
    assert outcome.finished and lines[0].startswith(f"resuming after step {stops[-1]}")
    assert_same_run(tmp_path, undisturbed[0])


def test_interrupted_evaluation_is_done_again(tmp_path, undisturbed):
    stop = StopAt(4)
    evaluated = toy.ToyEvalBatches(hook=stop.note_step)
    arguments = full_run()
    outcome, _ = toy.train(tmp_path, eval_batches=evaluated, stop=stop, **arguments)
    assert outcome == loop.Outcome(finished=False, step=5)
    assert checksums(tmp_path)[5]["metrics"] == {}
    # Twice in a row.
    stop = StopAt(0)
    outcome, _ = toy.train(tmp_path, eval_batches=toy.ToyEvalBatches(hook=stop.note_step), stop=stop, **arguments)
    assert outcome == loop.Outcome(finished=False, step=5)
    outcome, _ = toy.train(tmp_path, **arguments)
    assert outcome.finished
    assert_same_run(tmp_path, undisturbed[0])


def test_run_from_a_damaged_checkpoint_ends_with_the_same_bits(tmp_path, undisturbed):
    config = full_config()
    config.checkpoint.keep_latest = 2
    arguments = {"task": toy.ToyTask(mutable=True), "config": config}
    train_until(11, tmp_path, short_batches, **arguments)
    (tmp_path / "checkpoints" / "11" / "meta" / "metadata").write_text("{}")
    outcome, lines = toy.train(tmp_path, train_batches=short_batches(), **arguments)
    assert outcome.finished and any("falling back to the checkpoint of step 10" in line for line in lines)
    assert_same_run(tmp_path, undisturbed[0], 12)


def test_finished_run_changes_nothing(tmp_path):
    config = toy.toy_config(train__steps=3, log__tensorboard=True)
    toy.train(tmp_path, config=config, train_batches=short_batches())
    before = {path: (path.stat().st_mtime_ns, path.is_file() and path.read_bytes()) for path in tmp_path.rglob("*")}
    outcome, lines = toy.train(tmp_path, config=config, train_batches=short_batches())
    assert outcome == loop.Outcome(finished=True, step=3)
    assert lines == []
    after = {path: (path.stat().st_mtime_ns, path.is_file() and path.read_bytes()) for path in tmp_path.rglob("*")}
    assert after == before


def test_best_step_is_the_later_of_equals(tmp_path):
    task = toy.ToyTask(scores=[float("nan"), 80.0, 80.0, 10.0])
    config = toy.toy_config(train__eval_every=3)
    _, lines = toy.train(tmp_path, task=task, config=config, train_batches=short_batches())
    found = checksums(tmp_path)
    assert sorted(found) == [9, 12]
    assert found[12]["best"] == {"step": 9, "value": 80.0}
    words = [line[line.index("  (") :] for line in lines if "test:" in line]
    assert words == ["  (Acc is no number)", "  (best so far)", "  (best so far)", "  (best Acc: step 9)"]
    with loop.open_checkpoints(config, tmp_path, read_only=True) as checkpoints:
        assert checkpoints.best_step() == 9


@pytest.mark.parametrize("stop_after", [0, 4])
def test_scores_before_training_are_written_and_never_the_best(tmp_path, stop_after):
    config = toy.toy_config(train__eval_every=6)
    task = toy.ToyTask(scores=[90.0, 50.0, 40.0])
    test = Evaluator("test", {"test": toy.ToyEvalBatches()}, task.evaluation, 6, at_start=True)
    if stop_after:
        train_until(stop_after, tmp_path, short_batches, task=task, config=config, evaluators=[test])
    _, lines = toy.train(tmp_path, task=task, config=config, evaluators=[test], train_batches=short_batches())
    assert [(row["step"], row["test/Acc"]) for row in rows(tmp_path) if "test/Acc" in row] == [
        (0, 90.0),
        (6, 50.0),
        (12, 40.0),
    ]
    words = [line[line.index("  (") :] for line in lines if "test:" in line]
    assert words == ["  (before training)"] * (not stop_after) + ["  (best so far)", "  (best Acc: step 6)"]
    assert checksums(tmp_path)[12]["best"] == {"step": 6, "value": 50.0}
    with loop.open_checkpoints(config, tmp_path, read_only=True) as checkpoints:
        assert checkpoints.best_step() == 6 and checkpoints.steps() == [6, 12]


def test_select_metric_must_exist(tmp_path):
    config = toy.toy_config(eval__select_metric="F1", train__steps=1)
    with pytest.raises(UserError, match="'F1'; this task has Acc, frames"):
        toy.train(tmp_path, config=config, train_batches=short_batches())


def test_state_that_differs_between_devices_is_refused(tmp_path):
    class Forgetful(toy.ToyTask):
        def loss(self, params, state, batch, rng):
            output = super().loss(params, state, batch, rng)
            return output._replace(state={"sums": batch["features"].sum((0, 1)), "count": output.state["count"]})

    with pytest.raises(ValueError, match="differs between devices: .*sums.*Task.loss must reduce it"):
        config = toy.toy_config(train__steps=1)
        toy.train(tmp_path, task=Forgetful(mutable=True), config=config, train_batches=short_batches())


def test_a_run_goes_on_with_another_number_of_devices(tmp_path, undisturbed):
    train_until(7, tmp_path, short_batches, task=toy.ToyTask(mutable=True), config=full_config())
    outcome, _ = toy.train(tmp_path, num_devices=4, **full_run())
    assert outcome.finished
    for row, expected in zip(rows(tmp_path), rows(undisturbed[0]), strict=True):
        assert row == pytest.approx(expected, rel=1e-3)


def test_the_state_on_the_host_is_let_go_once_training_runs(tmp_path, monkeypatch):
    leaves, alive = [], []

    def keep_track(*arguments):
        start = starting_point(*arguments)
        leaves.extend(weakref.ref(leaf) for leaf in jax.tree.leaves(start.state))
        return start

    def look(step):
        gc.collect()
        alive.append(sum(leaf() is not None for leaf in leaves))

    monkeypatch.setattr(loop, "starting_point", keep_track)
    for steps in (3, 6):  # from the start, and resumed
        leaves.clear()
        toy.train(tmp_path, config=toy.toy_config(train__steps=steps), train_batches=short_batches(hook=look))
        assert leaves and alive[-1] == 0


def test_total_steps():
    assert loop.total_steps(toy.toy_config(), 3) == 12
    assert loop.total_steps(toy.toy_config(train__steps=5), 3) == 5


def test_signals_save_and_the_same_command_resumes(tmp_path):
    program, last = jobs.toy_program(tmp_path, 1, 60), 0
    for name, (signum, code) in jobs.SIGNALS.items():
        with jobs.Job(program, devices=1) as job:
            job.wait_for_step(tmp_path, last + 3)
            for _ in range(2):
                job.signal(signum)
                time.sleep(0.05)
            assert job.wait() == [code], job.report()
            (text,) = job.texts()
        assert f"stopped by {name}" in text and "Run the same command again" in text and "Traceback" not in text
        last = max(checksums(tmp_path))
        assert trained_steps(tmp_path) == list(range(1, last + 1))
    assert "finished=True, step=60" in jobs.run(program, devices=1)[0]
    assert trained_steps(tmp_path) == list(range(1, 61))


# The second program, of the second step, takes for ever: it waits in a function of the system, as a compilation does.
ENDLESS = """
import ctypes, sys
import jax
from fact_jax.runtime.signals import StopRequest
from fact_jax.training import loop
from fact_jax.training.evaluator import Evaluator
from fact_jax.training.logging import writers
from tests.training import toy

class Endless(toy.ToyTask):
    def loss(self, params, state, batch, rng):
        while batch["mask"].shape[-1] == int(sys.argv[2]):
            ctypes.CDLL(None).sleep(60)
        return super().loss(params, state, batch, rng)

with StopRequest() as stop:
    places = {"devices": jax.local_devices()[:1], "console": writers.Console()}
    batches = {"train_batches": toy.ToyTrainBatches(), "stop": stop}
    loop.train(toy.setup_of(sys.argv[1], Endless(mutable=True), toy.toy_config(), **places, **batches))
"""


@pytest.mark.parametrize("length, step, lost", [(6, 0, "nothing is lost"), (9, 1, "everything is saved")])
def test_a_signal_during_a_compilation_saves_and_ends_the_run_at_once(length, step, lost, tmp_path):
    process = jobs.run_code(ENDLESS, tmp_path / "cut", length)
    lines = []
    for line in process.stdout:
        lines.append(line)
        if line.startswith(f"compiling train step for bucket T={length} "):
            process.send_signal(signal.SIGINT)
    assert process.wait(300) == 130, lines
    assert lines[-1].startswith("stopped by Ctrl-C") and "Run the same command again" in lines[-1]
    assert max(checksums(tmp_path / "cut"), default=0) == step
    if step:
        assert f"after step {step} of {TOTAL}; everything is saved" in lines[-1]
        for workdir in (tmp_path / "cut", tmp_path / "whole"):
            toy.train(workdir, task=toy.ToyTask(mutable=True), num_devices=1)
        assert_same_run(tmp_path / "cut", tmp_path / "whole")
