"""Checks of a segmentation dataset before training: every problem at once, with file and line."""

import dataclasses
import os
import pathlib

from absl import logging
from tqdm import tqdm

from data_pipelines.core.finite import CheckedFeatures, CheckNotes, scan_file
from data_pipelines.core.problems import PROBLEMS_FILE, refuse
from data_pipelines.segmentation.exchanged import exchanged_notes
from data_pipelines.segmentation.layouts import expected_tree


def refuse_dataset(layout, problems, *, workdir=None):
    """Raises a UserError that lists the problems of the dataset of a Layout, if there are any.

    The full list goes to `workdir`, if there is one, when not all are shown.
    """
    data, report_file = layout.data, pathlib.Path(workdir) / PROBLEMS_FILE if workdir else None
    essential = [
        layout.feature_dir,
        layout.segment_file or layout.label_dir,
        layout.mapping_file,
        *layout.split_files.values(),
    ]
    # What lies where is of no interest to whom whole files or folders are not missing.
    notes = () if all(map(os.path.exists, essential)) else (expected_tree(data),)
    title = f"The {data.dataset} dataset in {layout.root}, {data.split},"
    refuse(title, problems, report_file=report_file, notes=notes)


def insist(index, problems, workdir):
    """Checks the values of a DatasetIndex too; returns CheckedFeatures.

    A UserError names every problem, those known already included.

    `workdir` is where it is noted that the values were read, once until a file changes, and the problems that are too
    many for a message; None = nowhere.
    """
    notes = CheckNotes(workdir)
    fingerprint = "" if problems else index.fingerprint()
    if (known := notes.known(fingerprint)) is not None:
        logging.info("The data has not changed since it was checked.")
        return known
    found, checked = scan_values(index.layout, index.headers, problems)
    refuse_dataset(index.layout, problems + found, workdir=workdir)
    checked = dataclasses.replace(checked, lines=exchanged_notes(index))
    notes.add(fingerprint, checked)
    return checked


def scan_values(layout, headers, problems=()):
    """Looks for NaN and Inf in feature files: (list of the new Problems, CheckedFeatures).

    `headers` go by video id. A file that has one of `problems` already is not read.
    """
    bad = {problem.path for problem in problems}
    headers = {video: header for video, header in headers.items() if str(layout.feature_file(video)) not in bad}
    sizes = {video: header.dtype.itemsize * header.shape[0] * header.shape[1] for video, header in headers.items()}
    problems, checked = [], CheckedFeatures()
    total = sum(sizes.values())
    with tqdm(total=total, desc="Checking values", unit="B", unit_scale=True, disable=None, delay=1) as bar:
        for video, header in headers.items():
            found, checksum, values = scan_file(layout.feature_file(video), header, layout.data.time_axis)
            problems += found
            if not found:
                checked.checksums[video], checked.values[video] = checksum, values
            bar.update(sizes[video])
    return problems, checked
