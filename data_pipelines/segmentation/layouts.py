"""Where the files of a dataset lie: from the fields of `config.data` to paths.

Every dataset is one root folder with a feature folder, a label folder, a class list and split lists. The ready-made
datasets differ only in the names of the split lists, the orientation of the feature files and the sample rate, all of
them fields of the settings; `expected_tree` shows the result for any of them.
"""

import contextlib
import dataclasses
import os
import pathlib

from data_pipelines.core.settings import check_absolute, dataset_root
from data_pipelines.segmentation.config import SUBSETS, SegmentationDataConfig
from fact_jax.types import UserError

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
    """The files of one dataset, whose folder is `root`, and how to read them."""

    data: SegmentationDataConfig
    root: pathlib.Path

    @property
    def feature_dir(self):
        return self.root / self.data.feature_dir

    @property
    def label_dir(self):
        return self.root / self.data.label_dir

    @property
    def segment_file(self):
        """Table of segments in seconds, in place of label files; None = there is none."""
        return self.root / self.data.segment_file if self.data.segment_file else None

    @property
    def mapping_file(self):
        return self.root / self.data.mapping_file

    @property
    def split_files(self):
        """dict from "train", "test" (and "validation" if there is one) to the list of videos."""
        return {subset: self.root / name for subset, name in self.data.split_files.items()}

    @property
    def verb_noun_files(self):
        """(list of verbs, list of nouns); None for both if the classes are no such pairs."""
        names = self.data.verb_mapping_file, self.data.noun_mapping_file
        return tuple(self.root / name if name else None for name in names)

    @property
    def transcript_dir(self):
        """Folder with the transcripts `<video>.txt` of evaluated videos; None = from the labels."""
        return self.root / self.data.transcript_dir if self.data.transcript_dir else None

    def configured_subsets(self, subsets=SUBSETS):
        """Those of `subsets` for which the dataset has a split list, in the usual order."""
        return [subset for subset in self.data.split_files if subset in subsets]

    def feature_file(self, video_id):
        return self.feature_dir / f"{video_id}.npy"

    def label_file(self, video_id):
        return self.label_dir / f"{video_id}.txt"

    def stored_videos(self):
        """Set of the names of the videos with a label file or a feature file; empty where no folder can be read."""
        names = set()
        for folder, suffix in ((self.label_dir, ".txt"), (self.feature_dir, ".npy")):
            with contextlib.suppress(OSError):
                names.update(name.removesuffix(suffix) for name in os.listdir(folder) if name.endswith(suffix))
        return names

    def other_splits(self, subset):
        """Names of splits for which a list of `subset` exists beside the missing one; for error messages."""
        name = self.split_files[subset].name
        if self.data.split not in name:
            return []
        before, after = name.split(self.data.split, 1)
        found = self.split_files[subset].parent.glob(f"{_escape(before)}*{_escape(after)}")
        names = (path.name for path in found if os.path.isfile(path))
        return sorted(name[len(before) : len(name) - len(after)] for name in names)


def open_layout(data):
    """The Layout of a SegmentationDataConfig. Its root exists; nothing else has been looked at.

    A UserError says that `dir` is empty or no folder (and shows the expected tree), or that a field has no valid value.
    """
    data.check_files()
    root = dataset_root(data, expected_tree(data))
    check_text(root)
    return Layout(data, root)


def check_text(folder):
    """Raises UserError if the name of a folder cannot be shown or stored as text."""
    if any("\ud800" <= character <= "\udfff" for character in str(folder)):
        raise UserError(f"{ascii(str(folder))}: the name of the folder is not UTF-8. Rename it.")


def layout_without_root(data):
    """The Layout of a dataset whose own folder is not needed (config.data.dir is empty).

    A UserError says that verbs, nouns or transcripts are to be read from files below that folder.
    """
    check_absolute(data, ("verb_mapping_file", "noun_mapping_file", "transcript_dir"))
    return Layout(data, pathlib.Path())


def expected_tree(data):
    """Describes, in text, the folder that `config.data` asks for."""
    shape = "(T, D): time first" if data.time_axis == "first" else "(D, T): time last"
    rows = [
        (f"{data.feature_dir}/<video>.npy", f"float array {shape}, one file per video"),
        (data.segment_file, "table with the columns video, start, end (seconds) and label")
        if data.segment_file
        else (f"{data.label_dir}/<video>.txt", "one class name per line, one line per frame"),
        (data.mapping_file, "one '<id> <class name>' per line, ids from 0"),
    ]
    rows += [(name, f"{subset} videos, one name per line") for subset, name in data.split_files.items()]
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
