"""Finds out what a folder of raw videos holds, for the tools that are given nothing but the folder."""

import dataclasses
import os
import pathlib

from data_pipelines.core.problems import Problem
from data_pipelines.representation.config import SPLIT, RepresentationDataConfig
from data_pipelines.representation.folder import VIDEO_DIR
from data_pipelines.representation.opening import RepresentationSources, look_through
from data_pipelines.video.checks import VIDEO_SUFFIXES
from data_pipelines.video.config import VideoConfig
from data_pipelines.video.image_folder import IMAGE_SUFFIXES
from fact_jax.files import why_no_folder
from fact_jax.types import UserError


@dataclasses.dataclass(frozen=True)
class VideoFolder:
    """What was found: settings, the videos that can be used, with notes, and the problems of the others."""

    data: RepresentationDataConfig
    sources: RepresentationSources
    problems: list[Problem]

    @property
    def videos(self):
        """{name: PhasedVideo} of all videos."""
        return {video.video_id: video for video in (*self.sources.train, *self.sources.test)}


def holds_videos(root):
    """Whether a folder has a folder of videos in it, or files that are called like videos or strips of frames."""
    root = pathlib.Path(root)
    if why_no_folder(root):
        return False
    endings = {*VIDEO_SUFFIXES, *IMAGE_SUFFIXES}
    return not why_no_folder(root / VIDEO_DIR) or any(path.suffix.lower() in endings for path in root.iterdir())


def survey(options) -> VideoFolder:
    """Looks through the folder that the options of `dataset_folder.add_options` name; goes through all its videos."""
    root = pathlib.Path(os.path.expanduser(options.folder)).resolve()
    if bool(options.train_split_file) != bool(options.test_split_file):
        raise UserError("--train_split_file and --test_split_file go together.")
    data = RepresentationDataConfig(
        dataset=options.name or root.name,
        dir=str(root),
        train_list=options.train_split_file or "",
        test_list=options.test_split_file or "",
        split=options.split or SPLIT,
        video=VideoConfig(rate=options.fps),
    )
    data.check()
    found = look_through(data, root)
    return VideoFolder(data, found.sources, found.problems)
