"""Which videos the names, folders and patterns of --input stand for, opened and checked one by one."""

import dataclasses
import hashlib
import os
import pathlib
from collections.abc import Sequence
from typing import Any

from data_pipelines.core.input_files import find_files
from data_pipelines.core.problems import Problem, refuse
from data_pipelines.core.unlabelled import Input, name_clash, name_problem
from data_pipelines.core.wording import count, name_some
from data_pipelines.representation.folder import TEXT_SUFFIXES
from data_pipelines.representation.opening import grouped
from data_pipelines.video.checks import check_videos
from data_pipelines.video.config import VideoConfig
from data_pipelines.video.errors import VideoError
from data_pipelines.video.image_folder import IMAGE_SUFFIXES, ImageStrip
from fact_jax.files import sha256_of


@dataclasses.dataclass(frozen=True)
class VideoInput(Input):
    """An `Input` with its opened RawVideo. Size and times of a folder of images are those of all of them together."""

    video: Any = None


@dataclasses.dataclass(frozen=True)
class FoundVideos:
    """VideoInputs that can be used, problems of the others with their names, and lines for the user."""

    inputs: tuple[VideoInput, ...]
    problems: list[Problem]
    unusable: tuple[str, ...]
    lines: tuple[str, ...]


def open_videos(inputs: Sequence[str], config: VideoConfig, index_dir=None) -> FoundVideos:
    """Finds and checks videos, see FoundVideos.

    Of a folder, every file and every folder of images in it is a video. A folder of nothing but images is one video
    itself, unless the images are strips of square frames, which are a video each. A video is called as its file
    without the ending. Indices of frames are kept in `index_dir`; None: nowhere.

    Raises UserError, with all problems, where no video can be used.
    """
    paths, problems, lines = _find(inputs)
    wrong = {path: problem for path in paths if (problem := name_problem(path))}
    named: dict[str, list[pathlib.Path]] = {}
    for path in (path for path in paths if path not in wrong):
        named.setdefault(_name(path), []).append(path)
    unusable = [_name(pathlib.Path(problem.path)) for problem in problems]
    problems += wrong.values()
    for name, same in named.items():
        if len(same) > 1:
            problems += name_clash(name, same)
            unusable.append(name)
    single = {str(same[0]): name for name, same in named.items() if len(same) == 1}
    states = {path: _state(path) for path in single}
    checked = check_videos({path: path for path in single}, config, index_dir=index_dir)
    problems += checked.problems
    usable = tuple(
        _input(name, path, states[path], checked.videos[path])
        for path, name in single.items()
        if path in checked.videos
    )
    unusable += [name for path, name in single.items() if path not in checked.videos]
    if not usable:
        refuse("--input", problems)
    return FoundVideos(usable, problems, tuple(unusable), (*lines, *grouped(checked)))


def _input(name, path, state, video):
    size, mtime_ns, ctime_ns = state
    return VideoInput(name, pathlib.Path(path), size, mtime_ns, ctime_ns, len(video), video=video)


def checksum(path) -> str:
    """SHA-256 of a file; of a folder, that of the names and checksums of its images. Raises OSError."""
    if not os.path.isdir(path):
        return sha256_of(path)
    text = "".join(f"{image.name} {sha256_of(image)}\n" for image in _images(path))
    return hashlib.sha256(text.encode(errors="surrogateescape")).hexdigest()


def _name(path):
    return path.name if path.is_dir() else path.stem or path.name


def _images(folder):
    return [path for path in sorted(pathlib.Path(folder).iterdir()) if path.name.lower().endswith(IMAGE_SUFFIXES)]


def _state(path):
    """(bytes, time of the last change of content, of anything at all), zeros where that cannot be told."""
    try:
        images = _images(path) if os.path.isdir(path) else []
        states = [os.stat(found) for found in (images or [path])]
    except OSError:
        return 0, 0, 0
    size = sum(state.st_size for state in states)
    return size, max(state.st_mtime_ns for state in states), max(state.st_ctime_ns for state in states)


def _find(inputs):
    """(absolute paths, each once, problems, lines) of names, folders and patterns."""
    paths, problems, lines = {}, [], []
    for text in inputs:
        folder = pathlib.Path(text).expanduser()
        if folder.is_dir():
            found, wrong, more = _in_folder(folder)
            lines += more
        else:
            found, wrong = find_files([text])
        problems += wrong
        for path in found:
            paths.setdefault((path.name, os.path.realpath(path)), pathlib.Path(os.path.abspath(path)))
    return list(paths.values()), problems, lines


def _in_folder(folder):
    """(paths of the videos, problems, lines)."""
    try:
        listed = [path for path in sorted(folder.iterdir()) if not path.name.startswith(".")]
        others = [path for path in listed if path.suffix.lower() in TEXT_SUFFIXES]
        others += [path for path in listed if path.is_dir() and not _images(path)]
    except OSError as error:
        return [], [Problem(str(folder), 0, f"folder cannot be read ({error.strerror})")], []
    found = [path for path in listed if path not in others]
    lines = [f"No videos, left out of {folder}: {name_some(path.name for path in others)}"] if others else []
    if not found:
        return [], [Problem(str(folder), 0, "no video in this folder", "expected videos or folders of images")], lines
    if all(path.name.lower().endswith(IMAGE_SUFFIXES) for path in found) and not _is_strip(found[0]):
        return [folder], [], [*lines, f"{folder}: {count(found, 'image')}, read as one video"]
    return found, [], lines


def _is_strip(path):
    try:
        return len(ImageStrip(path)) > 1
    except VideoError:
        return False
