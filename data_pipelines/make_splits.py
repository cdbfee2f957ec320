"""Makes split lists, and the class list if there is none, for a folder of label files; subsets for annotations.

    python -m data_pipelines.make_splits FOLDER --test 0.25
    python -m data_pipelines.make_splits FOLDER --folds 5 --group_by "^(P\\d+)"

Label files give splits/train.split1.bundle, splits/test.split1.bundle and mapping.txt, annotations.json gives
splits/subsets.split1.csv. The same command gives the same lists on every machine.
"""

import csv
import io
import os
import pathlib
import re
import shlex

import numpy as np

from data_pipelines.core import command_line
from data_pipelines.core.problems import Problem, group_alike, refuse
from data_pipelines.core.text_files import read_table
from data_pipelines.core.video_names import other_form
from data_pipelines.core.wording import count, name_some
from data_pipelines.tools import unsplit_folder
from data_pipelines.tools.split_assignment import assign_parts, group_lines
from fact_jax.files import atomic_write_text, why_no_folder
from fact_jax.types import UserError, nearest

_ANNOTATION_FILE = "annotations.json"
MAX_FOLDS = 100
# Options that say where things lie, and their defaults.
_PLACES = {
    "label_dir": "groundTruth",
    "feature_dir": "features",
    "mapping_file": "mapping.txt",
    "annotation_file": _ANNOTATION_FILE,
}
# Lists that this tool writes, of label files and of annotations; a folder may have both.
_BUNDLE, _SUBSETS = re.compile(r"(?:train|test|val)\.split\d+\.bundle"), re.compile(r"subsets\.split\d+\.csv")
_LIST_NAMES = {"train": "train", "test": "test", "validation": "val"}
# What localization calls the subsets by default.
_SUBSET_NAMES = {"train": "training", "test": "validation"}


def main(argv=None):
    """Runs the tool; returns 0."""
    arguments = _parse(argv)
    root = pathlib.Path(arguments.folder).expanduser()
    if reason := why_no_folder(root):
        raise UserError(f"{arguments.folder} is not a folder: it {reason}.")
    is_localization = _is_localization(root, arguments)
    read = unsplit_folder.read_annotations if is_localization else unsplit_folder.read_frame_labels
    folder = read(root, arguments)
    if not is_localization and (root / _ANNOTATION_FILE).is_file():
        print(f"  label files are split; --annotation_file {_ANNOTATION_FILE} splits the annotations instead")
    for line in folder.findings:
        print(f"  {line}")
    groups = _read_groups(folder.videos, arguments.group_by)
    for line in group_lines(groups) if arguments.group_by else ():
        print(f"  {line}")
    splits = make_splits(folder, groups, arguments)
    files = _subset_tables(folder, splits) if is_localization else _lists(folder, splits, arguments)
    own = _own_lists(root / "splits", _SUBSETS if is_localization else _BUNDLE)
    there = sorted(own | {name for name in files if (root / name).exists()})
    if there and not arguments.overwrite:
        raise UserError(f"{root} has {name_some(there)} already. Add --overwrite to remove them and write new ones.")
    with command_line.writing(root):
        for name, text in files.items():
            atomic_write_text(root / name, text)
        for name in (stale := sorted(own - set(files))):
            os.unlink(root / name)
    print("\n".join(_table(folder, groups if arguments.group_by else None, splits)))
    if stale:
        print(f"removed, lists of an earlier command: {name_some(stale)}")
    print(f"wrote {name_some(files)} to {root}")
    elsewhere = [
        f"--{name}={getattr(arguments, name)}"
        for name in _PLACES
        if getattr(arguments, name) not in (None, _PLACES[name])
    ]
    if is_localization and not why_no_folder(root / arguments.label_dir):
        elsewhere += ["--system", "actionformer"]  # label files come first there
    command = ["python", "-m", "data_pipelines.write_config", str(root), *elsewhere]
    print(f"to go on:\n  {shlex.join(command)}")
    return 0


def folds_of(root, number, options=()):
    """({split: {"train", "test": list of videos}}, lines for the user) of a folder of label files; writes nothing.

    `number` folds, 2 to 100; `options` are more arguments of the command. A UserError if there are too few videos or
    groups, or files are not as they should be.
    """
    arguments = _parse([str(root), "--folds", str(number), *options])
    folder = unsplit_folder.read_frame_labels(root, arguments)
    groups = _read_groups(folder.videos, arguments.group_by)
    lines = [*folder.findings, *(group_lines(groups) if arguments.group_by else ())]
    return make_splits(folder, groups, arguments), lines


