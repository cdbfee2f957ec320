"""Where the rows of a feature file lie in the time of their video: VIDEO.json beside VIDEO.npy.

README.md of this folder describes the file. Seconds are those of a player: 0 is the start of the file.
"""

import dataclasses
import json
import os
import pathlib

import numpy as np

from data_pipelines.core.json_files import number_of, read_json, whole_of
from data_pipelines.core.problems import Problem
from data_pipelines.core.text_files import quote
from fact_jax.files import atomic_write_text
from fact_jax.types import UserError

VERSION = 1
# Seconds in files of labels are exact to this: a time that lies no more before an edge is the edge.
EXACT = 1e-6
_DECIMALS = 7  # of listed seconds
_MAX_BYTES = 2**30
_EXPECTED = "where the rows of a feature file lie in time, as --mode extract writes it"
_HOW = "extract the features again, or put it right as data_pipelines/core/README.md says"


@dataclasses.dataclass(frozen=True, eq=False)
class FeatureTimes:
    """Where the N rows of a feature file [N, D] lie in the time of their video.

    Attributes:
      rows, dim: N and D.
      video: dict of what the features are of: `file` (its name), `sha256`, `start` (seconds at which the first frame is
        shown, 0 where it is left out), `duration` (seconds at which the last frame ends), `frames` (how many decode)
        and `fps` (mean).
      stride: seconds from the centre of a row to that of the next; None where they differ.
      window: seconds that a row sees.
      first_time: seconds of the centre of row 0.
      listed_times: float64 [N] seconds of the centres where they are not first_time + row * stride; else None.
      listed_edges: float64 [N + 1] seconds between rows that are not half way between centres, as of single frames of
        a varying rate; else None.
      listed_frames: int64 [N + 1], see `frames`, where they do not follow from the rate; else None.
      made_by: dict of what made the features.
    """

    rows: int
    dim: int
    video: dict
    stride: float | None
    window: float
    first_time: float
    listed_times: np.ndarray | None = None
    listed_edges: np.ndarray | None = None
    listed_frames: np.ndarray | None = None
    made_by: dict = dataclasses.field(default_factory=dict)

    @classmethod
    def of_centres(cls, centres, *, dim, video, window, made_by, edges=None, frames=None):
        """FeatureTimes of rows with these `centres`, float64 [N] seconds that rise; even ones become a stride.

        `edges`, float64 [N + 1], are where one row ends and the next begins; None: half way between centres. Those that
        are half way anyway are not kept, nor are `frames`, int64 [N + 1], that follow from the rate. Raises ValueError
        for none, or for times that do not rise.
        """
        centres = np.asarray(centres, np.float64)
        if not len(centres) or (np.diff(centres) <= 0).any():
            raise ValueError(f"{len(centres)} centres of rows; expected one at least, and seconds that rise")
        first, last = float(centres[0]), float(centres[-1])
        stride = (last - first) / (len(centres) - 1) if len(centres) > 1 else None
        even = centres if stride is None else first + stride * np.arange(len(centres))
        listed = None if np.abs(centres - even).max() <= EXACT else np.round(centres, _DECIMALS)
        stride = None if listed is not None else stride
        times = cls(len(centres), dim, video, stride, float(window), first, listed, made_by=made_by)
        if edges is not None and np.abs(times.edges - edges).max() > EXACT:
            times = dataclasses.replace(times, listed_edges=np.round(np.asarray(edges, np.float64), _DECIMALS))
        if frames is not None and not np.array_equal(times.frames, frames):
            times = dataclasses.replace(times, listed_frames=np.asarray(frames, np.int64))
        return times

    @property
    def times(self):
        """float64 [N], seconds of the centres of the rows; they rise."""
        if self.listed_times is not None:
            return self.listed_times
        return self.first_time + np.arange(self.rows) * (self.stride or 0.0)

    @property
    def edges(self):
        """float64 [N + 1], seconds: row i holds edges[i] <= t < edges[i + 1].

        From the first frame to the end of the last one; half way between centres, where no others are listed.
        """
        if self.listed_edges is not None:
            return self.listed_edges
        times = self.times
        between = (times[1:] + times[:-1]) / 2
        # The last row of even ones may be cut short by the end of the video, even before its centre.
        first, last = min(self.start, *between[:1], times[0]), max([self.duration, *between[-1:]])
        return np.concatenate([[first], between, [last]])

    @property
    def start(self):
        """Seconds at which the first frame is shown."""
        return float(self.video.get("start", 0.0))

    @property
    def duration(self):
        """Seconds at which the last frame ends."""
        return float(self.video["duration"])

    def rows_of(self, seconds):
        """int64, as `seconds` of any shape: the row that holds each; the first before all, the last behind all."""
        found = np.searchsorted(self.edges, np.asarray(seconds, np.float64) + EXACT, side="right") - 1
        return np.clip(found, 0, self.rows - 1)

    def rows_between(self, starts, ends):
        """(first rows, rows behind the last ones), int64 as `starts` and `ends`, seconds of segments.

        A segment begins with the row that holds its start, and ends before the row that holds its end; one that ends
        with the video has the last row, too. One that lies inside of a row has none.
        """
        ends = np.asarray(ends, np.float64)
        behind = np.where(ends >= self.edges[-1] - EXACT, self.rows, self.rows_of(ends))
        return self.rows_of(starts), behind

    @property
    def frames(self):
        """int64 [N + 1], the frame that is shown as each row begins, and the number of frames.

        None where the rate varies, and the record does not list them.
        """
        if self.listed_frames is not None:
            return self.listed_frames
        count, fps = self.video.get("frames"), self.video.get("fps")
        if not count or not fps:
            return None
        if self.rows == count and self.listed_edges is not None:
            return np.arange(count + 1)
        shown = np.floor((self.edges - self.start) * fps + fps * EXACT).astype(np.int64)
        return np.append(np.clip(shown[:-1], 0, count - 1), count)

    def frames_at(self, seconds):
        """int64, as `seconds` of any shape: the frame that a player shows then, the number of frames at the end.

        None where nobody knows. Where the rate varies inside of rows of several frames, frames are spread evenly there.
        """
        seconds, frames, count = np.asarray(seconds, np.float64), self.frames, self.video.get("frames")
        if frames is None:
            return None
        if self.listed_frames is None and self.listed_edges is None:
            shown = np.floor((seconds - self.start + EXACT) * self.video["fps"]).astype(np.int64)
        else:
            shown = np.floor(np.interp(seconds + EXACT, self.edges, frames)).astype(np.int64)
        return np.where(seconds >= self.edges[-1] - EXACT, count, np.clip(shown, 0, count - 1))

    @classmethod
    def read(cls, path):
        """Reads VIDEO.json; `path` may also be VIDEO.npy. UserError with all that is wrong with it."""
        times, problems = cls.examine(path)
        if problems:
            raise UserError("\n".join(map(str, problems)))
        return times

    @classmethod
    def examine(cls, path):
        """(FeatureTimes, []) of VIDEO.json, or (None, list of Problem); `path` may also be VIDEO.npy."""
        path = times_path(path)
        content, problems = read_json(path, _EXPECTED, _MAX_BYTES)
        if problems:
            return None, problems
        wrong = _faults(content)
        if wrong:
            return None, [Problem(str(path), 0, text, _HOW) for text in wrong]
        listed = {
            name: None if content.get(name) is None else np.array(content[name], kind)
            for name, kind in (("times", np.float64), ("edges", np.float64), ("frames", np.int64))
        }
        return cls(
            rows=whole_of(content["rows"]),
            dim=whole_of(content["dim"]),
            video=content["video"],
            stride=None if content["stride"] is None else float(content["stride"]),
            window=float(content["window"]),
            first_time=float(content["first_time"]),
            **{f"listed_{name}": values for name, values in listed.items()},
            made_by=content["made_by"],
        ), []

    def write(self, path):
        """Writes VIDEO.json in one step; `path` may also be VIDEO.npy. Raises WriteError."""
        atomic_write_text(times_path(path), self.text)

    @property
    def text(self):
        """The content of VIDEO.json."""
        content = {"version": VERSION, "rows": self.rows, "dim": self.dim, "video": self.video}
        content |= {"stride": self.stride, "window": self.window, "first_time": self.first_time}
        content["times"] = None if self.listed_times is None else self.listed_times.tolist()
        if self.listed_edges is not None:
            content["edges"] = self.listed_edges.tolist()
        if self.listed_frames is not None:
            content["frames"] = self.listed_frames.tolist()
        content["made_by"] = self.made_by
        lines = [f"  {json.dumps(name)}: {json.dumps(value, ensure_ascii=False)}" for name, value in content.items()]
        return "{\n" + ",\n".join(lines) + "\n}\n"


