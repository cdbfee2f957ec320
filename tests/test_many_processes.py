"""Runs of several real processes on the loopback interface: the same numbers as one, and an end for all or for none.

Where the network does not matter the toy task stands in for it, which compiles in a second.
"""

import re
import signal
import time
from pathlib import Path

import jax
import numpy as np
import orbax.checkpoint as ocp
import pytest

from fact_jax.runtime.processes.joining import HEARTBEAT_SEC
from tests import jobs
from tests.training.watching import rows, trained_steps

pytestmark = pytest.mark.survival

STEPS = 6
QUICK = (
    "--config",
    "configs/fact_synthetic.py:quick",
    "--config.model.blocks=iu",
    "--config.train.batch_size=4",
    "--config.train.log_every=1",
    "--config.eval.figures=false",
    "--config.log.tensorboard=false",
)
SHORT = (*QUICK, f"--config.train.steps={STEPS}", "--config.train.eval_every=3")
ENDLESS = 100_000  # steps; longer than any of these runs
# The gradients of a batch are added up in another order, so they differ in their last bits. Adam divides a gradient by
# its own size: one that is nothing but round-off, as that of the bias of attention keys, then differs by up to a whole
# step of the learning rate (1e-3, 1e-4 after the first epoch), all others by 1e-7 of one. Measured: 2.5e-6 and 3e-9.
LARGEST, MEAN = 2e-5, 1e-7


def params_of(workdir, step, item="params"):
    with ocp.StandardCheckpointer() as reader:
        restored = reader.restore(Path(workdir).absolute() / "checkpoints" / str(step) / item)
    return {
        jax.tree_util.keystr(path): np.asarray(leaf) for path, leaf in jax.tree_util.tree_leaves_with_path(restored)
    }


def assert_same_parameters(first, second):
    assert first.keys() == second.keys()
    gaps = np.concatenate([np.abs(first[name] - second[name]).ravel() for name in first])
    assert gaps.max() <= LARGEST and gaps.mean() <= MEAN, (gaps.max(), gaps.mean())


def saved_steps(workdir):
    return sorted(int(path.name) for path in (Path(workdir) / "checkpoints").iterdir() if path.name.isdecimal())


def assert_same_rows(first, second):
    assert [list(row) for row in first] == [list(row) for row in second]
    for row, other in zip(first, second, strict=True):
        assert row == pytest.approx(other, rel=1e-4, abs=1e-5)


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """Workdir of the short run of one process with four devices."""
    workdir = tmp_path_factory.mktemp("alone") / "run"
    jobs.run(jobs.main_program(workdir, 1, *SHORT), devices=4)
    return workdir


@pytest.mark.parametrize("count", [2, 3])
def test_the_numbers_are_those_of_one_process(alone, tmp_path, count):
    workdir = tmp_path / "run"
    texts = jobs.run(jobs.main_program(workdir, count, *SHORT))
    # Three processes have six devices for four videos: two of them use one only.
    assert f"{STEPS} steps on 4 device(s) of {count} processes" in texts[0]
    assert texts[1:] == [""] * (count - 1)
    assert not list(tmp_path.glob("run-elsewhere-*"))
    assert saved_steps(workdir) == saved_steps(alone)
    assert_same_parameters(params_of(alone, STEPS), params_of(workdir, STEPS))
    assert_same_rows(rows(alone), rows(workdir))
    for name in ("results.md", "results.json", "config.json", "statistics.txt", "predictions", "tables"):
        assert (workdir / name).exists()
    # Evaluated again by as many processes; then by one, whose devices may round the logits otherwise.
    evaluated = jobs.run(jobs.main_program(workdir, count, "--mode", "eval", *SHORT))
    assert "the same, to the last digit, as the test metrics" in evaluated[0] and evaluated[1:] == texts[1:]
    # A finished run is reported, and nothing else happens.
    again = jobs.run(jobs.main_program(workdir, count, *SHORT))
    assert "F1@0.50" in again[0] and again[1:] == texts[1:]


def test_micro_batches_and_fewer_videos_than_processes(tmp_path):
    flags = (*QUICK, "--config.train.micro_batch_size=1", "--config.eval.batch_size=1", "--config.train.steps=2")
    jobs.run(jobs.main_program(tmp_path / "alone", 1, *flags), devices=1)
    jobs.run(jobs.main_program(tmp_path / "both", 2, *flags))
    assert_same_parameters(params_of(tmp_path / "alone", 2), params_of(tmp_path / "both", 2))
    assert_same_rows(rows(tmp_path / "alone"), rows(tmp_path / "both"))


@pytest.mark.parametrize("count, devices", [(2, 2), (3, 2), (2, (1, 3)), (5, 1)], ids=["2x2", "3x2", "1+3", "5x1"])
def test_processes_and_devices_in_any_number(tmp_path, count, devices):
    """Five processes for four videos: one of them holds nothing but a padded row."""
    jobs.run(jobs.toy_program(tmp_path / "alone", 1, 12), devices=1)
    texts = jobs.run(jobs.toy_program(tmp_path / "run", count, 12), devices=devices)
    assert texts[1:] == [""] * (count - 1)
    for item in ("params", "ema", "state"):
        first, second = (params_of(tmp_path / place, 12, item) for place in ("alone", "run"))
        for name, array in first.items():
            np.testing.assert_allclose(array, second[name], rtol=1e-5, atol=1e-5)
    assert_same_rows(rows(tmp_path / "alone"), rows(tmp_path / "run"))


