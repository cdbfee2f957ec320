"""A workdir belongs to one process at a time."""

import contextlib
import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path

from fact_jax import files
from fact_jax.types import UserError

LOCK_FILE = ".lock"


@contextlib.contextmanager
def own(workdir: Path, purpose: str) -> Iterator[None]:
    """Keeps other processes from changing a workdir, which is created if there is none.

    The lock is one of the system: it ends with the `with` block or with the process, however that ends. Its file says
    who has it, and for what `purpose`; one that a killed process left behind locks nothing. On a file system without
    locks there is none. Raises UserError if another process has the workdir, or it cannot be written to.
    """
    path = Path(workdir) / LOCK_FILE
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = _locked(path)
    except BlockingIOError as error:
        raise UserError(
            f"{workdir} is in use by {_owner(path)}. Wait until it is done or stop it, or use another --workdir."
        ) from error
    except OSError as error:
        raise UserError(f"--workdir {workdir} cannot be written to: {error.strerror}.") from error
    try:
        started = time.strftime("%Y-%m-%d %H:%M:%S")
        text = f"process {os.getpid()} on {socket.gethostname()} ({purpose}, since {started})\n"
        with contextlib.suppress(OSError):  # on a full disk the lock holds without a name
            os.ftruncate(handle, 0)
            os.pwrite(handle, text.encode(), 0)
        yield
    finally:
        with contextlib.suppress(OSError):
            path.unlink()
        os.close(handle)


def _locked(path):
    """Returns the handle of the lock file, locked; raises BlockingIOError where another process has it."""
    while True:
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            # Whoever had it before removes the file on its way out: then this lock is of a file that is gone.
            if not files.flock(handle) or path.exists() and os.path.samestat(os.fstat(handle), path.stat()):
                return handle
        except BaseException:
            os.close(handle)
            raise
        os.close(handle)


def _owner(path):
    with contextlib.suppress(OSError):
        return path.read_text(encoding="utf-8", errors="replace").strip() or "another process"
    return "another process"
