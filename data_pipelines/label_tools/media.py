"""Media files: names as tools write them, and the videos of a folder with the seconds of their frames."""

import os
import re

import numpy as np

from data_pipelines.core.problems import Problem
from data_pipelines.core.wording import count, name_some
from data_pipelines.label_tools.events import AUDIO_SUFFIXES
from data_pipelines.video.checks import VIDEO_SUFFIXES, check_videos
from fact_jax.files import why_no_folder
from fact_jax.types import UserError, nearest

_ESCAPED = re.compile(rb"%([0-9A-Fa-f]{2})")
# Seconds by which a file may be longer or shorter than a project says: sound often ends later than the pictures.
LENGTH_SLACK = 0.5


def path_of(address):
    """The path that an address of a file (file:///a%20b.mp4) stands for; other addresses and paths as they are."""
    if re.match(r"[a-z]{2,}:", address) and not address.startswith("file:"):
        return address
    path = re.sub(r"\Afile:(//(localhost)?)?", "", address).removeprefix("./")
    path = _ESCAPED.sub(lambda found: bytes([int(found[1], 16)]), path.encode()).decode(errors="replace")
    return path[1:] if re.match(r"/[A-Za-z]:[/\\]", path) else path


def file_name(media):
    """The name of a file, without the folders or the address that it may stand in."""
    name = re.split(r"[/\\]", media)[-1]
    return path_of(name) if re.match(r"https?:", media) else name


def video_name(media):
    """The name of the video that a media file is called by: its own, without the ending of a video or sound."""
    name = file_name(media)
    stem, suffix = os.path.splitext(name)
    return stem if stem and suffix.lower() in VIDEO_SUFFIXES | AUDIO_SUFFIXES else name


class MediaFolder:
    """The videos of a folder, opened when they are asked for."""

    def __init__(self, folder, index_dir=None):
        """UserError where `folder` is none; `index_dir` keeps which frames the videos hold, see `open_video`."""
        if reason := why_no_folder(folder):
            raise UserError(f"--videos is {folder}, which {reason}.")
        self.folder, self._index_dir, self._opened = str(folder), index_dir, {}
        self._names = sorted(name for name in os.listdir(folder) if not name.startswith("."))

    def find(self, video, media=""):
        """(path of a video or None, Problem or None): the file called as the medium, or else as the video."""
        exact = [name for name in self._names if media and name == file_name(media)]
        found = exact or [name for name in self._names if video_name(name) == video or name == video]
        if len(found) == 1:
            return os.path.join(self.folder, found[0]), None
        wanted = file_name(media) or video
        if found:
            told = f"{count(found, 'file')} for the video {video!r}: {name_some(found)}"
            return None, Problem(self.folder, 0, told, "rename or remove all but one")
        guess = nearest(wanted, self._names)
        hint = f"did you mean {guess!r}?" if guess else "put it there, or name the folder in which it is: --videos"
        return None, Problem(self.folder, 0, f"no file of the video {video!r} ({wanted})", hint)

    def open(self, wanted):
        """(dict of RawVideo by name, problems, lines): the videos of {name: name of its medium or ""}."""
        paths, problems = {}, []
        for video in sorted(set(wanted) - self._opened.keys()):
            path, problem = self.find(video, wanted[video])
            if problem:
                problems.append(problem)
            else:
                paths[video] = path
        checked = check_videos(paths, index_dir=self._index_dir) if paths else None
        if checked:
            self._opened |= checked.videos
            problems += checked.problems
        videos = {video: self._opened[video] for video in wanted if video in self._opened}
        return videos, problems, checked.notes if checked else []


def frame_edges(video):
    """float64 [N + 1] seconds of a RawVideo: frame i is shown from edges[i] to before edges[i + 1]."""
    times = np.asarray(video.times, np.float64)
    # The last frame is shown as long as the one before it.
    last = times[-1] - times[-2] if len(times) > 1 else 1 / video.rate
    return np.append(times, times[-1] + last)
