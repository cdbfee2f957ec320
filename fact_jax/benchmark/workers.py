"""Long-lived worker processes that take turns: one answers while the others wait.

Each implementation lives in a process of its own, so that their thread pools and their memory do not mix.
"""

import contextlib
import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Callable

from fact_jax.types import UserError

# Seconds after an answer in which the threads of a worker come to rest.
SETTLE = 0.05


class WorkerDied(Exception):
    """A worker ended without an answer, most likely because memory ran out."""


class Worker:
    """The side of the one who asks; use it in a `with` block. `started` is when the process was, as by `time.time`."""

    def __init__(self, name: str, make_subject: Callable, environment=None):
        """
        Args:
          name: of the worker, for messages.
          make_subject: called in the new process; the methods of what it returns can be asked for.
          environment: variables that differ from this process's; None as a value removes one.
        """
        self.name, self.started = name, time.time()
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        # Not a daemon, which could not start the processes that read video; it ends when this end is closed.
        self._process = context.Process(target=serve, args=(theirs, make_subject))
        before = dict(os.environ)
        try:
            for key, value in (environment or {}).items():
                os.environ.pop(key, None) if value is None else os.environ.update({key: value})
            self._process.start()
        finally:
            os.environ.clear()
            os.environ.update(before)
        theirs.close()

    def ask(self, method: str, **arguments):
        """What a method of the worker's subject returns; raises its UserError, or WorkerDied without an answer."""
        try:
            self._pipe.send((method, arguments))
            value, error = self._pipe.recv()
        except (EOFError, ConnectionError) as gone:
            self._process.join()
            code = self._process.exitcode
            raise WorkerDied(f"the process of {self.name!r} ended with code {code} in {method!r}") from gone
        if error is not None:
            raise error
        time.sleep(SETTLE)
        return value

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self._pipe.close()
        self._process.join(timeout=10)
        self._process.kill()
        self._process.join()


def serve(pipe, make_subject) -> None:
    """Answers requests until the other end is closed; what is printed meanwhile goes to standard error."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the one who asks, who then ends this process
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    subject = None
    with contextlib.suppress(EOFError):
        while True:
            method, arguments = pipe.recv()
            try:
                subject = subject or make_subject()
                answer = getattr(subject, method)(**arguments), None
            except UserError as error:
                answer = None, error
            pipe.send(answer)
