"""Goes through all videos of a dataset before anything is trained, and lists everything that is wrong at once."""

import concurrent.futures
import dataclasses
import os
from collections.abc import Mapping
from pathlib import Path

from tqdm import tqdm

from data_pipelines.core.names import why_no_video
from data_pipelines.core.problems import Problem
from data_pipelines.core.wording import count, name_some
from data_pipelines.video.config import VideoConfig
from data_pipelines.video.errors import VideoError
from data_pipelines.video.opening import open_video
from data_pipelines.video.raw_video import RawVideo

# FFmpeg's name of a container -> endings of its files. Others say nothing about what is inside.
_ENDINGS = {
    "mov": (".mp4", ".mov", ".m4v", ".3gp", ".3g2", ".mj2", ".m4a", ".qt"),
    "matroska": (".mkv", ".webm", ".mk3d"),
    "avi": (".avi", ".divx"),
    "mpegts": (".ts", ".mts", ".m2ts"),
    "mpeg": (".mpg", ".mpeg", ".vob"),
    "asf": (".wmv", ".asf"),
    "flv": (".flv",),
    "gif": (".gif",),
}
VIDEO_SUFFIXES = {suffix for suffixes in _ENDINGS.values() for suffix in suffixes}


@dataclasses.dataclass(frozen=True)
class CheckedVideos:
    """Videos by name, of those that can be used; the problems of the others; and lines on what is odd."""

    videos: dict[str, RawVideo]
    problems: list[Problem]
    notes: list[str]


def check_videos(paths, config=VideoConfig(), *, index_dir=None, num_labels=None, num_threads=None):
    """Opens all videos and returns CheckedVideos; nothing is left out or replaced without a problem that says so.

    `data_pipelines.core.problems.refuse` tells the problems as one error.

    Args:
      paths: files and folders, as `open_video` takes them; a video is called as its file without the ending. Or a
        mapping from names of videos to them.
      config: a VideoConfig.
      index_dir: folder in which frame indices are kept; None: nowhere.
      num_labels: number of labels, one per frame, by the name of the video, of those that have any.
      num_threads: how many videos are read at once; None: one per core.
    """
    if isinstance(paths, Mapping):
        named, problems = {name: str(path) for name, path in paths.items()}, []
    else:
        named, problems = _named([str(path) for path in paths])
    videos, notes = {}, []
    pool = concurrent.futures.ThreadPoolExecutor(num_threads or len(os.sched_getaffinity(0)))
    try:
        opened = {name: pool.submit(open_video, path, config, index_dir) for name, path in named.items()}
        for name, result in tqdm(
            opened.items(), desc="Opening videos", unit="video", disable=None, leave=False, delay=1.0
        ):
            try:
                video = result.result()
                if num_labels and name in num_labels:
                    video.check_labels(num_labels[name])
                videos[name] = video
                notes += [f"{video.path}: {warning}" for warning in (*video.warnings, *_wrong_ending(video))]
            except VideoError as error:
                problems.append(error.problem)
    finally:
        pool.shutdown(cancel_futures=True)  # Ctrl-C does not wait for the videos that have not begun
    return CheckedVideos(videos, problems, notes)


def _named(paths):
    """({name: path}, problems): those with a name of their own, and a problem for all others."""
    by_name, problems = {}, []
    for path in dict.fromkeys(paths):
        by_name.setdefault(Path(path).name if os.path.isdir(path) else Path(path).stem, []).append(path)
    for name, found in by_name.items():
        if wrong := why_no_video(name):
            problems += [Problem(path, 0, wrong, "rename it") for path in found]
        if len(found) > 1:
            told = f"{count(found, 'video')} are called {name!r}: {name_some(found)}"
            problems.append(Problem(found[0], 0, told, "rename or remove all but one"))
    if not paths:
        problems.append(Problem("videos", 0, "no video", "expected files of videos or folders of images"))
    return {name: found[0] for name, found in by_name.items() if len(found) == 1 and not why_no_video(name)}, problems


def _wrong_ending(video):
    """A remark on a file whose name says that it is another container; it is read as what it is."""
    container = getattr(getattr(video, "index", None), "container", "").split(",")[0]
    suffix = Path(video.path).suffix.lower()
    if container in _ENDINGS and suffix in VIDEO_SUFFIXES and suffix not in _ENDINGS[container]:
        yield f"it ends in {suffix}, but holds {_ENDINGS[container][0][1:].upper()}: it is read as that"
