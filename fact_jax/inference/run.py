"""--mode predict: labels every video of a source and writes its files, as many as can be done.

What the folder then holds of these videos was made by this command, or by one of the same checkpoint, content and
options. What an earlier one made of them is removed before the first of them is predicted.
"""

import contextlib
import itertools
import time
from collections.abc import Callable
from pathlib import Path

from fact_jax import files
from fact_jax.inference.output import EvaluatedVideo, OutputFolder
from fact_jax.inference.predictor import Predictor
from fact_jax.runtime import devices as device_layout
from fact_jax.runtime import side_by_side
from fact_jax.training.logging import writers
from fact_jax.training.nonfinite import NonFiniteScores
from fact_jax.types import UserError

PROBLEMS_FILE = "prediction_problems.txt"
EXIT_PROBLEMS = 1
MAX_SHOWN = 50
# Names in a line about several videos.
MAX_NAMED = 5
# Between two lines about how far it is.
SECONDS_PER_LINE = 30.0


def predict_videos(
    predictor: Predictor, source, make_batches: Callable, output: OutputFolder, *, console: writers.Console, stop
) -> int:
    """Predicts the videos that are not finished yet; what cannot be predicted is reported at the end.

    Args:
      source: unlabelled videos, see `data_pipelines.core.unlabelled.UnlabelledVideos`: `inputs`, `unusable`,
        `problems`, `select(positions)`, `is_bad(index)`, `report(index, found)`, `read_input(index)`, and
        `extent(index)`: what `predictor.prediction` has to know of a video.
      make_batches: from a source to its batches, with `buckets`; their `positions` are indices of that source. Several
        rows in order may be of one video, whose prediction comes with the last one.
      output: where the files go; a UserError if they cannot be written.
      stop: StopRequest, asked before every batch.

    Returns:
      The exit code: 0; 1 if a video could not be predicted; that of `stop` if it was asked to.
    """
    stop.busy("the batch of videos at hand")
    with output:
        start = time.perf_counter()
        farewell = "stopped by {}; nothing is lost. Run the same command again to go on."
        predictor.watch_compilations(lambda: stop.compiling(lambda: farewell.format(stop.name)), stop.compiled)
        try:
            job = _prepare(predictor, source, output, console)
            left = job.run(make_batches, stop)
            if not left:
                output.conclude([source.inputs[index] for index in job.finished])
        except BaseException:
            _report_before_an_error(source.problems, output.path, console)
            raise
        if left:
            console.say(f"stopped by {stop.name}; {left} videos are left. Run the same command again to go on.")
        else:
            taken = writers.format_duration(time.perf_counter() - start)
            skipped = len(job.finished) - job.written
            console.say(f"predicted {job.written} videos in {taken}, skipped {skipped}; results are in {output.path}")
        code = report_problems(source.problems, output.path, console)
        return stop.exit_code if left else code


def _prepare(predictor, source, output, console):
    """The _Job that is left to do; what belongs to another command, and not to this one, is removed."""
    _refuse_shared_files(source, output)
    usable = [index for index in range(len(source.inputs)) if not source.is_bad(index)]
    finished = [index for index in usable if output.is_finished(source.inputs[index])]
    waiting = sorted(set(usable) - set(finished))
    videos = [video.video_id for video in source.inputs]
    without = [videos[index] for index in range(len(videos)) if index not in set(finished)]
    removed, foreign = output.discard([*without, *source.unusable])
    if removed:
        console.say(
            f"removed the results of {_named(removed)}, made with another checkpoint, input or option, or not whole; "
            "they are made anew where the video can be read"
        )
    if foreign:
        named = _named([str(path) for path in foreign], "file")
        console.say(f"{named} hold no whole record of a prediction; they are left, or replaced where it is made now")
    if others := output.others([*videos, *source.unusable]):
        console.say(f"the folder holds results of {others} other videos too; they are no part of this command")
    if waiting or removed:
        output.remove_common_files()
    output.remove_leftovers([source.inputs[index] for index in waiting])
    if finished:
        console.say(f"{len(finished)} of {len(source.inputs)} videos are finished already and are skipped")
    return _Job(predictor, source, waiting, finished, output, console)


