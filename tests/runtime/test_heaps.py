"""Threads share a few heaps, so that freed memory does not lie about in many."""

import platform
import subprocess
import sys

import pytest

from fact_jax.runtime import heaps

SCRIPT = """
import ctypes, os, sys, threading
from fact_jax.runtime import heaps
if sys.argv[1] == "share":
    assert heaps.share()
libc = ctypes.CDLL(None)
libc.malloc.restype, libc.malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
# All at once: a heap whose thread has ended is used again.
together = threading.Barrier(12)
def allocate():
    libc.malloc(50_000)
    together.wait()
threads = [threading.Thread(target=allocate) for _ in range(12)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
libc.fdopen.restype, libc.malloc_info.argtypes = ctypes.c_void_p, [ctypes.c_int, ctypes.c_void_p]
libc.fflush.argtypes = [ctypes.c_void_p]
stream = libc.fdopen(1, b"w")
libc.malloc_info(0, stream)
libc.fflush(stream)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="a property of glibc's allocator")
def test_threads_share_a_few_heaps():
    found = {}
    for mode in ("share", "leave"):
        result = subprocess.run(
            [sys.executable, "-c", SCRIPT, mode], capture_output=True, text=True, check=True, timeout=120
        )
        found[mode] = result.stdout.count("<heap nr=")
    assert 1 <= found["share"] <= heaps.MOST < found["leave"]
