"""Tensors of a TorchScript archive, such as those in which CLIP is published, read without PyTorch.

An archive holds a program, which is never looked at, and beside it a pickle of the modules with their tensors. The
pickle is read by an unpickler that knows nothing but modules as plain objects, lists and tensors, and gives no other
name of the file a meaning. Storages are members of the archive.

Source: torch/csrc/jit/serialization/pickler.cpp and torch/_utils.py of PyTorch 2.
"""

import pickle
import zipfile
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

PICKLE, PROGRAM = "data.pkl", "/code/"
# Class of a storage -> dtype of its numbers; those of bfloat16 are the upper halves of float32.
STORAGES = {
    "DoubleStorage": "f8",
    "FloatStorage": "f4",
    "HalfStorage": "f2",
    "BFloat16Storage": "u2",
    "LongStorage": "i8",
    "IntStorage": "i4",
    "ShortStorage": "i2",
    "CharStorage": "i1",
    "ByteStorage": "u1",
    "BoolStorage": "?",
}
NARROW = "BFloat16Storage"
_MODULES, _LISTS = "__torch__", "torch.jit._pickle"
MOST_NESTED = 100


def is_archive(names: Iterable[str]) -> bool:
    """Whether a zip archive with members of these names is one of TorchScript."""
    names = list(names)
    return any(PROGRAM in name for name in names) and any(name.endswith(f"/{PICKLE}") for name in names)


def read(path) -> dict[str, np.ndarray]:
    """Name -> array of all tensors of the modules, in the order of the file; those of bfloat16 come as float32.

    Raises:
      pickle.UnpicklingError: the pickle names something else than modules and tensors.
      ValueError, KeyError, zipfile.BadZipFile and their like: the archive is damaged.
    """
    with zipfile.ZipFile(path) as archive:
        name = next(name for name in archive.namelist() if name.endswith(f"/{PICKLE}"))
        with archive.open(name) as file:
            found = _Reader(file, archive, name.removesuffix(PICKLE)).load()
    tensors: dict[str, np.ndarray] = {}
    _collect(found, "", tensors, 0)
    return tensors


def _collect(entry, name, tensors, depth):
    """Adds the tensors below an entry by their dotted names."""
    if depth > MOST_NESTED:
        raise ValueError("modules are nested too deeply")
    if isinstance(entry, np.ndarray):
        tensors[name] = entry
    elif not isinstance(entry, Mapping | list | tuple | str | bytes | int | float | complex | None):
        for key, value in vars(entry).items():
            _collect(value, f"{name}.{key}" if name else key, tensors, depth + 1)


class _Reader(pickle.Unpickler):
    """Reads the pickle of an archive. What stands for a name is made anew for every file, as a file can change it."""

    def __init__(self, file, archive: zipfile.ZipFile, folder: str):
        super().__init__(file)
        self._archive, self._folder = archive, folder
        order = f"{folder}byteorder"
        self._order = ">" if order in archive.namelist() and archive.read(order) == b"big" else "<"
        self._storages: dict[str, np.ndarray] = {}
        self._module = type("Module", (), {})
        self._known: dict[tuple[str, str], Any] = {
            ("collections", "OrderedDict"): type("Dict", (OrderedDict,), {}),
            ("torch._utils", "_rebuild_tensor_v2"): lambda *given: _tensor(*given[:4]),
            ("torch._utils", "_rebuild_parameter"): lambda data, *_: data,
        }

    def find_class(self, module, name):
        """What stands for a name of the file."""
        if module.partition(".")[0] == _MODULES:
            return self._module
        if module == _LISTS and name.startswith("build_") and name.endswith("list"):
            return lambda values: list(values)
        if module == "torch" and name in STORAGES:
            return name
        if (module, name) in self._known:
            return self._known[module, name]
        raise pickle.UnpicklingError(f"GLOBAL {module}.{name}")

    def persistent_load(self, pid):
        """A storage, by ("storage", class, member of the archive, device, numbers)."""
        _, kind, key, _, count = pid
        if key not in self._storages:
            dtype = np.dtype(STORAGES[kind]).newbyteorder(self._order)
            numbers = np.frombuffer(self._archive.read(f"{self._folder}data/{key}"), dtype)[:count]
            if kind == NARROW:
                numbers = (numbers.astype(np.uint32) << 16).view(np.float32)
            self._storages[key] = numbers
        return self._storages[key]


def _tensor(storage, offset, shape, strides):
    """A tensor of a storage; ValueError where it lies outside of it."""
    if not isinstance(storage, np.ndarray) or len(shape) != len(strides) or min((offset, *shape, *strides)) < 0:
        raise ValueError("a tensor without storage or shape")
    last = offset + sum((size - 1) * stride for size, stride in zip(shape, strides, strict=True))
    if 0 in shape:
        return np.zeros(shape, storage.dtype)
    if last >= len(storage) or np.prod(shape, dtype=float) > len(storage):
        raise ValueError("a tensor is larger than its storage")
    steps = [stride * storage.itemsize for stride in strides]
    view = np.lib.stride_tricks.as_strided(storage[offset:], shape, steps, writeable=False)
    return np.array(view, storage.dtype.newbyteorder("="))