def _refuse_shared_files(source, output):
    """Notes a problem for every video whose files would be those of another one."""
    shared = output.sharing_a_file([video.video_id for video in source.inputs])
    for index, video in enumerate(source.inputs):
        if video.video_id in shared:
            found = f"its results would have the file names of video {shared[video.video_id]!r}"
            expected = "this file system takes capitals for small letters: predict them with a different --output each"
            source.report(index, found, expected)


def _named(names, what="video"):
    more = f" and {len(names) - MAX_NAMED} more" if len(names) > MAX_NAMED else ""
    return f"{len(names)} {what}{'s' * (len(names) > 1)} ({', '.join(names[:MAX_NAMED])}{more})"


def _report_before_an_error(problems, folder, console):
    """Lists the problems that were found until then; the error itself is told after them."""
    try:
        report_problems(problems, folder, console)
    except UserError as error:
        console.say(str(error))


def report_problems(problems, folder: Path, console: writers.Console) -> int:
    """Lists problems on the console and in a file, or removes that of an earlier process; returns the exit code.

    str() turns a problem into a line; they are ordered by their `path` and `line`.
    """
    path = folder / PROBLEMS_FILE
    ordered = sorted(problems, key=lambda problem: (problem.path, problem.line))
    lines = [files.as_text(str(problem)) for problem in ordered]
    if not lines:
        path.unlink(missing_ok=True)
        return 0
    try:
        files.atomic_write_text(path, "".join(f"{line}\n" for line in lines))
    except OSError as error:
        listed = "\n".join(lines)
        raise UserError(f"{path} cannot be written: {error.strerror}. The problems are:\n{listed}") from error
    console.say(f"{len(lines)} problem{'s' if len(lines) > 1 else ''}, also in {path}:")
    left_out = [f"... and {len(lines) - MAX_SHOWN} more"] if len(lines) > MAX_SHOWN else []
    for line in lines[:MAX_SHOWN] + left_out:
        console.say(f"  {line}")
    return EXIT_PROBLEMS


class _Job:
    """One pass over the videos that are left.

    `finished` are the indices of all videos whose files are there; `written` of them have come in this pass.
    """

    def __init__(self, predictor, source, waiting, finished, output, console):
        self.finished, self.written = list(finished), 0
        self._predictor, self._output, self._console = predictor, output, console
        self._waiting, self._source = waiting, source.select(waiting)
        self._over: set[int] = set()  # of the waiting ones: written, or known to be bad
        self._said = time.perf_counter()

    def run(self, make_batches, stop):
        """Returns how many videos are left. Batches are computed while the files of those before are written."""
        total = len(self._waiting)
        if not total:
            return 0
        batches = make_batches(self._source)
        self._predictor.expect_programs(len(batches.buckets))
        self._console.begin("predict", total, unit="video")
        try:
            asked = itertools.takewhile(lambda batch: not stop.requested, batches)
            predicted = side_by_side.in_order(self._start, asked, self._predictor.runs_beside)
            with contextlib.closing(predicted):
                for batch, scores in predicted:
                    self._write(batch, scores, total)
        finally:
            self._console.end()
        return total - len(self._over)

    def _start(self, batch):
        programs = self._predictor.num_programs
        scores = self._predictor.run(batch)
        if self._predictor.num_programs > programs:
            self._console.restart_clock(len(self._over))  # a compilation says nothing about the time left
        return scores

    def _write(self, batch, scores, total):
        scores = device_layout.unshard(scores)
        for row, position in enumerate(batch.positions):
            if position < 0 or position in self._over:
                continue
            is_over, is_written = self._take(position, scores, row)
            if is_written:
                self.finished.append(self._waiting[position])
                self.written += 1
            if is_over:
                self._over.add(position)
                self._console.progress(len(self._over))
        if time.perf_counter() - self._said > SECONDS_PER_LINE:
            self._said, done = time.perf_counter(), len(self._over)
            self._console.say(f"{done} of {total} videos  {self._console.pace(done, total)}")

    def _take(self, position, scores, row):
        """(whether no more rows of this video count, whether it was written)."""
        source = self._source
        if source.is_bad(position):
            return True, False
        try:
            prediction = self._predictor.prediction(scores, row, *source.extent(position))
            if prediction is None:
                return False, False
            self._output.write(source.read_input(position), prediction)
        except (NonFiniteScores, EvaluatedVideo) as error:
            source.report(position, str(error))
            return True, False
        return True, True
