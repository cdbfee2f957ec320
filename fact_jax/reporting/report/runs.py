"""Finished runs as a report reads them, and whether they can be compared."""

import dataclasses
import functools
import math
import pathlib
from typing import Any

from fact_jax import run_record
from fact_jax.reporting import evaluation_record
from fact_jax.reporting import results as run_results
from fact_jax.reporting.report.kind import ReportKind
from fact_jax.types import UserError

# Settings that differ between repetitions of one run, or say where things lie and how they look.
NOT_COMPARED = (*run_record.NEUTRAL, "seed", "data.split", "eval.batch_size")
# `Run.selected_on` of converted weights, which have one step.
NOT_CHOSEN = "not chosen"
# `Run.videos` of the first evaluation of the run itself.
OWN = "those of the run"
# Scores counted again and scores of results.json that differ by more than this are of different predictions.
SCORE_TOLERANCE = 0.005


@dataclasses.dataclass(frozen=True)
class Run:
    """One finished run."""

    workdir: pathlib.Path
    kind: ReportKind
    name: str  # config.name, as split and seed
    split: str
    seed: int
    settings: dict  # by dotted key, all that may differ between groups of runs; with "weights", see `_weights`
    best_step: int  # the step that was evaluated
    selected_on: str  # name of the subset on which that step was chosen, or NOT_CHOSEN
    evaluated: Any  # the test videos, see `ReportKind`
    state: Any  # counted again from `evaluated`
    stored: dict  # scores in results.json, NaN where undefined; empty for converted weights, which have none
    videos: str = OWN  # what was evaluated: OWN, or see `app.video_choice`: a subset, or named videos

    @functools.cached_property
    def scores(self):
        """The scores that a report shows, in percent by name."""
        found = self.state.compute()
        return {name: found[name] for name in self.kind.names(self.state.metric)}

    @functools.cached_property
    def means(self):
        """Rows of means over videos and classes, see `fact_jax.tasks.base.Evaluation`."""
        return self.state.means()

    @functools.cached_property
    def class_scores(self):
        """A dict per class, equal classes and keys in all runs that can be compared; NaN where it has no score."""
        return self.kind.class_scores(self)

    @functools.cached_property
    def video_scores(self):
        """A dict per video, by name: "video_id", what was counted in it, and the scores that a report shows."""
        return self.kind.video_scores(self)


def read_runs(workdirs, kinds):
    """Reads every workdir, with `kinds` by the names of systems; returns a list of Run.

    Raises:
      UserError: names everything that is wrong with any of them.
    """
    runs, problems, seen = [], [], {}
    for workdir in map(pathlib.Path, workdirs):
        if seen.setdefault(workdir.resolve(), workdir) is not workdir:
            problems.append(f"{workdir} is given twice. Name it once.")
            continue
        try:
            runs.append(_read_run(workdir, kinds))
        except UserError as error:
            problems.append(str(error))
    if not seen:
        problems.append("A report needs at least one run: --workdirs FOLDER FOLDER ...")
    problems += _mismatches(runs)
    if problems:
        raise UserError("\n".join(problems))
    return runs


def notes(runs):
    """Lines about runs whose stored scores are not those counted again; empty if all is well."""
    lines = []
    for run in runs:
        evidence = run.kind.evidence
        for name, stored in run.stored.items():
            found = run.scores.get(name, math.nan)
            if not (abs(found - stored) <= SCORE_TOLERANCE or math.isnan(found) and math.isnan(stored)):
                lines.append(
                    f"{run.workdir}: {name} is {found:.2f} by its {evidence} and {stored:.2f} in results.json; "
                    f"this report goes by the {evidence}. --mode eval writes them again."
                )
                break
    return lines


def _read_run(workdir, kinds):
    if not workdir.is_dir():
        raise UserError(f"{workdir} is no folder, expected the workdir of a finished run.")
    try:
        evaluation = evaluation_record.read(workdir)
        home = workdir if evaluation is None else workdir.parent
        record = run_record.read(home)
        if record is None:
            raise UserError(f"{home} holds no run: {run_record.FILE} is missing.")
        config, converted = record["config"], "converted" in record["derived"]
        kind = kinds[config["model"]["name"]]
        results = _result(workdir, kind, converted) if evaluation is None else _evaluation_result(home, evaluation)
        evaluated = kind.read(workdir)
        videos, split = _videos(evaluation), str(config["data"]["split"])
        if videos != OWN:
            split = f"{split}, {evaluation['title']}"
        names = str(config["name"]), split, int(config["seed"])
        settings = _settings(config) | {"weights": _weights(record["derived"])}
        chosen = int(results["best_step"]), str(results["selected_on"])
        stored = kind.stored(run_results.numbers(results["scores"]))
        return Run(workdir, kind, *names, settings, *chosen, evaluated, evaluated.state(), stored, videos)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError, OSError) as error:
        raise UserError(
            f"{workdir}: config.json and results.json are not those of a run ({type(error).__name__}: {error})."
        ) from error


