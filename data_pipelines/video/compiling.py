"""Loops over pixels as machine code: Numba compiles them once, and later programs read them from the user's cache.

NumPy goes through memory once for every operation on a picture; a compiled loop does all of them on a number before the
next. Importing Numba and reading what is kept takes most of a second and 70 MB, so only modules of loops import this
one, and those that need loops import them inside of functions.
"""

import contextlib
import functools
import os
import sys
import threading
import time
from pathlib import Path

import numba
from numba.core import event

from fact_jax import files, own_cache

_PATIENCE_SEC = 2.0
_THREADS = threading.Lock()


def compiled(*arguments):
    """A decorator for a function of these types of Numba that returns nothing; it is compiled when it is defined.

    It runs without the interpreter's lock, on one thread, and rounds as it is written. It may call functions of its own
    file alone: what is kept is known by that file.
    """

    def decorate(function):
        compiles = functools.partial(numba.njit, numba.void(*arguments), nogil=True, error_model="numpy")
        folder = _folder()
        with event.install_listener("numba:compile", _Patience()):
            if folder is None:
                return compiles()(function)
            # Of processes that start together one compiles, the others wait and read.
            try:
                with _THREADS, files.lock_folder(folder, wait=True), _kept_in(folder):
                    return compiles(cache=True)(function)
            except OSError as error:  # the disk is full, ...
                _tell_of(error)
                return compiles()(function)

    return decorate


@functools.cache
def _folder():
    """Where machine code is kept, or None. What the user has set for Numba stays."""
    if numba.config.CACHE_DIR:
        return Path(numba.config.CACHE_DIR)
    try:
        return own_cache.folder("numba")
    except OSError as error:
        _tell_of(error)
        return None


def _tell_of(error):
    _say(f"warning: compiled loops over pixels are not kept: {error}")


@functools.cache
def _say(text):
    """Says a line, once in a process."""
    print(text, file=sys.stderr, flush=True)


@contextlib.contextmanager
def _kept_in(folder):
    """Numba asks for its folder when a function is defined; those of others than this package are not to be moved."""
    before, numba.config.CACHE_DIR = numba.config.CACHE_DIR, os.fspath(folder)
    try:
        yield
    finally:
        numba.config.CACHE_DIR = before


class _Patience(event.Listener):
    """Says once that it compiles, where all functions together take more than two seconds; what is read is not told."""

    waited = 0.0  # seconds, for all functions

    def __init__(self):
        self._depth, self._begin, self._timer = 0, 0.0, None

    def on_start(self, event):
        """Also called for a function inside of another."""
        self._depth += 1
        if self._timer is None:
            self._begin = time.monotonic()
            where = "" if (folder := _folder()) is None else f"; they are kept in {folder}"
            text = f"Compiling the loops that change pixels, once for this machine{where}."
            self._timer = threading.Timer(max(0.0, _PATIENCE_SEC - _Patience.waited), _say, [text])
            self._timer.daemon = True
            self._timer.start()

    def on_end(self, event):
        """The last end is that of the outermost function."""
        self._depth -= 1
        if not self._depth and self._timer is not None:
            self._timer.cancel()
            _Patience.waited += time.monotonic() - self._begin
            self._timer = None
