"""Long-lived worker processes that take turns: one answers while the others wait.

Each implementation lives in a process of its own, so that their thread pools and their memory do not mix. A request
is one line of JSON on a worker's standard input, the answer one on its standard output; what a worker prints goes to
standard error.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence

from fact_jax.types import UserError

# Seconds after an answer in which the threads of a worker come to rest.
SETTLE = 0.05


def available_cores() -> int:
    """Processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class WorkerDied(Exception):
    """A worker ended without an answer, most likely because memory ran out."""


class Worker:
    """The side of the one who asks; use it in a `with` block.

    Attributes:
      started: when the process was started, as `time.time` tells it.
    """

    def __init__(self, name: str, arguments: Sequence[str], environment=None):
        """
        Args:
          name: of the worker, for messages.
          arguments: command line of `python -m fact_jax.benchmark` that makes it a worker.
          environment: variables that differ from this process's; None as a value removes one.
        """
        self.name = name
        self.started = time.time()
        variables = {**os.environ, **(environment or {})}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "fact_jax.benchmark", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={key: value for key, value in variables.items() if value is not None},
        )

    def ask(self, method: str, **arguments):
        """Calls a method of the worker's subject and returns what it returned.

        Raises:
          UserError: the subject raised one.
          WorkerDied: there is no answer.
        """
        try:
            self._process.stdin.write(json.dumps([method, arguments]) + "\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            raise WorkerDied(f"the process of {self.name!r} ended with code {self._process.wait()} in {method!r}")
        answer = json.loads(line)
        if "error" in answer:
            raise UserError(answer["error"])
        time.sleep(SETTLE)
        return answer["value"]

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()


def serve(make_subject) -> None:
    """Answers requests until standard input ends.

    Args:
      make_subject: function without arguments; the methods of what it returns are what can be asked for.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the one who asks, who then ends this process
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    subject = None
    for line in sys.stdin:
        method, arguments = json.loads(line)
        try:
            subject = subject or make_subject()
            answer = {"value": getattr(subject, method)(**arguments)}
        except UserError as error:
            answer = {"error": str(error)}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()
