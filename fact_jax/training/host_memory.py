"""Memory of compiled programs on CPUs."""

import ctypes
import platform

import jax

# Parameters of glibc's mallopt (malloc.h).
TRIM_THRESHOLD, MMAP_THRESHOLD = -1, -3
LARGEST = 2**31 - 1  # bytes


def keep_between_runs() -> bool:
    """Has this process keep the memory that a program on a CPU needs while it runs, up to 2 GiB, for its next run.

    XLA takes that memory from malloc and gives it back after every run. The allocator of glibc hands pieces this large
    back to the system, which clears every page of them in the next run: a tenth of the time of a step of the GTEA
    network, and up to half of it on virtual machines after a pause. Only the heap of the main thread can hold such
    pieces, so JAX is told to run a program in the thread that calls it; with several devices it does not.

    Call it before JAX has made out its devices.

    Returns:
      Whether it does: on CPUs, with glibc.
    """
    jax.config.update("jax_cpu_enable_async_dispatch", False)
    if platform.libc_ver()[0] != "glibc" or jax.default_backend() != "cpu":
        return False
    libc = ctypes.CDLL(None)
    return all([libc.mallopt(name, LARGEST) == 1 for name in (MMAP_THRESHOLD, TRIM_THRESHOLD)])
