"""Finds out how a dataset folder is laid out, for the tools that are given nothing but the folder.

What the folder does not say clearly can be given as an option; every finding is kept as a sentence for the user.
"""

import dataclasses
import math
import os
import pathlib

from data_pipelines.core.feature_files import TIME_AXES
from data_pipelines.core.names import means_background
from data_pipelines.core.problems import count_problems, format_problems
from data_pipelines.core.text_files import is_id
from data_pipelines.segmentation.annotations import read_mapping
from data_pipelines.segmentation.config import SegmentationDataConfig
from data_pipelines.segmentation.index import DatasetIndex, read_index
from data_pipelines.segmentation.layouts import Layout, check_text, open_layout
from data_pipelines.segmentation.list_oddities import SPLIT_PATTERNS
from data_pipelines.segmentation.oddities import find_oddities
from data_pipelines.segmentation.verb_nouns import read_verb_nouns
from data_pipelines.tools.localization_folder import find_annotations
from fact_jax.files import why_no_folder
from fact_jax.types import UserError, nearest

# Settings that are options too.
_AS_GIVEN = ("feature_dir", "label_dir", "mapping_file", "length_tolerance")
_VALIDATION_WORDS = ("val", "validation")
# A class that starts at least this share of the videos may be background too.
_OFTEN_FIRST = 0.5
# The settings that describe a folder.
SETTINGS = (
    "dataset", "dir", "feature_dir", "label_dir", "mapping_file", "verb_mapping_file", "noun_mapping_file",
    "train_split_file", "test_split_file", "validation_split_file", "split", "time_axis", "background_ids",
    "length_tolerance",
)  # fmt: skip
DEFAULT_TOLERANCE = SegmentationDataConfig.length_tolerance


@dataclasses.dataclass(frozen=True)
class DatasetFolder:
    """A dataset folder and what was found out about it: labels at the full rate, problems and findings for the user."""

    layout: Layout
    index: DatasetIndex
    problems: list
    findings: list

    @property
    def data(self):
        """SegmentationDataConfig."""
        return self.layout.data


def add_options(parser):
    """Adds the folder and the options about its layout to an argparse parser."""
    add = parser.add_argument
    add(
        "folder",
        help="dataset folder: features/VIDEO.npy, groundTruth/VIDEO.txt, mapping.txt and split lists; or "
        "annotations.json; or clips/, train.csv and val.csv; or videos/",
    )
    add("--name", help="name of the dataset (default: that of the folder)")
    add("--feature_dir", default="features", help="folder of feature files, below FOLDER (default: features)")
    add("--label_dir", default="groundTruth", help="folder of label files, below FOLDER (default: groundTruth)")
    add("--mapping_file", default="mapping.txt", help="class list, below FOLDER (default: mapping.txt)")
    add("--train_split_file", metavar="PATTERN", help='list of training videos, such as "lists/train.{split}.txt"')
    add("--test_split_file", metavar="PATTERN", help="list of test videos (default for all lists: looked for)")
    add("--validation_split_file", metavar="PATTERN", help='list of validation videos; "" for none')
    add("--split", help="split to use, such as split2 (default: split1, or the first there is)")
    text = '"last" for (channels, frames) files, "first" for (frames, channels)'
    add("--time_axis", choices=TIME_AXES, help=f"{text} (default: found by comparing with the labels)")
    text = "names or ids of the background classes; without a value: there are none (default: found by name)"
    add("--background", nargs="*", metavar="CLASS", help=text)
    text = f"frames by which features and labels may differ (default: {DEFAULT_TOLERANCE})"
    add("--length_tolerance", type=int, default=DEFAULT_TOLERANCE, metavar="FRAMES", help=text)


