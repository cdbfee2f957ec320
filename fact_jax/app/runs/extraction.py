"""--mode extract: the features of videos, written while they are computed, by any number of processes at once."""

import dataclasses
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from data_pipelines.core.feature_times import FeatureTimes
from data_pipelines.core.made_by import comparable, difference
from data_pipelines.core.problems import Problem, refuse
from data_pipelines.core.wording import count, name_some
from data_pipelines.extraction import claims
from data_pipelines.extraction.feature_file import WORK_DIR, FeatureFile, index_folder, whole_file
from data_pipelines.extraction.pixels import FramePixels
from data_pipelines.extraction.plans import Plan
from data_pipelines.extraction.reading import ReadAhead, Reading
from data_pipelines.representation.input_videos import open_videos
from data_pipelines.video.checks import VIDEO_SUFFIXES
from data_pipelines.video.config import VideoConfig
from data_pipelines.video.errors import VideoError
from data_pipelines.video.file_checksums import file_checksums
from data_pipelines.video.raw_video import RawVideo
from fact_jax import files
from fact_jax.runtime import cores
from fact_jax.training.logging import writers
from fact_jax.types import UserError

PROBLEMS_FILE = "extraction_problems.txt"
EXIT_PROBLEMS = 1
_SECONDS_PER_LINE = 30.0  # between two lines about how far it is
_SECONDS_PER_LOOK = 0.5  # at what other processes do
_READ_AHEAD_BYTES = 2**30  # of all threads together, about
_MOST_READERS = 8
_CHECKSUM_DIGITS = 64


class Extractor(Protocol):
    """What makes rows of features.

    See `representation_extraction`, `recognition_extraction`, `function_extraction`.
    """

    @property
    def made_by(self) -> Mapping[str, Any]:
        """JSON values that say what makes them: other values, other features. `run.workdir` does not count."""
        ...

    @property
    def video(self) -> VideoConfig:
        """How videos are read."""
        ...

    @property
    def pixels(self) -> FramePixels:
        """What it sees of frames."""
        ...

    @property
    def lines(self) -> Sequence[str]:
        """For the user."""
        ...

    def plan(self, video: RawVideo) -> Plan:
        """What is read of a video."""
        ...

    def start(self, plan: Plan, step: int, array: np.ndarray) -> Any:
        """Begins with what was read for a step; `fetch` takes what this returns."""
        ...

    def fetch(self, started: Any) -> np.ndarray:
        """float32 [n, D], the rows of a step."""
        ...


@dataclasses.dataclass(frozen=True, eq=False)
class _Video:
    """A video whose features are to be there."""

    name: str
    file_name: str  # of its files, without an ending
    path: Path
    sha256: str
    plan: Plan
    made_by: Mapping[str, Any]

    @property
    def made_from(self):
        """What an unfinished file has to be made from, to go on with it."""
        return {"made_by": comparable(self.made_by), "sha256": self.sha256, "rows_at_once": self.plan.rows_at_once}

    def differs(self, times: FeatureTimes) -> str:
        """How existing features differ from those that are to be made; "" where they do not."""
        if times.video.get("sha256") != self.sha256:
            return "made of another video file of this name"
        if times.rows != self.plan.num_rows:
            return f"{count(times.rows, 'row')}, and these are {self.plan.num_rows}"
        words = difference(times.made_by, self.made_by)
        return f"made by something else: {words}" if words else ""


@dataclasses.dataclass(eq=False)
class _Job:
    """A video that this process works on."""

    video: _Video
    claim: claims.Claim
    file: FeatureFile


def extract(extractor: Extractor, inputs: Sequence[str], output: Path, *, overwrite: bool, console, stop) -> int:
    """Writes VIDEO.npy and VIDEO.json for every video that `inputs` stand for.

    Any number of processes may do the same at once: each takes videos that no other one has, and all end when all
    videos are done. What a process has begun that is no more, another goes on with.

    Args:
      extractor: see Extractor.
      inputs: names of videos, folders of them, patterns.
      output: folder of the files.
      overwrite: make features anew that something else has made.
      console: takes lines.
      stop: StopRequest, asked after every step.

    Returns:
      The exit code: 0; 1 where a video cannot be used; that of `stop` if it was asked to.

    Raises:
      UserError: no video can be used; features are there that something else has made; they cannot be written.
    """
    begun = time.perf_counter()
    try:
        (output / WORK_DIR).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"--output {output} cannot be made: {error.strerror}. Choose another folder.") from error
    found = open_videos(inputs, extractor.video, index_dir=index_folder(output))
    for line in (*extractor.lines, *found.lines):
        console.say(line)
    problems = list(found.problems)
    if problems:
        console.say(f"{count(problems, 'video')} cannot be used and {'is' if len(problems) == 1 else 'are'} left out:")
        for problem in problems:
            console.say(f"  {problem}")
    videos = _videos(extractor, found.inputs, output)
    if not overwrite:
        _refuse_others(videos, output)
    work = _Work(extractor, videos, output, console, stop, problems, overwrite)
    stop.busy("the frames at hand")
    work.run()
    if stop.requested:
        console.say(f"stopped by {stop.name}; {work.num_left} videos are left. Run the same command again to go on.")
    else:
        taken, kept = writers.format_duration(time.perf_counter() - begun), len(videos) - work.written - work.bad
        others = f", {kept} were there or made by other processes" if kept else ""
        console.say(f"extracted {count(work.written, 'video')} in {taken}{others}; features are in {output}")
    code = _report(problems, output, console)
    return stop.exit_code if stop.requested else code


