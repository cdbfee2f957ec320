"""Reads and writes other people's weight files: state dicts of PyTorch, safetensors and NumPy archives.

A file from outside is data. PyTorch files are pickles, which can run code when they are loaded, so they are read with
`weights_only` and refused if they need more than tensors and numbers. PyTorch itself is imported only where such a file
is met. A file that would unpack to many times its size is refused: weights hardly shrink, and what does is made to fill
the memory.
"""

import io
import pickle
import re
import struct
import tarfile
import tokenize
import warnings
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import safetensors.numpy

from fact_jax import files
from fact_jax.models.weights import torchscript
from fact_jax.ops import numpy_pickles
from fact_jax.types import UserError, check_choice

TORCH_SUFFIXES = (".pth", ".pt", ".net", ".prm", ".tar")
SUFFIXES = (*TORCH_SUFFIXES, ".safetensors", ".npz")
EXPECTED = "a state dict: a PyTorch file (.pth .pt .net .prm .tar), a .safetensors file or an .npz file"

# Where a checkpoint with more than the weights keeps them.
NESTED_KEYS = (
    "state_dict",
    "model_state_dict",
    "model_state",
    "model",
    "module",
    "net",
    "network",
    "weights",
    "params",
)
# Where it keeps a moving average of them, which is what the published code evaluates.
AVERAGED_KEY = "state_dict_ema"
# Put before every name by the wrappers DataParallel and torch.compile.
WRAPPERS = ("module.", "_orig_mod.")
# What readers raise for a damaged file, which takes them to places where they did not expect to be.
DAMAGED = (ArithmeticError, AssertionError, AttributeError, EOFError, LookupError)
DAMAGED += (MemoryError, OSError, TypeError, ValueError)


class StateDict(NamedTuple):
    """What a weight file holds, in its order: booleans, whole or real numbers.

    Types that NumPy lacks, bfloat16 and those of 8 bits, come as float32. The notes have a line for everything that was
    done on the way: a prefix removed, an entry left out.
    """

    tensors: dict[str, np.ndarray]
    notes: tuple[str, ...]


def read_state_dict(path, *, averaged: bool = True) -> StateDict:
    """Reads a state dict; the format is recognised by the content, whatever the file is called.

    Of a checkpoint that has the weights and their moving average, `averaged` takes the latter.

    Raises:
      UserError: the file is missing, of another kind, cut short, empty, needs code to be run, holds other entries
        than numbers, or PyTorch is needed and not installed.
    """
    path = Path(path)
    readers = {"safetensors": _read_safetensors, "npz": _read_npz, "torch": _read_torch}
    read = (readers | {"torchscript": _read_torchscript})[_kind(path)]
    entries, notes = _find_tensors(path, read(path), averaged)
    tensors = {str(name): entry for name, entry in entries.items() if _is_tensor(entry)}
    _check_unpacked(path, sum(_num_bytes(tensor) for tensor in tensors.values()))
    others = [f"{name} ({type(entry).__name__})" for name, entry in entries.items() if not _is_tensor(entry)]
    if others:
        notes.append(f"left out what is no tensor: {_listing(others)}")
    tensors = {name: _to_numpy(path, name, tensor) for name, tensor in tensors.items()}
    strange = [f"{name} ({tensor.dtype})" for name, tensor in tensors.items() if tensor.dtype.kind not in "fiub"]
    if strange:
        raise UserError(f"{path} has entries of types unknown to weights: {_listing(strange)}; expected real numbers.")
    return StateDict(_unwrap(tensors, notes), tuple(notes))


def write_state_dict(path, tensors: Mapping[str, np.ndarray], *, below=(), prefix="") -> Path:
    """Writes a state dict in the format of the suffix, one of SUFFIXES, in one step; such a file is replaced.

    PyTorch files keep the order. They hold the state dict under the names `below`, where other code looks for it, if
    any, with a prefix before every name.

    Raises:
      UserError: as `check_output`, or the file cannot be written.
    """
    path = check_output(path)
    # safetensors stores the memory of an array whatever its strides say.
    tensors = {name: np.array(tensor, order="C") for name, tensor in tensors.items()}
    buffer = io.BytesIO()
    if path.suffix == ".safetensors":
        buffer.write(safetensors.numpy.save(tensors, metadata={"format": "pt"}))
    elif path.suffix == ".npz":
        np.savez(buffer, **tensors)  # pyrefly: ignore[bad-argument-type]
    else:
        torch = _import_torch(path)
        held = {f"{prefix}{name}": torch.from_numpy(tensor) for name, tensor in tensors.items()}
        torch.save(dict.fromkeys(below, held) if below else held, buffer)
    try:
        return files.atomic_write_bytes(path, buffer.getvalue())
    except OSError as error:
        raise UserError(f"{path} cannot be written: {error.strerror}.") from error