def _parse(argv):
    parser = command_line.parser("data_pipelines.make_splits", __doc__, "Exit code: 0 written, 2 not.")
    add = parser.add_argument
    add("folder", help="dataset folder: groundTruth/VIDEO.txt, features/VIDEO.npy or both; or annotations.json")
    share = command_line.number(0.001, 0.999)
    how = parser.add_mutually_exclusive_group(required=True)
    how.add_argument("--test", type=share, metavar="SHARE", help="one split with this share of the videos to test on")
    how.add_argument("--folds", type=int, metavar="K", help="K splits; every video is tested on in one of them")
    add("--validation", type=share, metavar="SHARE", help="share of all videos to choose the best checkpoint on")
    text = (
        "keeps videos of a group together: a pattern whose first group, or match, in the name of a video is its group "
    )
    add("--group_by", metavar="REGEX|TABLE", help=f'{text}("^(P\\d+)"), or a .csv table with columns video, group')
    add("--seed", type=int, default=0, help="another number, another split (default: 0)")
    add("--label_dir", default=_PLACES["label_dir"], help="folder of label files, below FOLDER (default: groundTruth)")
    add(
        "--feature_dir",
        default=_PLACES["feature_dir"],
        help="folder of feature files, below FOLDER (default: features)",
    )
    add(
        "--mapping_file",
        default=_PLACES["mapping_file"],
        help="class list, below FOLDER; made if missing (default: mapping.txt)",
    )
    add("--annotation_file", help="annotations of localization, below FOLDER (default: annotations.json, if there)")
    add("--overwrite", action="store_true", help="remove lists that exist, and write new ones; mapping.txt stays")
    arguments = parser.parse_args(argv)
    if arguments.folds is not None and not 2 <= arguments.folds <= MAX_FOLDS:
        parser.error(f"--folds is {arguments.folds}, expected 2 to {MAX_FOLDS}")
    if arguments.group_by == "":
        parser.error("--group_by is empty, expected a pattern or a table")
    if arguments.seed < 0:
        parser.error("--seed must be 0 or more")
    tested = arguments.test or 1 / arguments.folds
    if arguments.validation and tested + arguments.validation >= 1:
        parser.error(f"nothing is left to train with: {tested:g} to test on, {arguments.validation:g} for validation")
    return arguments


def _is_localization(root, arguments):
    """Whether to split annotations; fills in their default name. A UserError if a place that is named is no folder."""
    for name in ("label_dir", "feature_dir"):
        folder = root / getattr(arguments, name)
        reason = why_no_folder(folder)
        if reason and (os.path.lexists(folder) or getattr(arguments, name) != _PLACES[name]):
            raise UserError(f"{folder} {reason}, expected a folder (--{name}).")
    has_annotations = (root / _ANNOTATION_FILE).is_file()
    has_labels = not why_no_folder(root / arguments.label_dir)
    if not arguments.annotation_file and not (has_annotations and not has_labels):
        return False
    arguments.annotation_file = arguments.annotation_file or _ANNOTATION_FILE
    if arguments.validation:
        raise UserError(
            "--validation is for label files: localization trains with one list of subsets and evaluates another."
        )
    return True


def _read_groups(videos, group_by):
    """{video: group}; each its own without `group_by`. A UserError names the videos without a group."""
    if not group_by:
        return {video: video for video in videos}
    if group_by.endswith((".csv", ".csv.gz")):
        return _read_group_table(videos, pathlib.Path(group_by).expanduser())
    try:
        pattern = re.compile(group_by)
    except re.error as error:
        raise UserError(f"--group_by is {group_by!r}, which is no regular expression ({error}).") from None
    found = {video: pattern.search(video) for video in videos}
    if missing := [video for video, match in found.items() if not match]:
        raise UserError(
            f"--group_by {group_by!r} matches nothing in {count(missing, 'name')}: {name_some(missing, 5)}."
        )
    return {video: match[1] or match[0] if pattern.groups else match[0] for video, match in found.items()}


def _read_group_table(videos, path):
    """{video: group} of a table; a UserError names every row that is wrong and the videos without a row."""
    rows, problems = read_table(path, [("video", "group")])
    known, groups, others = set(videos), {}, []
    for number, row in rows:
        video, group = row["video"].removesuffix(".txt"), row["group"]
        if not video or not group:
            problems.append(Problem(str(path), number, "an empty cell", "expected a video and its group"))
        elif other := other_form(video, known):
            problems.append(Problem(str(path), number, *other))
        elif groups.setdefault(video, group) != group:
            problems.append(Problem(str(path), number, f"video {video!r} again", f"its group was {groups[video]!r}"))
        elif video not in known:
            others.append(video)
    missing = [video for video in videos if video not in groups]
    # What is wrong with rows may be why videos have none.
    if rows and missing and not problems:
        guess = nearest(missing[0], others)
        found = f"no group of {count(missing, 'video')}, {name_some(missing)}"
        expected = "expected a row for every video" + f"; it has {guess!r}" * bool(guess)
        problems.append(Problem(str(path), 0, found, expected))
    refuse("--group_by", group_alike(problems, path))
    if others:
        print(f"  {path}: {count(others, 'row')} not used, as there is no such video: {name_some(others)}")
    return {video: groups[video] for video in videos}


