"""What a run says and leaves when a loss or gradient is not finite: where it happened, and the batch to look at."""

import itertools
import math
import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np

from fact_jax import files
from fact_jax.training.window import BadStep, NonFiniteError
from fact_jax.types import Batch, UserError

FOLDER = "nonfinite"
# Videos named in a message, and skipped steps named by one process.
MAX_VIDEOS = 20
MAX_STEPS = 20
# Features of networks lie far below this; losses of larger ones need not be finite.
EXTREME = 1e4


class NonFiniteScores(UserError):
    """What a network says of videos is NaN or infinite: features of extreme values, or damaged parameters.

    An evaluation would take it for class 0, or for a video in which nothing was found.
    """

    def __init__(self, video_ids: Sequence[str] = (), step: int | None = None, out_of: str = ""):
        """`out_of`: " of the 40 test videos"; without videos it is the one that is predicted."""
        found, do = "the network's scores are not finite", "look for extreme values in the features"
        if video_ids:
            at = "" if step is None else f"step {step}: "
            found = f"{at}{found} for {len(video_ids)}{out_of}: {_listed(video_ids)}. They were not evaluated"
            do = f"{do[0].upper()}{do[1:]} of {'this video' if len(video_ids) == 1 else 'these videos'}"
        super().__init__(f"{found}. {do}." if video_ids else f"{found}; {do}")
        self.video_ids = tuple(video_ids)


def explain(
    bad: BadStep, read_again: Callable[[int], Sequence[Batch]], workdir: Path, seed: int, last_good: int
) -> NonFiniteError:
    """Writes the batch of a step to `workdir` and returns the error that ends the run.

    `read_again` assembles the batches of a step by its number; the run has them no longer. `last_good` is the step of
    the newest checkpoint, 0 if there is none.
    """
    lines = [f"training stopped at step {bad.step}: {bad.found}."]
    try:
        batches = read_again(bad.step)
        lines += describe(batches)
        path = write_batch(Path(workdir) / FOLDER, bad, batches, seed)
        look = f'import numpy; batch = numpy.load("{path}"); print({{name: batch[name].shape for name in batch.files}})'
        lines.append(f"The batch is in {path}; to look at it: python -c {shlex.quote(look)}")
    except (UserError, OSError) as error:
        if len(lines) == 1:
            lines.append(f"Videos of that batch: {', '.join(bad.video_ids)}.")
        lines.append(f"The batch was not written: {error}")
    lines.append(
        f"{_last_good(workdir, last_good)} The same command with --config.train.skip_nonfinite goes on from "
        f"{'there' if last_good else 'the start'} and leaves such steps out."
    )
    return NonFiniteError("\n".join(lines), bad)


def _last_good(workdir, step):
    return f"Last good checkpoint: step {step} in {Path(workdir) / 'checkpoints'}." if step else "No checkpoint yet."


def describe(batches: Sequence[Batch]) -> list[str]:
    """Returns lines that name the videos of a step, the one with the largest feature first, and what to do."""
    every = [video_id for batch in batches for video_id in batch.video_ids if video_id]
    largest, shown, what = [], every, ""
    if any(_float_inputs(batch) for batch in batches):
        largest = sorted(_largest_inputs(batches), key=lambda entry: -entry[1])
        shown = [f"{video_id} ({'NaN' if value == math.inf else f'{value:.3g}'})" for video_id, value in largest]
        read = {video_id for video_id, _ in largest}
        shown += [f"{video_id} (read by another process)" for video_id in every if video_id not in read]
        what = ", with their largest absolute feature"
    lines = [f"Videos of that batch{what}: {_listed(shown)}."]
    extreme = [video_id for video_id, value in largest if value > EXTREME]
    if extreme:
        named = ", ".join(extreme[:MAX_VIDEOS])
        lines.append(f"Extreme values are in {named}: look at {'its' if len(extreme) == 1 else 'their'} features.")
    else:
        lines.append("None of them is extreme; a lower config.optimizer.learning_rate (in another --workdir) may help.")
    return lines


def _listed(videos):
    more = f" and {len(videos) - MAX_VIDEOS} more" if len(videos) > MAX_VIDEOS else ""
    return f"{', '.join(videos[:MAX_VIDEOS])}{more}"


