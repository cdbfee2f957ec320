"""A program's memory stays with the process, so that its next run touches hardly a new page; no more than it needs."""

import os
import platform
import subprocess
import sys

import pytest

from fact_jax.runtime import host_memory

SCRIPT = """
import resource, sys
import jax, jax.numpy as jnp
from fact_jax.runtime import host_memory
if sys.argv[1] == "keep":
    assert host_memory.keep_between_runs()
x = jnp.ones((2**12, 2**6))  # 64 MiB in between; glibc keeps up to 32 by itself
run = jax.jit(lambda x: jnp.tanh(x @ jnp.ones((2**6, 2**12))) @ jnp.ones((2**12, 2**6)))
faults = []
for _ in range(12):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    run(x).block_until_ready()
    faults.append(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
print(min(faults[2:]))
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="a property of glibc's allocator")
def test_runs_touch_hardly_a_new_page():
    faults = {}
    for mode in ("keep", "leave"):
        command = [sys.executable, "-c", SCRIPT, mode]
        # One device, as without the tests' flags: programs for several run in threads of JAX's.
        environment = {name: value for name, value in os.environ.items() if name != "XLA_FLAGS"}
        result = subprocess.run(command, capture_output=True, text=True, check=True, env=environment, timeout=300)
        faults[mode] = int(result.stdout)
    # At least: a run that follows another at once may still go to a thread of JAX's.
    assert faults["keep"] < 1000
    assert faults["leave"] > 10000


def test_what_grows_is_given_back_and_what_is_needed_is_not():
    mib, held, given_back = 2**20, [0], []
    excess = host_memory.Excess(lambda: held[0], lambda: given_back.append(held[0]))

    def run(*sizes):
        for size in sizes:
            held[0] = size * mib
            excess.check()

    run(*[500] * host_memory.SETTLING, 525, 500, 525)
    assert given_back == []
    run(527)  # 500, two hundredths of it, and 16
    assert given_back == [527 * mib]
    # From there on it is what was needed since.
    run(300, *[600] * (host_memory.SETTLING - 1), 627, 629)
    assert given_back == [527 * mib, 629 * mib]
    run(*[100] * host_memory.SETTLING)
    excess.give_back()
    run(*[200] * host_memory.SETTLING, 210)
    assert given_back == [527 * mib, 629 * mib, 100 * mib]


FRAGMENTS = """
import ctypes
from fact_jax.runtime import host_memory
assert host_memory.keep_between_runs()
libc = ctypes.CDLL(None)
libc.malloc.restype, libc.malloc.argtypes, libc.free.argtypes = ctypes.c_void_p, [ctypes.c_size_t], [ctypes.c_void_p]
for _ in range(host_memory.SETTLING):
    host_memory.give_back_excess()
before = host_memory._private_bytes()
pieces = []
for _ in range(400):
    large, small = libc.malloc(2**20), libc.malloc(64)  # the small one stays, so that the heap cannot shrink
    ctypes.memset(large, 1, 2**20)
    pieces.append(large)
for large in pieces:
    libc.free(large)
grown = host_memory._private_bytes()
host_memory.give_back_excess()
print((grown - before) >> 20, (host_memory._private_bytes() - before) >> 20)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="a property of glibc's allocator")
def test_a_heap_in_pieces_is_given_back():
    command = [sys.executable, "-c", FRAGMENTS]
    grown, left = map(
        int, subprocess.run(command, capture_output=True, text=True, check=True, timeout=300).stdout.split()
    )
    assert grown >= 400 and left < 100
