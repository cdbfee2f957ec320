"""A third kind of work, raw video in and a number out, enters by two files and trains as the others do."""

import io
import json
import os
import signal
import sys

import numpy as np
import pytest

from fact_jax.app import experiment, kinds
from fact_jax.runtime import devices as device_layout
from fact_jax.training.logging import writers
from fact_jax.types import UserError
from tests import jobs
from tests.frames import kind
from tests.training.watching import assert_same_run, checksums, rows


@pytest.fixture(autouse=True)
def entered(monkeypatch):
    monkeypatch.setattr(kinds, "KINDS", (*kinds.KINDS, kind.KIND))


class StopAfter(io.StringIO):
    """A console that stops the run with a signal when a step is logged."""

    def __init__(self, step):
        super().__init__()
        self.words = f"step {step}/"

    def write(self, text):
        if self.words in text:
            os.kill(os.getpid(), signal.SIGTERM)
        return super().write(text)


def run(workdir, mode="train", stream=None, **overrides):
    stream = stream or io.StringIO()
    code = experiment.run(kind.get_config(**overrides), workdir, mode, console=writers.Console(stream))
    assert code == 0, stream.getvalue()
    return stream.getvalue()


def on_devices(monkeypatch, count):
    """Lets runs see so many devices."""
    choose = device_layout.choose
    devices = choose(8)[:count]
    monkeypatch.setattr(device_layout, "choose", lambda size: choose(size, devices))


@pytest.mark.parametrize("num_devices", [1, 2])
def test_it_trains_and_resumes_to_the_bit_with_any_number_of_workers(tmp_path, monkeypatch, num_devices):
    on_devices(monkeypatch, num_devices)
    text = run(tmp_path / "whole")
    assert f"6 steps on {num_devices} device(s)" in text
    stopped = run(tmp_path / "run", stream=StopAfter(2), data__num_workers=2)
    assert "stopped by SIGTERM after step" in stopped and not (tmp_path / "run" / "results.json").exists()
    assert "resuming after step" in run(tmp_path / "run")
    assert_same_run(tmp_path / "run", tmp_path / "whole", 6)


def test_evaluators_have_their_own_sets_and_periods(tmp_path):
    text = run(tmp_path)
    logged = rows(tmp_path)
    steps = {name: [row["step"] for row in logged if f"{name}/Score" in row] for name in ("test", "both", "late")}
    assert steps == {"test": [4, 6], "both": [3, 6], "late": []}
    assert {"both/error_train", "both/error_test"} <= logged[-1].keys()
    results = json.loads((tmp_path / "results.json").read_text())
    assert list(results["metrics"]) == ["test", "both", "late"] and results["selected_on"] == "test"
    assert results["metrics"]["late"] == results["metrics"]["test"]
    last = checksums(tmp_path)[6]
    assert last["split"] == "test" and list(last["others"]) == ["both"]
    assert results["metrics"]["both"]["final"] == last["others"]["both"]
    assert "the same, to the last digit, as the test" in text
    errors = json.loads((tmp_path / "predictions" / "errors.json").read_text())
    assert sorted(errors["test"]) == [f"b{number}" for number in range(5)]
    assert "wrote predictions and tables of step" in run(tmp_path, "eval")


def test_a_run_may_end_without_evaluating_again_what_it_has_evaluated(tmp_path):
    run(tmp_path / "again")
    text = run(tmp_path / "once", eval__again=False)
    assert "again:" not in text and "evaluate both" not in text and rows(tmp_path / "once") == rows(tmp_path / "again")
    again, once = (json.loads((tmp_path / name / "results.json").read_text()) for name in ("again", "once"))
    best = once["metrics"].pop("late")
    assert best == {"best": again["metrics"].pop("late")["best"]} or once["best_step"] == once["final_step"]
    assert once == again
    assert "config.eval.again is off: --mode eval writes predictions" in text
    assert not (tmp_path / "once" / "predictions").exists()
    run(tmp_path / "once", "eval")
    assert (tmp_path / "once" / "predictions").exists()


def test_a_video_that_cannot_be_read_is_named(tmp_path):
    with pytest.raises(UserError, match="^a7.mp4 cannot be read"):
        run(tmp_path, data__broken=7, data__num_workers=2)


@pytest.mark.survival
def test_two_processes_with_workers_resume_to_the_bit(tmp_path):
    def commands(workdir, workers):
        address = f"127.0.0.1:{jobs.free_port()}"
        common = ["-m", "tests.frames.process"]
        places = [str(tmp_path / workdir), str(tmp_path / "elsewhere")]
        return [
            [sys.executable, *common, place, "40", str(workers), address, "2", str(index)]
            for index, place in enumerate(places)
        ]

    jobs.run(commands("whole", 0), devices=1)
    with jobs.Job(commands("run", 2), devices=1) as job:
        job.wait_for_step(tmp_path / "run", 3)
        job.signal(signal.SIGTERM)
        assert job.wait() == [0, 0], job.report()
        assert "stopped by SIGTERM" in job.texts()[0]
    jobs.run(commands("run", 1), devices=1)
    assert_same_run(tmp_path / "run", tmp_path / "whole", 40)
    run(tmp_path / "alone", train__steps=40)
    for row, other in zip(rows(tmp_path / "alone"), rows(tmp_path / "run"), strict=True):
        assert row == pytest.approx(other, rel=1e-4, abs=1e-4)
    assert np.isfinite(row["step"])
