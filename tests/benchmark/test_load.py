"""The load test: its rule, what it counts and what it writes."""

import numpy as np
import pytest

from fact_jax.benchmark.load import dataset, verdict
from fact_jax.benchmark.load.recorder import RecordingConsole, Sample, read_memory

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
    passes = [samples(saw + shift, "evaluate", number) for number, shift in enumerate((0, 10, 5))]
    (growth,) = verdict.judge([sample for group in passes for sample in group])
    assert growth.flat and growth.climbed == pytest.approx(5 * MIB, abs=2)
    (growth,) = verdict.judge(passes[0] + samples(saw + 60, "evaluate", 1))
    assert not growth.flat


def test_too_few_samples_say_nothing():
    assert verdict.judge(samples([100, 200, 300])) == []
    assert verdict.judge(samples([100] * 50, "other")) == []


def test_the_console_counts_videos_through_steps_and_evaluations(capsys):
    console = RecordingConsole({"train": 4, "evaluate": 2})
    console.begin("train", 10, 3)
    assert (console.phase, console.videos) == ("train", 0)
    console.progress(4)
    console.progress(5, "loss 1")
    assert console.videos == 8
    console.progress(5, "evaluation batch 1")
    console.progress(5, "evaluation batch 3")
    assert (console.phase, console.number, console.videos) == ("evaluate", 0, 14)
    console.progress(6)
    assert (console.phase, console.videos) == ("train", 18)
    console.progress(6, "evaluation batch 1")
    assert (console.phase, console.number, console.videos) == ("evaluate", 1, 20)
    console.begin("evaluate test", 3)
    console.progress(2)
    assert (console.phase, console.number, console.videos) == ("evaluate", 2, 24)
    console.end()
    assert console.phase == "other"


def test_memory_is_read_in_bytes():
    resident, own = read_memory()
    assert 10 * MIB < own <= resident < 2**40


def test_features_lie_in_files_with_holes(tmp_path):
    dataset.write_features([30, 50], 2048, tmp_path / "features")
    path = tmp_path / "features" / "video1.npy"
    features = np.load(path)
    assert features.shape == (2048, 50) and features[:16].all() and not features[16:].any()
    assert path.stat().st_blocks * 512 < path.stat().st_size / 2
    lengths = dataset.spread_lengths(100, 50, 5000)
    assert (lengths.min(), lengths.max(), len(lengths)) == (50, 5000, 100) and (np.diff(lengths) < 0).any()