def part_videos(inputs: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """(those of some names, folders and patterns that stand for videos, the others).

    A folder stands for videos where it has some, and no feature files.
    """
    videos = tuple(text for text in inputs if _names_videos(Path(text).expanduser()))
    return videos, tuple(text for text in inputs if text not in videos)


def _names_videos(path):
    if path.is_dir():
        suffixes = {found.suffix.lower() for found in path.iterdir()}
        return bool(suffixes & VIDEO_SUFFIXES) and not suffixes & {".npy", ".npz"}
    return path.suffix.lower() in VIDEO_SUFFIXES


def feature_files(inputs: Sequence[str], extractor: Extractor, output: Path) -> list[str]:
    """The feature files that `extract` has made of videos; those that could not be read have none."""
    found = open_videos(inputs, extractor.video, index_dir=index_folder(output))
    names = files.file_names([video.video_id for video in found.inputs], output / WORK_DIR)
    paths = [output / f"{name}.npy" for name in names.values()]
    return [str(path) for path in paths if path.is_file()]


def _videos(extractor, inputs, output):
    """_Videos of VideoInputs."""
    paths = {video.video_id: str(video.path) for video in inputs}
    sums = file_checksums(paths, output / WORK_DIR, digits=_CHECKSUM_DIGITS).checksums
    names = files.file_names(list(paths), output / WORK_DIR)
    return [
        _Video(
            video.video_id,
            names[video.video_id],
            video.path,
            sums[video.video_id],
            extractor.plan(video.video),
            extractor.made_by,
        )
        for video in inputs
    ]


def _state(video, output):
    """(whether the features of a video are there, how others that are there differ, or "")."""
    path = output / f"{video.file_name}.npy"
    if not path.exists():
        return False, ""
    if FeatureFile(output, video.file_name, video.plan.num_rows, video.made_from).is_moved:
        return False, ""  # whose times alone are missing
    times = whole_file(path)
    if times is None:
        return False, f"no {path.with_suffix('.json').name} beside it that says what made it, or another shape"
    differs = video.differs(times)
    return not differs, differs


def _refuse_others(videos, output):
    wanted = "--overwrite makes it anew, another --output keeps both"
    states = [(video, _state(video, output)[1]) for video in videos]
    problems = [Problem(str(output / f"{video.file_name}.npy"), 0, why, wanted) for video, why in states if why]
    refuse(f"--output {output}", problems)


class _Work:
    """What one process does; `written` and `bad` count videos, `num_left` those that are not done."""

    def __init__(self, extractor, videos, output, console, stop, problems, overwrite):
        self._overwrite = overwrite
        self.written = self.bad = 0
        self._extractor, self._output, self._console, self._stop = extractor, output, console, stop
        self._problems, self._waiting = problems, list(videos)
        self._jobs: list[_Job] = []  # that are begun
        self._rows_done, self._said, self._warned = 0, time.perf_counter(), False
        self._total = sum(video.plan.num_rows for video in videos)

    @property
    def num_left(self):
        return len(self._waiting)

    def run(self):
        """Until all videos are done, by this process or by others, or it is to stop."""
        self._console.begin("extract", self._total, unit="row")
        waited = False
        try:
            while self._waiting and not self._stop.requested:
                self._round()
                if self._waiting and not self._stop.requested:
                    if not waited:
                        names = name_some([video.name for video in self._waiting])
                        self._console.say(f"waiting for videos that other processes are working on: {names}")
                    waited = True
                    time.sleep(_SECONDS_PER_LOOK)
        finally:
            for job in self._jobs:
                job.file.close()
                job.claim.release()
            self._console.end()

    def _round(self):
        """All videos that no other process has."""
        first = self._waiting[0].plan
        shape, dtype = self._extractor.pixels.shape(first.video.size), np.dtype(self._extractor.pixels.dtype)
        step_bytes = max(1, first.num_places(0) * int(np.prod(shape)) * dtype.itemsize)
        readers = max(1, min(cores.available() // 2, _MOST_READERS, _READ_AHEAD_BYTES // step_bytes))
        running = None
        with ReadAhead(self._readings(), readers) as steps:
            for reading, step, array in steps:
                if isinstance(array, Exception):
                    running = self._take(running)
                    self._give_up(reading, array)
                    continue
                started = self._extractor.start(reading.plan, step, array)
                self._take(running)
                running = reading, step, started
                if self._stop.requested:
                    break
            self._take(running)
        if self._stop.requested:
            for job in self._jobs:
                job.file.keep()

    def _readings(self) -> Iterator[Reading]:
        """Claims one video after the other; called by the threads that read."""
        for video in list(self._waiting):
            if self._stop.requested:
                return
            claim = claims.take(self._output, video.file_name)
            if claim is None:
                continue
            if not (claim.is_locked or self._warned):
                self._warned = True
                told = "the file system has no locks: start no other process on it, videos would be done twice"
                self._console.say(f"warning: {self._output}: {told}")
            is_done, differs = _state(video, self._output)
            if differs and not self._overwrite:  # another process, of another command, was here meanwhile
                claim.release()
                _refuse_others([video], self._output)
            if is_done:
                self._waiting.remove(video)
                self._rows_done += video.plan.num_rows
                claim.release()
                continue
            file = FeatureFile(self._output, video.file_name, video.plan.num_rows, video.made_from)
            job = _Job(video, claim, file)
            self._jobs.append(job)
            self._rows_done += file.num_done
            if file.num_done == video.plan.num_rows:
                self._finish(job, file.dim)
                continue
            first = file.num_done // video.plan.rows_at_once
            yield Reading(video.plan, self._extractor.pixels, first, job)

    def _take(self, running):
        """Writes what was computed; None."""
        if running is None:
            return
        reading, step, started = running
        job, rows = reading.about, np.asarray(self._extractor.fetch(started), np.float32)
        if reading.given_up.is_set():
            return
        bad = np.argwhere(~np.isfinite(rows))
        if len(bad):
            row = reading.plan.rows(step).start + int(bad[0][0])
            found = f"the features of row {row} are NaN or infinite"
            reading.given_up.set()
            self._give_up(reading, VideoError(job.video.path, found, "look at its frames, or use another checkpoint"))
            return
        job.file.append(rows)
        self._rows_done += len(rows)
        self._console.progress(min(self._rows_done, self._total))
        if step == reading.plan.num_steps - 1:
            self._finish(job, rows.shape[1])
        if time.perf_counter() - self._said > _SECONDS_PER_LINE:
            self._said = time.perf_counter()
            pace = self._console.pace(self._rows_done, self._total)
            self._console.say(f"{job.video.name}: {self._rows_done} of {self._total} rows of all videos  {pace}")

    def _finish(self, job, dim):
        video = job.video
        file = str(video.path.name)
        job.file.finish(video.plan.feature_times(dim, file, video.sha256, video.made_by))
        self._end(job)
        self.written += 1

    def _give_up(self, reading, error):
        """Notes why a video cannot be done; any other exception than a VideoError is a fault of this program."""
        if not isinstance(error, VideoError):
            raise error
        job = reading.about
        self._problems.append(error.problem)
        self._console.say(f"{error.problem}; the others go on")
        job.file.discard()
        self._end(job)
        self.bad += 1

    def _end(self, job):
        job.claim.release()
        self._jobs.remove(job)
        self._waiting.remove(job.video)


def _report(problems, output, console):
    """Lists problems in a file, or removes that of an earlier process; returns the exit code."""
    path = output / PROBLEMS_FILE
    if not problems:
        path.unlink(missing_ok=True)
        return 0
    files.atomic_write_text(path, files.as_text("".join(f"{problem}\n" for problem in problems)))
    console.say(f"{count(problems, 'problem')}, also in {path}:")
    for problem in problems:
        console.say(f"  {problem}")
    return EXIT_PROBLEMS


def check_told(told, *, has_windows: bool, what: str) -> None:
    """Raises UserError where --window goes with no network of windows; `what` is the network in words."""
    if told.window is not None and not has_windows:
        raise UserError(
            f"--window is {told.window:g}, and {what} has a row for every frame: leave it out. --every {told.window:g} "
            "takes one frame in so many seconds."
        )
