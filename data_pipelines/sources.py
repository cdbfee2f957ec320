"""One call from `config.data` to checked, ready video sources, whatever the reader."""

import dataclasses
import json
import os
import pathlib

from absl import logging

from data_pipelines.index import read_index
from data_pipelines.labelled_videos import DEFAULT_MEMORY_LIMIT, MemoryBudget
from data_pipelines.layouts import SUBSETS, expected_tree, open_layout
from data_pipelines.npy_source import NpySource
from data_pipelines.synthetic import open_synthetic
from data_pipelines.validation import configured_subsets, report_problems, scan_values
from fact_jax.types import UserError, VideoSource, check_choice

READERS = ("npy", "tfds", "synthetic")
CHECK_FILE = "data_check.json"
PROBLEMS_FILE = "data_problems.txt"
# Checks noted per workdir: training and evaluation may look at different subsets of the same data.
_NUM_NOTED = 8


@dataclasses.dataclass(frozen=True)
class Sources:
    """The videos of one run.

    Attributes:
      class_names: name of every class, by id.
      feature_dim: D.
      background_ids: class ids of background.
      train, test, validation: the sources; None where not asked for or not configured.
    """

    class_names: tuple
    feature_dim: int
    background_ids: tuple
    train: VideoSource | None = None
    test: VideoSource | None = None
    validation: VideoSource | None = None


def open_sources(data, workdir=None, *, subsets=SUBSETS, memory_limit=DEFAULT_MEMORY_LIMIT):
    """Opens the videos that `config.data` names, after checking all of them.

    Args:
      data: object with the fields of `config.data`.
      workdir: where to note that the data passed the check (a later run in the same folder then skips reading every
        value again) and to write a list of problems too long for the message; None = nowhere.
      subsets: which of "train", "test", "validation" to open; an unset validation list is left out silently.
      memory_limit: bytes of features that may stay in memory, all sources together.

    Returns:
      Sources.

    Raises:
      UserError: the settings or the data have problems; the message names all of them.
    """
    check_choice("config.data.reader", data.reader, READERS)
    if data.reader == "synthetic":
        opened = _open_synthetic(data, subsets)
    elif data.reader == "npy":
        opened = _open_npy(data, workdir, subsets, MemoryBudget(memory_limit))
    else:
        opened = _open_tfds(data, workdir, subsets, MemoryBudget(memory_limit))
    some = next(iter(opened.values()))
    background = tuple(int(i) for i in data.background_ids)
    if not all(0 <= i < len(some.class_names) for i in background):
        raise UserError(
            f"config.data.background_ids is {background}; the {data.dataset} dataset has the ids 0 to "
            f"{len(some.class_names) - 1}."
        )
    return Sources(tuple(some.class_names), some.feature_dim, background, **opened)


def _open_synthetic(data, subsets):
    if data.validation_split_file:
        raise UserError('The synthetic dataset has no validation videos: set config.data.validation_split_file="".')
    if data.sample_rate != 1:
        raise UserError(f"config.data.sample_rate is {data.sample_rate}; the synthetic dataset is made at rate 1 only.")
    return {subset: open_synthetic(data.synthetic, subset) for subset in subsets if subset != "validation"}


def _open_npy(data, workdir, subsets, budget):
    layout = open_layout(data)
    index, problems = read_index(layout, configured_subsets(layout, subsets))
    _insist(data, layout, index, problems, workdir)
    return {subset: NpySource(index, subset, budget) for subset in index.splits}


def _open_tfds(data, workdir, subsets, budget):
    # TFDS takes a while to import: only who uses it waits.
    from data_pipelines import feature_dataset

    if not data.dir and data.tfds_dir:
        # The prepared copy is enough: the source need not be on this machine.
        tfds_dir = pathlib.Path(data.tfds_dir).expanduser()
        directory = feature_dataset.prepared_directory(tfds_dir, data.dataset, data.split)
        configured = ["train", "test"] + (["validation"] if data.validation_split_file else [])
    else:
        layout = open_layout(data)
        tfds_dir = pathlib.Path(data.tfds_dir).expanduser() if data.tfds_dir else layout.root / "tfds"
        index, problems = read_index(layout, configured_subsets(layout))
        if problems or not feature_dataset.is_current(index, tfds_dir):
            _insist(data, layout, index, problems, workdir)
        directory = feature_dataset.prepare(index, tfds_dir)
        configured = list(index.splits)
    return {
        subset: feature_dataset.TfdsSource(directory, subset, sample_rate=data.sample_rate, budget=budget)
        for subset in configured
        if subset in subsets
    }


def _insist(data, layout, index, problems, workdir):
    """Checks the values too and raises if anything is wrong; values are read once per workdir until a file changes."""
    note = pathlib.Path(workdir) / CHECK_FILE if workdir else None
    passed = _passed_checks(note)
    fingerprint = "" if problems else index.fingerprint()
    if fingerprint in passed:
        logging.info("The data has not changed since it was checked.")
        return
    problems = problems + scan_values(layout, index.headers)
    report_file = pathlib.Path(workdir) / PROBLEMS_FILE if workdir else None
    report_problems(layout, problems, report_file=report_file, tree=expected_tree(data))
    if note is not None:
        note.parent.mkdir(parents=True, exist_ok=True)
        partial = note.with_name(f"{note.name}.{os.getpid()}.partial")
        partial.write_text(json.dumps([*passed, fingerprint][-_NUM_NOTED:]) + "\n", encoding="utf-8")
        partial.replace(note)


def _passed_checks(note):
    """Fingerprints of the data that passed the check in this workdir before."""
    if note is None or not note.is_file():
        return []
    try:
        passed = json.loads(note.read_text(encoding="utf-8"))
    except json.JSONDecodeError:
        logging.warning("%s cannot be read: checking the data again.", note)
        return []
    return [str(fingerprint) for fingerprint in passed] if isinstance(passed, list) else []
