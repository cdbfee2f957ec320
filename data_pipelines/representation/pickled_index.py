"""Lists of videos that somebody pickled, read without running anything that the file names.

Published lists hold dictionaries of texts, numbers, PyTorch tensors and NumPy arrays. Python's own reader would call
whatever function a file names. The one here knows the instructions that such values need and no others, and puts
functions of its own in the place of the few names that it takes; PyTorch is not needed.
"""

import io
import math
import pickle
import pickletools
import struct
from typing import ClassVar

import numpy as np

from data_pipelines.core.problems import Problem
from fact_jax.files import read_data
from fact_jax.ops.numpy_pickles import SAFE_GLOBALS, Array, Dtype

_MAX_BYTES = 1 << 30
_MAX_DEPTH = 20  # of lists in lists
# Of the format in which PyTorch stored a tensor before it had archives.
_MAGIC, _PROTOCOL = 0x1950A86A20F9469CFC6C, 1001
_STORAGES = {
    "Long": "<i8", "Int": "<i4", "Short": "<i2", "Char": "<i1", "Byte": "<u1", "Bool": "?",
    "Float": "<f4", "Double": "<f8", "Half": "<f2",
}  # fmt: skip
# Instructions of the format; left out are those that make objects of any class, or ask for extensions.
_INSTRUCTIONS = """
    PROTO FRAME STOP MARK POP POP_MARK MEMOIZE PUT BINPUT LONG_BINPUT GET BINGET LONG_BINGET NONE NEWTRUE NEWFALSE INT
    BININT BININT1 BININT2 LONG LONG1 LONG4 FLOAT BINFLOAT BINUNICODE SHORT_BINUNICODE BINUNICODE8 UNICODE BINBYTES
    SHORT_BINBYTES BINBYTES8 BYTEARRAY8 BINSTRING SHORT_BINSTRING STRING EMPTY_LIST APPEND APPENDS LIST EMPTY_DICT
    SETITEM SETITEMS DICT EMPTY_TUPLE TUPLE TUPLE1 TUPLE2 TUPLE3 GLOBAL STACK_GLOBAL REDUCE BUILD BINPERSID
""".split()
_CODES = {code.name: ord(code.code) for code in pickletools.opcodes}


class _Storage:
    """A type of PyTorch's storages, such as torch.LongStorage."""

    def __init__(self, dtype):
        self.dtype = np.dtype(dtype)


class _Name:
    """Stands for a function of the file; the interpreter alone calls it."""

    def __init__(self, function):
        self.function = function


class _Interpreter(pickle._Unpickler):
    """Python's interpreter of pickles, with fewer instructions and without the functions that they would call."""

    dispatch: ClassVar[dict] = {_CODES[name]: pickle._Unpickler.dispatch[_CODES[name]] for name in _INSTRUCTIONS}

    def __init__(self, file):
        # Texts of Python 2 are bytes.
        super().__init__(file, encoding="utf-8", errors="strict")

    def find_class(self, module, name):
        """The stand-in for a name in the file."""
        if (module, name) in _NAMES:
            return _NAMES[module, name]
        if module == "torch" and name.removesuffix("Storage") in _STORAGES and name.endswith("Storage"):
            return _Storage(_STORAGES[name.removesuffix("Storage")])
        raise pickle.UnpicklingError(f"it names {f'{module}.{name}'[:100]!r}, which no list of videos needs")

    def persistent_load(self, identifier):
        """What stands for the numbers that come after the object, in PyTorch's own format: (dtype, count)."""
        kind, storage, _, _, count, *_ = identifier
        if kind != "storage" or not isinstance(storage, _Storage):
            raise pickle.UnpicklingError("an object that lies outside of the file")
        return storage.dtype, int(count)

    def reduce(self):
        """Calls one of the functions here."""
        arguments = self.stack.pop()
        name = self.stack[-1]
        if not isinstance(name, _Name) or not isinstance(arguments, tuple):
            raise pickle.UnpicklingError("a call of something that is no function")
        self.stack[-1] = name.function(*arguments)

    def build(self):
        """Sets the state of a NumPy value."""
        state = self.stack.pop()
        if not isinstance(self.stack[-1], Array | Dtype):
            raise pickle.UnpicklingError("the state of an object of another class")
        self.stack[-1].__setstate__(state)

    dispatch[_CODES["REDUCE"]] = reduce
    dispatch[_CODES["BUILD"]] = build


