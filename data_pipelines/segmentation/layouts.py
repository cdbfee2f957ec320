"""Where the files of a dataset lie: from the fields of `config.data` to paths.

Every dataset is one root folder with a feature folder, a label folder, a class list and split lists. The ready-made
datasets differ only in the names of the split lists, the orientation of the feature files and the sample rate, all of
them `config.data` fields; `expected_tree` shows the result for any of them.
"""

import dataclasses
import os
import pathlib

from data_pipelines.core.feature_files import TIME_AXES
from fact_jax.files import why_no_folder
from fact_jax.types import UserError, check_choice

SUBSETS = ("train", "test", "validation")

# What to know about the files of a dataset, printed under its expected tree.
DATASET_NOTES = {
    "breakfast": "The Breakfast folder of the data archive published with MS-TCN, unchanged: 1712 videos, 48 classes, "
    "I3D features of 2048 channels at 15 frames per second, splits split1 to split4.",
    "gtea": "The GTEA folder of the data archive published with MS-TCN, unchanged: 28 videos, 11 classes (background "
    "has id 10), I3D features of 2048 channels at 15 frames per second, splits split1 to split4.",
    "50salads": "The 50Salads folder of the data archive published with MS-TCN, unchanged: 50 videos, 19 classes, I3D "
    "features of 2048 channels at 30 frames per second, splits split1 to split5.",
    "egoprocel": "EgoProceL as prepared for FACT: features stored time first, split lists named <split>.train and "
    "<split>.test, split1 only.",
    "epic": "The folder data/epic-kitchens/processed published with FACT, its features extracted from the RGB and flow "
    "LMDBs of C2-Action-Detection (30 frames per second, time first) by python -m data_pipelines.extract_epic, which "
    "makes the other files as well: 97 verbs, 300 nouns and background, split1 only.",
}
_CUSTOM_NOTE = "Any folder of this form works: set config.data.time_axis to the orientation of the feature files."


@dataclasses.dataclass(frozen=True)
class Layout:
    """The files of one dataset and how to read them.

    Attributes:
      dataset: name shown to the user.
      root: the dataset's folder.
      feature_dir, label_dir: folders with `<video>.npy` and `<video>.txt`.
      mapping_file: the class list.
      split: name of the split, e.g. "split1".
      split_files: dict from "train", "test" (and "validation" if there is one) to the list of videos.
      time_axis: "last" for feature files (D, T), "first" for (T, D).
      sample_rate: one frame in this many is used.
      background_ids: class ids of background.
      length_tolerance: frames by which a video's features and labels may differ in length.
      verb_mapping_file, noun_mapping_file: lists of verbs and nouns; None if the classes are no such pairs.
      transcript_dir: folder with the transcripts `<video>.txt` of evaluated videos; None = from the labels.
    """

    dataset: str
    root: pathlib.Path
    feature_dir: pathlib.Path
    label_dir: pathlib.Path
    mapping_file: pathlib.Path
    split: str
    split_files: dict
    time_axis: str = "last"
    sample_rate: int = 1
    background_ids: tuple = ()
    length_tolerance: int = 0
    verb_mapping_file: pathlib.Path | None = None
    noun_mapping_file: pathlib.Path | None = None
    transcript_dir: pathlib.Path | None = None

    def feature_file(self, video_id):
        return self.feature_dir / f"{video_id}.npy"

    def label_file(self, video_id):
        return self.label_dir / f"{video_id}.txt"

    def other_splits(self, subset):
        """Names of splits for which a list of `subset` exists beside the missing one; for error messages."""
        name = self.split_files[subset].name
        if self.split not in name:
            return []
        before, after = name.split(self.split, 1)
        found = self.split_files[subset].parent.glob(f"{_escape(before)}*{_escape(after)}")
        names = (path.name for path in found if os.path.isfile(path))
        return sorted(name[len(before) : len(name) - len(after)] for name in names)