def check_output(path) -> Path:
    """Returns `path` if `write_state_dict` knows how to write it; asked before any long work.

    Raises:
      UserError: no known suffix, a folder, or PyTorch is needed and not installed.
    """
    path = Path(path)
    check_choice(f"the ending of {path}", path.suffix, SUFFIXES)
    if path.is_dir():
        raise UserError(f"{path} is a folder; expected the name of a file to write.")
    if path.suffix in TORCH_SUFFIXES:
        _import_torch(path)
    return path


def _kind(path):
    """Returns "torch", "torchscript", "safetensors" or "npz" by the first bytes and, in a zip archive, its members."""
    try:
        with files.open_data(path) as file:
            head = file.read(512)
    except FileNotFoundError:
        raise UserError(f"{path} does not exist; expected {EXPECTED}.") from None
    except IsADirectoryError:
        raise UserError(f"{path} is a folder; expected {EXPECTED}.") from None
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}.") from error
    if not head:
        raise UserError(f"{path} is empty; expected {EXPECTED}.")
    if head.startswith(b"PK"):
        try:
            with zipfile.ZipFile(path) as archive:
                names, doubled = archive.namelist(), files.doubled_member(archive)
                unpacked = sum(member.file_size for member in archive.infolist())
        except (zipfile.BadZipFile, NotImplementedError, UnicodeDecodeError) as error:
            raise UserError(f"{path} is cut short or damaged: its table of contents cannot be read.") from error
        if doubled:
            raise UserError(f"{path} holds {doubled!r} twice; expected every tensor once.")
        _check_unpacked(path, unpacked)
        _check_bytes(path)
        if torchscript.is_archive(names):
            return "torchscript"
        if any(name.endswith("/data.pkl") for name in names):
            return "torch"
        if any(name.endswith(".npy") for name in names):
            return "npz"
        raise UserError(f"{path} is a zip archive with {_listing(names)}; expected {EXPECTED}.")
    # A pickle of protocol 2, as torch.save wrote before its zip format, or the tar archive it wrote before that.
    if head.startswith(b"\x80") or head[257:262] == b"ustar":
        return "torch"
    # Eight bytes of length, then the header in JSON.
    if head[8:9] == b"{" or path.suffix == ".safetensors":
        return "safetensors"
    raise UserError(f"{path} begins with {head[:16]!r}, which no weight file does; expected {EXPECTED}.")


def _check_unpacked(path, num_bytes):
    """Raises UserError if so many bytes are too many for a file of this size."""
    size = path.stat().st_size
    if files.unpacks_to_too_much(num_bytes, size):
        raise UserError(
            f"{path} has {size} bytes and would take {num_bytes} in memory, more than {files.MOST_UNPACKED} times as "
            "many, which no weights do; expected numbers that are all in the file."
        )


def _check_bytes(path):
    """Raises UserError if a member of a zip archive does not have its own checksum, which PyTorch does not look at."""
    try:
        with zipfile.ZipFile(path) as archive:
            damaged = archive.testzip()
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError) as error:
        raise UserError(f"{path} is cut short or damaged: {error}.") from error
    except (NotImplementedError, RuntimeError):
        return  # packed or encrypted in a way that Python does not know: the reader says so
    if damaged:
        found = f"the bytes of {damaged!r} are not those that were written (CRC-32)"
        raise UserError(f"{path} is damaged: {found}. Get the file again.")


def _num_bytes(tensor):
    """Bytes of an array or a PyTorch tensor; those of a view that repeats a number count every time."""
    return tensor.nbytes if isinstance(tensor, np.ndarray) else tensor.numel() * tensor.element_size()


def _read_safetensors(path):
    try:
        with safetensors.safe_open(path, framework="numpy") as file:
            return {name: file.get_tensor(name) for name in file.keys()}
    except (safetensors.SafetensorError, TypeError, AttributeError) as error:
        # NumPy has no name for some element types; the library then fails to find one.
        raise UserError(f"{path} cannot be read as a safetensors file: {error}. It may be cut short.") from error


