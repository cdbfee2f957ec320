"""NumPy values and settings inside PyTorch files, read without trusting the file.

Training scripts save numbers such as `np.float64(3.0)` beside the weights, and PyTorch reads them with `weights_only`
if it is told what stands for NumPy's constructors, and for the dictionaries that hold settings. NumPy's own would not
be safe: the pickled state of a dtype sets its flags and field offsets, with which a file can have numbers taken for
pointers. Those here know plain numbers only.
"""

import pickle
import re
from collections import OrderedDict
from collections.abc import Callable

import numpy as np


class Dtype:
    """Stands for `numpy.dtype` of booleans and of whole, real or complex numbers; `value` is that one."""

    def __init__(self, name, align=False, copy=False):
        if not re.fullmatch(r"[biufc]\d{1,2}", str(name)):
            raise pickle.UnpicklingError(f"dtype {name!r}")
        self.value = np.dtype(name)

    def __setstate__(self, state):
        self.value = self.value.newbyteorder(state[1])


class Array(np.ndarray):
    """Stands for `numpy.ndarray`; empty until its state is set."""

    def __new__(cls, *_):
        return super().__new__(cls, (0,), np.uint8)

    def __setstate__(self, state):
        _, shape, dtype, fortran, data = state
        # Checks the number of bytes and the shape.
        array = _numbers(dtype, data).reshape(shape, order="F" if fortran else "C")
        super().__setstate__((1, array.shape, array.dtype, bool(fortran), data))


def _reconstruct(*_):
    return Array()


def _scalar(dtype, data):
    return _numbers(dtype, data).reshape(())[()]


def _no_bytes(*_):
    return b""


def _from_buffer(data, dtype, shape, order):
    return _numbers(dtype, data).reshape(shape, order="F" if order == "F" else "C")


def _numbers(dtype, data):
    """bytes -> array [N]."""
    if not isinstance(dtype, Dtype) or not isinstance(data, bytes | bytearray):
        raise pickle.UnpicklingError("a NumPy value without type or bytes")
    return np.frombuffer(data, dtype.value) if data else np.zeros(0, dtype.value)


class Options:
    """Stands for `argparse.Namespace`, the flags of a training script, none of which is kept."""

    def __setstate__(self, state):
        pass


# (what stands for it, the name in a pickle), for torch.serialization.safe_globals. NumPy 1 and 2 differ in a folder.
SAFE_GLOBALS: tuple[tuple[Callable, str], ...] = (
    (Dtype, "numpy.dtype"),
    (Array, "numpy.ndarray"),
    (_no_bytes, "builtins.bytes"),  # the data of an empty array
    (Options, "argparse.Namespace"),
    (OrderedDict, "easydict.EasyDict"),  # settings; its own class would run code for every entry
    *((_scalar, f"numpy.{core}.multiarray.scalar") for core in ("core", "_core")),
    *((_reconstruct, f"numpy.{core}.multiarray._reconstruct") for core in ("core", "_core")),
    *((_from_buffer, f"numpy.{core}.numeric._frombuffer") for core in ("core", "_core")),
)
