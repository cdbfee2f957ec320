"""What a dataset of raw videos lists, before any video is opened."""

import dataclasses
import pathlib
from fractions import Fraction

import numpy as np
from jaxtyping import Int

from data_pipelines.core.problems import Problem
from data_pipelines.video.errors import VideoError

SUBSETS = ("train", "test")
NO_PHASE = -1
_ROUNDING = 1.0  # seconds by which the last segment of a video may end after it


@dataclasses.dataclass(frozen=True)
class LabelSegment:
    """A phase from `start` to before `end`, exact seconds; `line` of the label file lists it."""

    start: Fraction
    end: Fraction
    phase: int
    line: int


@dataclasses.dataclass(frozen=True)
class ListedVideo:
    """One video of a list.

    Attributes:
      video_id: unique in its dataset.
      path: where it lies.
      labels: int32 [N], one phase per frame, NO_PHASE where there is none; None without labels.
      segments: LabelSegments in order, in the place of `labels` where times are given in seconds.
      num_frames: N as the list states it, 0 if it does not.
      group: number of the dataset, such as an action, that it is scored with.
      source: file that the labels are from, for messages.
    """

    video_id: str
    path: pathlib.Path
    labels: Int[np.ndarray, " N"] | None = None
    segments: tuple[LabelSegment, ...] | None = None
    num_frames: int = 0
    group: int = 0
    source: str = ""

    @property
    def is_labelled(self):
        """Whether it has labels of either form."""
        return self.labels is not None or self.segments is not None


@dataclasses.dataclass(frozen=True)
class Listing:
    """What is listed.

    Attributes:
      videos: ListedVideos by subset of SUBSETS, in the order of the lists.
      groups: names of the datasets that are scored apart, such as actions.
      phases: names of the phases of every group.
      problems: list of Problem.
      notes: lines for the user.
    """

    videos: dict[str, tuple[ListedVideo, ...]]
    groups: tuple[str, ...]
    phases: tuple[tuple[str, ...], ...]
    problems: list[Problem]
    notes: tuple[str, ...] = ()


def numbered_phases(count):
    """Names of phases that have none."""
    return tuple(f"phase {number}" for number in range(count))


def labels_of(listed: ListedVideo, video) -> tuple[Int[np.ndarray, " N"] | None, list[Problem]]:
    """(labels int32 [N] or None, problems) of a listed video, which is opened as `video`, a RawVideo.

    A segment covers the frames that are shown from its start to before its end, which may lie a second behind that of
    the video: times are often rounded.
    """
    if listed.labels is not None:
        if reaches_past_cut(listed, video):
            return listed.labels[: len(video)], []
        try:
            video.check_labels(len(listed.labels))
        except VideoError as error:
            place = listed.source or str(listed.path)
            return None, [dataclasses.replace(error.problem, path=place, found=f"{listed.path}: {error.problem.found}")]
        return listed.labels, []
    if listed.segments is None:
        return None, []
    labels, problems = np.full(len(video), NO_PHASE, np.int32), []
    end = _end(video)
    for segment in listed.segments:
        first, last = np.searchsorted(video.times, [float(segment.start), float(segment.end)])
        labels[first:last] = segment.phase
        if not video.is_cut_off and (segment.start > end or segment.end > end + _ROUNDING):
            found = f"a segment from {float(segment.start):g} to {float(segment.end):g} s, in a video of {end:.2f} s"
            problems.append(Problem(listed.source, segment.line, found, "expected seconds inside of the video"))
    return labels, problems


def reaches_past_cut(listed: ListedVideo, video) -> bool:
    """Whether labels go on behind the last frame that can be read of a video that is cut off, where they end too."""
    if not video.is_cut_off:
        return False
    if listed.labels is not None:
        return len(listed.labels) > len(video)
    return any(segment.end > _end(video) for segment in listed.segments or ())


def _end(video):
    """Seconds; the last frame is shown as long as one on average."""
    return float(video.times[-1]) + 1.0 / video.rate
