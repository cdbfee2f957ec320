"""A program's memory stays with the process: its next run touches hardly a new page."""

import os
import platform
import subprocess
import sys

import pytest

SCRIPT = """
import resource, sys
import jax, jax.numpy as jnp
from fact_jax.training import host_memory
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
