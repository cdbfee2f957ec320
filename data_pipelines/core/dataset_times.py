"""Where the features of all videos of a dataset lie in time: every VIDEO.json beside them, or none."""

import contextlib
import os
from collections.abc import Mapping
from pathlib import Path

from data_pipelines.core.feature_times import FeatureTimes, times_path
from data_pipelines.core.made_by import difference
from data_pipelines.core.problems import Problem
from data_pipelines.core.wording import count, name_some, verb


def read_times(
    paths: Mapping[str, Path], shapes: Mapping[str, tuple[int, int]]
) -> tuple[dict[str, FeatureTimes], list[Problem]]:
    """(FeatureTimes by video, problems); {} and no problem where no feature file has a VIDEO.json.

    Args:
      paths: feature files by video.
      shapes: (rows, channels) of those that can be used.
    """
    beside = {video: times_path(paths[video]) for video in shapes}
    listed: dict[Path, frozenset[str]] = {}
    for path in beside.values():
        if path.parent not in listed:
            with contextlib.suppress(OSError):
                listed[path.parent] = frozenset(os.listdir(path.parent))
    known = {video: path for video, path in beside.items() if path.name in listed.get(path.parent, ())}
    if not known:
        return {}, []
    times, problems = {}, []
    if without := [video for video in beside if video not in known]:
        found = f"{count(without, 'feature file')} {verb(without, 'have')} no .json, which {len(known)} others have"
        expected = "extract all features alike, or take the .json files away to say stride, window and fps yourself"
        problems.append(Problem(str(beside[without[0]].parent), 0, f"{found}: {name_some(without)}", expected))
    for video, path in known.items():
        found, wrong = FeatureTimes.examine(path)
        problems += wrong
        if found is None:
            continue
        if (found.rows, found.dim) != tuple(shapes[video]):
            text = f"says {found.rows} rows of {found.dim} channels; the features have {shapes[video]}"
            problems.append(Problem(str(path), 0, text, "extract the features again"))
        times[video] = found
    problems += _mixed(times, beside)
    return times, problems


def _mixed(times, paths):
    """The problem of features that different things made."""
    if not times:
        return []
    first = next(iter(times))
    others = [video for video in times if difference(times[video].made_by, times[first].made_by)]
    if not others:
        return []
    words = difference(times[first].made_by, times[others[0]].made_by, between=f"{others[0]!r}")
    found = f"{len(others)} of {count(times, 'video')} have features of another make than {first!r} ({words})"
    return [Problem(str(paths[first].parent), 0, found, "extract all features alike: --mode extract --overwrite")]


def made_by_of(times: Mapping[str, FeatureTimes]) -> dict:
    """What made the features of a dataset whose `times` have no problems; {} where nobody says."""
    return dict(next(iter(times.values())).made_by) if times else {}