def survey(options):
    """Looks through the folder that the options of `add_options` name; returns a DatasetFolder.

    A UserError says that the folder does not exist, has no split lists, or lacks what an option names.
    """
    root = pathlib.Path(os.path.expanduser(options.folder))
    if reason := why_no_folder(root):
        raise UserError(f"{options.folder} is not a folder: it {reason}.")
    check_text(root.resolve())
    lists, findings = _find_splits(root, options)
    verb_nouns, more = _find_verb_nouns(root, options.mapping_file)
    name, time_axis = options.name or root.resolve().name, options.time_axis or "last"
    fields = {field: getattr(options, field) for field in _AS_GIVEN} | lists | verb_nouns
    data = SegmentationDataConfig(
        dataset=name, dir=str(root.resolve()), time_axis=time_axis, background_ids=(), **fields
    )
    layout, findings = open_layout(data), findings + more
    index, problems = read_index(layout, layout.configured_subsets())
    if not options.time_axis:
        time_axis, finding = find_time_axis(index)
        findings.append(finding)
        if time_axis != data.time_axis:
            data = dataclasses.replace(data, time_axis=time_axis)
            layout = open_layout(data)
            index, problems = read_index(layout, layout.configured_subsets())
    problems = problems + read_verb_nouns(*layout.verb_noun_files, index.class_names, layout.mapping_file)[1]
    background, finding = find_background(index, options.background)
    # Only the tool that writes a config has the option.
    counts = getattr(options, "evaluate_background", False)
    layout = open_layout(dataclasses.replace(data, background_ids=background, evaluate_background=counts))
    problems, notes = (problems, ()) if problems else find_oddities(index, layout.data)
    return DatasetFolder(layout, index, problems, [*findings, finding, *notes])


def insist(folder):
    """Raises a UserError that lists the problems of a DatasetFolder, if there are any."""
    if folder.problems:
        raise UserError(
            f"{folder.layout.root} has {count_problems(folder.problems)}; put "
            f"{'them' if len(folder.problems) > 1 else 'it'} right first:\n"
            f"{format_problems(folder.problems)}"
        )


def _find_splits(root, options):
    """(fields of the split lists, findings)."""
    given = (options.train_split_file, options.test_split_file)
    if any(given) and not all(given):
        raise UserError("--train_split_file and --test_split_file go together.")
    patterns = [given] if all(given) else SPLIT_PATTERNS
    found = {pair: names for pair in patterns if (names := _split_names(root, pair))}
    if not found:
        annotations = find_annotations(root)
        if annotations and why_no_folder(root / options.label_dir):
            raise UserError(
                f"{root} has {annotations} and no {options.label_dir}/: segments with times, and no label for every "
                "frame, which is what is read here. python -m data_pipelines.write_config FOLDER looks through such a "
                "folder, tells what is in it and writes a config; training tells all that is odd."
            )
        shown = " or ".join(f"{train} with {test}" for train, test in patterns[: 1 if all(given) else 2])
        raise UserError(
            f"{root} has no lists of training and test videos: expected {shown} (text files, one video name per line; "
            "{split} stands for a name such as split1). python -m data_pipelines.make_splits FOLDER --test 0.25 makes "
            "them; --train_split_file and --test_split_file name them elsewhere."
        )
    pair, names = next(iter(found.items()))
    split = options.split or ("split1" if "split1" in names else names[0])
    if split not in names and "{split}" in pair[0]:
        guess = nearest(split, names)
        hint = f" Did you mean {guess!r}?" if guess else ""
        raise UserError(f"--split is {split!r}.{hint} Splits of {root}: {', '.join(names)}.")
    validation = options.validation_split_file or ""
    if options.validation_split_file is None:
        candidates = [_swap_word(pair[1], word) for word in _VALIDATION_WORDS]
        there = [name for name in candidates if name and os.path.isfile(root / name.replace("{split}", split))]
        validation = there[0] if there else ""
    others = f" (of {', '.join(names)})" if len(names) > 1 else ""
    findings = [f"split lists: {pair[0]} and {pair[1]}, split {split}{others}"]
    if validation:
        findings.append(f"validation list: {validation}; the best checkpoint is chosen on it")
    fields = {"train_split_file": pair[0], "test_split_file": pair[1], "validation_split_file": validation}
    return fields | {"split": split}, findings