def _load_storage(data):
    """The numbers of one storage, [N], from PyTorch's format without archives."""
    file = io.BytesIO(data)
    magic, protocol, system = (_Interpreter(file).load() for _ in range(3))
    if magic != _MAGIC or protocol != _PROTOCOL or not system.get("little_endian"):
        raise pickle.UnpicklingError("a tensor in an unknown form")
    dtype, count = _Interpreter(file).load()
    _Interpreter(file).load()  # names of the storages, of which there is one
    (stored,) = struct.unpack("<q", file.read(8))
    content = file.read()
    if stored != count or len(content) != count * dtype.itemsize:
        raise pickle.UnpicklingError(f"a tensor of {count} numbers in {len(content)} bytes")
    return np.frombuffer(content, dtype)


def _rebuild_tensor(storage, offset, shape, strides, *_):
    """A tensor as an array; its numbers have to lie one after the other."""
    count = math.prod(shape)
    usual = [math.prod(shape[place + 1 :]) for place in range(len(shape))]
    together = all(size <= 1 or stride == step for size, stride, step in zip(shape, strides, usual, strict=True))
    if not isinstance(storage, np.ndarray) or not together or not 0 <= offset <= offset + count <= len(storage):
        raise pickle.UnpicklingError(f"a tensor of shape {tuple(shape)} that is a view of another one")
    return storage[offset : offset + count].reshape(shape)


def _encode(text, encoding):
    if encoding != "latin1":
        raise pickle.UnpicklingError(f"text in {encoding!r:.40}")
    return text.encode("latin1")


_NAMES = {
    ("collections", "OrderedDict"): _Name(lambda *_: {}),  # of hooks, of which a stored tensor has none
    ("_codecs", "encode"): _Name(_encode),  # bytes in old protocols
    ("torch.storage", "_load_from_bytes"): _Name(_load_storage),
    ("torch._utils", "_rebuild_tensor_v2"): _Name(_rebuild_tensor),
    ("torch._utils", "_rebuild_tensor"): _Name(_rebuild_tensor),
    ("__builtin__", "bytes"): _Name(lambda *_: b""),  # of an empty array in old protocols
    **{tuple(path.rsplit(".", 1)): _Name(function) for function, path in SAFE_GLOBALS},
}


def read_pickle(path):
    """Reads a pickled list of videos: (value, problems), None where there are problems.

    Values are lists, tuples, dicts, texts, bytes, numbers, and arrays for tensors and NumPy's.
    """
    expected = "expected a list of videos pickled by Python; make it again with the published script"
    try:
        data = read_data(path, _MAX_BYTES)
    except FileNotFoundError:
        return None, [Problem(str(path), 0, "file is missing")]
    except (OSError, ValueError) as error:
        return None, [Problem(str(path), 0, f"file cannot be read ({getattr(error, 'strerror', None) or error})")]
    if data[:2] == b"PK":
        return None, [Problem(str(path), 0, "an archive of torch.save or NumPy", expected)]
    try:
        value = _Interpreter(io.BytesIO(data)).load()
        return _plain(value, {}), []
    except KeyError as error:
        code = error.args[0] if error.args else None
        name = next((name for name, known in _CODES.items() if known == code), "a broken one")
        reason = f"an instruction that no list of videos needs ({name})"
    except pickle.UnpicklingError as error:
        reason = str(error)
    except (
        ArithmeticError, AttributeError, EOFError, IndexError, MemoryError, RecursionError, TypeError, ValueError,
        struct.error,
    ) as error:  # fmt: skip
        reason = f"the file is damaged or no pickle ({type(error).__name__})"
    return None, [Problem(str(path), 0, reason, expected)]


def _plain(value, known, depth=0):
    """Stand-ins replaced by what they stand for; `known` has what was seen before, by identity."""
    if depth > _MAX_DEPTH:
        raise pickle.UnpicklingError("lists in lists in lists")
    if id(value) in known:
        return known[id(value)]
    found = value
    if isinstance(value, list | tuple):
        found = type(value)(_plain(part, known, depth + 1) for part in value)
    elif isinstance(value, dict):
        found = {_plain(key, known, depth + 1): _plain(part, known, depth + 1) for key, part in value.items()}
    elif isinstance(value, np.ndarray):
        found = np.array(value)
    elif isinstance(value, np.generic):
        found = value.item()
    elif value is not None and not isinstance(value, bool | int | float | str | bytes):
        raise pickle.UnpicklingError("a name in the place of a value")
    known[id(value)] = found
    return found