def _read_npz(path):
    try:
        with np.load(path, allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
    except (*DAMAGED, RuntimeError, SyntaxError, zipfile.BadZipFile, zlib.error, tokenize.TokenError) as error:
        # RuntimeError: an encrypted archive, or one packed in a way that Python does not know. SyntaxError, TokenError
        # and MemoryError: a header that is none, announces more than there is memory, or is nested too deeply.
        raise UserError(f"{path} cannot be read as an .npz file: {error}.") from error


def _read_torchscript(path):
    try:
        return torchscript.read(path)
    except pickle.UnpicklingError as error:
        raise UserError(
            f"{path} is a TorchScript archive whose modules hold something else than tensors ({error}); expected one "
            "such as those in which CLIP is published."
        ) from error
    except (*DAMAGED, RuntimeError, zipfile.BadZipFile, zlib.error) as error:
        raise UserError(f"{path} cannot be read as a TorchScript archive: {error}. It may be damaged.") from error


def _import_torch(path):
    try:
        import torch
    except ImportError:
        raise UserError(
            f"{path} is a PyTorch file, and PyTorch is not installed. Install it: pip install torch (the CPU version "
            "is enough), or use a .safetensors file, which needs no PyTorch."
        ) from None
    return torch


def _read_torch(path):
    torch = _import_torch(path)
    try:
        # Its warnings are for those who program with it; what they announce ends in a message below.
        with warnings.catch_warnings(), torch.serialization.safe_globals(list(numpy_pickles.SAFE_GLOBALS)):
            warnings.simplefilter("ignore", UserWarning)
            return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        needed = re.search(r"GLOBAL ([\w.]+)", str(error))
        what = f" ({needed[1]})" if needed else ""
        raise UserError(
            f"{path} holds objects that are not plain numbers{what}. Loading such objects can run code, so the file is "
            "not loaded; expected a state dict, tensors by name. If you trust the file, write its state dict where it "
            'was made: torch.save(model.state_dict(), "weights.pth").'
        ) from error
    except (*DAMAGED, RuntimeError, struct.error, tarfile.TarError) as error:
        reason = str(error).strip().splitlines()
        reason = reason[0] if reason else type(error).__name__
        raise UserError(f"{path} cannot be read as a PyTorch file: {reason}. It may be cut short.") from error


def _is_tensor(entry):
    """Whether an entry is an array or a PyTorch tensor; without importing PyTorch."""
    return isinstance(entry, np.ndarray) or hasattr(entry, "detach")


def _find_tensors(path, entries, averaged) -> tuple[Mapping[str, Any], list[str]]:
    """Returns the mapping that holds the tensors, the content itself or one of its entries, and notes."""
    if not isinstance(entries, Mapping):
        raise UserError(f"{path} holds one {type(entries).__name__}; expected a state dict, tensors by name.")
    groups = {key: entry for key, entry in entries.items() if isinstance(entry, Mapping)}
    nested = [key for key, entry in groups.items() if any(map(_is_tensor, entry.values()))]
    preferred = (AVERAGED_KEY, *NESTED_KEYS) if averaged else (*NESTED_KEYS, AVERAGED_KEY)
    known = [key for key in preferred if key in nested]
    # Beside the weights of a checkpoint may lie other arrays; a state dict has no mappings in it.
    if not known and any(_is_tensor(entry) for entry in entries.values()):
        return entries, []
    if not nested:
        found = _listing([f"{key} ({type(entry).__name__})" for key, entry in entries.items()]) or "nothing"
        raise UserError(f"{path} has no tensors, it holds {found}; expected a state dict, tensors by name.")
    if not known and len(nested) > 1:
        names = ", ".join(NESTED_KEYS)
        sets = f"{path} holds several sets of tensors: {_listing(nested)}."
        raise UserError(f"{sets} Expected one, or one of the names {names}.")
    chosen = (known or nested)[0]
    others = [str(key) for key in entries if key != chosen]
    notes = [f"the weights lie below {chosen!r}"]
    if others:
        notes.append(f"left out what lies beside them: {_listing(others)}")
    return entries[chosen], notes


def _to_numpy(path, name, tensor):
    if isinstance(tensor, np.ndarray):
        # 2: a type from outside NumPy, here bfloat16 and its like of the ml_dtypes package.
        return tensor.astype(np.float32) if tensor.dtype.isbuiltin == 2 else np.asarray(tensor)
    torch = _import_torch(path)
    if tensor.layout is not torch.strided or tensor.is_quantized:
        raise UserError(f"{path}: {name} is sparse or quantised; expected plain numbers.")
    # NumPy has the float types of 2, 4 and 8 bytes.
    foreign = tensor.is_floating_point() and tensor.dtype not in (torch.float16, torch.float32, torch.float64)
    try:
        tensor = tensor.detach().cpu()
        return (tensor.float() if foreign else tensor).numpy()
    except (TypeError, RuntimeError) as error:
        raise UserError(f"{path}: {name} is of the type {tensor.dtype}; expected real numbers.") from error


def _unwrap(tensors, notes):
    """Removes prefixes that every name has."""
    prefix = next((prefix for prefix in WRAPPERS if all(name.startswith(prefix) for name in tensors)), None)
    if prefix is None:
        return tensors
    notes.append(f"removed {prefix!r} from every name")
    return _unwrap({name.removeprefix(prefix): tensor for name, tensor in tensors.items()}, notes)


def _listing(names, limit=5):
    """Joins names, at most `limit` of them."""
    names = list(map(str, names))
    more = f" and {len(names) - limit} more" if len(names) > limit else ""
    return ", ".join(names[:limit]) + more
