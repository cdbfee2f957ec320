"""Writes the folder of an exported network.

model.json     what it is, and what predict.py has to know; written last: without it the folder is none
weights.npz    its weights as the programs take them, by name
programs/      LENGTH.bin, a program of `jax.export` (serialised StableHLO) for videos padded to LENGTH rows
classes.txt    name of every class, one per line
predict.py     reads all of this with jax and NumPy alone
flatbuffers/   a package in which jax reads programs, and which is not installed with it
"""

import importlib
import importlib.metadata
import inspect
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
from fact_jax.inference.export.readers import common
from fact_jax.types import UserError

VERSION = 1
ABOUT, WEIGHTS, PROGRAMS, CLASSES, READER = "model.json", "weights.npz", "programs", "classes.txt", "predict.py"
FLATBUFFERS = "flatbuffers"
PLATFORMS = ("cpu", "cuda", "tpu")
# Ends a line that a reader needs in this library alone.
_JOINT = f"from {common.__name__} import"


def write_export(
    folder, function: Callable, weights: dict[str, np.ndarray], plan: ExportPlan, about: dict[str, Any], say
) -> None:
    """Writes the folder; one that holds an earlier export gets the new one.

    Args:
      folder: created.
      function: from weights by name and arrays of one video, [1, ...] by name, to what the network gives; pure.
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
    platforms: Sequence[str] = PLATFORMS
    for number, length in enumerate(plan.lengths, 1):
        arrays = {
            name: jax.ShapeDtypeStruct((1, *spec.shape), spec.dtype) for name, spec in plan.arrays(length).items()
        }
        say(f"writing the program for {length} rows ({number} of {len(plan.lengths)})")
        try:
            program = _program(function, platforms, shapes, arrays)
        except NotImplementedError:
            platforms = _platforms(function, platforms, shapes, arrays, say)
            program = _program(function, platforms, shapes, arrays)
        files.atomic_write_bytes(folder / PROGRAMS / f"{length}.bin", bytes(program.serialize()))
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **weights)
    files.atomic_write_bytes(folder / WEIGHTS, buffer.getvalue())
    files.atomic_write_text(folder / CLASSES, "".join(f"{name}\n" for name in about["class_names"]))
    files.atomic_write_text(folder / READER, reader_text(plan.reader))
    for path in importlib.metadata.files("flatbuffers") or ():
        if path.suffix == ".py" or path.name == "METADATA":
            text = path.read_text(encoding="utf-8")
            files.atomic_write_text(folder / FLATBUFFERS / path.relative_to(path.parts[0]), text)
    content = {"version": VERSION, **about, **plan.settings, "lengths": list(plan.lengths)}
    content |= {"platforms": list(platforms), "jax": jax.__version__}
    files.atomic_write_text(folder / ABOUT, json.dumps(content, indent=2, allow_nan=False) + "\n")
    numbers = sum(array.size for array in weights.values())
    say(
        f"wrote {folder}: {numbers:,} numbers, programs for up to {plan.lengths[-1]} rows on {', '.join(platforms)}; "
        f"python {folder / READER} OUTPUT FILE ... predicts with jax and NumPy alone"
    )


def reader_text(name: str) -> str:
    """Text of predict.py: the module of the readers with this name, and what it takes from `readers.common`."""
    module = importlib.import_module(f"{common.__name__.rpartition('.')[0]}.{name}")
    shared, own = inspect.getsource(common), inspect.getsource(module)
    docstring, _, code = own.partition('"""\n\n')
    imports = [line for text in (shared, code) for line in text.splitlines() if line.startswith("import ")]
    bodies = [_body(text) for text in (shared, code)]
    # Standard library first, as the files themselves have it.
    others = sorted({line for line in imports if line not in ("import jax", "import numpy as np")})
    head = "\n".join([*others, "", "import jax", "import jax.export", "import numpy as np"])
    return f'{docstring}"""\n\n{head}\n\n\n' + "\n\n\n".join(bodies) + "\n"


def _body(text):
    """The code of a module without its docstring, imports and blank lines around."""
    lines = text.splitlines()
    starts = [number for number, line in enumerate(lines) if line.startswith(("import ", _JOINT))]
    return "\n".join(lines[starts[-1] + 1 :]).strip("\n")


def _check_folder(folder):
    if folder.exists() and not folder.is_dir():
        raise UserError(f"--output {folder} is a file, expected a folder.")
    known = {ABOUT, WEIGHTS, PROGRAMS, CLASSES, READER, FLATBUFFERS}
    others = sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []
    if others and not known & set(others):
        raise UserError(f"--output {folder} holds other files ({others[0]}, ...), expected a new folder or an export.")


def _program(function, platforms, weights, arrays):
    return jax.export.export(jax.jit(function), platforms=list(platforms))(weights, arrays)


def _platforms(function, platforms, weights, arrays, say):
    """Those of the platforms for which a program can be written; a line for each of the others."""
    found = []
    for platform in platforms:
        try:
            _program(function, [platform], weights, arrays)
            found.append(platform)
        except NotImplementedError as error:
            say(f"no program for {platform}: {str(error).splitlines()[0]}")
    if not found:
        raise UserError("No program can be written of this network: the lines above say why.")
    return found
