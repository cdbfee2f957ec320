"""The load test: its rule, and small loads from the command line."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from fact_jax.benchmark.load import run, verdict
from fact_jax.benchmark.load.recorder import RecordingConsole, Sample, read_memory

ROOT = Path(__file__).resolve().parents[2]
MIB = 2**20


def samples(memory, phase="train", number=0, videos=8):
    """One sample per entry of `memory`, in MiB, `videos` apart."""
    return [
        Sample(float(i), phase, number, i * videos, int(size * MIB), int(size * MIB)) for i, size in enumerate(memory)
    ]


def test_memory_that_settles_is_flat():
    memory = np.concatenate([np.linspace(200, 900, 50), 900 + 5 * np.random.default_rng(0).normal(size=150)])
    (growth,) = verdict.judge(samples(memory))
    assert growth.flat and growth.phase == "train" and abs(growth.climbed) < 5 * MIB
    assert growth.allowed == pytest.approx(0.05 * 900 * MIB, rel=0.01)


@pytest.mark.parametrize("phase", ["train", "predict"])
def test_memory_that_climbs_is_not(phase):
    (growth,) = verdict.judge(samples(np.linspace(200, 300, 200), phase))
    assert not growth.flat and growth.climbed == pytest.approx(50 * MIB, rel=0.05)
    assert str(growth).startswith(f"{phase}: GROWS: +50 MiB over ")


def test_passes_of_an_evaluation_are_compared_by_their_peaks():
    saw = np.linspace(500, 560, 20)

    def judge(*shifts):
        passes = [samples(saw + shift, "evaluate", number) for number, shift in enumerate(shifts)]
        return verdict.judge([sample for group in passes for sample in group])

    # The programs that are compiled between the first passes stay.
    (growth,) = judge(0, 150, 160, 165)
    assert growth.flat and growth.climbed == pytest.approx(5 * MIB, abs=2)
    (growth,) = judge(0, 30, 60, 120)
    assert not growth.flat and growth.climbed == pytest.approx(60 * MIB, abs=2)
    assert judge(0, 100, 200) == []


def test_too_few_samples_say_nothing():
    assert verdict.judge(samples([100, 200, 300])) == []
    assert verdict.judge(samples([100] * 50, "other")) == []


def test_the_console_counts_videos_through_steps_and_evaluations(capsys):
    console = RecordingConsole(4)
    console.begin("train", 10, 3)
    assert (console.phase, console.videos) == ("train", 0)
    console.progress(4)
    console.progress(5, "loss 1")
    assert console.videos == 8
    console.progress(5, "evaluation batch 1")
    console.progress(5, "evaluation batch 3")
    assert (console.phase, console.number, console.videos) == ("evaluate", 0, 20)
    console.progress(6)
    assert (console.phase, console.videos) == ("train", 24)
    console.progress(6, "evaluation batch 1")
    assert (console.phase, console.number, console.videos) == ("evaluate", 1, 28)
    console.begin("evaluate test", 3)
    console.progress(2)
    assert (console.phase, console.number, console.videos) == ("evaluate", 2, 36)
    console.end()
    assert console.phase == "other"


def test_memory_is_read_in_bytes():
    resident, own = read_memory()
    assert 10 * MIB < own <= resident < 2**40


def test_features_lie_in_files_with_holes(tmp_path):
    run.write_features([30, 50], 2048, tmp_path / "features")
    path = tmp_path / "features" / "video1.npy"
    features = np.load(path)
    assert features.shape == (2048, 50) and features[:16].all() and not features[16:].any()
    assert path.stat().st_blocks * 512 < path.stat().st_size / 2
    lengths = run.TrainingLoad(100, 50, 5000, 16, 8, 1, 1).lengths
    assert (lengths.min(), lengths.max(), len(lengths)) == (50, 5000, 100) and (np.diff(lengths) < 0).any()


LEAK = """
import sys
from fact_jax.training import feed
kept, take = [], feed.Feed.take
def keep(self):
    kept.append(take(self))
    return kept[-1]
feed.Feed.take = keep
sys.argv[0] = "load"
from fact_jax.benchmark.load import __main__ as command
from absl import app
from fact_jax.app import config_flags
app.run(command.main, flags_parser=config_flags.parse)
"""


def load(*arguments, program=("-m", "fact_jax.benchmark.load")):
    # Two blocks: less to compile.
    config = ("--config", "configs/fact_custom.py:quick", "--config.model.blocks=iu")
    command = [sys.executable, *program, *config, *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=1800)


SMALL = "--videos 1200 --max_frames 400 --interval 0.05 --config.eval.figures=False --config.data.max_buckets=1"


@pytest.mark.survival
@pytest.mark.parametrize("leaks, feature_dim, epochs", [(False, 128, 2), (True, 384, 1)])
def test_training_on_many_videos(tmp_path, leaks, feature_dim, epochs):
    """With the leak the batches of all steps are kept: 1200 videos of 416 padded frames and 384 channels, 730 MiB.

    Without one memory is compared over many videos: small lasting objects scattered over heaps show late.
    """
    program = ("-c", LEAK) if leaks else ("-m", "fact_jax.benchmark.load")
    passes = ("--epochs", epochs, "--evaluations", 4 * epochs)
    finished = load(*SMALL.split(), *passes, "--feature_dim", feature_dim, "--output", tmp_path, program=program)
    assert finished.returncode == int(leaks), finished.stdout + finished.stderr
    assert ("train: GROWS" in finished.stdout) == leaks
    result = json.loads((tmp_path / "train.json").read_text())
    assert {growth["phase"] for growth in result["growth"]} == {"train", "evaluate"}
    assert result["samples"][-1]["videos"] >= 1200 * 5 and result["peak"] > 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["train.json", "train.png"]


@pytest.mark.survival
@pytest.mark.parametrize("files", [120, 20], ids="{} files".format)
def test_predicting_an_hour(tmp_path, files):
    options = "--what predict --hours 1 --feature_dim 128 --interval 0.02 --figures=false --output"
    finished = load("--files", files, *options.split(), tmp_path)
    assert finished.returncode == 0, finished.stdout + finished.stderr
    result = json.loads((tmp_path / "predict.json").read_text())
    assert result["load"]["frames"] == 108000 and result["samples"][-1]["videos"] == files
    assert [growth["phase"] for growth in result["growth"]] == ["predict"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["predict.json", "predict.png"]
