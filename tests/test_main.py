"""How main.py starts, in a process of its own."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
# Ends the process at the first import of JAX, with what XLA will be told to log.
AT_JAX = """
import os, runpy, sys
class Stop:
    def find_spec(self, name, path=None, target=None):
        if name == "jax":
            print("jax:", os.environ.get("TF_CPP_MIN_LOG_LEVEL"), flush=True)
            os._exit(7)
sys.meta_path.insert(0, Stop())
sys.argv = ["main.py", *sys.argv[1:]]
runpy.run_path("main.py", run_name="__main__")
"""


def start(*arguments):
    environment = {name: value for name, value in os.environ.items() if name != "TF_CPP_MIN_LOG_LEVEL"}
    command = [sys.executable, "-c", AT_JAX, *arguments]
    found = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120)
    return found.returncode, found.stdout, found.stderr


def test_xla_is_told_what_to_log_before_jax_is_imported(tmp_path):
    # JAX sets the variable itself where it is not set.
    assert start("--workdir", str(tmp_path / "run"))[:2] == (7, "jax: 3\n")
    several = ("--coordinator_address=localhost:1234", "--num_processes=2", "--process_id=0")
    assert start("--workdir", str(tmp_path / "run"), *several)[:2] == (7, "jax: None\n")


def test_a_mistake_on_the_command_line_does_not_wait_for_jax():
    for arguments, message in (
        (["--mode", "nonsense"], "--mode is 'nonsense'"),
        (["--config.optimizer.nam=adam"], "nam"),
    ):
        code, out, err = start(*arguments)
        assert (code, out) == (2, "") and message in err
