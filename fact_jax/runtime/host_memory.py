"""Memory of compiled programs on CPUs."""

import ctypes
import os
import platform
from collections.abc import Callable
from pathlib import Path

import jax

# Parameters of glibc's mallopt (malloc.h).
TRIM_THRESHOLD, MMAP_THRESHOLD = -1, -3
LARGEST = 2**31 - 1  # bytes
# Free memory may grow by this much, and by this share of all memory, before it is given back.
EXCESS_BYTES, EXCESS_SHARE = 16 * 2**20, 0.02
# Calls until a process has touched again what it needs.
SETTLING = 16


class Excess:
    """Gives free memory back to the system when it grows.

    What is kept for the next run of a program serves other, lasting objects as well; then that run finds its place
    taken and needs a new one, and the heap grows, slowly and without end, with free pieces between used ones. So
    memory is compared with what was needed soon after it was last given back.
    """

    def __init__(self, read: Callable[[], int], give_back: Callable[[], None]):
        """`read` gives the bytes that the process holds; `give_back` gives back the pages of all free pieces."""
        self._read, self._give_back = read, give_back
        self._calls, self._needed = 0, 0

    def check(self) -> None:
        """Call it after every run of a program."""
        held = self._read()
        if self._calls < SETTLING:
            self._calls += 1
            self._needed = max(self._needed, held)
        elif held > self._needed * (1 + EXCESS_SHARE) + EXCESS_BYTES:
            self.give_back()

    def give_back(self) -> None:
        """Gives back what is free; from now on that is compared which is needed next."""
        self._give_back()
        self._calls, self._needed = 0, 0


_excess: Excess | None = None  # of this process, once it keeps memory


def keep_between_runs() -> bool:
    """Has this process keep the memory that a program on a CPU needs while it runs, up to 2 GiB, for its next run.

    XLA takes that memory from malloc and gives it back after every run. The allocator of glibc hands pieces this large
    back to the system, which clears every page of them in the next run: a tenth of the time of a step of the GTEA
    network, and up to half of it on virtual machines after a pause. Only the heap of the main thread can hold such
    pieces, so JAX is told to run a program in the thread that calls it; with several devices it does not.

    Call it before JAX has made out its devices. Returns whether it does: on CPUs, with glibc.
    """
    jax.config.update("jax_cpu_enable_async_dispatch", False)
    if platform.libc_ver()[0] != "glibc" or jax.default_backend() != "cpu":
        return False
    libc = ctypes.CDLL(None)
    kept = all([libc.mallopt(name, LARGEST) == 1 for name in (MMAP_THRESHOLD, TRIM_THRESHOLD)])
    global _excess
    _excess = Excess(_private_bytes, lambda: libc.malloc_trim(0)) if kept else None
    return kept


def give_back_excess() -> None:
    """Has a process that keeps memory between runs keep no more than it needs; call it after every run."""
    if _excess is not None:
        _excess.check()


def give_back() -> None:
    """As `give_back_excess`, without comparing: call it after a compilation, which leaves a lot."""
    if _excess is not None:
        _excess.give_back()


def _private_bytes() -> int:
    """Physical memory of this process that belongs to no file."""
    resident, shared = Path("/proc/self/statm").read_text(encoding="ascii").split()[1:3]
    return (int(resident) - int(shared)) * os.sysconf("SC_PAGE_SIZE")