def _split_names(root, pair):
    """Names of the splits for which both lists exist; ["split1"] for a pair of fixed files."""
    if "{split}" not in pair[0]:
        return ["split1"] if all(os.path.isfile(root / name) for name in pair) else []
    before, after = pair[0].split("{split}", 1)
    folder, start = root / pathlib.PurePath(before + "x").parent, before.rpartition("/")[2]
    if why_no_folder(folder):
        return []
    files = [name for name in os.listdir(folder) if os.path.isfile(folder / name)]
    names = [
        name[len(start) : len(name) - len(after)]
        for name in files
        if name.startswith(start) and name.endswith(after) and len(name) > len(start) + len(after)
    ]
    return sorted(name for name in names if os.path.isfile(root / pair[1].replace("{split}", name)))


def _swap_word(pattern, word):
    """`pattern` with "test" in its file name replaced, or "" if it has none."""
    head, slash, name = pattern.rpartition("/")
    return f"{head}{slash}{name.replace('test', word)}" if "test" in name else ""


def _find_verb_nouns(root, mapping_file):
    """(fields of the lists of verbs and nouns, findings)."""
    names = ("verb_mapping.txt", "noun_mapping.txt")
    if not all(os.path.isfile(root / name) for name in names):
        return {}, []
    class_ids, _ = read_mapping(root / mapping_file)
    if not any("," in name for name in class_ids):
        return {}, [f"{names[0]} and {names[1]} are not used: no class is named '<verb>,<noun>'"]
    fields = {"verb_mapping_file": names[0], "noun_mapping_file": names[1]}
    return fields, [f"classes are pairs of a verb and a noun: {names[0]} and {names[1]}"]


def find_time_axis(index):
    """(time axis, finding): the orientation of feature files, by their lengths; the index may be read with any."""
    gaps = {"first": 0, "last": 0}
    videos = index.headers.keys() & index.labels.keys()
    for video in videos:
        rows, columns = index.headers[video].shape
        gaps["first"] += abs(rows - len(index.labels[video]))
        gaps["last"] += abs(columns - len(index.labels[video]))
    axis = "first" if gaps["first"] < gaps["last"] else "last"
    if not videos:
        return axis, f'time_axis="{axis}": a guess, there are no features and labels of one video'
    example = min(videos)
    form = "(frames, channels)" if axis == "first" else "(channels, frames)"
    return axis, (
        f'time_axis="{axis}": feature files are {form}; {example}.npy is {index.headers[example].shape} for '
        f"{len(index.labels[example])} labels"
    )


def find_background(index, given=None):
    """(ids, finding) of the background classes: those whose names or ids are given, or whose names mean background.

    A UserError if a given name or id does not exist.
    """
    names = index.class_names
    if given is not None:
        ids = tuple(dict.fromkeys(_class_id(text, names) for text in given))
        shown = ", ".join(f"{i} ({names[i]})" for i in ids) or "none"
        return ids, f"background classes: {shown}, as given"
    ids = tuple(i for i, name in enumerate(names) if means_background(name))
    if ids:
        return ids, "background classes: " + ", ".join(f"{i} ({names[i]})" for i in ids) + ", by name"
    firsts = [int(labels[0]) for labels in index.labels.values() if len(labels) and labels[0] >= 0]
    often = max(set(firsts), key=firsts.count) if firsts else None
    hint = ""
    if often is not None and firsts.count(often) >= _OFTEN_FIRST * len(firsts):
        share = math.floor(100 * firsts.count(often) / len(firsts))
        hint = (
            f"; but {share} % of the videos start with {names[often]!r}: if that means that nothing happens, add "
            f"--background {names[often]}"
        )
    return ids, f"background classes: none, no class is named background, SIL or the like{hint}"


def _class_id(text, names):
    if text in names:
        return names.index(text)
    if is_id(text) and int(text) < len(names):
        return int(text)
    guess = nearest(text, names)
    hint = f" Did you mean {guess!r}?" if guess else ""
    raise UserError(f"--background: there is no class {text!r}.{hint} Names and ids (0 to {len(names) - 1}) are valid.")
