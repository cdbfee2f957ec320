"""Checks of a whole dataset before training: every problem at once, with file and line."""

import pathlib

import numpy as np
from tqdm import tqdm

from data_pipelines.annotations import Problem
from data_pipelines.feature_files import FeatureFileError, frames_and_channels, map_stored
from data_pipelines.layouts import SUBSETS
from fact_jax.types import UserError

# Bytes of a feature file looked at in one go.
_CHUNK_BYTES = 16 * 2**20


def configured_subsets(layout, subsets=None):
    """Those of `subsets` (None = all) for which the dataset has a split list, in the usual order."""
    return [subset for subset in SUBSETS if subset in layout.split_files and (subsets is None or subset in subsets)]


def report_problems(layout, problems, *, report_file=None, tree="", max_shown=50):
    """Raises a UserError that lists problems, counted and grouped by file, if there are any.

    Args:
      layout: Layout the problems are about.
      problems: list of Problem.
      report_file: where the full list goes when not all are shown; None = nowhere.
      tree: the expected folder tree, shown when whole files or folders of the dataset are missing.
      max_shown: problems shown in the message.
    """
    if not problems:
        return
    rows = [f"The {layout.dataset} dataset in {layout.root}, {layout.split}, has {count_problems(problems)}:"]
    rows.append(format_problems(problems, max_shown))
    if len(problems) > max_shown and report_file is not None:
        pathlib.Path(report_file).parent.mkdir(parents=True, exist_ok=True)
        pathlib.Path(report_file).write_text("".join(f"{problem}\n" for problem in problems), encoding="utf-8")
        rows.append(f"The full list is in {report_file}")
    essential = [layout.feature_dir, layout.label_dir, layout.mapping_file, *layout.split_files.values()]
    if tree and not all(path.exists() for path in essential):
        rows.append(tree)
    raise UserError("\n".join(rows))


def count_problems(problems):
    """How many problems there are, in words: "1 problem", "2 problems"."""
    return f"{len(problems)} problem{'s' if len(problems) > 1 else ''}"


def format_problems(problems, max_shown=50):
    """Lists problems with numbers under the file each is about; `max_shown` at most, then how many are left."""
    by_path = {}
    for problem in problems:
        by_path.setdefault(problem.path, []).append(problem)
    ordered = [problem for group in by_path.values() for problem in group]
    rows, path = [], None
    for number, problem in enumerate(ordered[:max_shown], 1):
        if problem.path != path:
            path = problem.path
            rows.append(path)
        place = f"line {problem.line}: " if problem.line else ""
        rows.append(f"  {number}. {place}{problem.text}")
    if len(ordered) > max_shown:
        rows.append(f"... and {len(ordered) - max_shown} more")
    return "\n".join(rows)


def scan_values(layout, headers):
    """Looks for NaN and Inf in feature files.

    Args:
      layout: Layout.
      headers: dict from video id to the header of its feature file.

    Returns:
      list of Problem.
    """
    sizes = {video: header.dtype.itemsize * header.shape[0] * header.shape[1] for video, header in headers.items()}
    problems = []
    total = sum(sizes.values())
    with tqdm(total=total, desc="Checking values", unit="B", unit_scale=True, disable=None, delay=1) as bar:
        for video, header in headers.items():
            if header.dtype.kind == "f":
                problems += scan_file(layout.feature_file(video), header, layout.time_axis)
            bar.update(sizes[video])
    return problems


def scan_file(path, header, time_axis):
    """Looks for NaN and Inf, in storage order so that a file is read front to back once; returns a list of Problem."""
    try:
        stored = map_stored(path, header)
    except FeatureFileError as error:
        return [Problem(str(path), 0, str(error))]
    rows = stored.T if header.fortran_order else stored
    frames_first = (time_axis == "first") != header.fortran_order
    rows_per_chunk = max(1, _CHUNK_BYTES // (rows.shape[1] * rows.dtype.itemsize))
    counts, first = np.zeros(2, np.int64), None
    for start in range(0, len(rows), rows_per_chunk):
        # Cast as the reader does: a float64 value may be finite and its float32 not.
        with np.errstate(over="ignore"):
            chunk = np.asarray(rows[start : start + rows_per_chunk]).astype(np.float32, copy=False)
        bad = ~np.isfinite(chunk)
        if not bad.any():
            continue
        counts += np.count_nonzero(np.isnan(chunk)), np.count_nonzero(np.isinf(chunk))
        row, column = np.nonzero(bad)
        frame, channel = (row + start, column) if frames_first else (column, row + start)
        earliest = np.lexsort((channel, frame))[0]
        place = (int(frame[earliest]), int(channel[earliest]))
        first = place if first is None else min(first, place)
    if first is None:
        return []
    kinds = " and ".join(f"{count} {name}" for count, name in zip(counts, ("NaN", "Inf"), strict=True) if count)
    frames, _ = frames_and_channels(header.shape, time_axis)
    found = f"{kinds} values, the first at frame {first[0]} of {frames}, channel {first[1]}"
    return [Problem(str(path), 0, found, "expected finite float32 numbers")]
