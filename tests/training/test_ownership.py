"""A workdir belongs to one process."""

import fcntl
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from fact_jax.app import experiment
from fact_jax.training import ownership
from fact_jax.types import UserError

ROOT = Path(__file__).parents[2]
HOLD = """
import sys
from fact_jax.training.ownership import own
with own(sys.argv[1], "--mode train"):
    print("held", flush=True)
    input()
"""


def test_a_second_process_is_told_who_has_the_workdir_until_that_one_dies(tmp_path):
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, tmp_path / "run"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=environment,
        text=True,
    )
    with process:
        assert process.stdout.readline() == "held\n"
        words = rf"run is in use by process {process.pid} on {socket.gethostname()} \(--mode train, since .*Wait until"
        with pytest.raises(UserError, match=words), ownership.own(tmp_path / "run", "--mode eval"):
            pytest.fail("owned twice")
        process.kill()
        process.wait()
        # Its file is still there and locks nothing.
        assert (tmp_path / "run" / ownership.LOCK_FILE).exists()
        with ownership.own(tmp_path / "run", "--mode eval"):
            pass
    assert os.listdir(tmp_path / "run") == []


def test_a_lock_file_that_went_away_meanwhile_is_not_enough(tmp_path, monkeypatch):
    """The one before removes its file on its way out, when another process may have opened it already."""
    path, real = tmp_path / ownership.LOCK_FILE, fcntl.flock
    seen = []

    def flock(handle, how):
        real(handle, how)
        if not seen:
            path.unlink()
        seen.append(handle)

    monkeypatch.setattr(fcntl, "flock", flock)
    with ownership.own(tmp_path, "x"):
        assert len(seen) == 2 and path.exists()


@pytest.mark.parametrize("mode", ["train", "eval"])
def test_runs_need_the_workdir_for_themselves(tmp_path, mode, monkeypatch):
    monkeypatch.setattr(experiment.run_record, "check", lambda *arguments, **options: True)
    monkeypatch.setattr(experiment.run_record, "read", lambda workdir: {"derived": {}})
    monkeypatch.setattr(experiment.modes, "check_checkpoint", lambda *arguments: None)
    from configs import fact_synthetic

    with ownership.own(tmp_path, "--mode train"), pytest.raises(UserError, match=f"by process {os.getpid()} "):
        experiment.run(fact_synthetic.get_config("quick"), tmp_path, mode)


def test_a_folder_that_cannot_be_written_is_a_user_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="file/run cannot be written to"), ownership.own(tmp_path / "file" / "run", "x"):
        pytest.fail("owned a file")
