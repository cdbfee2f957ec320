"""Full disks, second processes, other device counts, evaluation of what is left: from the command line."""

import os
import shutil
import subprocess

import numpy as np
import pytest

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
    assert "iB free" in output
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
