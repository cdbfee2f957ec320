"""Writes the folder of an exported network.

model.json     what it is, and what predict.py has to know, with a checksum of the other files; written last: without it
               the folder is none
weights.npz    its weights as the programs take them, by name
programs/      LENGTH.bin, a program of `jax.export` (serialised StableHLO) for videos padded to LENGTH rows
classes.txt    name of every class, one per line
predict.py     reads all of this with jax and NumPy alone
predict_*.py   its command line: files in, tables out; and where rows of files lie in time
flatbuffers/   a package with which jax reads programs, and which is not installed with it
"""

import hashlib
import importlib.metadata
import io
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import jax
import jax.export
import numpy as np

from fact_jax import files
from fact_jax.inference.export.plan import ExportPlan
from fact_jax.inference.export.readers import exported
from fact_jax.types import UserError

VERSION = 2
ABOUT, WEIGHTS, PROGRAMS, CLASSES, READER = "model.json", "weights.npz", "programs", "classes.txt", "predict.py"
BESIDE = ("predict_command", "predict_rows")  # modules of `readers` that lie beside the reader
FLATBUFFERS = "flatbuffers"
PLATFORMS = ("cpu", "cuda", "tpu")


def write_export(
    folder, function: Callable, weights: dict[str, np.ndarray], plan: ExportPlan, about: dict[str, Any], say
) -> None:
    """Writes the folder; one that holds an earlier export gets the new one.

    Args:
      folder: created.
      function: from weights by name and what a program takes (`ExportPlan`) to what it gives; pure.
      weights: arrays by name.
      plan: of the kind of work.
      about: JSON values for model.json beside those of the plan: `class_names` among them.
      say: takes lines for the user.

    Raises:
      UserError: the folder holds something else, or cannot be written.
    """
    folder = Path(folder)
    _check_folder(folder)
    shapes = {name: jax.ShapeDtypeStruct(array.shape, array.dtype) for name, array in weights.items()}
    (folder / ABOUT).unlink(missing_ok=True)
    if (folder / PROGRAMS).is_dir():
        files.remove_matching(folder / PROGRAMS, ["*.bin"])
    checksums = {}

    def write(name, content: bytes):
        files.atomic_write_bytes(folder / name, content)
        checksums[name] = hashlib.sha256(content).hexdigest()

    platforms: Sequence[str] = PLATFORMS
    for number, length in enumerate(plan.lengths, 1):
        taken = {
            "rows": jax.ShapeDtypeStruct((length, *plan.row_shape), np.float32),
            "number": jax.ShapeDtypeStruct((), np.int32),
            **{name: jax.ShapeDtypeStruct((), np.float32) for name in plan.told},
        }
        say(f"writing the program for {length} rows ({number} of {len(plan.lengths)})")
        try:
            program = _program(function, platforms, shapes, taken)
        except NotImplementedError:
            platforms = _platforms(function, platforms, shapes, taken, say)
            program = _program(function, platforms, shapes, taken)
        write(f"{PROGRAMS}/{length}.bin", bytes(program.serialize()))
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **weights)
    write(WEIGHTS, buffer.getvalue())
    write(CLASSES, "".join(f"{name}\n" for name in about["class_names"]).encode())
    for name in BESIDE:
        write(f"{name}.py", _text(name).replace(f"{exported.__package__}.", "").encode())
    for path in importlib.metadata.files("flatbuffers") or ():
        if path.suffix == ".py" or path.name == "METADATA":
            write(f"{FLATBUFFERS}/{path.relative_to(path.parts[0]).as_posix()}", path.read_binary())
    files.atomic_write_text(folder / READER, reader_text(plan.reader))
    content = {"version": VERSION, **about, **plan.settings, "row_shape": list(plan.row_shape)}
    content |= {"lengths": list(plan.lengths), "platforms": list(platforms), "jax": jax.__version__, "files": checksums}
    files.atomic_write_text(folder / ABOUT, json.dumps(content, indent=2, allow_nan=False) + "\n")
    numbers = sum(array.size for array in weights.values())
    say(
        f"wrote {folder}: {numbers:,} numbers, programs for up to {plan.lengths[-1]} rows on {', '.join(platforms)}; "
        f"python {folder / READER} OUTPUT FILE ... predicts with jax and NumPy alone"
    )


def reader_text(name: str) -> str:
    """Text of predict.py: `readers.exported`, and behind it the module of the readers with this name."""
    docstring, _, own = _text(name).partition('"""\n\n')
    shared = _text("exported").partition('"""\n\n')[2]
    lines = [line for text in (shared, own) for line in text.splitlines() if line.startswith("import ")]
    installed = {"import jax", "import jax.export", "import numpy as np"}
    head = "\n".join([*sorted({*lines} - installed), "", *sorted(installed)])
    return f'{docstring}"""\n\n{head}\n\n{_body(shared)}\n\n\n{_body(own)}\n'


def _text(name):
    return Path(exported.__file__).with_name(f"{name}.py").read_text(encoding="utf-8")


def _body(text):
    """The code of a module behind its imports."""
    lines = text.splitlines()
    starts = [number for number, line in enumerate(lines) if line.startswith(("import ", "from "))]
    return "\n".join(lines[starts[-1] + 1 :]).strip("\n")


def _check_folder(folder):
    if folder.exists() and not folder.is_dir():
        raise UserError(f"--output {folder} is a file, expected a folder.")
    known = {ABOUT, WEIGHTS, PROGRAMS, CLASSES, READER, FLATBUFFERS, *(f"{name}.py" for name in BESIDE)}
    others = sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []
    if others and not known & set(others):
        raise UserError(f"--output {folder} holds other files ({others[0]}, ...), expected a new folder or an export.")


def _program(function, platforms, weights, taken):
    return jax.export.export(jax.jit(function), platforms=list(platforms))(weights, taken)


def _platforms(function, platforms, weights, taken, say):
    """Those of the platforms for which a program can be written; a line for each of the others."""
    found = []
    for platform in platforms:
        try:
            _program(function, [platform], weights, taken)
            found.append(platform)
        except NotImplementedError as error:
            say(f"no program for {platform}: {str(error).splitlines()[0]}")
    if not found:
        raise UserError("No program can be written of this network: the lines above say why.")
    return found
