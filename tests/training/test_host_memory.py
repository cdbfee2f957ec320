"""A program's memory stays with the process: its next run touches no new page."""

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
x = jnp.ones((2**21,))
run = jax.jit(lambda x: jnp.sum(jnp.sort(jnp.sin(x[:, None] * jnp.arange(6.0)).reshape(-1)[::-1])))
for _ in range(3):
    run(x).block_until_ready()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(5):
    run(x).block_until_ready()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="a property of glibc's allocator")
def test_runs_touch_no_new_pages():
    faults = {}
    for mode in ("keep", "leave"):
        command = [sys.executable, "-c", SCRIPT, mode]
        result = subprocess.run(command, capture_output=True, text=True, check=True, env=None, timeout=120)
        faults[mode] = int(result.stdout)
    assert faults["keep"] < 200
    assert faults["leave"] > 10 * faults["keep"] + 1000
