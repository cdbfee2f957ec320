"""Errors of C++ that nobody catches, thrown by the C++ library of the system, in a process of their own."""

import subprocess
import sys

import pytest

PROGRAM = """
import ctypes, os, sys
from fact_jax.training import cpp_errors

def end():
    print("told", flush=True)
    os._exit(7)

names = {"first": (b"St9exception", b"St12length_error"), "none": (b"St9exception",)}[sys.argv[1]]
if not cpp_errors.on_uncaught(names, end):
    sys.exit(5)
# std::__throw_length_error(char const*), which nobody on the way here catches.
ctypes.CDLL("libstdc++.so.6")._ZSt20__throw_length_errorPKc(b"too long")
"""


@pytest.mark.skipif(sys.platform != "linux", reason="needs the C++ library of GNU")
@pytest.mark.parametrize("which", ["first", "none"])
def test_errors_of_the_given_types_are_told(which):
    done = subprocess.run([sys.executable, "-c", PROGRAM, which], capture_output=True, text=True, timeout=120)
    if which == "first":
        assert (done.returncode, done.stdout) == (7, "told\n"), done.stderr
    else:
        # The end that the system has for them.
        assert done.returncode == -6 and "told" not in done.stdout and "length_error" in done.stderr
