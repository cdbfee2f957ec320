"""Signals: answered at once, whatever the main thread does."""

import os
import signal
import subprocess
import sys
import time

import pytest

from fact_jax.runtime.signals import StopRequest
from tests import jobs

# Waits in a function of the system, as a compilation does: Python runs no signal handler meanwhile.
PROGRAM = """
import ctypes, sys, time
from fact_jax.runtime.signals import StopRequest
with StopRequest() as stop:
    if sys.argv[1] != "idle":
        stop.busy("the step")
    if sys.argv[1] == "compiling":
        stop.compiling(lambda: f"left after {stop.name}")
    if sys.argv[1] == "just before":
        print("ready", flush=True)
        while not stop.requested:
            time.sleep(0.01)
        stop.compiling(lambda: f"left after {stop.name}")
    if sys.argv[1] == "too late":
        stop.compiling(lambda: "")
    if sys.argv[1] == "failing":
        stop.compiling(lambda: 1 / 0)
    print("ready", flush=True)
    seconds = 2 if sys.argv[1] in ("busy", "too late", "failing") else 60
    while seconds:  # the function ends early when a signal comes
        seconds = ctypes.CDLL(None).sleep(seconds)
    try:
        stop.compiled()
    except ZeroDivisionError as error:
        print("told of", error)
    print("saved", stop.requested, stop.name, flush=True)
sys.exit(stop.exit_code)
"""


@pytest.mark.parametrize(
    "name, times, state",
    [
        ("SIGTERM", 1, "busy"),
        ("Ctrl-C", 2, "busy"),
        ("SIGTERM", 2, "idle"),
        ("Ctrl-C", 1, "idle"),
        ("Ctrl-C", 2, "compiling"),
        ("SIGTERM", 1, "just before"),
        ("SIGTERM", 1, "too late"),
        ("Ctrl-C", 1, "failing"),
    ],
)
def test_a_signal_is_answered(name, times, state):
    signum, code = jobs.SIGNALS[name]
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, state],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=os.environ | {"PYTHONPATH": str(jobs.ROOT)},
    )
    assert process.stdout.readline() == "ready\n"
    for _ in range(times):
        process.send_signal(signum)
    output, _ = process.communicate(timeout=300)
    assert process.returncode == code
    if state == "idle":
        assert output == f"stopped by {name}; nothing is lost. Run the same command again to continue.\n"
    elif state == "just before":
        assert output.endswith(f"left after {name}\n")
    elif state == "compiling":
        assert output == f"left after {name}\n"
    else:
        told = "told of division by zero\n" if state == "failing" else ""
        assert output == f"{name}: the run ends when the step is done\n{told}saved True {name}\n"


def test_the_first_signal_counts_and_what_was_before_comes_back():
    lines, handlers = [], [signal.getsignal(signum) for signum in (signal.SIGTERM, signal.SIGINT)]
    with StopRequest(lines.append) as stop:
        stop.busy("x")
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGTERM)
        deadline = time.monotonic() + 60
        while not lines and time.monotonic() < deadline:
            time.sleep(0.01)
    assert stop.name == "Ctrl-C" and stop.exit_code == 130 and len(lines) == 1
    assert [signal.getsignal(signum) for signum in (signal.SIGTERM, signal.SIGINT)] == handlers
    assert signal.set_wakeup_fd(-1) == -1


def test_it_can_be_used_in_any_thread_and_again():
    stop = StopRequest(print)
    for _ in range(2):
        with stop:
            assert not stop.requested
