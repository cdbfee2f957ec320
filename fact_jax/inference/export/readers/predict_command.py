"""The command line of predict.py: files of features or frames in, tables and embeddings out; needs NumPy alone."""

import csv
import hashlib
import json
import math
import pathlib
import sys
import zipfile

import numpy as np

from fact_jax.inference.export.readers.predict_rows import read_times, seen_times


def main(model_class):
    """python predict.py OUTPUT FILE ...

    What is wrong with a file does not stop the others; the exit code is 1 then, and 2 where nothing can be done.
    """
    if len(sys.argv) < 3:
        _stop("usage: python predict.py OUTPUT FILE.npy ...")
    output, *files = map(pathlib.Path, sys.argv[1:])
    names = [file.stem for file in files]
    if doubled := sorted({name for name in names if names.count(name) > 1}):
        _stop(f"several files are called {', '.join(doubled)}: their results would be one; give each another OUTPUT")
    folder = pathlib.Path(__file__).resolve().parent
    if damaged := faults(folder):
        _stop(f"{folder} is no whole export ({', '.join(damaged)}): copy all of the folder, or export again")
    model = model_class(folder)
    try:
        output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        _stop(f"{output} cannot be made ({error.strerror}); expected a folder for the results")
    write, problems = WRITERS[model.about["kind"]], []
    for file in files:
        try:
            write(model, file, output / file.stem)
        except (OSError, ValueError) as error:
            problems.append(f"{file}: {error}")
    sys.exit("\n".join(problems) or None)


def faults(folder):
    """What is damaged or missing in an exported folder, by the checksums in its model.json."""
    try:
        checksums = json.loads((folder / "model.json").read_bytes())["files"].items()
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        return [f"model.json: {error}"]
    found = []
    for name, checksum in checksums:
        path = folder / name
        if not path.is_file():
            found.append(f"{name} is missing")
        elif hashlib.sha256(path.read_bytes()).hexdigest() != checksum:
            found.append(f"{name} is damaged")
    return found


def _stop(text):
    print(text, file=sys.stderr)
    sys.exit(2)


def write_labels(model, path, result):
    """VIDEO.txt and VIDEO.csv of one file of features."""
    features = _array(path)
    features = features.T if model.about["time_axis"] == "last" else features
    times, found = _times(model, path, features), model.predict(features)
    with open(f"{result}.txt", "w", encoding="utf-8", newline="") as file:
        file.writelines(f"{model.about['class_names'][label]}\n" for label in found["labels"])
    _write_csv(f"{result}.csv", model.segments(found, times and times[1]), "{:.4f}".format)


def write_detections(model, path, result):
    """VIDEO.csv of one file of features."""
    features, rows = _array(path), []
    times = _times(model, path, features)
    if times is not None:
        times = seen_times(*times, model.about["every"], model.about["resize_to"])
    found = model.predict(features, times=times)
    for (start, end), score, label in zip(*(values.tolist() for values in found), strict=True):
        if math.isfinite(start) and math.isfinite(end):
            row = {"video-id": path.stem, "t-start": _digits(start), "t-end": _digits(end)}
            rows.append(row | {"label": model.about["class_names"][label], "score": _digits(score)})
    _write_csv(f"{result}.csv", rows, str)


def write_embeddings(model, path, result):
    """VIDEO.npy of one file of frames."""
    np.save(f"{result}.npy", model.predict(_array(path)))


WRITERS = {"segmentation": write_labels, "localization": write_detections, "representation": write_embeddings}


def _array(path):
    try:
        stored = np.load(path)
    except (EOFError, zipfile.BadZipFile) as error:
        raise ValueError(f"it cannot be read: {error}") from error
    if not isinstance(stored, np.ndarray):
        raise ValueError("it holds several arrays; expected one, .npy")
    if stored.ndim < 2 or stored.dtype.kind not in "fiub":
        raise ValueError(
            f"an array of shape {stored.shape} and type {stored.dtype}; expected numbers, rows by channels"
        )
    return stored


def _times(model, path, features):
    times = read_times(path)
    if times is None and model.about["timed"]:
        raise ValueError(f"no {path.stem}.json beside it, which says where its rows lie in time")
    if times is not None and len(times[0]) != len(features):
        raise ValueError(f"{len(features)} rows, and {path.stem}.json is of {len(times[0])}")
    return times


def _write_csv(path, rows, number):
    """Writes dicts with the same keys; `number` gives the text of a float."""
    with open(path, "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(rows[0] if rows else ())
        for row in rows:
            writer.writerow(number(value) if isinstance(value, float) else value for value in row.values())


def _digits(value):
    """A number with the digits that float32 has."""
    return float(f"{value:.9g}")