def _float_inputs(batch):
    """The heavy arrays that can hold an extreme value at all: bytes of frames cannot."""
    heavy = [batch.arrays[name] for name in batch.heavy]
    return [array for array in heavy if np.issubdtype(array.dtype, np.floating)]


def _largest_inputs(batches: Iterable[Batch]) -> list[tuple[str, float]]:
    """(video id, largest |value| of its heavy arrays, infinity for NaN) of every video; padding is zero."""
    found = []
    for batch in batches:
        inputs = _float_inputs(batch)
        for row in np.flatnonzero(batch.arrays["video_mask"]):
            # Two reductions instead of an absolute copy: a video may take gigabytes.
            extremes = [(np.max(array[row], initial=0.0), -np.min(array[row], initial=0.0)) for array in inputs]
            value = float(np.max(extremes))
            found.append((batch.held_ids[int(row)], math.inf if math.isnan(value) else value))
    return found


def write_batch(folder: Path, bad: BadStep, batches: Sequence[Batch], seed: int) -> Path:
    """Writes the batches of a step as arrays that `numpy.load` reads without pickles; returns the path.

    Entries: the arrays of the batch and `video_ids`, of several micro-batches with the number of each at the end of
    every name; `term_<name>`, sum and normalizer of every loss term; `seed` and `step` of the run.
    """
    arrays: dict[str, Any] = {"seed": np.int64(seed), "step": np.int64(bad.step)}
    arrays |= {f"term_{name}": np.array(pair, np.float64) for name, pair in bad.terms.items()}
    for number, batch in enumerate(batches):
        end = f"_{number}" if len(batches) > 1 else ""
        arrays |= {f"{name}{end}": array for name, array in batch.arrays.items()}
        arrays[f"video_ids{end}"] = np.array(list(batch.held_ids), np.str_)
    # Each of several processes has its own videos.
    process = f"_process_{jax.process_index()}" if jax.process_count() > 1 else ""
    path = folder / f"step_{bad.step}{process}.npz"
    with files.atomic_file(path) as file:
        np.savez(file, allow_pickle=False, **arrays)
    return path


def check_state(items: Mapping[str, Any], step: int, workdir: Path, last_good: int) -> None:
    """Raises NonFiniteError where there are numbers that are not finite in what a checkpoint is made of.

    Losses do not show them at once: those of a step come from the parameters before its update.
    """
    leaves = ((path, leaf) for path, leaf in jax.tree_util.tree_leaves_with_path(dict(items)))
    floats = ((path, leaf) for path, leaf in leaves if jax.numpy.issubdtype(leaf.dtype, jax.numpy.floating))
    wrong = (jax.tree_util.keystr(path) for path, leaf in floats if not np.isfinite(leaf).all())
    names = list(itertools.islice(wrong, 3))
    if names:
        raise NonFiniteError(
            f"training stopped: after step {step} there are numbers that are not finite in {', '.join(names)}, though "
            "its loss and gradients were. A lower config.optimizer.learning_rate (in another --workdir) may help.\n"
            f"{_last_good(workdir, last_good)}"
        )


class SkipReport:
    """Tells of steps that were skipped, the first ones by name."""

    def __init__(self, say: Callable[[str], None]):
        self._say = say
        self._named = 0

    def tell(self, skipped: Iterable[BadStep]) -> None:
        """Prints a line for each, at most MAX_STEPS in all."""
        for bad in skipped:
            if self._named < MAX_STEPS:
                self._say(f"skipped step {bad.step}: {bad.found}. Videos of that batch: {_listed(bad.video_ids)}")
            elif self._named == MAX_STEPS:
                self._say("skipped steps that follow are counted, and no longer named")
            self._named += 1

    def conclude(self, skipped: int, steps: int) -> None:
        """Says at the end how many of all steps were skipped."""
        self._say(f"skipped {skipped} of {steps} steps, whose losses or gradients were not finite")
        self.warn(skipped, steps, "so far")

    def warn(self, skipped: int, steps: int, since: str) -> None:
        """Warns where several, and more than half, of some steps were skipped."""
        if skipped > 1 and 2 * skipped > steps:
            self._say(
                f"WARNING: {skipped} of the {steps} steps {since} were skipped, and nothing was learned from them: "
                "their losses or gradients are not finite. Look at the features of the videos, or lower "
                "config.optimizer.learning_rate."
            )
