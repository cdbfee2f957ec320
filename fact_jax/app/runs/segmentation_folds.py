"""The folds of a segmentation dataset: splits that its folder has, or new ones."""

import dataclasses
import re
from collections.abc import Mapping
from pathlib import Path

from data_pipelines import make_splits
from data_pipelines.core.text_files import read_lines
from data_pipelines.segmentation.config import SegmentationDataConfig
from data_pipelines.segmentation.layouts import Layout, open_layout
from fact_jax.app.kinds.base import Folds
from fact_jax.types import UserError

DEFAULT_FOLDS = 5
CUSTOM = "custom"  # config.data.dataset of a folder of one's own
EVERYTHING = "all"  # name of the list of all videos


def folds(config, number: int | None, group_by: str | None, lists: Path) -> Folds:
    """The Folds of the dataset of a config.

    Args:
      config: of any system of this kind.
      number: how many; None: the splits that the folder has, or else DEFAULT_FOLDS.
      group_by: see `data_pipelines.make_splits`; None: every video is its own group.
      lists: folder in which new lists will lie.

    Raises:
      UserError: there are other splits than asked for, too few videos or groups, or files are missing.
    """
    data = SegmentationDataConfig.parse(config.data)
    if data.reader != "npy":
        way_out = "--config.data.reader=npy"
        if data.reader == "synthetic":
            way_out = "python -m data_pipelines.write_synthetic FOLDER makes such a folder of synthetic videos"
        raise UserError(f"config.data.reader is {data.reader!r}; folds are made of a folder of files: {way_out}.")
    layout = open_layout(data)
    own = _own_splits(layout)
    published = data.dataset != CUSTOM and len(own) > 1
    if not group_by and len(own) > 1 and number in (None, len(own)):
        return _of_folder(layout, own, lists)
    if published:
        asked = "--group_by" if group_by else f"--folds is {number}"
        raise UserError(
            f"{asked}, and {data.dataset} has {len(own)} splits of its own, over which scores are published: "
            f"{', '.join(own)}. Leave --folds and --group_by out; config.data.dataset='{CUSTOM}' makes new folds."
        )
    if data.validation_split_file:
        raise UserError(
            "config.data.validation_split_file is set, and new folds have no list of validation videos: set it to "
            "'', the scores of a comparison are then those of the last step."
        )
    return _new(layout, number or DEFAULT_FOLDS, group_by, lists, len(own))


def _own_splits(layout: Layout):
    """Names of the splits that have a list of every subset, in the order of their numbers and letters."""
    names = []
    for pattern in (getattr(layout.data, f"{subset}_split_file") for subset in layout.data.split_files):
        before, placeholder, after = (layout.root / pattern).name.partition("{split}")
        if not placeholder:
            return ()
        folder = (layout.root / pattern).parent
        found = re.compile(re.escape(before) + "(.+)" + re.escape(after))
        there = folder.iterdir() if folder.is_dir() else ()
        names.append({match[1] for path in there if path.is_file() and (match := found.fullmatch(path.name))})
    return tuple(sorted(set.intersection(*names), key=_natural))


def _natural(name):
    return [int(part) if part.isdecimal() else part for part in re.split(r"(\d+)", name)]


def _of_folder(layout, own, lists):
    videos: dict[str, None] = {}
    for name in own:
        for path in Layout(dataclasses.replace(layout.data, split=name), layout.root).split_files.values():
            lines, problems = read_lines(path)
            if problems:
                raise UserError("\n".join(map(str, problems)))
            videos |= dict.fromkeys(line.removesuffix(".txt") for line in lines if line)
    note = f"the {len(own)} splits of {layout.root}: {', '.join(own)}"
    return Folds(own, {}, _list_of(videos), _everything(lists), (note,))


def _new(layout, number, group_by, lists, own):
    """New folds by `data_pipelines.make_splits`, as lists that are to be written into `lists`."""
    places = ("label_dir", "feature_dir", "mapping_file")
    asked = [f"--{name}={getattr(layout.data, name)}" for name in places]
    asked += [f"--group_by={group_by}"] if group_by else []
    splits, findings = make_splits.folds_of(layout.root, number, asked)
    names = [name.replace("split", "fold") for name in splits]
    texts, videos = {}, {}
    for name, subsets in zip(names, splits.values(), strict=True):
        for subset, members in subsets.items():
            texts[f"{subset}.{name}.bundle"] = _list_of(members)
            videos |= dict.fromkeys(members)
    settings = {f"{subset}_split_file": str(lists / f"{subset}.{{split}}.bundle") for subset in ("train", "test")}
    note = f"{number} new folds of {len(videos)} videos of {layout.root}"
    note += f"; its own splits ({own}) are another number" if own > 1 else ""
    return Folds(
        tuple(names), texts, _list_of(dict.fromkeys(sorted(videos))), _everything(lists), (note, *findings), settings
    )


def _list_of(videos):
    return "".join(f"{video}\n" for video in videos)


def _everything(lists) -> Mapping[str, str]:
    """Settings of a run that is trained on all videos; one list twice is a choice, and no slip."""
    path = str(lists / f"{EVERYTHING}.bundle")
    return {"train_split_file": path, "test_split_file": path, "validation_split_file": "", "split": EVERYTHING}
