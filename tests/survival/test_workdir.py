"""Full disks, second processes, other device counts, evaluation of what is left: from the command line."""

import os
import shutil
import signal
import socket
import subprocess

import numpy as np
import pytest

from fact_jax.training.logging import writers
from tests.survival import lives

pytestmark = pytest.mark.survival


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 48 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=48m", "tmpfs", folder], capture_output=True)
    if mounted.returncode:
        pytest.skip("file systems cannot be mounted here")
    yield folder
    subprocess.run(["umount", folder], check=True)


def fill(folder, leave=0):
    """Takes all room of a disk but `leave` bytes."""
    with open(folder / "filler", "wb", buffering=0) as file:
        try:
            while file.write(b"\0" * 2**16):
                pass
        except OSError:
            os.truncate(folder / "filler", max(0, os.fstat(file.fileno()).st_size - leave))


@pytest.mark.parametrize("leave", [0, 20_000], ids=["not a byte", "20 kB left"])
def test_a_full_disk_stops_the_run_and_loses_nothing(small_disk, undisturbed, leave):
    workdir = small_disk / "run"
    with lives.Life(workdir) as life:
        assert life.until(life.saves(3)), life.end()[1]
        fill(small_disk, leave)
        code, output = life.end()
    print(output)
    assert code == 2 and "Traceback" not in output and str(workdir) in output.splitlines()[-1]
    assert "MB free" in output
    # Still full: says so again.
    with lives.Life(workdir) as life:
        code, output = life.end()
    print(output)
    assert code == 2 and "Traceback" not in output
    (small_disk / "filler").unlink()
    with lives.Life(workdir) as life:
        assert life.until(life.writing_results), life.end()[1]
        fill(small_disk)
        code, output = life.end()
    print(output)
    # The results may just have fitted, in room that files give back when they are replaced.
    assert code in (0, 2) and "Traceback" not in output
    (small_disk / "filler").unlink()
    output = lives.finish(workdir)
    assert "resuming after step" in output or "finished: " in output
    assert lives.differences(lives.contents(workdir), undisturbed) == []


def test_the_second_process_is_refused(tmp_path):
    workdir = tmp_path / "run"
    with lives.Life(workdir) as first:
        assert first.until(first.rows(2)), first.end()[1]
        for mode in ("train", "eval"):
            with lives.Life(workdir, "--mode", mode) as second:
                code, output = second.end()
            assert code == 2 and "Traceback" not in output
            assert f"error: {workdir} is in use by process {first.process.pid} on {socket.gethostname()} (" in output
            print(output)
        first.kill()
    with lives.Life(workdir) as third:
        assert third.until(third.rows(2)), third.end()[1]
        third.signal(signal.SIGTERM)


def test_a_run_goes_on_with_another_number_of_devices(tmp_path):
    settings = (
        "--config.train.batch_size=4",
        "--config.train.steps=24",
        "--config.train.eval_every=8",
        "--config.train.log_every=1",
    )
    losses = {}
    for counts in ((1,), (2, 4, 1), (4, 2)):
        workdir = tmp_path / "-".join(map(str, counts))
        for number, count in enumerate(counts):
            with lives.Life(workdir, settings=settings, environment={"JAX_NUM_CPU_DEVICES": str(count)}) as life:
                if number < len(counts) - 1:
                    assert life.until(life.rows(4)), life.end()[1]
                    code, output, _ = life.signal(signal.SIGTERM)
                else:
                    code, output = life.end()
                assert code == 0 and f"on {count} device(s)" in output, output
        losses[counts] = [
            row["train/loss"] for row in writers.read_rows(workdir / "metrics.jsonl") if "train/loss" in row
        ]
        assert len(losses[counts]) == 24
    for found in losses.values():
        np.testing.assert_allclose(found, losses[(1,)], rtol=2e-3)


def test_evaluation_and_prediction_need_the_parameters_only(tmp_path):
    settings = ("--config.train.steps=4",)
    workdir = tmp_path / "run"
    lives.finish(workdir, settings=settings)
    before = {path.name: path.read_bytes() for path in (workdir / "predictions").iterdir()}
    for step in (workdir / "checkpoints").iterdir():
        shutil.rmtree(step / "opt_state")
    output = lives.finish(workdir, "--mode", "eval", settings=settings)
    assert "the same, to the last digit, as the test metrics that training stored" in output
    assert {path.name: path.read_bytes() for path in (workdir / "predictions").iterdir()} == before
    features = tmp_path / "features"
    features.mkdir()
    np.save(features / "video.npy", np.zeros((12, 50), np.float32))
    predict = ("--mode", "predict", "--input", str(features), "--output", str(tmp_path / "out"))
    output = lives.finish(workdir, *predict, settings=settings)
    assert "predicted 1 videos" in output
    # Training, which needs all of it, says so.
    (workdir / "results.json").unlink()
    with lives.Life(workdir, settings=settings) as life:
        code, output = life.end()
    print(output)
    assert code == 2 and "opt_state" in output and "Traceback" not in output
