"""One call from `config.data` to checked, ready video sources, whatever the reader."""

import dataclasses
import os
import pathlib
from collections.abc import Mapping

import numpy as np
from absl import logging

from data_pipelines.core.check_notes import CheckNotes
from data_pipelines.core.labelled_videos import DEFAULT_MEMORY_LIMIT, MemoryBudget
from data_pipelines.core.validation import configured_subsets, format_problems, report_problems, scan_values
from data_pipelines.segmentation.annotations import read_mapping
from data_pipelines.segmentation.index import read_index
from data_pipelines.segmentation.layouts import SUBSETS, expected_tree, layout_without_root, open_layout
from data_pipelines.segmentation.npy_source import NpySource
from data_pipelines.segmentation.synthetic import open_synthetic
from data_pipelines.segmentation.transcripts import collect_transcripts, read_transcripts
from data_pipelines.segmentation.verb_nouns import read_verb_nouns
from fact_jax.types import UserError, VerbNouns, VideoSource, check_choice

READERS = ("npy", "tfds", "synthetic")
# The only one of the synthetic dataset: under other names, the same run would count several times in a report.
SYNTHETIC_SPLIT = "split1"
PROBLEMS_FILE = "data_problems.txt"


@dataclasses.dataclass(frozen=True)
class Sources:
    """The videos of one run.

    Attributes:
      class_names: name of every class, by id.
      feature_dim: D.
      train, test, validation: the sources; None where not asked for or not configured.
      verb_nouns: what the classes are made of, if they are pairs of a verb and a noun; else None.
      transcripts: dict from the id of every test and validation video to its transcript, int32 [S], no class twice in
        a row; None when they are to be taken from the labels.
    """

    class_names: tuple
    feature_dim: int
    train: VideoSource | None = None
    test: VideoSource | None = None
    validation: VideoSource | None = None
    verb_nouns: VerbNouns | None = None
    transcripts: Mapping[str, np.ndarray] | None = None


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
        opened, extras = _open_synthetic(data, subsets)
    elif data.reader == "npy":
        opened, extras = _open_npy(data, workdir, subsets, MemoryBudget(memory_limit))
    else:
        opened, extras = _open_tfds(data, workdir, subsets, MemoryBudget(memory_limit))
    some = next(iter(opened.values()))
    background = tuple(int(i) for i in data.background_ids)
    if not all(0 <= i < len(some.class_names) for i in background):
        raise UserError(
            f"config.data.background_ids is {background}; the {data.dataset} dataset has the ids 0 to "
            f"{len(some.class_names) - 1}."
        )
    return Sources(tuple(some.class_names), some.feature_dim, **opened, **extras)


def read_classes(data):
    """Reads the classes of a dataset without looking at any video.

    Returns:
      (class names by id, VerbNouns or None).

    Raises:
      UserError: the lists have problems; the message names all of them.
    """
    check_choice("config.data.reader", data.reader, READERS)
    if data.reader == "synthetic":
        source = open_synthetic(data.synthetic, "test")
        return tuple(source.class_names), source.verb_nouns
    layout = open_layout(data)
    class_ids, problems = read_mapping(layout.mapping_file)
    class_names = tuple(sorted(class_ids, key=class_ids.get))
    lists = layout.verb_mapping_file, layout.noun_mapping_file
    verb_nouns, more = read_verb_nouns(*lists, class_names, layout.mapping_file)
    report_problems(layout, problems + more, tree=expected_tree(data))
    return class_names, verb_nouns


def _open_synthetic(data, subsets):
    if data.split != SYNTHETIC_SPLIT:
        raise UserError(
            f"config.data.split is {data.split!r}; the synthetic dataset has one split, {SYNTHETIC_SPLIT!r}. Leave "
            "the split out, or take another seed (seed=1 after the colon of --config) for another run."
        )
    if data.validation_split_file:
        raise UserError('The synthetic dataset has no validation videos: set config.data.validation_split_file="".')
    if data.sample_rate != 1:
        raise UserError(f"config.data.sample_rate is {data.sample_rate}; the synthetic dataset is made at rate 1 only.")
    opened = {subset: open_synthetic(data.synthetic, subset) for subset in subsets if subset != "validation"}
    extras = {"verb_nouns": next(iter(opened.values())).verb_nouns}
    if data.transcript_dir and "test" in opened:
        folder = pathlib.Path(os.path.expanduser(data.dir)) / data.transcript_dir
        extras["transcripts"] = read_transcripts(folder, opened["test"].video_ids, opened["test"].class_names)
    return opened, extras


