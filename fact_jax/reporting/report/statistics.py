"""Mean, spread and paired differences of groups of runs.

The mean of a group is taken over the seeds of every split first and over the splits then, so that a split with more
seeds counts no more than another. A difference of two groups is taken over the videos that both evaluated: every
resample draws the videos of each split anew, with replacement and the same for both groups, adds up what was counted in
them, and computes the scores of the whole set from the sums, as the metric does.
"""

import dataclasses
import itertools
import math

import numpy as np

from fact_jax.metrics import segmentation

LEVEL = 0.95
RESAMPLES = 10_000
SEED = 0
# Resamples computed at a time; bounds the memory for sets of many videos.
CHUNK = 500


@dataclasses.dataclass(frozen=True)
class Spread:
    """A score over the runs of a group, in percent; NaN where it is undefined.

    Attributes:
      mean: over splits, of the means over the seeds of each.
      std: sample standard deviation over all runs, NaN for fewer than two.
      minimum, maximum: over all runs.
      count: runs in which the score is defined.
      seed_std: sample standard deviation over the seeds of a split, pooled over the splits that have several.
      split_std: sample standard deviation over splits, of their means.
    """

    mean: float
    std: float
    minimum: float
    maximum: float
    count: int
    seed_std: float
    split_std: float


@dataclasses.dataclass(frozen=True)
class Difference:
    """How much larger the score of one group is than that of another, on the videos of both.

    Attributes:
      first, second: labels of the groups; the difference is first minus second.
      metric: name of the score.
      value: the difference in percentage points.
      low, high: ends of the bootstrap interval, NaN where no split has two videos to draw from.
      num_videos: (split, video) pairs of both groups.
      splits: the splits they come from.
    """

    first: str
    second: str
    metric: str
    value: float
    low: float
    high: float
    num_videos: int
    splits: tuple[str, ...]


def spread(values_by_split):
    """Summarises a score.

    Args:
      values_by_split: list over splits of lists over seeds of floats; NaN is left out.

    Returns:
      Spread.
    """
    splits = [np.array([value for value in values if not math.isnan(value)]) for values in values_by_split]
    splits = [values for values in splits if values.size]
    if not splits:
        return Spread(*[math.nan] * 4, 0, math.nan, math.nan)
    everything, means = np.concatenate(splits), np.array([values.mean() for values in splits])
    repeated = [values for values in splits if values.size > 1]
    freedom = sum(values.size - 1 for values in repeated)
    squares = sum(((values - values.mean()) ** 2).sum() for values in repeated)
    return Spread(
        mean=float(means.mean()),
        std=_std(everything),
        minimum=float(everything.min()),
        maximum=float(everything.max()),
        count=int(everything.size),
        seed_std=math.sqrt(squares / freedom) if freedom else math.nan,
        split_std=_std(means),
    )


def group_scores(group):
    """Returns {metric: Spread} of a Group."""
    tables = [[run.state.compute() for run in runs] for runs in group.by_split().values()]
    return {name: spread([[table[name] for table in row] for row in tables]) for name in tables[0][0]}


def group_classes(group):
    """Returns {class id: {column of per_class.csv: Spread}} of a Group; a class is left out of runs without it."""
    tables = [[run.state.per_class() for run in runs] for runs in group.by_split().values()]
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
    """Compares every two groups.

    Args:
      groups: list of Group.
      resamples: number of bootstrap resamples.
      seed: of the random numbers; equal seeds give equal intervals.

    Returns:
      list of Difference, a later group minus an earlier one; pairs without a common video are left out.
    """
    found = []
    for first, second in itertools.combinations(groups, 2):
        common = _common_videos(first, second)
        if not common:
            continue
        metric = first.runs[0].state.metric
        sides = [_sums_by_split(group, common) for group in (second, first)]
        weights = {split: np.ones((1, len(video_ids))) for split, video_ids in common.items()}
        values = _score(sides[0], weights) - _score(sides[1], weights)
        low, high = _interval(sides, common, metric, resamples, seed)
        num_videos = sum(map(len, common.values()))
        for index, name in enumerate(metric_names(metric)):
            found.append(
                Difference(
                    second.label, first.label, name, float(values[0, index]), float(low[index]), float(high[index]),
                    num_videos, tuple(common),
                )
            )
    return found