def times_path(path):
    """VIDEO.json of the feature file VIDEO.npy; the path of a JSON file as it is."""
    path = pathlib.Path(path)
    return path if path.suffix == ".json" else path.with_name(f"{path.name.removesuffix('.npy')}.json")


def has_times(path):
    """Whether beside a feature file VIDEO.npy lies VIDEO.json."""
    return os.path.isfile(times_path(path))


def _faults(content):
    """What is wrong with the content of a file, in words."""
    if not isinstance(content, dict):
        return [f"holds a {type(content).__name__}; expected an object"]
    needed = ("version", "rows", "dim", "video", "stride", "window", "first_time", "made_by")
    missing = [name for name in needed if name not in content]
    if missing:
        return [f"no {', '.join(map(quote, missing))}"]
    if content["version"] != VERSION:
        return [f"version {quote(str(content['version']))}; this program reads {VERSION}"]
    wrong = [
        f"{name} is {quote(str(content[name]))}; expected a whole number of 1 or more"
        for name in ("rows", "dim")
        if isinstance(content[name], str) or (whole_of(content[name]) or 0) < 1
    ]
    wrong += [f"{name} is no object" for name in ("video", "made_by") if not isinstance(content[name], dict)]
    for name, least in (("window", 0.0), ("first_time", None)):
        number = number_of(content[name])
        if number is None or (least is not None and number < least):
            wrong.append(f"{name} is {quote(str(content[name]))}; expected seconds")
    wrong = wrong or _faults_of_video(content["video"]) + _faults_of_rows(content)
    return wrong or _faults_of_place(content)


