"""Mean, spread and paired differences of groups of runs.

The mean of a group is taken over the seeds of every split first and over the splits then, so that a split with more
seeds counts no more than another. A difference of two groups is taken over the videos that both evaluated: every
resample draws the videos of each split anew, with replacement and the same for both groups, and computes the scores of
the whole set from what was counted in them, as the metric does.
"""

import itertools
import math
import operator
import warnings
from typing import NamedTuple

import numpy as np

LEVEL = 0.95
RESAMPLES = 10_000
SEED = 0
# Resamples computed at a time; bounds the memory for sets of many videos.
CHUNK = 500


class Spread(NamedTuple):
    """A score over the runs of a group, in percent; NaN where it is undefined. Deviations are those of a sample."""

    mean: float  # over splits, of the means over the seeds of each
    std: float  # over all runs, NaN for fewer than two
    min: float
    max: float
    runs: int  # in which the score is defined
    std_over_seeds: float  # of a split, pooled over the splits that have several
    std_over_splits: float  # of their means


class Difference(NamedTuple):
    """How much larger the score of one group is than that of another, on the videos of both."""

    first: str  # label of the group from whose score that of the second is subtracted
    second: str
    metric: str
    value: float  # percentage points
    low: float  # ends of the bootstrap interval, NaN where no split has two videos to draw from
    high: float
    num_videos: int  # (split, video) pairs of both groups
    splits: tuple[str, ...]  # the splits they come from


def spread(values_by_split):
    """The Spread of a score from its values by split (a list) and seed (lists in it); NaN is left out."""
    splits = [np.array([value for value in values if not math.isnan(value)]) for values in values_by_split]
    splits = [values for values in splits if values.size]
    if not splits:
        return Spread(*[math.nan] * 4, 0, math.nan, math.nan)
    everything, means = np.concatenate(splits), np.array([values.mean() for values in splits])
    repeated = [values for values in splits if values.size > 1]
    freedom = sum(values.size - 1 for values in repeated)
    squares = sum(((values - values.mean()) ** 2).sum() for values in repeated)
    return Spread(
        float(means.mean()),
        _std(everything),
        float(everything.min()),
        float(everything.max()),
        int(everything.size),
        math.sqrt(squares / freedom) if freedom else math.nan,
        _std(means),
    )


def group_scores(group, scores_of=operator.attrgetter("scores")):
    """Returns {metric: Spread} of a Group; `scores_of` takes a run and returns {metric: percent}."""
    tables = [[scores_of(run) for run in runs] for runs in group.by_split().values()]
    return {name: spread([[table[name] for table in row] for row in tables]) for name in tables[0][0]}


def group_classes(group):
    """Returns {class id: {column of `class_scores`: Spread}} of a Group; a class is left out of runs without it."""
    tables = [[run.class_scores for run in runs] for runs in group.by_split().values()]
    rows = tables[0][0]
    return {
        row["class_id"]: {
            name: spread([[float(table[position][name]) for table in tables_of_split] for tables_of_split in tables])
            for name in row
            if name != "class_id"
        }
        for position, row in enumerate(rows)
    }


def differences(groups, *, resamples=RESAMPLES, seed=SEED):
    """Difference of every two groups with a common video, a later minus an earlier one; equal seeds, equal results."""
    found, known = [], {}
    for first, second in itertools.combinations(range(len(groups)), 2):
        common = _common_videos(groups[first], groups[second])
        if not common:
            continue
        videos = tuple((split, tuple(video_ids)) for split, video_ids in common.items())
        for index in (first, second):
            if (index, videos) not in known:
                known[index, videos] = _score_resamples(groups[index], common, resamples, seed)
        values, low, high = _compare(known[second, videos], known[first, videos])
        labels, num_videos = (groups[second].label, groups[first].label), sum(map(len, common.values()))
        for index, name in enumerate(groups[first].runs[0].scores):
            numbers = (float(part[index]) for part in (values, low, high))
            found.append(Difference(*labels, name, *numbers, num_videos, tuple(common)))
    return found


def _common_videos(first, second):
    """{split: sorted ids} of the videos that all runs of both groups evaluated."""
    common, others = {}, second.by_split()
    for split, runs in first.by_split().items():
        if split in others:
            sets = [{video.video_id for video in run.evaluated.videos} for run in (*runs, *others[split])]
            if shared := sorted(set.intersection(*sets)):
                common[split] = shared
    return common


def _score_resamples(group, common, resamples, seed):
    """Scores (float64 [metrics]) on some videos, and (float64 [R, metrics]) on resamples, 0 without two in a split."""
    splits = group.by_split()
    samples = {
        split: [run.kind.sample(run.state, video_ids) for run in splits[split]] for split, video_ids in common.items()
    }
    (values,) = _score(samples, {split: np.ones((1, len(video_ids))) for split, video_ids in common.items()})
    if max(map(len, common.values())) < 2:
        return values, np.zeros((0, len(values)))
    generator = np.random.default_rng(seed)
    found = []
    for start in range(0, resamples, CHUNK):
        size = min(CHUNK, resamples - start)
        weights = {
            split: generator.multinomial(len(ids), np.full(len(ids), 1.0 / len(ids)), size).astype(np.float64)
            for split, ids in common.items()
        }
        found.append(_score(samples, weights))
    return values, np.concatenate(found)


def _score(samples, weights):
    """Scores float64 [R, metrics] of functions from weights (by split and run) for weights float64 [R, V] by split."""
    splits = [np.mean([sample(weights[split]) for sample in runs], axis=0) for split, runs in samples.items()]
    return np.mean(splits, axis=0)


def _compare(first, second):
    """Difference of two results of `_score_resamples`, and the ends of its interval: each float64 [metrics]."""
    value, samples, tail = first[0] - second[0], first[1] - second[1], (1.0 - LEVEL) / 2.0
    if not len(samples):
        return value, *np.full((2, len(value)), math.nan)
    with warnings.catch_warnings():
        # A resample of videos without foreground has no Acc or Edit; if none has, there is no interval.
        warnings.filterwarnings("ignore", "All-NaN slice", RuntimeWarning)
        return value, *np.nanquantile(samples, [tail, 1.0 - tail], axis=0)


def _std(values):
    return float(values.std(ddof=1)) if values.size > 1 else math.nan
