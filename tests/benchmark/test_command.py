"""`python -m fact_jax.benchmark` as a user types it."""

import functools
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from ml_collections import ConfigDict

from configs import cast_clip_ssv2, fact_epic, fact_gtea, fact_gtea_transcript
from fact_jax.benchmark import options, session, workers
from fact_jax.benchmark.workload import workload_of
from fact_jax.types import UserError

ROOT = Path(__file__).resolve().parents[2]
QUICK = ["--config", "configs/fact_gtea.py:quick", "--repeats", "2"]
PHASES = ("train", "evaluate")
FULL = "--parts full --against torch --max_batch 2 --data_videos 3 --data_steps 4"


def benchmark(*arguments):
    command = [sys.executable, "-m", "fact_jax.benchmark", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)


def test_step_of_a_quick_config(tmp_path):
    options = "--parts step --batch 2 --frames 20,30 --config.model.blocks=iU --output"
    finished = benchmark(*QUICK, *options.split(), tmp_path / "out")
    assert finished.returncode == 0, finished.stderr
    assert "| training step | fact_jax |" in finished.stdout and "training step: ours" in finished.stderr
    result = json.loads((tmp_path / "out" / "benchmark.json").read_text())
    assert result["workload"]["lengths"] == [20, 30]
    step = result["step"]
    assert step["train"]["ours"]["per_video"] == step["train"]["ours"]["median"] / 2
    assert len(step["evaluate"]["ours"]["seconds"]) == 2 and "torch" not in step["train"]
    assert 0 <= step["padding_waste"] < 1 and step["buckets"][-1] >= 30
    counts = step["segments"]["ours"]["evaluate"]
    assert len(counts) == 2 and all(1 <= count <= 30 for video in counts for count in video)
    assert (tmp_path / "out" / "benchmark.md").read_text() == finished.stdout.removesuffix("\n")


@pytest.mark.slow
def test_all_parts_against_torch(tmp_path):
    pytest.importorskip("torch")
    finished = benchmark(*QUICK, *FULL.split(), "--max_frames", 1024, "--output", tmp_path)
    assert finished.returncode == 0, finished.stderr
    result = json.loads((tmp_path / "benchmark.json").read_text())
    assert result["step"]["agreement"]["agree"] and result["step"]["agreement"]["equal_labels"] > 0.9
    assert result["memory"]["train"]["torch"]["host"] > 0 and result["memory"]["evaluate"]["ratio"] > 0
    assert set(result["compile"]) == {"cold", "warm"} and result["compile"]["cold"]["total"] > 0
    assert 0 <= result["data"]["data_wait"] <= 1 and result["data"]["steps"] == 4
    assert [row["frames"] for row in result["lengths"]] == [256, 1024]
    assert [row["batch"] for row in result["batches"]] == [1, 2]
    assert {path.name for path in tmp_path.glob("*.png")} == {"cost_by_batch.png", "cost_by_frames.png"}


@pytest.mark.slow
def test_all_parts_of_localization(tmp_path):
    pytest.importorskip("torch")
    options = "--config configs/actionformer_ego4d_oe.py:quick --repeats 1 --max_frames 256 --frames 50,100 --output"
    finished = benchmark(*FULL.split(), *options.split(), tmp_path)
    assert finished.returncode == 0, finished.stderr
    assert ", offsets by " in finished.stdout
    result = json.loads((tmp_path / "benchmark.json").read_text())
    step = result["step"]
    assert step["agreement"]["agree"] and step["agreement"]["equal_labels"] > 0.9
    assert step["buckets"] == [64, 112] and step["padding_waste"] == 1 - (50 + 64) / 128
    counts = step["segments"]["ours"]["detections"]
    assert len(counts) == 2 and all(0 < kept <= candidates for candidates, kept in counts)
    assert np.allclose(counts, step["segments"]["torch"]["detections"], atol=2)
    assert step["utilisation"]["evaluate"]["ours"]["flops"] > step["utilisation"]["train"]["ours"]["flops"] / 3 > 0
    assert result["memory"]["train"]["torch"]["host"] > 0 and result["data"]["steps"] == 4
    assert [row["frames"] for row in result["lengths"]] == [256]
    assert [row["batch"] for row in result["batches"]] == [1, 2]
    assert [row["frames"] for row in result["dataset"]["groups"]] == [[50, 100]]


