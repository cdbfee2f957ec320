"""Runs of several real processes on this machine, for tests."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from fact_jax.training.logging import writers

ROOT = Path(__file__).parents[1]
# Generous: a machine with other work to do can be several times slower.
TIMEOUT_SEC = 900
SIGNALS = {"SIGTERM": (signal.SIGTERM, 0), "Ctrl-C": (signal.SIGINT, 130)}


def free_port():
    """A port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def main_program(workdir, count, *flags):
    """Command lines of `main.py`; process 0 alone has the workdir, as on machines that do not share it."""
    address = f"127.0.0.1:{free_port()}"
    commands = []
    for index in range(count):
        place = str(workdir) if index == 0 else f"{workdir}-elsewhere-{index}"
        command = [sys.executable, "main.py", "--workdir", place, *map(str, flags)]
        if count > 1:
            command += ["--coordinator_address", address, "--num_processes", str(count), "--process_id", str(index)]
        commands.append(command)
    return commands


def toy_program(workdir, count, num_steps):
    """Command lines that train the toy task."""
    address = f"127.0.0.1:{free_port()}"
    command = [sys.executable, "-m", "tests.training.toy_process", str(workdir), str(num_steps)]
    if count == 1:
        return [command]
    return [[*command, address, str(count), str(index)] for index in range(count)]


def run_code(code, *arguments):
    """Starts Python code, on one device of a CPU; the Popen has its output and errors as lines of `stdout`."""
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=ROOT,
        env=os.environ | {"JAX_NUM_CPU_DEVICES": "1"},
    )


class Job:
    """Processes that make a run together; use it in a `with` statement, which leaves none of them behind."""

    def __init__(self, commands, *, devices=2):
        """`commands` are one command line per process, `devices` the CPU devices of each or of all."""
        devices = [devices] * len(commands) if isinstance(devices, int) else devices
        self._outputs, self.processes = [], []
        for command, number in zip(commands, devices, strict=True):
            environment = os.environ | {"JAX_PLATFORMS": "cpu", "JAX_NUM_CPU_DEVICES": str(number)}
            output = tempfile.TemporaryFile("w+")
            self._outputs.append(output)
            self.processes.append(
                subprocess.Popen(command, cwd=ROOT, env=environment, stdout=output, stderr=subprocess.STDOUT, text=True)
            )

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        for process in self.processes:
            if process.poll() is None:
                process.kill()
            process.wait()
        for output in self._outputs:
            output.close()

    def wait(self, timeout=TIMEOUT_SEC):
        """Returns the exit codes of all processes."""
        deadline = time.monotonic() + timeout
        try:
            return [process.wait(max(1.0, deadline - time.monotonic())) for process in self.processes]
        except subprocess.TimeoutExpired:
            raise AssertionError(f"still running:\n{self.report()}") from None

    def texts(self):
        """What every process has printed so far, its errors included."""
        texts = []
        for output in self._outputs:
            output.seek(0)
            texts.append(output.read())
        return texts

    def report(self):
        """All of it, with the exit codes so far, for the message of a failure."""
        codes = [process.poll() for process in self.processes]
        return "\n".join(
            f"---- process {i}: {code}\n{text}" for i, (code, text) in enumerate(zip(codes, self.texts(), strict=True))
        )

    def wait_for_step(self, workdir, step):
        """Waits until this job has written a row of `step` or later to metrics.jsonl."""
        deadline = time.monotonic() + TIMEOUT_SEC
        while time.monotonic() < deadline:
            rows = writers.read_rows(Path(workdir) / "metrics.jsonl")
            # Rows of an earlier job beyond its last checkpoint are gone when the line with the devices comes.
            if "device(s)" in self.texts()[0] and rows and rows[-1]["step"] >= step:
                return
            assert all(process.poll() is None for process in self.processes), self.report()
            time.sleep(0.05)
        raise AssertionError(f"no step {step}:\n{self.report()}")

    def signal(self, signum, *indices):
        """Sends a signal to some of the processes, to all by default."""
        for index in indices or range(len(self.processes)):
            self.processes[index].send_signal(signum)


def run(commands, **options):
    """Runs a job to its end; returns what its processes printed. All have to succeed."""
    with Job(commands, **options) as job:
        assert job.wait() == [0] * len(commands), job.report()
        return job.texts()
