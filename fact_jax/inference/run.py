"""--mode predict: labels every video of a source and writes its files, as many as can be done."""

import time
from collections.abc import Callable
from pathlib import Path

from fact_jax import files
from fact_jax.inference.output import EvaluatedVideo, OutputFolder
from fact_jax.inference.predictor import Predictor
from fact_jax.runtime import devices as device_layout
from fact_jax.training.logging import writers
from fact_jax.training.nonfinite import NonFiniteScores
from fact_jax.types import UserError

PROBLEMS_FILE = "prediction_problems.txt"
EXIT_PROBLEMS = 1
MAX_SHOWN = 50
# Between two lines about how far it is.
SECONDS_PER_LINE = 30.0


def predict_videos(
    predictor: Predictor, source, make_batches: Callable, output: OutputFolder, *, console: writers.Console, stop
) -> int:
    """Predicts the videos that are not finished yet; what cannot be predicted is reported at the end.

    Args:
      source: unlabelled videos: `inputs`, `problems`, `select(positions)`, `is_bad(index)`, `report(index, found)`,
        `extent(index)`: what `predictor.prediction` has to know of a video.
      make_batches: from a source to its batches, with `buckets`; their `positions` are indices of that source.
      output: where the files go; a UserError if they cannot be written.
      stop: StopRequest, asked before every batch.

    Returns:
      The exit code: 0; 1 if a video could not be predicted; that of `stop` if it was asked to.
    """
    stop.busy("the batch of videos at hand")
    with output:
        waiting = [index for index, video in enumerate(source.inputs) if not output.is_finished(video)]
        remaining = source.select(waiting)
        output.remove_leftovers(remaining.inputs)
        skipped = len(source.inputs) - len(waiting)
        if skipped:
            console.say(f"{skipped} of {len(source.inputs)} videos are finished already and are skipped")
        start = time.perf_counter()
        job = _Job(predictor, remaining, output, console)
        if waiting and not job.run(make_batches(remaining), stop):
            left = len(waiting) - job.done
            console.say(f"stopped by {stop.name}; {left} videos are left. Run the same command again to go on.")
            return stop.exit_code
        output.conclude(source.inputs)
        taken = writers.format_duration(time.perf_counter() - start)
        console.say(f"predicted {job.written} videos in {taken}, skipped {skipped}; results are in {output.path}")
        return report_problems(source.problems, output.path, console)


def report_problems(problems, folder: Path, console: writers.Console) -> int:
    """Lists problems on the console and in a file, or removes that of an earlier process; returns the exit code.

    str() turns a problem into a line; they are ordered by their `path` and `line`.
    """
    path = folder / PROBLEMS_FILE
    lines = [str(problem) for problem in sorted(problems, key=lambda problem: (problem.path, problem.line))]
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
    """One pass over the videos that are left; `done` of them were looked at, `written` have their files."""

    def __init__(self, predictor, source, output, console):
        self.done = self.written = 0
        self._predictor, self._source, self._output, self._console = predictor, source, output, console
        self._said = time.perf_counter()

    def run(self, batches, stop):
        """Returns whether it came to the end. One batch is computed while the files of the one before are written."""
        total = len(self._source.inputs)
        self._predictor.expect_programs(len(batches.buckets))
        self._console.begin("predict", total, unit="video")
        try:
            running = None
            for batch in batches:
                if stop.requested:
                    break
                scores = self._predictor.run(batch)
                if running is not None:
                    self._write(*running, total)
                running = (batch, scores)
            if running is not None:
                self._write(*running, total)
        finally:
            self._console.end()
        return self.done == total

    def _write(self, batch, scores, total):
        scores = device_layout.unshard(scores)
        for row, position in enumerate(batch.positions):
            if position < 0:
                continue
            self.written += self._write_video(position, scores, row)
            self.done += 1
            self._console.progress(self.done)
        if time.perf_counter() - self._said > SECONDS_PER_LINE:
            self._said = time.perf_counter()
            self._console.say(f"{self.done} of {total} videos  {self._console.pace(self.done, total)}")

    def _write_video(self, position, scores, row):
        """Whether it was written."""
        source = self._source
        if source.is_bad(position):
            return False
        try:
            prediction = self._predictor.prediction(scores, row, *source.extent(position))
            self._output.write(source.inputs[position], prediction)
        except (NonFiniteScores, EvaluatedVideo) as error:
            source.report(position, str(error))
            return False
        return True
