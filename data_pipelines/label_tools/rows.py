"""When the rows of labels are: beside features, of a constant rate, or the frames of the videos themselves."""

import math
import os

import numpy as np

from data_pipelines.core.feature_times import FeatureTimes, has_times
from data_pipelines.core.missing_files import HintedFolder
from data_pipelines.core.problems import Problem
from data_pipelines.core.wording import count, name_some
from data_pipelines.label_tools.media import frame_edges
from data_pipelines.tools.feature_lengths import read_lengths
from fact_jax.files import why_no_folder
from fact_jax.types import UserError

_HOW = "VIDEO.json beside its features (--mode extract writes it), --fps, or the folder of the videos, --videos"


def find_edges(recordings, features, *, fps=0.0, videos=None, time_axis=None, must_be_there=False):
    """({video: float64 [N + 1] seconds}, lines for the user, Problems): row i holds edges[i] <= t < edges[i + 1].

    VIDEO.json beside the features says it, or else `fps`, or else the frames of the video.

    Args:
      recordings: list of Recording.
      features: folder of feature files; None or not there: there are none.
      fps: rows per second, from second 0; 0.0: not told.
      videos: a MediaFolder, or None.
      time_axis: of the feature files, see `read_lengths`.
      must_be_there: whether the user named the folder.
    """
    lengths, notes, problems = {}, [], []
    if features and (reason := why_no_folder(features)):
        if must_be_there:
            raise UserError(f"--features is {features}, which {reason}.")
        features = None
    if features:
        lengths, notes, problems = _lengths(recordings, features, time_axis)
    edges, from_videos, ends_anywhere, told = {}, {}, 0, []
    for recording in recordings:
        video = recording.video
        path = os.path.join(features, f"{video}.npy") if features else ""
        if features and has_times(path):
            times, wrong = FeatureTimes.examine(path)
            problems += wrong
            if times and video in lengths and times.rows != lengths[video]:
                found = f"the features of {video!r} have {lengths[video]} rows, their .json says {times.rows}"
                problems.append(Problem(path, 0, found, "extract them again"))
            elif times:
                edges[video] = times.edges
                told.append(video)
        elif features and video not in lengths:
            continue  # told already
        elif fps:
            ends_anywhere += not (lengths.get(video) or recording.duration)
            end = recording.duration or max((event.end for event in recording.events), default=0.0)
            number = lengths.get(video) or max(math.ceil(round(end * fps, 6)), 1)
            edges[video] = np.arange(number + 1) / fps
        else:
            from_videos[video] = recording.media
    if fps and told:
        what = (
            f"--fps {fps:g} is not used for {count(told, 'video')}: VIDEO.json beside the features says when rows are"
        )
        notes.append(f"{what}: {name_some(told)}")
    if ends_anywhere:
        notes.append(f"nobody says how long they are: {ends_anywhere} videos end with their last event")
    if from_videos and videos is None:
        first = next(one for one in recordings if one.video in from_videos)
        unknown = f"nobody says when the rows of labels of {len(from_videos)} of {len(recordings)} videos are"
        problems.append(Problem(first.path, 0, f"{unknown}, such as {first.video!r}", f"expected {_HOW}"))
    elif from_videos:
        opened, wrong, lines = videos.open(from_videos)
        problems += wrong
        notes += lines
        for video, source in opened.items():
            edges[video] = frame_edges(source)
            if video in lengths and lengths[video] != len(source):
                found = f"the features of {video!r} have {lengths[video]} rows, the video has {len(source)} frames"
                expected = "expected a row for every frame; else --fps says how many rows a second has"
                problems.append(Problem(os.path.join(features, f"{video}.npy"), 0, found, expected))
    return edges, notes, problems


def _lengths(recordings, features, time_axis):
    """({video: rows}, lines, Problems) of feature files; time is the first axis where VIDEO.json lies beside them."""
    names = [one.video for one in recordings]
    if time_axis is None and any(has_times(os.path.join(features, f"{video}.npy")) for video in names):
        time_axis = "first"
    lengths, notes, problems = read_lengths(features, time_axis)
    hinted = HintedFolder(features, ".npy", "expected one .npy file per video that has labels")
    known = lengths.keys() | {os.path.basename(problem.path).removesuffix(".npy") for problem in problems}
    missing = [
        Problem(os.path.join(features, f"{video}.npy"), 0, "file is missing") for video in names if video not in known
    ]
    return lengths, notes, problems + [hinted.hint(problem) for problem in missing]
