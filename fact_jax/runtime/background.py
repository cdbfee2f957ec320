"""Compilations in threads, of programs that are needed now or will be."""

import collections
import concurrent.futures
import contextlib
import os
import sys
from collections.abc import Callable
from concurrent.futures import Future

# A compilation takes hundreds of MiB of the host, and two keep two cores busy.
AT_ONCE = 2
# A program that an earlier run has kept is there sooner; what else would be traced meanwhile delays it.
LOADING_SEC = 2.0

_running: set[object] = set()  # compilations of this process


class Background:
    """Programs that threads compile, and those that will be needed later.

    The latter are traced while the main thread waits for a compilation. Tracing takes seconds and holds Python's lock:
    in a thread it would slow down whatever is computed. So a step that waits for nothing traces nothing.
    """

    def __init__(self):
        self._threads = concurrent.futures.ThreadPoolExecutor(AT_ONCE, "compilation")
        self._later: collections.deque[Callable[[], object]] = collections.deque()

    @property
    def has_more(self) -> bool:
        """Whether there are programs that are not traced yet."""
        return bool(self._later)

    def later(self, prepare: Callable[[], object]) -> None:
        """Notes a program; `prepare` traces it and calls `compile`."""
        self._later.append(prepare)

    def compile(self, function: Callable[[], None]) -> Future:
        """Calls `function` in a thread, after those that were given before."""
        return self._threads.submit(_noted, function)

    def wait(self, compiled: Future) -> None:
        """Waits for a compilation, and prepares later programs meanwhile. Raises what went wrong with this one."""
        if self._later:
            concurrent.futures.wait([compiled], LOADING_SEC)
        while self._later and not compiled.done():
            # What goes wrong there does so again, and is raised, where the program is called.
            with contextlib.suppress(Exception):
                self._later.popleft()()
        compiled.result()

    def forget(self) -> None:
        """Leaves out whatever has not begun."""
        self._later.clear()
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._threads = concurrent.futures.ThreadPoolExecutor(AT_ONCE, "compilation")


def _noted(function):
    this = object()
    _running.add(this)
    try:
        function()
    finally:
        _running.remove(this)


def leave(code: int) -> int:
    """Returns the exit code of a program that has nothing left to do, or ends it at once where it would wait.

    The interpreter waits for the end of all threads, and so of a compilation that nobody needs.
    """
    if _running:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    return code
