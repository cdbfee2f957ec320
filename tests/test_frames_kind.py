"""A third kind of work, raw video in and a number out, enters by two files and trains as the others do."""

import io
import json
import os
import signal
import sys

import numpy as np
import pytest

from fact_jax import inference
from fact_jax.app import commands, experiment, kinds
from fact_jax.app.command_flags import Options
from fact_jax.runtime import devices as device_layout
from fact_jax.training.logging import writers
from fact_jax.types import UserError
from tests import jobs
from tests.frames import kind
from tests.frames.report import SizeReport
from tests.frames.squares import Squares
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


def run(workdir, mode="train", stream=None, step=None, **overrides):
    stream = stream or io.StringIO()
    code = experiment.run(kind.get_config(**overrides), workdir, mode, step=step, console=writers.Console(stream))
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
    steps = {name: [row["step"] for row in logged if f"{name}/Score" in row] for name in ("unseen", "both", "late")}
    assert steps == {"unseen": [4, 6], "both": [3, 6], "late": []}
    assert {"both/error_train", "both/error_test"} <= logged[-1].keys()
    results = json.loads((tmp_path / "results.json").read_text())
    assert list(results["metrics"]) == ["unseen", "both", "late"] and results["selected_on"] == "unseen"
    assert results["metrics"]["late"] == results["metrics"]["unseen"]
    assert results["num_videos"] == {"train": 10, "test": 5, "unseen": 5, "both": 15, "late": 5}
    assert "split1, unseen, 5 videos" in (tmp_path / "results.md").read_text()
    last = checksums(tmp_path)[6]
    assert last["split"] == "unseen" and list(last["others"]) == ["both"]
    assert results["metrics"]["both"]["final"] == last["others"]["both"]
    assert "the same, to the last digit, as the unseen" in text
    evaluated = SizeReport().read(tmp_path)
    assert [video.video_id for video in evaluated.videos] == [f"b{number}" for number in range(5)]
    assert evaluated.compute()["Score"] == pytest.approx(results["metrics"]["unseen"]["best"]["Score"])
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


def command(mode, **options):
    """Does what the command line does; returns (exit code, what it said)."""
    stream = io.StringIO()
    code = commands.run(Options(mode, kind.get_config(), **options), writers.Console(stream))
    return code, stream.getvalue()


def test_files_without_sizes_are_predicted(tmp_path):
    run(tmp_path / "run")
    squares, inputs = Squares("b", 5), []
    for position, name in enumerate(squares.video_ids):
        inputs.append(str(tmp_path / f"{name}.npy"))
        np.save(inputs[-1], squares.example(position, None)["frames"])
    np.save(tmp_path / "long.npy", np.zeros((9, 16, 16, 3), np.uint8))
    options = {"workdir": str(tmp_path / "run"), "output": str(tmp_path / "out")}
    code, text = command("predict", input=(*inputs, str(tmp_path / "long.npy")), **options)
    assert code == 1 and "predicted 5 videos" in text and "long.npy: shape (9, 16, 16, 3)" in text
    evaluated = {video.video_id: video.found for video in SizeReport().read(tmp_path / "run").videos}
    predicted = {path.stem: float(path.read_text()) for path in (tmp_path / "out" / "predictions").glob("*.txt")}
    assert predicted == pytest.approx(evaluated, abs=1e-3)
    assert len(list((tmp_path / "out" / "figures").iterdir())) == 5
    model = inference.load(tmp_path / "run")
    assert model.predict(np.load(inputs[0])) == pytest.approx(evaluated["b0"], abs=1e-4)
    assert "5 of 5 videos are finished already" in command("predict", input=tuple(inputs), **options)[1]


def test_runs_are_compared_by_their_first_evaluator_whatever_its_name(tmp_path):
    for width in (4, 8):
        run(tmp_path / str(width), model__width=width)
    folders = tuple(str(tmp_path / name) for name in ("4", "8"))
    code, text = command("report", workdirs=folders, output=str(tmp_path / "report"))
    assert code == 0 and "note:" not in text
    for name in ("4", "8"):
        score = json.loads((tmp_path / name / "results.json").read_text())["metrics"]["unseen"]["best"]["Score"]
        lines = (tmp_path / "report" / "report.md").read_text().splitlines()
        assert f"| squares (width={name}) | 1 | 1 | {score:.2f} |" in lines
    assert "squares (width=8)" in (tmp_path / "report" / "report.html").read_text()
    run(tmp_path / "4", "eval", step=6)
    both = (folders[1], str(tmp_path / "4" / "eval_step_6"))
    assert command("report", workdirs=both, output=str(tmp_path / "steps"))[0] == 0


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
