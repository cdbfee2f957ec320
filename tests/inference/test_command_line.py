"""python main.py --mode predict, from a workdir alone: killed and run again, with bad files among the good ones."""

import io
import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from fact_jax import inference
from fact_jax.app import commands
from fact_jax.app.command_flags import Options
from fact_jax.training.logging import writers
from fact_jax.types import UserError
from tests.inference import runs

ROOT = Path(__file__).parents[2]
NUM_VIDEOS = 20


def command(workdir, *flags):
    return [sys.executable, "main.py", "--workdir", str(workdir), "--mode", "predict", *map(str, flags)]


def predict(workdir, *flags):
    return subprocess.run(command(workdir, *flags), cwd=ROOT, capture_output=True, text=True, timeout=300)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """(workdir, folder of feature files) of a tiny model."""
    folder = tmp_path_factory.mktemp("command_line")
    runs.write_run(folder / "run", runs.make_config(), {1: 10.0})
    (folder / "features").mkdir()
    rng = np.random.default_rng(0)
    for number in range(NUM_VIDEOS):
        features = rng.normal(size=(runs.FEATURE_DIM, int(rng.integers(5, 40))))
        np.save(folder / "features" / f"v{number:02d}.npy", features.astype(np.float32))
    return folder / "run", folder / "features"


@pytest.mark.slow
def test_a_killed_prediction_goes_on_and_bad_files_are_reported(run, tmp_path):
    workdir, features = run
    np.save(tmp_path / "nan.npy", np.full((runs.FEATURE_DIM, 9), np.nan))
    np.save(tmp_path / "wide.npy", np.zeros((runs.FEATURE_DIM + 1, 9)))
    inputs = (features, tmp_path / "nan.npy", tmp_path / "wide.npy")
    flags = ("--input", *inputs, "--output", tmp_path / "out", "--fps", 30)
    process = subprocess.Popen(command(workdir, *flags), cwd=ROOT)
    deadline = time.monotonic() + 120
    while not list(tmp_path.glob("out/*/*.json")) and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    done = {path: path.read_bytes() for path in tmp_path.glob("out/*/*.json")}
    assert 0 < len(done) < NUM_VIDEOS
    result = predict(workdir, *flags)
    assert result.returncode == 1 and f"predicted {NUM_VIDEOS - len(done)} videos" in result.stdout
    assert "nan.npy: 45 NaN values" in result.stdout and "wide.npy: 6 channels" in result.stdout
    assert result.stdout.count("\n  ") == 2
    assert all(path.read_bytes() == content for path, content in done.items())
    written = sorted(path.name for path in (tmp_path / "out" / "predictions").iterdir())
    assert written == [f"v{number:02d}.{suffix}" for number in range(NUM_VIDEOS) for suffix in ("csv", "json", "txt")]
    assert len(list((tmp_path / "out" / "figures").glob("prediction_v*.png"))) == NUM_VIDEOS
    model = inference.load(workdir)
    for path in (features / "v00.npy", features / "v13.npy"):
        expected = model.predict(np.load(path).T)
        names = (tmp_path / "out" / "predictions" / f"{path.stem}.txt").read_text().splitlines()
        assert tuple(names) == expected.names
        record = json.loads((tmp_path / "out" / "predictions" / f"{path.stem}.json").read_text())
        assert [entry["end_sec"] * 30 for entry in record["segments"]] == pytest.approx(
            [segment.end for segment in expected.segments], abs=1e-3
        )


def test_a_command_that_cannot_be_carried_out_exits_with_2(run, tmp_path):
    workdir, features = run
    result = predict(workdir, "--input", tmp_path / "nothing.npy")
    assert result.returncode == 2 and "no feature file was found" in result.stderr and "Traceback" not in result.stderr
    told = {"workdir": str(workdir), "input": (str(features),), "prediction": {"transcripts": str(tmp_path)}}
    with pytest.raises(UserError, match="trained without transcripts"):
        commands.run(Options("predict", runs.make_config(), **told), writers.Console(io.StringIO()))
