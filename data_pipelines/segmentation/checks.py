"""Checks of a segmentation dataset before training: every problem at once, with file and line."""

import os
import pathlib

from absl import logging
from tqdm import tqdm

from data_pipelines.core.finite import CheckNotes, scan_file
from data_pipelines.core.problems import PROBLEMS_FILE, refuse
from data_pipelines.segmentation.layouts import expected_tree


def refuse_dataset(layout, problems, *, workdir=None):
    """Raises a UserError that lists the problems of a dataset, if there are any.

    Args:
      layout: Layout the problems are about.
      problems: list of Problem.
      workdir: where the full list goes when not all are shown; None = nowhere.
    """
    data, report_file = layout.data, pathlib.Path(workdir) / PROBLEMS_FILE if workdir else None
    essential = [layout.feature_dir, layout.label_dir, layout.mapping_file, *layout.split_files.values()]
    # What lies where is of no interest to whom whole files or folders are not missing.
    notes = () if all(map(os.path.exists, essential)) else (expected_tree(data),)
    title = f"The {data.dataset} dataset in {layout.root}, {data.split},"
    refuse(title, problems, report_file=report_file, notes=notes)


def insist(index, problems, workdir):
    """Checks the values too and raises if anything is wrong; values are read once per workdir until a file changes.

    Args:
      index: DatasetIndex.
      problems: list of Problem known already.
      workdir: where that is noted, and the problems that are too many for a message; None = nowhere.

    Raises:
      UserError: names every problem.
    """
    notes = CheckNotes(workdir)
    fingerprint = "" if problems else index.fingerprint()
    if fingerprint in notes:
        logging.info("The data has not changed since it was checked.")
        return
    problems = problems + scan_values(index.layout, index.headers, problems)
    refuse_dataset(index.layout, problems, workdir=workdir)
    notes.add(fingerprint)


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
                problems += scan_file(layout.feature_file(video), header, layout.data.time_axis)
            bar.update(sizes[video])
    return problems