def _faults_of_video(video):
    wrong = []
    for name, needed in (("duration", True), ("start", False)):
        if (needed or name in video) and (number_of(video.get(name)) is None or video[name] < 0):
            wrong.append(f"video.{name} is {quote(str(video.get(name)))}; expected seconds")
    for name, read, expected in (("frames", whole_of, "a whole number"), ("fps", number_of, "a number")):
        told = video.get(name)
        if told is not None and (isinstance(told, str) or (read(told) or 0) <= 0):
            wrong.append(f"video.{name} is {quote(str(told))}; expected {expected} more than 0, or null")
    return wrong


def _faults_of_place(content):
    """What is wrong with centres of rows that do not lie in the video.

    A row that the end of the video cuts short may have its centre behind it, a single one anywhere.
    """
    rows, stride, video = content["rows"], content["stride"] or 0.0, content["video"]
    if rows == 1:
        return []
    times = content.get("times") or (content["first_time"], content["first_time"] + (rows - 1) * stride)
    start, end = video.get("start", 0.0), video["duration"]
    slack = max(content["window"], stride) + EXACT
    if times[0] >= start - slack and times[-1] <= end + slack:
        return []
    told = f"rows from {times[0]:g} to {times[-1]:g} s"
    return [f"{told}, of a video from {start:g} to {end:g} s (video.start, video.duration)"]


def _faults_of_rows(content):
    """What is wrong with stride, times and edges."""
    stride, rows = content["stride"], content["rows"]
    if stride is not None and (number_of(stride) or 0) <= 0:
        return [f"stride is {quote(str(stride))}; expected seconds more than 0, or null"]
    wrong = []
    for name, number in (("times", rows), ("edges", rows + 1), ("frames", rows + 1)):
        values = content.get(name)
        if values is None:
            continue
        kind, read = ("numbers of frames", whole_of) if name == "frames" else ("seconds", number_of)
        if not isinstance(values, list) or any(read(value) is None for value in values):
            wrong.append(f"{name} is no list of {kind}")
        elif len(values) != number:
            wrong.append(f"{len(values)} {name} for {rows} rows; expected {number}")
        elif any(
            later < earlier or (later == earlier and name != "frames")
            for earlier, later in zip(values, values[1:], strict=False)
        ):
            wrong.append(f"{name} do not rise")
    if stride is None and content.get("times") is None and rows > 1:
        wrong.append("neither stride nor times say where rows after the first one lie")
    return wrong
