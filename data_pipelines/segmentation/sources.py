"""One call from the settings of a dataset to checked, ready video sources, whatever the reader."""

import dataclasses
import os
import pathlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from data_pipelines.core.dataset_times import made_by_of
from data_pipelines.core.feature_values import value_lines
from data_pipelines.core.labelled_videos import MemoryBudget
from data_pipelines.core.problems import Problem, format_problems
from data_pipelines.core.settings import is_copy_alone
from data_pipelines.core.value_measures import VideoValues
from data_pipelines.segmentation.annotations import read_mapping
from data_pipelines.segmentation.checks import insist, refuse_dataset
from data_pipelines.segmentation.config import READERS, SUBSETS, SegmentationDataConfig
from data_pipelines.segmentation.index import read_index
from data_pipelines.segmentation.layouts import layout_without_root, open_layout
from data_pipelines.segmentation.npy_source import NpySource
from data_pipelines.segmentation.oddities import find_oddities
from data_pipelines.segmentation.synthetic import SyntheticSource
from data_pipelines.segmentation.transcripts import collect_transcripts, read_transcripts
from data_pipelines.segmentation.verb_nouns import read_verb_nouns
from fact_jax.types import UserError, VerbNouns, VideoSource, check_choice


@dataclasses.dataclass(frozen=True)
class Sources:
    """The videos of one run.

    Attributes:
      class_names: name of every class, by id.
      feature_dim: D.
      train, test, validation: None where not asked for or not configured.
      verb_nouns: what the classes are made of, if they are pairs of a verb and a noun.
      transcripts: dict from the id of every test and validation video to its transcript, int32 [S], no class twice in
        a row; None when they are to be taken from the labels.
      notes: lines for the user about what is odd in the data, but no problem.
      feature_checksums: dict from video id to a checksum of its stored features; {} where there are no files; None
        where a prepared copy was made before there were any.
      feature_values: dict from video id to VideoValues of its stored features; {} where they are not known.
      made_by, is_timed: what made the features, as VIDEO.json says beside them; whether there are such files.
    """

    class_names: tuple
    feature_dim: int
    train: VideoSource | None = None
    test: VideoSource | None = None
    validation: VideoSource | None = None
    verb_nouns: VerbNouns | None = None
    transcripts: Mapping[str, np.ndarray] | None = None
    notes: tuple = ()
    feature_checksums: Mapping[str, str] | None = dataclasses.field(default_factory=dict)
    feature_values: Mapping[str, VideoValues] = dataclasses.field(default_factory=dict)
    made_by: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    is_timed: bool = False


def open_sources(data: SegmentationDataConfig, workdir=None, *, subsets=SUBSETS):
    """Opens the videos that the settings name, after checking all of them; a UserError names all problems.

    Args:
      data: the settings.
      workdir: where to note that the data passed the check (a later run in the same folder then skips reading every
        value again) and to write a list of problems too long for the message; None = nowhere.
      subsets: which of "train", "test", "validation" to open; an unset validation list is left out silently.
    """
    check_choice("config.data.reader", data.reader, READERS)
    openers = {"npy": _open_npy, "tfds": _open_tfds, "synthetic": _open_synthetic}
    opened, extras = openers[data.reader](data, workdir, subsets)
    some = next(iter(opened.values()))
    data.check_background(some.class_names)
    return Sources(tuple(some.class_names), some.feature_dim, **opened, **extras)


def read_classes(data: SegmentationDataConfig):
    """(class names by id, VerbNouns or None), without looking at any video; a UserError names all problems."""
    check_choice("config.data.reader", data.reader, READERS)
    if data.reader == "synthetic":
        source = SyntheticSource(data.synthetic, "test")
        return tuple(source.class_names), source.verb_nouns
    layout = open_layout(data)
    class_ids, problems = read_mapping(layout.mapping_file)
    class_names = tuple(sorted(class_ids, key=class_ids.get))
    verb_file, noun_file = layout.verb_noun_files
    verb_nouns, more = read_verb_nouns(verb_file, noun_file, class_names, layout.mapping_file)
    refuse_dataset(layout, problems + more)
    return class_names, verb_nouns


