"""Which of several processes does a video: the one that has the lock on a file of the video's name.

The system gives a lock back when its process ends, however it ends, so nobody waits for the dead, and one that only
pauses keeps its own. Processes of several machines share the locks of a network file system (NFS, Lustre with flock).
"""

import contextlib
import os
from pathlib import Path

from data_pipelines.extraction.feature_file import WORK_DIR
from fact_jax.files import WriteError, flock


class Claim:
    """A video that is this process's until `release`; see `take`."""

    def __init__(self, path: Path, handle: int, *, is_locked: bool):
        self._path, self._handle, self.is_locked = path, handle, is_locked

    def release(self) -> None:
        """Gives the video back."""
        # Before the lock: whoever waits for this file then finds that it is no longer the one of this name.
        with contextlib.suppress(OSError):
            self._path.unlink()
        os.close(self._handle)


def take(folder: Path, name: str) -> Claim | None:
    """The Claim of a video of this output folder; None while another process has it.

    `Claim.is_locked` is False on a file system without locks. Raises WriteError.
    """
    path = folder / WORK_DIR / f"{name}.lock"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        while True:
            handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
            try:
                is_locked = flock(handle)
                if _is_at(handle, path):
                    return Claim(path, handle, is_locked=is_locked)
            except BlockingIOError:
                os.close(handle)
                return None
            except BaseException:
                os.close(handle)
                raise
            os.close(handle)  # the one before has just removed this file: there is, or will be, another one
    except OSError as error:
        raise WriteError(path, error) from error


def _is_at(handle, path):
    try:
        found = os.stat(path)
    except FileNotFoundError:
        return False
    own = os.fstat(handle)
    return (found.st_dev, found.st_ino) == (own.st_dev, own.st_ino)
