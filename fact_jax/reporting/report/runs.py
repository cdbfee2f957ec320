"""Finished runs as a report reads them, and which of them are repetitions of one another."""

import dataclasses
import json
import math
import pathlib

from fact_jax.metrics.segmentation import SegmentationState
from fact_jax.reporting import results as run_results
from fact_jax.reporting import segment_files
from fact_jax.training import run_record
from fact_jax.types import UserError

# Settings that differ between repetitions of one run, or say where things lie and how they look.
NOT_COMPARED = (*run_record.NEUTRAL, "seed", "data.split", "eval.batch_size")
# `Run.selected_on` of converted weights, which have one step.
NOT_CHOSEN = "not chosen"
# Scores of segments.json and results.json that differ by more than this are of different predictions.
SCORE_TOLERANCE = 0.005
# Groups of one name with more differing settings than this are numbered instead.
MAX_LABEL_SETTINGS = 2


@dataclasses.dataclass(frozen=True)
class Run:
    """One finished run.

    Attributes:
      workdir: its folder.
      name: config.name.
      split: config.data.split.
      seed: config.seed.
      settings: dotted key -> value, all that may differ between two groups of runs; with "weights", "trained" or
        "converted".
      best_step: the step that was evaluated.
      selected_on: name of the subset on which that step was chosen, or NOT_CHOSEN.
      segmented: SegmentedSet of the test videos.
      state: SegmentationState, counted again from `segmented`.
      stored: the scores in results.json by name, NaN where undefined; empty for converted weights, which have none.
    """

    workdir: pathlib.Path
    name: str
    split: str
    seed: int
    settings: dict
    best_step: int
    selected_on: str
    segmented: segment_files.SegmentedSet
    state: SegmentationState
    stored: dict


@dataclasses.dataclass(frozen=True)
class Group:
    """Runs that differ in seed and split only.

    Attributes:
      label: name of the group, unique in its report.
      short: the same without what all groups of the report have in common.
      settings: dotted key -> value as text, for the settings in which the groups of the report differ.
      runs: by split and seed.
    """

    label: str
    short: str
    settings: dict
    runs: tuple[Run, ...]

    def by_split(self):
        """Returns {split: runs}, in order of split."""
        splits = {}
        for run in self.runs:
            splits.setdefault(run.split, []).append(run)
        return splits


def read_runs(workdirs):
    """Reads every workdir.

    Args:
      workdirs: folders of finished runs.

    Returns:
      list of Run.

    Raises:
      UserError: names everything that is wrong with any of them.
    """
    runs, problems, seen = [], [], {}
    for workdir in map(pathlib.Path, workdirs):
        if seen.setdefault(workdir.resolve(), workdir) is not workdir:
            problems.append(f"{workdir} is given twice. Name it once.")
            continue
        try:
            runs.append(_read_run(workdir))
        except UserError as error:
            problems.append(str(error))
    if not seen:
        problems.append("A report needs at least one run: --workdirs FOLDER FOLDER ...")
    problems += _mismatches(runs)
    if problems:
        raise UserError("\n".join(problems))
    return runs


def group_runs(runs):
    """Puts runs together that differ in seed and split only.

    Args:
      runs: list of Run, of one dataset.

    Returns:
      list of Group in the order in which their first runs are given.

    Raises:
      UserError: two runs have the same settings, split and seed, and would count twice.
    """
    varying = _differing([run.settings for run in runs])
    groups = {}
    for run in runs:
        groups.setdefault((run.name, *(_text(run.settings.get(key)) for key in varying)), []).append(run)
    problems = []
    for members in groups.values():
        places = {}
        for run in members:
            first = places.setdefault((run.split, run.seed), run)
            if first is not run:
                problems.append(
                    f"{first.workdir} and {run.workdir} hold the same run ({run.name}, {run.split}, seed {run.seed}) "
                    f"and would count twice. Leave one of them out."
                )
    if problems:
        raise UserError("\n".join(problems))
    firsts = [members[0] for members in groups.values()]
    differing = _differing([first.settings for first in firsts])
    labels = _labels(firsts)
    return [
        Group(
            label,
            short,
            {key: _text(members[0].settings.get(key)) for key in differing},
            tuple(sorted(members, key=lambda run: (run.split, run.seed))),
        )
        for (label, short), members in zip(labels, groups.values(), strict=True)
    ]


def notes(runs):
    """Lines about runs whose stored scores are not those of their segments; empty if all is well."""
    lines = []
    for run in runs:
        scores = run.state.compute()
        for name, stored in run.stored.items():
            found = scores.get(name, math.nan)
            if not (abs(found - stored) <= SCORE_TOLERANCE or math.isnan(found) and math.isnan(stored)):
                lines.append(
                    f"{run.workdir}: {name} is {found:.2f} by its segments and {stored:.2f} in results.json; "
                    f"this report goes by the segments. --mode eval writes them again."
                )
                break
    return lines


