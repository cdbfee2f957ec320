"""Finds out what a folder of labelled clips holds, for the tools that are given nothing but the folder."""

import dataclasses
import os
import pathlib

from data_pipelines.core.problems import Problem
from data_pipelines.recognition.config import SPLIT, RecognitionDataConfig
from data_pipelines.recognition.listing import LISTS, PACKED, VIDEO_DIRS
from data_pipelines.recognition.opening import RecognitionSources, look_through
from data_pipelines.video.config import VideoConfig
from fact_jax.files import why_no_folder
from fact_jax.types import UserError


@dataclasses.dataclass(frozen=True)
class ClipFolder:
    """What was found: settings, the clips that can be used, with notes, and the problems of the others."""

    data: RecognitionDataConfig
    sources: RecognitionSources
    problems: list[Problem]

    @property
    def clips(self):
        """All LabelledClips."""
        return (*self.sources.train, *self.sources.test)


def holds_clips(root, train_list=None):
    """Whether a folder has a list of training clips, as `recognition/listing.py` calls it or as it is named here."""
    root = pathlib.Path(root)
    names = [train_list] if train_list else [LISTS["train"], LISTS["train"] + PACKED]
    has_list = any(name.removesuffix(PACKED).endswith(".csv") and (root / name).is_file() for name in names)
    return has_list and not why_no_folder(root)


def survey(options) -> ClipFolder:
    """Looks through the folder that the options of `dataset_folder.add_options` name; goes through all its videos."""
    root = pathlib.Path(os.path.expanduser(options.folder)).resolve()
    if bool(options.train_split_file) != bool(options.test_split_file):
        raise UserError("--train_split_file and --test_split_file go together.")
    data = RecognitionDataConfig(
        dataset=options.name or root.name,
        dir=str(root),
        train_list=options.train_split_file or "",
        test_list=options.test_split_file or "",
        split=options.split or SPLIT,
        video=VideoConfig(rate=options.fps),
    )
    data.check()
    found = look_through(data, root)
    return ClipFolder(data, found.sources, found.problems)


def expected():
    """What such a folder has, in words."""
    return f"{LISTS['train']}, {LISTS['test']} and {VIDEO_DIRS[0]}/"
