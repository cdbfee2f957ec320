"""Checks of a whole dataset before training: every problem at once, with file and line."""

import os

import numpy as np
from tqdm import tqdm

from data_pipelines.core.feature_files import FeatureFileError, frames_and_channels, lies_frame_by_frame, read_blocks
from data_pipelines.segmentation.annotations import Problem
from data_pipelines.segmentation.layouts import SUBSETS
from fact_jax.files import atomic_write_text
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
        try:
            atomic_write_text(report_file, "".join(f"{problem}\n" for problem in problems))
            rows.append(f"The full list is in {report_file}")
        except OSError as error:
            rows.append(f"The full list cannot be written to {report_file} ({error.strerror})")
    essential = [layout.feature_dir, layout.label_dir, layout.mapping_file, *layout.split_files.values()]
    if tree and not all(map(os.path.exists, essential)):
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


def scan_values(layout, headers, problems=()):
    """Looks for NaN and Inf in feature files.

    Args:
      layout: Layout.
      headers: dict from video id to the header of its feature file.
      problems: list of Problem known already; a file that has one is not read.

    Returns:
      list of Problem, the new ones.
    """
    bad = {problem.path for problem in problems}
    headers = {video: header for video, header in headers.items() if str(layout.feature_file(video)) not in bad}
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
    frame_by_frame = lies_frame_by_frame(header, time_axis)
    counts, first = np.zeros(2, np.int64), None
    try:
        for row, column, block in read_blocks(path, header, num_bytes=_CHUNK_BYTES):
            # Cast as the reader does: a float64 value may be finite and its float32 not.
            with np.errstate(over="ignore"):
                block = block.astype(np.float32, copy=False)
            bad = ~np.isfinite(block)
            if not bad.any():
                continue
            counts += np.count_nonzero(np.isnan(block)), np.count_nonzero(np.isinf(block))
            rows, columns = (index + start for index, start in zip(np.nonzero(bad), (row, column), strict=True))
            frame, channel = (rows, columns) if frame_by_frame else (columns, rows)
            earliest = np.lexsort((channel, frame))[0]
            place = (int(frame[earliest]), int(channel[earliest]))
            first = place if first is None else min(first, place)
    except FeatureFileError as error:
        return [Problem(str(path), 0, str(error))]
    if first is None:
        return []
    kinds = " and ".join(f"{count} {name}" for count, name in zip(counts, ("NaN", "Inf"), strict=True) if count)
    frames, _ = frames_and_channels(header.shape, time_axis)
    found = f"{kinds} values, the first at frame {first[0]} of {frames}, channel {first[1]}"
    return [Problem(str(path), 0, found, "expected finite float32 numbers")]
