"""What is read of one video for its features, step after step, and where their rows lie in time.

A step is what a network is given at once. Steps are those of the video alone, whatever else is extracted, and wherever
an interrupted extraction goes on: so the same frames always go through the same program in the same places.
"""

import abc
import dataclasses
import functools
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from data_pipelines.core.feature_times import EXACT, FeatureTimes
from data_pipelines.video import clips
from data_pipelines.video.raw_video import RawVideo

# A last gap that differs from the mean one by more than this share is that of a varying rate.
_EVEN = 0.1


def span_of(video: RawVideo) -> tuple[float, float]:
    """(seconds at which the first frame is shown, seconds at which the last one ends)."""
    mean = 1.0 / video.rate
    last = float(video.times[-1] - video.times[-2]) if len(video) > 1 else mean
    return float(video.times[0]), float(video.times[-1]) + (last if abs(last / mean - 1) > _EVEN else mean)


def rows_every(video: RawVideo, every: float) -> Float[np.ndarray, " N"]:
    """Centres, in seconds, of rows of `every` seconds each that cover a video; the last one may be cut short."""
    begin, end = span_of(video)
    count = max(1, math.ceil((end - begin) / every - EXACT))
    return begin + (np.arange(count) + 0.5) * every


def frames_shown(video: RawVideo, seconds) -> Int[np.ndarray, "..."]:
    """Numbers of the frames that a player shows at these seconds, of any shape; the first one before all."""
    found = np.searchsorted(video.times, np.asarray(seconds) + EXACT, side="right") - 1
    return np.maximum(found, 0)


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class Plan(abc.ABC):
    """The steps of one video; see the subclasses.

    Attributes:
      video: a RawVideo.
      rows_at_once: rows of a step; the last one may have fewer.
    """

    video: RawVideo
    rows_at_once: int

    @property
    @abc.abstractmethod
    def num_rows(self) -> int:
        """N."""

    @property
    def num_steps(self) -> int:
        """How many steps there are."""
        return -(-self.num_rows // self.rows_at_once)

    def rows(self, step: int) -> slice:
        """Rows that a step gives."""
        return slice(step * self.rows_at_once, min((step + 1) * self.rows_at_once, self.num_rows))

    @abc.abstractmethod
    def read(self, step: int) -> tuple[Int[np.ndarray, " n"], Int[np.ndarray, " n"]]:
        """(numbers of frames, which may repeat; their places in the array of the step)."""

    @abc.abstractmethod
    def num_places(self, step: int) -> int:
        """Places in the array of a step; those that no frame has are zeros."""

    @property
    @abc.abstractmethod
    def window(self) -> float:
        """Seconds that a row sees."""

    @property
    @abc.abstractmethod
    def centres(self) -> Float[np.ndarray, " N"]:
        """Seconds of the centres of rows."""

    @property
    def edges(self) -> Float[np.ndarray, " N+1"] | None:
        """Seconds between rows where these are not half way between centres; else None."""
        return None

    def feature_times(self, dim: int, file: str, sha256: str, made_by: Mapping[str, Any]) -> FeatureTimes:
        """FeatureTimes of rows with `dim` channels, of the video in `file`."""
        begin, end = span_of(self.video)
        about = {"file": file, "sha256": sha256, "start": begin, "duration": end}
        about |= {"frames": len(self.video), "fps": float(self.video.rate)}
        told = {"dim": dim, "video": about, "window": self.window, "made_by": dict(made_by)}
        times = FeatureTimes.of_centres(self.centres, edges=self.edges, **told)
        frames = np.append(frames_shown(self.video, times.edges[:-1]), len(self.video))
        return FeatureTimes.of_centres(self.centres, edges=self.edges, frames=frames, **told)


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class FramePlan(Plan):
    """A row for every frame, or for one in some: chunks of `chunk` rows, `chunks_at_once` in a step.

    Attributes:
      stride: every such frame has a row, where `every` is None.
      every: seconds; a row for the frame that is shown in the middle of every such span.
      chunk: rows of a chunk; the last one of a video may have fewer.
      length: places of a chunk, `chunk` or more, for `contexts` frames each. 0: as many as its rows need.
      chunks_at_once: chunks of a step.
      repeats_last: places behind the end of a video hold its last frame again.
      contexts, context_stride: frames of a row, each this many frames before the next, the last one its own.
    """

    stride: int = 1
    every: float | None = None
    chunk: int = 1
    length: int = 0
    chunks_at_once: int = 1
    repeats_last: bool = False
    contexts: int = 1
    context_stride: int = 1
    rows_at_once: int = 0  # follows

    def __post_init__(self):
        object.__setattr__(self, "rows_at_once", self.chunk * self.chunks_at_once)

    @functools.cached_property
    def frames(self) -> Int[np.ndarray, " N"]:
        """The frames that have rows."""
        if self.every is not None:
            return frames_shown(self.video, rows_every(self.video, self.every))
        return clips.sample_all(len(self.video), self.stride)

    @property
    def num_rows(self):
        return len(self.frames)

    def chunk_sizes(self, step: int) -> list[int]:
        """Rows of every chunk of a step."""
        rows = self.rows(step)
        return [min(self.chunk, rows.stop - first) for first in range(rows.start, rows.stop, self.chunk)]

    def num_places(self, step):
        if not self.length:
            rows = self.rows(step)
            return (rows.stop - rows.start) * self.contexts
        return self.chunks_at_once * self.length * self.contexts

    def read(self, step):
        rows = self.rows(step)
        frames = self.frames[rows]
        places = np.arange(len(frames))
        if self.length:
            places = places // self.chunk * self.length + places % self.chunk
        if self.repeats_last and self.length:
            whole = -(-len(frames) // self.chunk) * self.length
            missing = np.setdiff1d(np.arange(whole), places)
            frames = np.append(frames, np.full(len(missing), frames[-1]))
            places = np.append(places, missing)
        numbers = clips.expand_contexts(frames, len(self.video), self.contexts, self.context_stride)
        return numbers, (places[:, None] * self.contexts + np.arange(self.contexts)).reshape(-1)

    @property
    def window(self):
        return (1 + (self.contexts - 1) * self.context_stride) / self.video.rate

    @functools.cached_property
    def _bounds(self):
        return np.append(self.video.times, span_of(self.video)[1])

    @property
    def centres(self):
        if self.every is not None:
            return rows_every(self.video, self.every)
        return (self._bounds[self.frames] + self._bounds[self.frames + 1]) / 2

    @property
    def edges(self):
        return self._bounds if self.every is None and self.stride == 1 else None


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class WindowPlan(Plan):
    """A row for every window: rows of `every` seconds cover the video, and each sees `seconds` around its centre.

    A window that reaches past an end of the video is cut there.

    Attributes:
      seconds, every: of a window, and from the centre of one to the next.
      num_frames: frames of a window, those that are shown in the middles of as many equal parts of it. 0: all that are
        shown in it, and `rows_at_once` is 1.
    """

    seconds: float
    every: float
    num_frames: int = 0

    @functools.cached_property
    def centres(self):
        return rows_every(self.video, self.every)

    @property
    def num_rows(self):
        return len(self.centres)

    @property
    def window(self):
        return self.seconds

    def num_places(self, step):
        return self.rows_at_once * self.num_frames if self.num_frames else len(self.read(step)[0])

    def read(self, step):
        begin, end = span_of(self.video)
        centres = self.centres[self.rows(step)]
        first = np.maximum(centres - self.seconds / 2, begin)
        last = np.minimum(centres + self.seconds / 2, end)
        if self.num_frames:
            parts = (np.arange(self.num_frames) + 0.5) / self.num_frames
            numbers = frames_shown(self.video, first[:, None] + parts * (last - first)[:, None]).reshape(-1)
        else:
            behind = np.searchsorted(self.video.times, last[0] - EXACT)
            numbers = np.arange(frames_shown(self.video, first[0]), max(behind, frames_shown(self.video, first[0]) + 1))
        return numbers, np.arange(len(numbers))