def _open_npy(data, workdir, subsets, budget):
    layout = open_layout(data)
    index, problems = read_index(layout, configured_subsets(layout, subsets))
    extras, more = _read_extras(layout, index.class_names, index.splits, layout.mapping_file)
    _insist(data, layout, index, problems + more, workdir)
    return {subset: NpySource(index, subset, budget) for subset in index.splits}, extras


def _open_tfds(data, workdir, subsets, budget):
    # TFDS takes a while to import: only who uses it waits.
    from data_pipelines.core import feature_dataset

    def open_copy(directory, configured):
        return {
            subset: feature_dataset.TfdsSource(directory, subset, sample_rate=data.sample_rate, budget=budget)
            for subset in configured
            if subset in subsets
        }

    if not data.dir and data.tfds_dir:
        return _open_copy_alone(data, feature_dataset, open_copy)
    layout = open_layout(data)
    tfds_dir = pathlib.Path(os.path.expanduser(data.tfds_dir)) if data.tfds_dir else layout.root / "tfds"
    index, problems = read_index(layout, configured_subsets(layout))
    extras, more = _read_extras(layout, index.class_names, index.splits, layout.mapping_file)
    if problems or more or not feature_dataset.is_current(index, tfds_dir):
        _insist(data, layout, index, problems + more, workdir)
    return open_copy(feature_dataset.prepare(index, tfds_dir), list(index.splits)), extras


def _open_copy_alone(data, feature_dataset, open_copy):
    """The prepared copy is enough: the source need not be on this machine, apart from what the copy does not hold."""
    layout = layout_without_root(data)
    directory = feature_dataset.prepared_directory(
        pathlib.Path(os.path.expanduser(data.tfds_dir)), data.dataset, data.split
    )
    opened = open_copy(directory, ["train", "test"] + (["validation"] if data.validation_split_file else []))
    splits = {subset: source.video_ids for subset, source in opened.items()}
    extras, problems = _read_extras(layout, next(iter(opened.values())).class_names, splits)
    if problems:
        raise UserError(f"The files of dataset {data.dataset} have problems:\n{format_problems(problems)}")
    return opened, extras


def _read_extras(layout, class_names, splits, mapping_file=None):
    """Reads verbs and nouns, and the transcripts of the evaluated videos of `splits`.

    Args:
      layout: Layout.
      class_names: name of every class, by id.
      splits: dict from subset to video ids.
      mapping_file: the class list, to name its lines in messages; None = not at hand.

    Returns:
      (extras, problems): the fields of Sources that they fill.
    """
    lists = layout.verb_mapping_file, layout.noun_mapping_file
    verb_nouns, problems = read_verb_nouns(*lists, class_names, mapping_file)
    transcripts = None
    # Without a usable class list every name would be unknown: that problem is listed already.
    if layout.transcript_dir is not None and class_names:
        evaluated = [video for subset, videos in splits.items() if subset != "train" for video in videos]
        transcripts, more = collect_transcripts(layout.transcript_dir, evaluated, class_names)
        problems = problems + more
    return {"verb_nouns": verb_nouns, "transcripts": transcripts}, problems


def _insist(data, layout, index, problems, workdir):
    """Checks the values too and raises if anything is wrong; values are read once per workdir until a file changes."""
    notes = CheckNotes(workdir)
    fingerprint = "" if problems else index.fingerprint()
    if fingerprint in notes:
        logging.info("The data has not changed since it was checked.")
        return
    problems = problems + scan_values(layout, index.headers, problems)
    report_file = pathlib.Path(workdir) / PROBLEMS_FILE if workdir else None
    report_problems(layout, problems, report_file=report_file, tree=expected_tree(data))
    notes.add(fingerprint)