def make_splits(folder, groups, arguments):
    """{split: {"train", "test" and perhaps "validation": list of videos}} of an UnsplitFolder.

    `groups` is a dict from video to group, whose videos stay together. A UserError if there are too few groups.
    """
    names = sorted(set(groups.values()))
    unit_of = np.array([names.index(groups[video]) for video in folder.videos])
    present = (folder.amounts > 0).astype(np.int64)
    counts = np.zeros((len(names), present.shape[1]), np.int64)
    np.add.at(counts, unit_of, present)
    sizes = np.bincount(unit_of, minlength=len(names))
    needed = (arguments.folds or 2) + bool(arguments.validation and (arguments.folds or 2) == 2)
    if len(names) < needed:
        what = "group" if arguments.group_by else "video"
        raise UserError(f"{folder.root} has {count(names, what)}: too few for {needed} parts.")
    if arguments.folds:
        shares = [1 / arguments.folds] * arguments.folds
        training = [[part for part in range(arguments.folds) if part != fold] for fold in range(arguments.folds)]
        parts = assign_parts(counts, sizes, shares, arguments.seed, training=training)
        tested = [parts == fold for fold in range(arguments.folds)]
    else:
        tested = [assign_parts(counts, sizes, [1 - arguments.test, arguments.test], arguments.seed) == 1]
    splits = {}
    for number, test in enumerate(tested, 1):
        subset = np.where(test, "test", "train").astype(object)
        if arguments.validation:
            rest = np.flatnonzero(~test)
            if len(rest) < 2:
                raise UserError(f"{folder.root}: split{number} has nothing left for validation. Take fewer --folds.")
            share = min(arguments.validation * sizes.sum() / sizes[rest].sum(), 0.999)
            chosen = assign_parts(counts[rest], sizes[rest], [1 - share, share], arguments.seed + number)
            subset[rest[chosen == 1]] = "validation"
        splits[f"split{number}"] = {
            name: [video for video, unit in zip(folder.videos, unit_of, strict=True) if subset[unit] == name]
            for name in _LIST_NAMES
            if name in subset
        }
    return splits


def _lists(folder, splits, arguments):
    """{name of a file: text} of split lists and, if there is none, the class list."""
    files = {
        f"splits/{_LIST_NAMES[subset]}.{split}.bundle": "".join(f"{video}\n" for video in videos)
        for split, subsets in splits.items()
        for subset, videos in subsets.items()
    }
    if folder.new_mapping:
        files[arguments.mapping_file] = "".join(f"{i} {name}\n" for i, name in enumerate(folder.class_names))
    return files


def _subset_tables(folder, splits):
    files = {}
    for split, subsets in splits.items():
        text = io.StringIO(newline="")
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(["video", "subset"])
        for subset, videos in subsets.items():
            writer.writerows([video, _SUBSET_NAMES[subset]] for video in videos)
        # Without a row, what the annotations say would count.
        writer.writerows([video, "unused"] for video in folder.unused)
        files[f"splits/subsets.{split}.csv"] = text.getvalue()
    return files


def _own_lists(folder, pattern):
    """Names, below the dataset folder, of lists that an earlier command of this kind has written."""
    if why_no_folder(folder):
        return set()
    return {f"{folder.name}/{name}" for name in os.listdir(folder) if pattern.fullmatch(name)}


def _table(folder, groups, splits):
    """Lines about what every part of every split holds; `groups` are None where none were asked for."""
    place = {video: number for number, video in enumerate(folder.videos)}
    grouped = groups is not None
    in_all = folder.amounts.sum(0) > 0
    rows = [["split", "subset", "videos", *(["groups"] if grouped else []), *([f"{folder.unit}s"] * bool(folder.unit))]]
    rows[0] += ["classes it lacks"] * bool(folder.unit)
    for split, subsets in splits.items():
        for subset, videos in subsets.items():
            amounts = folder.amounts[[place[video] for video in videos]].sum(0)
            lacking = [folder.class_names[i] for i in np.flatnonzero(in_all & (amounts == 0))]
            row = [split, subset, str(len(videos))]
            row += [str(len({groups[video] for video in videos}))] if grouped else []
            if folder.unit:
                row += [str(int(amounts.sum())), f"{len(lacking)}: {name_some(lacking)}" if lacking else "none"]
            rows.append(row)
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


if __name__ == "__main__":
    command_line.run(main)
