"""Every shipped config trains the real model for a step, in its quick form: its own blocks, branches and matching."""

import importlib
import io
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from configs import mstcn_synthetic
from fact_jax.app import experiment
from fact_jax.metrics.localization import LocalizationMetric
from fact_jax.metrics.recognition import RecognitionMetric
from fact_jax.tasks.representation.evaluation import metric_of
from fact_jax.training.logging import writers
from tests.data_pipelines import folders
from tests.survival import lives

ROOT = Path(__file__).parents[2]
CONFIGS = sorted(
    path.stem for path in (ROOT / "configs").glob("[!_]*_*.py") if not path.stem.endswith(("_base", "_datasets"))
)
# It has both kinds of update block; the others run with `-m slow`.
QUICKEST = {"fact_gtea"}
METRICS = {"Edit", "AccB", "Acc", "F1@0.10", "F1@0.25", "F1@0.50"}


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=() if name in QUICKEST else pytest.mark.slow) for name in CONFIGS]
)
def test_config_trains_a_step_and_evaluates(name, tmp_path):
    config = importlib.import_module(f"configs.{name}").get_config("quick").copy_and_resolve_references()
    with config.unlocked():
        config.train.update({"steps": 1, "log_every": 1})
        config.compilation_cache = config.log.tensorboard = config.eval.figures = False
    stream = io.StringIO()
    assert experiment.run(config.lock(), tmp_path / "run", console=writers.Console(stream)) == 0
    printed = stream.getvalue()
    program = "gradient of micro-batches" if config.train.micro_batch_size else "train step"
    finds = config.model.name == "actionformer"
    # Videos longer than those trained with have a padded length of their own, unless all are resized.
    lengths = 2 if finds and not config.data.resize else 1
    embeds = config.model.name == "carl"  # whose chunks are as long as those of each set need
    assert printed.count(f"compiled {program}") == 1
    assert printed.count("compiled eval step") in ((1, 2) if embeds else (lengths,))
    rows = writers.read_rows(tmp_path / "run" / "metrics.jsonl")
    assert rows[0]["train/loss"] > 0
    results = json.loads((tmp_path / "run" / "results.json").read_text())
    names = LocalizationMetric(config.data.tiou_thresholds).names() if finds else METRICS
    names = metric_of(config, ("",), (("", ""),)).names() if embeds else names
    if config.model.name == "cast":
        heads = ("noun", "verb") if config.data.synthetic.pairs else ("label",)
        names = RecognitionMetric(heads, (1,) * len(heads)).names()
    # Of recall, the averages are enough.
    expected = {name for name in names if not name.startswith("Recall") or name.endswith("avg")}
    assert set(results["metrics"]["test"]["best"]) == expected


def command_line(*arguments, **options):
    command = [sys.executable, str(ROOT / "main.py"), *map(str, arguments)]
    # One device, as on a user's machine.
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, capture_output=True, text=True, env=environment, check=False, **options)


def snapshot(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def stopped_at(step, *arguments):
    """Sends SIGTERM to main.py when it has printed the line of a training step; returns what it printed after that."""
    process = subprocess.Popen(
        [sys.executable, "main.py", *map(str, arguments)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    for line in process.stdout:
        if line.startswith(f"step {step}/"):
            process.send_signal(signal.SIGTERM)
            break
    output, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors
    return output


def test_command_line_trains_resumes_reports_and_evaluates(tmp_path):
    workdir = tmp_path / "run"
    run = ("--config", "configs/mstcn_synthetic.py:quick", "--workdir", workdir, "--config.compilation_cache=false")
    assert "Run the same command again to continue" in stopped_at(1, *run)

    resumed = command_line(*run, cwd=ROOT)
    assert resumed.returncode == 0, resumed.stderr
    assert "resuming after step" in resumed.stdout
    steps = [row["step"] for row in writers.read_rows(workdir / "metrics.jsonl") if "train/loss" in row]
    assert steps == sorted(set(steps))
    for file in (
        "config.json",
        "results.md",
        "tables/per_class.csv",
        "figures/confusion_matrix.png",
        "figures/training_curves.png",
        "figures/timeline_test_0000.png",
        "predictions/test_0000.txt",
    ):
        assert (workdir / file).stat().st_size > 0, file

    before, stream = snapshot(workdir), io.StringIO()
    config = mstcn_synthetic.get_config("quick").copy_and_resolve_references()
    with config.unlocked():
        config.compilation_cache = False
    assert experiment.run(config.lock(), workdir, console=writers.Console(stream)) == 0
    assert "finished" in stream.getvalue() and snapshot(workdir) == before

    evaluated = command_line(*run, "--mode", "eval", cwd=ROOT)
    assert evaluated.returncode == 0, evaluated.stderr
    assert "the same, to the last digit" in evaluated.stdout


@pytest.mark.slow
def test_a_learning_rate_on_a_plateau_goes_on_within_an_epoch(tmp_path):
    run = (
        "--config",
        "configs/asformer_gtea.py:quick",
        "--config.train.epochs=6",
        "--config.train.eval_every=3",
        "--config.optimizer.learning_rate=0.05",
        "--config.optimizer.plateau_patience=0",
    )
    whole, stopped = tmp_path / "whole", tmp_path / "stopped"
    result = command_line(*run, "--workdir", whole, cwd=ROOT)
    assert result.returncode == 0, result.stderr
    rates = [row["train/learning_rate"] for row in writers.read_rows(whole / "metrics.jsonl") if "train/loss" in row]
    assert len(rates) == 24 and rates[0] == pytest.approx(0.05) and rates[-1] < 0.04

    output = stopped_at(1, *run, "--workdir", stopped)
    assert int(re.search(r"stopped by SIGTERM after step (\d+)", output)[1]) % 4, "at the end of an epoch"
    resumed = command_line(*run, "--workdir", stopped, cwd=ROOT)
    assert resumed.returncode == 0 and "resuming after step" in resumed.stdout, resumed.stderr
    assert lives.differences(lives.contents(stopped), lives.contents(whole)) == []


def test_command_line_lists_every_problem_of_the_data(tmp_path):
    folders.write_folder(tmp_path / "data")
    (tmp_path / "data" / "features" / "v0.npy").unlink()
    (tmp_path / "data" / "groundTruth" / "v3.txt").write_text("puor_milk\n" * 30)
    arguments = "--config", "configs/fact_custom.py", f"--config.data.dir={tmp_path / 'data'}"
    result = command_line(*arguments, "--workdir", tmp_path / "run", cwd=ROOT)
    assert result.returncode == 2, result.stderr
    for part in ("has 2 problems", "v0.npy", "v3.txt", "unknown label 'puor_milk' (30 lines); the nearest class is"):
        assert part in result.stderr
    assert "Traceback" not in result.stderr and not (tmp_path / "run" / "checkpoints").exists()


def test_command_line_answers_mistakes_with_the_nearest_valid_word(tmp_path):
    arguments = "--config", ROOT / "configs" / "fact_synthetic.py", "--config.loss.match=o2n"
    result = command_line(*arguments, "--workdir", tmp_path / "run")
    assert result.returncode == 2 and result.stdout == ""
    assert result.stderr.startswith("error: ") and "'o2o'" in result.stderr and "Traceback" not in result.stderr
