"""Watches a piece of code: it ends in time, takes little memory, writes where it may and runs nothing.

Python's audit events tell of every file that Python opens, moves or removes, of every program it starts, every
connection and every class that an unpickler looks up. A hook cannot be taken away again; while nothing is watched it
does nothing.
"""

import contextlib
import os
import signal
import sys

# What no case may do.
_FORBIDDEN = (
    "os.system",
    "os.exec",
    "os.posix_spawn",
    "os.spawn",
    "os.fork",
    "subprocess.Popen",
    "pickle.find_class",
    "socket.connect",
    "socket.bind",
    "socket.sendto",
    "socket.getaddrinfo",
    "socket.gethostbyname",
    "urllib.Request",
)
# Events whose first one or two arguments are files that are changed.
_CHANGES = dict.fromkeys(("os.rename", "os.link", "os.symlink"), 2) | dict.fromkeys(
    ("os.remove", "os.rmdir", "os.mkdir", "os.truncate", "os.chmod", "os.chown", "os.utime"), 1
)
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_allowed, _seen = None, []


class Hang(BaseException):
    """A time limit is over; no `except Exception` or `except OSError` on the way can take it for something else."""


def _hook(event, arguments):
    if _allowed is None:
        return
    if event in _FORBIDDEN:
        _seen.append(f"{event} {arguments!r}"[:300])
        return
    if event == "open":
        path, mode, flags = arguments
        changes = bool((flags or 0) & _WRITING) or any(letter in (mode or "r") for letter in "wax+")
        paths = [path] if changes else []
    else:
        paths = arguments[: _CHANGES.get(event, 0)]
    for path in paths:
        if isinstance(path, (str, bytes, os.PathLike)):
            full = os.path.abspath(os.fsdecode(path))
            if not full.startswith(_allowed):
                _seen.append(f"{event} {full!r}")


sys.addaudithook(_hook)


@contextlib.contextmanager
def nothing_outside(folder, *also):
    """Fails if the code changes a file outside these folders, starts a program, connects or unpickles."""
    global _allowed
    _seen.clear()
    _allowed = tuple(str(path) for path in (folder, *also, "/dev/null"))
    try:
        yield
    finally:
        _allowed = None
    assert not _seen, _seen


@contextlib.contextmanager
def time_limit(seconds):
    """Raises Hang in the main thread when the code takes longer."""

    def stop(signum, frame):
        raise Hang(f"not done after {seconds} seconds")

    previous = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)


def _memory(field):
    with open("/proc/self/status", encoding="ascii") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith(field))


@contextlib.contextmanager
def memory_limit(num_bytes):
    """Fails if the resident memory of the process grows by more on the way; does nothing where Linux does not tell."""
    try:
        with open("/proc/self/clear_refs", "w", encoding="ascii") as file:
            file.write("5")  # the peak starts anew
        before = _memory("VmRSS")
    except OSError:
        yield
        return
    yield
    grown = _memory("VmHWM") - before
    assert grown < num_bytes, f"{grown / 2**20:.0f} MiB more"


@contextlib.contextmanager
def unprivileged():
    """Gives up what root may do, so that permissions of files count."""
    root = os.geteuid() == 0
    if root:
        os.seteuid(65534)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)


def listing(folder):
    """What lies below a folder, links not followed: {path: (kind, size, time of the last change)}."""
    found = {}
    for parent, folders, names in os.walk(folder):
        for name in (*folders, *names):
            status = os.lstat(os.path.join(parent, name))
            size = 0 if name in folders else status.st_size
            found[os.path.join(parent, name)] = (status.st_mode, size, status.st_mtime_ns)
    return found