def open_layout(data):
    """Turns `config.data` into paths.

    Args:
      data: object with the fields of `config.data`.

    Returns:
      Layout. Its root exists; nothing else has been looked at.

    Raises:
      UserError: `dir` is empty or not a folder (the message shows the expected tree), or a field has no valid value.
    """
    check_choice("config.data.time_axis", data.time_axis, TIME_AXES)
    for name, least in (("sample_rate", 1), ("length_tolerance", 0)):
        if getattr(data, name) < least:
            raise UserError(f"config.data.{name} is {getattr(data, name)}; it must be at least {least}.")
    for name in ("train_split_file", "test_split_file"):
        if not getattr(data, name):
            raise UserError(f"config.data.{name} is empty; give the file of a split list, e.g. splits/x.{{split}}.txt")
    if not data.split:
        raise UserError("config.data.split is empty; name the split to use, e.g. split1.")
    root = pathlib.Path(os.path.expanduser(data.dir))
    reason = why_no_folder(root)
    if not data.dir or reason:
        found = f"config.data.dir is {data.dir!r}, which {reason}" if data.dir else "config.data.dir is not set"
        raise UserError(f"{found}. Give the dataset's folder: --config.data.dir=FOLDER\n{expected_tree(data)}")
    check_text(root)
    return _make_layout(data, root)


def check_text(folder):
    """Raises UserError if the name of a folder cannot be shown or stored as text."""
    if any("\ud800" <= character <= "\udfff" for character in str(folder)):
        raise UserError(f"{ascii(str(folder))}: the name of the folder is not UTF-8. Rename it.")


def layout_without_root(data):
    """The Layout of a dataset whose own folder is not needed (config.data.dir is empty).

    Raises:
      UserError: verbs, nouns or transcripts are to be read from files below that folder.
    """
    names = [name for name in ("verb_mapping_file", "noun_mapping_file", "transcript_dir") if getattr(data, name)]
    relative = [name for name in names if not pathlib.Path(getattr(data, name)).is_absolute()]
    if relative:
        settings = " and ".join(f"config.data.{name}={getattr(data, name)!r}" for name in relative)
        raise UserError(f"{settings} lies below config.data.dir, which is not set. Set it, or give the full path.")
    return _make_layout(data, pathlib.Path())


def _make_layout(data, root):
    def below(name):
        return root / name if name else None

    return Layout(
        dataset=data.dataset,
        root=root,
        feature_dir=root / data.feature_dir,
        label_dir=root / data.label_dir,
        mapping_file=root / data.mapping_file,
        split=data.split,
        split_files={subset: root / name for subset, name in split_file_names(data).items()},
        time_axis=data.time_axis,
        sample_rate=data.sample_rate,
        background_ids=tuple(data.background_ids),
        length_tolerance=data.length_tolerance,
        verb_mapping_file=below(data.verb_mapping_file),
        noun_mapping_file=below(data.noun_mapping_file),
        transcript_dir=below(data.transcript_dir),
    )


def split_file_names(data):
    """Returns {"train": name, "test": name} and, if configured, "validation", with `{split}` filled in."""
    patterns = {subset: getattr(data, f"{subset}_split_file") for subset in SUBSETS}
    return {subset: name.replace("{split}", data.split) for subset, name in patterns.items() if name}


def expected_tree(data):
    """Describes, in text, the folder that `config.data` asks for."""
    shape = "(T, D): time first" if data.time_axis == "first" else "(D, T): time last"
    rows = [
        (f"{data.feature_dir}/<video>.npy", f"float array {shape}, one file per video"),
        (f"{data.label_dir}/<video>.txt", "one class name per line, one line per frame"),
        (data.mapping_file, "one '<id> <class name>' per line, ids from 0"),
    ]
    rows += [(name, f"{subset} videos, one name per line") for subset, name in split_file_names(data).items()]
    for kind in ("verb", "noun"):
        if name := getattr(data, f"{kind}_mapping_file"):
            rows.append((name, f"one '<id> <{kind}>' per line; classes are named '<verb>,<noun>'"))
    if data.transcript_dir:
        rows.append((f"{data.transcript_dir}/<video>.txt", "evaluated videos: one class name per line, in order"))
    width = max(len(name) for name, _ in rows)
    tree = "\n".join(f"    {name:<{width}}  {text}" for name, text in rows)
    note = DATASET_NOTES.get(data.dataset, _CUSTOM_NOTE)
    return f"Expected files of dataset {data.dataset!r}:\n  {data.dir or 'FOLDER'}/\n{tree}\n{note}"


def _escape(text):
    """Keeps characters that mean something to glob from doing so."""
    return "".join(f"[{char}]" if char in "*?[" else char for char in text)
