"""What the readers of all kinds have in common; see there."""

import importlib
import json
import pathlib
import sys

import jax
import jax.export
import numpy as np

HERE = pathlib.Path(__file__).resolve().parent
sys.path.append(str(HERE))  # jax reads programs with flatbuffers, which lies here in case it is not installed


class Exported:
    """An exported folder, by default that of this file."""

    def __init__(self, folder=HERE):
        self.folder, self.programs = pathlib.Path(folder), {}
        self.about = json.loads((self.folder / "model.json").read_bytes())
        self.weights = jax.device_put(dict(np.load(self.folder / "weights.npz")))

    def run(self, rows, **told):
        """What the program for the shortest length that holds rows [N, ...] gives; ValueError: it takes others."""
        shape, lengths = tuple(self.about["row_shape"]), self.about["lengths"]
        if rows.shape[1:] != shape or not 1 <= len(rows) <= lengths[-1] or not np.isfinite(rows).all():
            expected = f"1 to {lengths[-1]} rows of shape {shape}, all finite (longer: --mode export --longest ROWS)"
            raise ValueError(f"an array of shape {rows.shape}; expected {expected}")
        length = min(length for length in lengths if length >= len(rows))
        if length not in self.programs:
            stored = (self.folder / f"programs/{length}.bin").read_bytes()
            self.programs[length] = jax.jit(jax.export.deserialize(bytearray(stored)).call)
        padded = np.zeros((length, *shape), np.float32)
        padded[: len(rows)] = rows
        found = self.programs[length](self.weights, {"rows": padded, "number": np.int32(len(rows)), **told})
        if not found["finite"]:
            raise ValueError("the network gives numbers that are not finite")
        return {name: np.asarray(values) for name, values in found.items()}


def start(model_class):
    """The command line; exit code 2: the folder is not whole."""
    try:
        importlib.import_module("predict_command").main(model_class)
    except ImportError as error:
        print(f"{HERE} is no whole export ({error}): copy all of the folder, or export again", file=sys.stderr)
        sys.exit(2)