def _weights(derived):
    """How the weights of a run came about: "trained", "converted", or "trained from" others."""
    if "converted" in derived:
        return "converted"
    if origin := derived.get("init_from"):
        step = "" if origin["step"] is None else f" step {origin['step']}"
        names = " and ".join(pathlib.Path(part["path"]).name for part in origin.get("parts", [origin]))
        return f"trained from {names}{step} ({origin['sha256'][:8]})"
    return "trained"


def _settings(config):
    """All that may differ between two groups of runs, by dotted key."""
    return {
        key: value
        for key, value in run_record.flatten(config).items()
        if not any(key == ignored or key.startswith(f"{ignored}.") for ignored in NOT_COMPARED)
    }


def _result(workdir, kind, converted):
    """results.json with the "scores" of the first evaluator, or what stands for it: converted weights have none."""
    if converted:
        if not (workdir / kind.file).exists():
            how = f"Do that first: --mode eval --workdir {workdir}"
            raise UserError(f"{workdir} holds converted weights that have not been evaluated. {how}")
        return {"best_step": 0, "selected_on": NOT_CHOSEN, "scores": {}}
    results = run_results.read_results(workdir)
    if results is None:
        missing = f"{run_results.RESULTS_FILE} is missing"
        raise UserError(f"{workdir} holds an unfinished run: {missing}. Train it to the end with the same command.")
    first, *_ = results["metrics"].values()  # the evaluator whose videos `kind.file` holds
    return results | {"scores": first["best"]}


def _videos(evaluation):
    """`Run.videos` of what an evaluation recorded, None: it is that of the run itself."""
    if evaluation is None:
        return OWN
    # Records from before they say it are of runs whose own videos are the test videos.
    return OWN if evaluation.get("own", evaluation["videos"] == "test") else str(evaluation["videos"])


def _evaluation_result(home, evaluation):
    """What stands for results.json of an evaluation in a folder of its own, of a run in `home`."""
    results, step = run_results.read_results(home), evaluation["step"]
    is_best = results is not None and results["best_step"] == step
    selected_on = results["selected_on"] if is_best else NOT_CHOSEN
    return {"best_step": step, "selected_on": selected_on, "scores": evaluation["metrics"]}


def _mismatches(runs):
    """Lines about runs that cannot stand in one table with the first one."""
    lines = []
    comparable = [
        {"tasks": run.kind.task, "evaluated videos": run.videos} | run.kind.comparable(run.evaluated) for run in runs
    ]
    for run, values in zip(runs[1:], comparable[1:], strict=True):
        for what, expected in comparable[0].items():
            # What the other kind of run does not have is not compared.
            if what in values and values[what] != expected:
                lines.append(
                    f"{runs[0].workdir} and {run.workdir} cannot be compared: the {what} differ, "
                    f"{_difference(expected, values[what])}. Make a report of each."
                )
    return lines + _truth_mismatches(runs)


def _truth_mismatches(runs):
    """Lines about videos whose true segments differ between runs of one split."""
    lines, known = [], {}
    for run in runs:
        for video in run.evaluated.videos:
            own = run.kind.truth_of(video)
            first, truth = known.setdefault((run.kind.task, run.split, video.video_id), (run, own))
            if truth != own:
                lines.append(
                    f"{first.workdir} and {run.workdir} cannot be compared: they have different {run.kind.truth} for "
                    f"the video {video.video_id!r} of {run.split}."
                )
                break
    return lines


def _difference(expected, found):
    if isinstance(expected, tuple) and expected and found and len(expected) == len(found):
        place = next(index for index, pair in enumerate(zip(expected, found, strict=True)) if pair[0] != pair[1])
        return f"entry {place} is {expected[place]!r} in the first and {found[place]!r} in the second"
    if isinstance(expected, tuple):
        return f"{len(expected)} entries in the first and {len(found)} in the second"
    return f"{expected!r} in the first and {found!r} in the second"
