"""How many heaps the threads of a process share."""

import ctypes
import os
import platform

# Parameter of glibc's mallopt (malloc.h).
ARENA_MAX = -8
MOST = 4


def share() -> bool:
    """Has all threads of this process allocate from a heap per core, four at most, instead of glibc's eight per core.

    A heap of which a page is in use keeps what was freed around it, and threads that read videos come and go: spread
    over sixteen heaps, features of the same size held some 5 KB more after every video, over two none. Call it before
    JAX and what comes with it is imported: heaps that are there already remain. Returns whether it does: with glibc.
    """
    if platform.libc_ver()[0] != "glibc":
        return False
    return ctypes.CDLL(None).mallopt(ARENA_MAX, min(os.cpu_count() or 1, MOST)) == 1