def _read_run(workdir):
    if not workdir.is_dir():
        raise UserError(f"{workdir} is no folder, expected the workdir of a finished run.")
    try:
        record = run_record.read(workdir)
        if record is None:
            raise UserError(f"{workdir} holds no run: {run_record.FILE} is missing.")
        config, converted = record["config"], "converted" in record["derived"]
        results = _converted_result(workdir) if converted else _result(workdir)
        if (workdir / "tables" / "per_threshold.csv").is_file():
            raise UserError(f"{workdir} is a run of action localization; reports compare runs of segmentation only.")
        segmented = segment_files.read_segments(workdir)
        return Run(
            workdir=workdir,
            name=str(config["name"]),
            split=str(config["data"]["split"]),
            seed=int(config["seed"]),
            settings=_settings(config) | {"weights": "converted" if converted else "trained"},
            best_step=int(results["best_step"]),
            selected_on=str(results["selected_on"]),
            segmented=segmented,
            state=segmented.state(),
            stored={
                name: math.nan if value is None else float(value)
                for name, value in results["metrics"]["test"]["best"].items()
            },
        )
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError, OSError) as error:
        raise UserError(
            f"{workdir}: config.json and results.json are not those of a run ({type(error).__name__}: {error})."
        ) from error


def _settings(config):
    """All that may differ between two groups of runs, by dotted key."""
    return {
        key: value
        for key, value in run_record.flatten(config).items()
        if not any(key == ignored or key.startswith(f"{ignored}.") for ignored in NOT_COMPARED)
    }


def _result(workdir):
    results = run_results.read_results(workdir)
    if results is None:
        missing = f"{run_results.RESULTS_FILE} is missing"
        raise UserError(f"{workdir} holds an unfinished run: {missing}. Train it to the end with the same command.")
    return results


def _converted_result(workdir):
    """What stands for results.json: no step was chosen, and no scores are stored beside the segments."""
    if not (workdir / segment_files.SEGMENTS_FILE).exists():
        how = f"Do that first: --mode eval --workdir {workdir}"
        raise UserError(f"{workdir} holds converted weights that have not been evaluated. {how}")
    return {"best_step": 0, "selected_on": NOT_CHOSEN, "metrics": {"test": {"best": {}}}}


def _mismatches(runs):
    """Lines about runs that cannot stand in one table with the first one."""
    lines = []
    for run in runs[1:]:
        first, other = runs[0].segmented, run.segmented
        pairs = {
            "datasets": (first.dataset, other.dataset),
            "lists of classes": (first.class_names, other.class_names),
            "classes left out of the scores": (first.metric.background_ids, other.metric.background_ids),
            "background classes": (first.background_ids, other.background_ids),
            "thresholds of F1": (first.metric.thresholds, other.metric.thresholds),
        }
        for what, (expected, found) in pairs.items():
            if expected != found:
                lines.append(
                    f"{runs[0].workdir} and {run.workdir} cannot be compared: the {what} differ, "
                    f"{_difference(expected, found)}. Make a report of each."
                )
    return lines + _truth_mismatches(runs)


def _truth_mismatches(runs):
    """Lines about videos whose true segments differ between runs of one split."""
    lines, known = [], {}
    for run in runs:
        for video in run.segmented.videos:
            first, truth = known.setdefault((run.split, video.video_id), (run, video.true))
            if truth.tolist() != video.true.tolist():
                lines.append(
                    f"{first.workdir} and {run.workdir} cannot be compared: they have different labels for the video "
                    f"{video.video_id!r} of {run.split}."
                )
                break
    return lines


def _difference(expected, found):
    if isinstance(expected, tuple) and expected and found and len(expected) == len(found):
        place = next(index for index, pair in enumerate(zip(expected, found)) if pair[0] != pair[1])
        return f"entry {place} is {expected[place]!r} in the first and {found[place]!r} in the second"
    if isinstance(expected, tuple):
        return f"{len(expected)} entries in the first and {len(found)} in the second"
    return f"{expected!r} in the first and {found!r} in the second"


def _differing(settings):
    """Dotted keys, sorted, of which the given dicts hold different values.

    A dict without the key does not count: a run of an older version has no value for a setting that came later.
    """
    keys = sorted(set().union(*settings))
    return [key for key in keys if len({_text(one[key]) for one in settings if key in one}) > 1]


def _labels(firsts):
    """Pairs (label, short label) of groups, from one run of each.

    A label is the name and behind it the settings that tell groups of a name apart; the name is left out of the short
    one where all groups have it.
    """
    labels = []
    alone = len({first.name for first in firsts}) == 1
    for first in firsts:
        namesakes = [other for other in firsts if other.name == first.name]
        if len(namesakes) == 1:
            labels.append((first.name, first.name))
            continue
        keys = _differing([other.settings for other in namesakes])
        inside = ", ".join(f"{key.rpartition('.')[2]}={_text(first.settings.get(key))}" for key in keys)
        if not 1 <= len(keys) <= MAX_LABEL_SETTINGS:
            inside = f"variant {namesakes.index(first) + 1}"
        label = f"{first.name} ({inside})"
        labels.append((label, inside if alone else label))
    return labels


def _text(value):
    """A setting as JSON, strings without quotes, and a dash for a setting that is not there."""
    return "–" if value is None else value if isinstance(value, str) else json.dumps(value)