@pytest.mark.slow
def test_all_parts_of_recognition(tmp_path):
    pytest.importorskip("torch")
    options = "--config configs/cast_epic.py:quick --repeats 1 --clock processor --opened_videos 10 --hours 1 --output"
    finished = benchmark(*FULL.split(), *options.split(), tmp_path)
    assert finished.returncode == 0, finished.stderr
    assert "Both give the same pixels but for" in finished.stdout and "threads of a process" in finished.stdout
    result = json.loads((tmp_path / "benchmark.json").read_text())
    assert result["step"]["agreement"]["agree"] and len(result["workload"]["lengths"]) == 2
    for part in ("step", "memory"):
        assert all({"ours", "torch", "fused", "ratio", "ratio_fused"} <= set(result[part][phase]) for phase in PHASES)
    assert result["data"]["steps"] == 4 and 0 < result["augmentation"]["ratio"] < 1
    assert {"compile", "reading"} <= set(result)


@pytest.mark.slow
def test_verbs_and_nouns_alone():
    finished = benchmark("--config", "configs/fact_epic.py:quick", "--parts", "step,data", "--repeats", 1)
    assert finished.returncode == 0, finished.stderr
    assert "waited for data" in finished.stdout


@pytest.mark.parametrize(
    "arguments, words",
    [
        (["--parts", "stp"], "Did you mean 'step'?"),
        (["--frames", "20,x"], "whole numbers divided by commas"),
        (["--segment", "3"], "Did you mean --segments?"),
        (["--config.train.batch_sise=2"], "Did you mean --config.train.batch_size?"),
    ],
    ids=lambda value: value[-1] if isinstance(value, list) else "",
)
def test_mistakes_are_answered_in_words(arguments, words):
    finished = benchmark(*QUICK, *arguments)
    assert finished.returncode == 2 and finished.stdout == ""
    assert words in finished.stderr and "Traceback" not in finished.stderr


@pytest.mark.parametrize(
    "config, words",
    [
        (fact_gtea_transcript, "tokens from transcripts"),
        (fact_epic, "verbs and nouns"),
        (cast_clip_ssv2, "CAST with one expert"),
    ],
)
def test_what_torch_does_not_know_is_refused(config, words, monkeypatch):
    monkeypatch.setattr(options.importlib.util, "find_spec", lambda name: name)
    with pytest.raises(UserError, match=f"{words}.*Leave --against out"):
        options.check(options.BenchmarkConfig(config.get_config(), against="torch"))


def test_missing_torch_is_named(monkeypatch):
    monkeypatch.setattr(options.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UserError, match="pip install torch"):
        options.check(options.BenchmarkConfig(fact_gtea.get_config(), against="torch"))


def test_systems_of_your_own_are_refused():
    with pytest.raises(UserError, match="measures fact, .*, actionformer, carl, cast; config.model.name is 'mine'"):
        options.check(options.BenchmarkConfig(ConfigDict({"model": {"name": "mine"}})))


def test_an_error_of_a_worker_reaches_the_user(tmp_path):
    config = fact_gtea.get_config("quick").copy_and_resolve_references()
    config.data.buckets = (8,)
    make = functools.partial(session.SUBJECTS["ours"], options.BenchmarkConfig(config), workload_of(config), tmp_path)
    with workers.Worker("ours", make) as worker, pytest.raises(UserError, match="largest bucket holds 8 frames"):
        worker.ask("prepare", lengths=[20])


def test_a_worker_that_dies_is_noticed(capfd):
    with workers.Worker("ours", functools.partial(os._exit, 2)) as worker:
        with pytest.raises(workers.WorkerDied, match="code 2 in 'prepare'"):
            worker.ask("prepare", lengths=[20])
