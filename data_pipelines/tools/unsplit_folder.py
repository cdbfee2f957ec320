"""A dataset folder before it has splits: its videos, and which classes each of them has."""

import dataclasses
import os
import pathlib

import numpy as np

from data_pipelines.core.names import means_background, rare_slips, why_no_class, why_no_video
from data_pipelines.core.problems import Problem, refuse
from data_pipelines.core.text_files import is_id, quote, read_lines
from data_pipelines.core.wording import count, name_some
from data_pipelines.localization.annotations import read_database
from data_pipelines.segmentation.annotations import read_labels, read_mapping
from data_pipelines.segmentation.label_forms import other_form
from fact_jax.files import why_no_folder
from fact_jax.types import UserError

_FEATURE_SUFFIXES = (".npy", ".npz")


@dataclasses.dataclass(frozen=True)
class UnsplitFolder:
    """The videos of a folder, in the order of their names.

    Attributes:
      amounts: int64 [V, C], frames of every class in every video; segments for localization; C = 0 without labels.
      unit: "frame", "segment" or "".
      unused: described videos that have no features and go into no list.
      new_mapping: whether the classes are those of the label files, for want of a class list.
    """

    root: pathlib.Path
    videos: tuple
    class_names: tuple
    amounts: np.ndarray
    unit: str
    unused: tuple
    new_mapping: bool
    findings: list


def read_frame_labels(root, options):
    """UnsplitFolder of a folder of label files or, without any, of features; a UserError names all problems.

    `options` have `label_dir`, `feature_dir` and `mapping_file`.
    """
    labelled = _names(root / options.label_dir, (".txt",))
    stored = _names(root / options.feature_dir, _FEATURE_SUFFIXES)
    if labelled is None and stored is None:
        raise UserError(f"{root} has neither {options.label_dir}/VIDEO.txt nor {options.feature_dir}/VIDEO.npy.")
    if labelled is None:
        text = f"no label files in {root / options.label_dir}: videos are dealt out without a look at their classes"
        nothing = np.zeros((len(stored), 0), np.int64)
        return UnsplitFolder(root, tuple(stored), (), nothing, "", (), False, [text])
    videos, unused, findings = _both(labelled, stored, "label file")
    paths = {video: root / options.label_dir / f"{video}.txt" for video in labelled}
    mapping_file, new = root / options.mapping_file, not (root / options.mapping_file).exists()
    class_ids, problems = _collect_classes(paths) if new else read_mapping(mapping_file)
    if new:
        findings.append(f"{options.mapping_file} is missing: {count(class_ids, 'class')} of the label files, by name")
        if class_ids and all(map(is_id, class_ids)):
            findings.append("labels are numbers, and are taken as the names of the classes")
    rows = []
    for video in videos:
        labels, found = read_labels(paths[video], class_ids)
        # What is wrong with a file has been said already where the classes were collected.
        problems += [] if new or not class_ids else found
        rows.append(np.bincount(labels[labels >= 0], minlength=max(class_ids.values(), default=0) + 1))
    refuse(f"{root}", problems)
    names = tuple(sorted(class_ids, key=class_ids.get))
    findings += _slips(names, np.array(rows)) if new else []
    return UnsplitFolder(root, tuple(videos), names, np.array(rows), "frame", tuple(unused), new, findings)


def read_annotations(root, options):
    """UnsplitFolder of a localization folder, `options` have `annotation_file` and `feature_dir`."""
    database, problems = read_database(root / options.annotation_file)
    refuse(f"{root}", problems)
    annotated = sorted(database.videos)
    videos, unused, findings = _both(annotated, _names(root / options.feature_dir, _FEATURE_SUFFIXES), "annotation")
    names = tuple(sorted(database.class_ids, key=database.class_ids.get))
    places = {database.class_ids[name]: place for place, name in enumerate(names)}
    amounts = np.zeros((len(videos), len(names)), np.int64)
    for row, video in zip(amounts, videos, strict=True):
        np.add.at(row, [places[int(label)] for label in database.videos[video].labels], 1)
    if empty := sum(not row.any() for row in amounts):
        findings.append(f"without a segment: {count(empty, 'video')}")
    return UnsplitFolder(root, tuple(videos), names, amounts, "segment", tuple(unused), False, findings)


def _names(folder, suffixes):
    """Sorted names of the videos of a folder, or None if there is no such folder or nothing in it."""
    if why_no_folder(folder):
        return None
    names = {name[: -len(suffix)] for name in os.listdir(folder) for suffix in suffixes if name.endswith(suffix)}
    names = sorted(name for name in names if not name.startswith("."))
    wrong = [name for name in names if why_no_video(name) or name != name.strip().removesuffix(".txt")]
    expected = "expected a name that a list of videos can hold: without white space around it, not ending in .txt twice"
    refuse(f"{folder}", [Problem(str(folder), 0, f"the video name {quote(name)}", expected) for name in wrong])
    return names or None


def _both(described, stored, what):
    """(videos with labels and features, those with labels alone, lines for the user)."""
    if stored is None:
        return described, [], ["no features are there yet: all videos with labels are taken"]
    without_features = sorted(set(described) - set(stored))
    without_labels = sorted(set(stored) - set(described))
    findings = []
    if without_features:
        findings.append(f"left out, no features: {count(without_features, 'video')}, {name_some(without_features)}")
    if without_labels:
        findings.append(f"left out, no {what}: {count(without_labels, 'video')}, {name_some(without_labels)}")
    videos = sorted(set(described) - set(without_features))
    if not videos:
        raise UserError(f"No video has both features and labels: {'; '.join(findings)}. Are their names the same?")
    return videos, without_features, findings


def _slips(names, amounts):
    """Lines about classes of a single video that have nearly the name of another one; amounts int [videos, C]."""
    videos = dict(zip(names, np.count_nonzero(amounts, 0).tolist(), strict=True))
    return slip_lines(videos)


def slip_lines(videos):
    """Lines about classes of a single video that have nearly the name of another; `videos` is their number by name."""
    return [
        f"the class {quote(name)} is in one video only: did you mean {quote(guess)}, which is in {videos[guess]}?"
        for name, guess in rare_slips(videos).items()
    ]


def _collect_classes(paths):
    """({class name: id}, problems) of the labels of all files; names that mean background come first."""
    names, problems = set(), []
    for path in paths.values():
        lines, found = read_lines(path)
        problems += found
        if not lines and not found:
            problems.append(Problem(str(path), 0, "no labels", "expected one class name per frame"))
        if other := other_form(path, lines, {}):
            problems.append(other)
            continue
        for name in sorted(set(lines)):
            if why := why_no_class(name):
                place = lines.index(name) + 1
                problems.append(Problem(str(path), place, f"label {quote(name)}", f"expected a class name ({why})"))
        names.update(lines)
    ordered = sorted(names - {""}, key=lambda name: (not means_background(name), name))
    return {name: number for number, name in enumerate(ordered)}, problems