def metric_names(metric):
    """Names of the scores in the published order."""
    return ("Edit", "AccB", "Acc", *map(segmentation.f1_name, metric.thresholds))


def _common_videos(first, second):
    """{split: sorted ids} of the videos that all runs of both groups evaluated."""
    common, others = {}, second.by_split()
    for split, runs in first.by_split().items():
        if split in others:
            sets = [{video.video_id for video in run.segmented.videos} for run in (*runs, *others[split])]
            if shared := sorted(set.intersection(*sets)):
                common[split] = shared
    return common


def _sums_by_split(group, common):
    splits = group.by_split()
    return {split: [_sums(run.state, video_ids) for run in splits[split]] for split, video_ids in common.items()}


def _sums(state, video_ids):
    """What the scores of a set of videos are made of: float64 [V, 8 + thresholds], a row per video id.

    Columns: Edit and whether it is defined; correct frames and frames; the same of foreground; predicted and true
    segments; true segments hit at every threshold.
    """
    videos = {video.video_id: video for video in state.videos}
    rows = []
    for video in map(videos.__getitem__, video_ids):
        true, predicted, frames = video.pairs.T
        foreground = ~np.isin(true, state.metric.background_ids)
        defined = not math.isnan(video.edit)
        rows.append(
            (
                video.edit if defined else 0.0,
                defined,
                frames[true == predicted].sum(),
                frames.sum(),
                frames[(true == predicted) & foreground].sum(),
                frames[foreground].sum(),
                len(video.predicted_segments),
                len(video.true_segments),
                *map(len, video.hit_segments),
            )
        )
    return np.array(rows, np.float64)


def _score(runs_by_split, weights):
    """Scores of resampled sets: float64 [R, metrics].

    Args:
      runs_by_split: {split: list over runs of `_sums`}.
      weights: {split: float64 [R, V]}, how often every video was drawn.
    """
    splits = []
    for split, runs in runs_by_split.items():
        scores = []
        for sums in runs:
            totals = (weights[split] @ sums).T
            edit, defined, correct, frames, foreground_correct, foreground, predicted, true, *hits = totals
            columns = [
                segmentation.ratio_percent(edit, defined) / 100.0,
                segmentation.ratio_percent(correct, frames),
                segmentation.ratio_percent(foreground_correct, foreground),
                *(segmentation.f1_score(hit, predicted, true) for hit in hits),
            ]
            scores.append(np.stack(columns, axis=1))
        splits.append(np.mean(scores, axis=0))
    return np.mean(splits, axis=0)


def _interval(sides, common, metric, resamples, seed):
    """Percentile interval of the difference of two sides: (low, high), each float64 [metrics]."""
    if max(map(len, common.values())) < 2:
        nothing = np.full(len(metric_names(metric)), math.nan)
        return nothing, nothing
    generator = np.random.default_rng(seed)
    found = []
    for start in range(0, resamples, CHUNK):
        size = min(CHUNK, resamples - start)
        weights = {
            split: generator.multinomial(len(ids), np.full(len(ids), 1.0 / len(ids)), size).astype(np.float64)
            for split, ids in common.items()
        }
        found.append(_score(sides[0], weights) - _score(sides[1], weights))
    found = np.concatenate(found)
    tail = (1.0 - LEVEL) / 2.0
    low, high = [], []
    for column in found.T:
        # A resample of videos without foreground has no Acc or Edit.
        defined = column[~np.isnan(column)]
        ends = np.quantile(defined, [tail, 1.0 - tail]) if defined.size else (math.nan, math.nan)
        low.append(ends[0])
        high.append(ends[1])
    return np.array(low), np.array(high)


def _std(values):
    return float(values.std(ddof=1)) if values.size > 1 else math.nan