def _open_synthetic(data, workdir, subsets):
    del workdir
    data.check_synthetic()
    opened = {subset: SyntheticSource(data.synthetic, subset) for subset in subsets if subset != "validation"}
    extras = {"verb_nouns": next(iter(opened.values())).verb_nouns}
    if data.transcript_dir and "test" in opened:
        folder = pathlib.Path(os.path.expanduser(data.dir)) / data.transcript_dir
        extras["transcripts"] = read_transcripts(folder, opened["test"].video_ids, opened["test"].class_names)
    return opened, extras


def _open_npy(data, workdir, subsets):
    layout, budget = open_layout(data), MemoryBudget.of(data)
    index, problems = read_index(layout, layout.configured_subsets(subsets))
    extras, problems = _complete(index, problems)
    checked = insist(index, problems, workdir)
    notes = (*extras["notes"], *checked.lines)
    extras |= _feature_facts(checked.checksums, checked.values, index.splits, notes)
    extras |= {"made_by": made_by_of(index.times), "is_timed": bool(index.times)}
    return {subset: NpySource(index, subset, budget) for subset in index.splits}, extras


def _open_tfds(data, workdir, subsets):
    # TFDS takes a while to import: only who uses it waits.
    from data_pipelines.segmentation import feature_dataset

    budget, root = MemoryBudget.of(data), pathlib.Path(os.path.expanduser(data.tfds_dir))

    def open_copy(directory, configured):
        return {
            subset: feature_dataset.TfdsSource(directory, subset, sample_rate=data.sample_rate, budget=budget)
            for subset in configured
            if subset in subsets
        }

    if is_copy_alone(data):
        # The copy is enough: the source need not be on this machine, apart from what the copy does not hold.
        layout = layout_without_root(data)
        configured = ["train", "test"] + (["validation"] if data.validation_split_file else [])
        opened = open_copy(feature_dataset.prepared_directory(root, data), configured)
        splits = {subset: source.video_ids for subset, source in opened.items()}
        extras, problems = _read_extras(layout, next(iter(opened.values())).class_names, splits)
        if problems:
            raise UserError(f"The files of dataset {data.dataset} have problems:\n{format_problems(problems)}")
        directory = feature_dataset.prepared_directory(root, data)
        return opened, extras | _feature_facts(*feature_dataset.feature_facts(directory), splits)
    layout = open_layout(data)
    tfds_dir = root if data.tfds_dir else layout.root / "tfds"
    index, problems = read_index(layout, layout.configured_subsets())
    if index.times:
        found = "features with .json files beside them, which a prepared copy does not keep"
        problems.append(Problem(str(layout.feature_dir), 0, found, "set config.data.reader=npy"))
    extras, problems = _complete(index, problems)
    found = None
    if problems or not feature_dataset.is_current(index, tfds_dir):
        found = insist(index, problems, workdir)
        extras["notes"] = (*extras["notes"], *found.lines)
    directory = feature_dataset.prepare(index, tfds_dir, found)
    extras |= _feature_facts(*feature_dataset.feature_facts(directory), index.splits, extras["notes"])
    return open_copy(directory, list(index.splits)), extras


def _feature_facts(checksums, values, splits, notes=()):
    """Fields of Sources: what is known of the features, and lines about them after `notes`."""
    lines = (*notes, *value_lines(values, splits, checksums))
    return {"feature_checksums": checksums, "feature_values": values, "notes": lines}


def _complete(index, problems):
    """(fields of Sources, all problems) of a DatasetIndex with these problems."""
    layout = index.layout
    extras, more = _read_extras(layout, index.class_names, index.splits, layout.mapping_file)
    if problems or more:
        return extras, problems + more
    problems, notes = find_oddities(index, layout.data, extras["transcripts"])
    return extras | {"notes": notes}, problems


def _read_extras(layout, class_names, splits, mapping_file=None):
    """(fields of Sources, problems): verbs and nouns, and the transcripts of the evaluated videos of `splits`."""
    verb_nouns, problems = read_verb_nouns(*layout.verb_noun_files, class_names, mapping_file)
    transcripts = None
    # Without a usable class list every name would be unknown: that problem is listed already.
    if layout.transcript_dir is not None and class_names:
        evaluated = [video for subset, videos in splits.items() if subset != "train" for video in videos]
        transcripts, more = collect_transcripts(layout.transcript_dir, evaluated, class_names)
        problems = problems + more
    return {"verb_nouns": verb_nouns, "transcripts": transcripts}, problems