@pytest.mark.parametrize(
    "name, hit", [("SIGTERM", (1,)), ("SIGTERM", (0, 1, 2)), ("Ctrl-C", (2,)), ("Ctrl-C", (0, 1, 2))], ids=str
)
def test_a_signal_stops_all_at_the_same_step(tmp_path, name, hit):
    signum, code = jobs.SIGNALS[name]
    with jobs.Job(jobs.toy_program(tmp_path, 3, ENDLESS)) as job:
        job.wait_for_step(tmp_path, 7)
        job.signal(signum, *hit)
        assert job.wait() == [code] * 3, job.report()
        texts = job.texts()
    step = saved_steps(tmp_path)[-1]
    assert f"stopped by {name} after step {step} of {ENDLESS}" in texts[0]
    assert texts[1:] == ["", ""]
    assert trained_steps(tmp_path) == list(range(1, step + 1))


def test_the_number_of_processes_may_change_at_every_start(tmp_path):
    last = 0
    for count in (2, 3, 1, 2):
        with jobs.Job(jobs.toy_program(tmp_path / "run", count, ENDLESS)) as job:
            job.wait_for_step(tmp_path / "run", last + 4)
            job.signal(signal.SIGTERM, count - 1)
            assert job.wait() == [0] * count, job.report()
            assert (f"resuming after step {last}" if last else "training from the start") in job.texts()[0]
        last = saved_steps(tmp_path / "run")[-1]
    assert trained_steps(tmp_path / "run") == list(range(1, last + 1))
    jobs.run(jobs.toy_program(tmp_path / "alone", 1, last + 1), devices=1)
    undisturbed = {row["step"]: row for row in rows(tmp_path / "alone") if "train/loss" in row}
    for row in rows(tmp_path / "run"):
        if "train/loss" in row:
            assert row == pytest.approx(undisturbed[row["step"]], rel=1e-4, abs=1e-5)


@pytest.mark.parametrize("killed", [0, 1, 2])
def test_when_a_process_is_killed_the_others_end_and_any_number_goes_on(tmp_path, killed):
    with jobs.Job(jobs.toy_program(tmp_path, 3, ENDLESS)) as job:
        job.wait_for_step(tmp_path, 12)
        job.signal(signal.SIGKILL, killed)
        start = time.monotonic()
        codes = job.wait(120)
        seconds, texts = time.monotonic() - start, job.texts()
        assert seconds < HEARTBEAT_SEC + 15 and 0 not in codes and codes[killed] == -signal.SIGKILL, job.report()
    for index in {0, 1, 2} - {killed}:
        # Whoever is first: the collective that fails, or JAX, which notices at once when process 0 is gone.
        assert re.search("Start all processes again|another task died|gloo", texts[index]), texts[index]
        assert "Traceback" not in texts[index]
    saved = saved_steps(tmp_path)[-1]
    for count in (2, 1):
        with jobs.Job(jobs.toy_program(tmp_path, count, ENDLESS)) as job:
            job.wait_for_step(tmp_path, saved + 2)
            job.signal(signal.SIGTERM, 0)
            assert job.wait() == [0] * count, job.report()
            assert f"resuming after step {saved}" in job.texts()[0]
        saved = saved_steps(tmp_path)[-1]
    assert trained_steps(tmp_path) == list(range(1, saved + 1))


def test_a_process_that_hangs_is_missed(tmp_path):
    with jobs.Job(jobs.toy_program(tmp_path, 2, ENDLESS)) as job:
        job.wait_for_step(tmp_path, 3)
        job.signal(signal.SIGSTOP, 1)
        start = time.monotonic()
        assert job.processes[0].wait(120) == -signal.SIGABRT, job.report()
        assert time.monotonic() - start < HEARTBEAT_SEC + 15
        assert "another task died" in job.texts()[0]
        assert "The following tasks are unhealthy (stopped sending heartbeats):\n1\n" in job.texts()[0]


@pytest.mark.parametrize("odd", [0, 1])
def test_an_error_in_one_process_ends_all(tmp_path, odd):
    commands = jobs.main_program(tmp_path / "run", 2, *SHORT)
    commands[odd].append("--config.seed=7")
    with jobs.Job(commands) as job:
        assert job.wait(240) == [2, 2], job.report()
        texts = job.texts()
    assert "[process 1] error: this process has other settings than process 0" in texts[1]
    assert f"  seed: {'7 there, 0 now' if odd == 0 else '0 there, 7 now'}" in texts[1]
    assert "error: process 1 has ended: it has other settings than process 0" in texts[0]
    assert "Traceback" not in "".join(texts)


def test_bad_data_is_told_once(tmp_path):
    flags = (
        *SHORT,
        "--config.data.transcript_dir=nowhere",
        "--config.model.use_transcript=true",
        "--config.loss.match=seq",
        "--config.model.num_tokens=0",
    )
    with jobs.Job(jobs.main_program(tmp_path / "run", 2, *flags)) as job:
        assert job.wait(240) == [2, 2], job.report()
        texts = job.texts()
    assert "\nerror: The transcripts in nowhere have 1 problem" in texts[0]
    assert texts[1].startswith("[process 1] error: process 0 has ended: ") and len(texts[1].splitlines()) == 1
