"""What predict.py of every kind has in common: the weights and programs of an exported folder, and the command line."""

import csv
import json
import pathlib
import sys

import jax
import numpy as np


class Exported:
    """An exported folder: `about` is its model.json, `run` runs its programs."""

    def __init__(self, folder=None):
        """`folder`: that of this file by default."""
        self.folder = pathlib.Path(folder or pathlib.Path(__file__).resolve().parent)
        sys.path.append(str(self.folder))  # where flatbuffers lies, if it is not installed
        self.about = json.loads((self.folder / "model.json").read_text(encoding="utf-8"))
        with np.load(self.folder / "weights.npz") as weights:
            self._weights = {name: jax.device_put(weights[name]) for name in weights.files}
        self._programs = {}

    def features(self, path):
        """The features of a file, float [N, D]."""
        stored = np.load(path)
        return stored.T if self.about["time_axis"] == "last" else stored

    def times(self, path):
        """(centres [N], edges [N + 1]) in seconds of the rows of a file, which VIDEO.json beside it says; or None."""
        beside = pathlib.Path(path).with_suffix(".json")
        if not beside.is_file():
            if self.about.get("timed"):
                raise ValueError(f"no {beside.name} beside it, which says where its rows lie in time")
            return None
        told = json.loads(beside.read_text(encoding="utf-8"))
        centres = told["times"] or told["first_time"] + (told["stride"] or 0.0) * np.arange(told["rows"])
        centres, video = np.asarray(centres, np.float64), told["video"]
        between = (centres[1:] + centres[:-1]) / 2
        edges = told.get("edges") or [video.get("start") or 0.0, *between.tolist(), video["duration"]]
        return centres, np.asarray(edges, np.float64)

    def length_of(self, rows):
        """The shortest length that a program has for so many rows."""
        lengths = [length for length in self.about["lengths"] if length >= rows]
        if rows < 1 or not lengths:
            most = max(self.about["lengths"])
            raise ValueError(f"a video of {rows} rows; expected 1 to {most}. Export again with --longest {rows}.")
        return lengths[0]

    def run(self, length=None, **arrays):
        """What the network gives for one video, whose arrays [rows, ...] are padded with zeros to `length` or more."""
        rows = len(arrays["mask"])
        length = self.length_of(length or rows)
        if length not in self._programs:
            program = jax.export.deserialize(bytearray((self.folder / f"programs/{length}.bin").read_bytes()))
            self._programs[length] = jax.jit(program.call)
        padded = {}
        for name, array in arrays.items():
            each = len(array) // rows  # several frames may belong to a row
            padded[name] = np.pad(array, [(0, (length - rows) * each)] + [(0, 0)] * (array.ndim - 1))[None]
        found = {name: np.asarray(values)[0] for name, values in self._programs[length](self._weights, padded).items()}
        if not found.pop("finite"):
            raise ValueError("the network gives numbers that are not finite")
        return found

    def check(self, features):
        """Features as float32 [N, D]; ValueError for other shapes and numbers that are not finite."""
        features, width = np.asarray(features, np.float32), self.about["feature_dim"]
        if features.ndim != 2 or features.shape[1] != width or not len(features):
            raise ValueError(f"features of shape {features.shape}; expected (frames, {width}), at least one frame")
        if not np.isfinite(features).all():
            raise ValueError("features that are NaN or infinite; expected finite numbers")
        return features


def write_csv(path, rows, number="{:.4f}".format):
    """Writes dicts with the same keys; `number` gives the text of a float."""
    with open(path, "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(rows[0] if rows else ())
        for row in rows:
            writer.writerow(number(value) if isinstance(value, float) else value for value in row.values())


def _stop(text):
    print(text, file=sys.stderr)
    sys.exit(2)


def main(predict_file):
    """python predict.py OUTPUT FILE ...: calls `predict_file(file, path of the results without an ending)`.

    What is wrong with a file does not stop the others; the exit code is 1 then, and 2 where nothing can be done.
    """
    if len(sys.argv) < 3:
        _stop("usage: python predict.py OUTPUT FILE.npy ...")
    output, *files = map(pathlib.Path, sys.argv[1:])
    names = [file.stem for file in files]
    if doubled := sorted({name for name in names if names.count(name) > 1}):
        _stop(f"several files are called {', '.join(doubled)}: their results would be one; give each another OUTPUT")
    try:
        output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        _stop(f"{output} cannot be made ({error.strerror}); expected a folder for the results")
    problems = []
    for file in files:
        try:
            predict_file(file, output / file.stem)
        except (OSError, ValueError) as error:
            problems.append(f"{file}: {error}")
    sys.exit("\n".join(problems) or None)
