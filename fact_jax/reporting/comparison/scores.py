"""Means of systems over folds, intervals, and differences to the best system.

The folds share most of their training videos, so scores of folds are more alike than those of new data would be. The
intervals are t intervals whose variance is corrected for that: s^2 (1/K + n_test/n_train) in place of s^2/K.

Source: Nadeau & Bengio, Inference for the Generalization Error, Machine Learning 52, 2003.
"""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from scipy import stats

LEVEL = 0.95


class Curve(NamedTuple):
    """A number over training, a mean over runs: int [K] steps, float [K] values."""

    steps: np.ndarray
    values: np.ndarray


@dataclasses.dataclass(frozen=True)
class SystemRuns:
    """The runs of one system.

    Attributes:
      name: of the system.
      scores: by metric, of every fold and seed, in percent; NaN where undefined.
      steps, epochs: of every run, as in the first fold.
      curves: by what they show, "loss" and the metric that chooses.
    """

    name: str
    scores: Mapping[str, Float[np.ndarray, "folds seeds"]]
    steps: int
    epochs: float
    curves: Mapping[str, Curve]


class Interval(NamedTuple):
    """A mean over folds and the ends of its interval; NaN where there are fewer than two folds."""

    mean: float
    low: float
    high: float

    @property
    def is_clear(self) -> bool:
        """Whether 0 lies outside."""
        return self.low > 0 or self.high < 0


def _within(percent):
    return percent if math.isnan(percent) else min(max(percent, 0.0), 100.0)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Comparison:
    """What is reported.

    Attributes:
      dataset: its name.
      metric: that names the best system: its largest mean.
      folds, seeds: names and numbers.
      videos: (training, test) videos of every fold.
      scored: which videos and which step the scores are of, in words.
      protocol: how was scored, sentences.
      systems: in the order in which they were given.
      notes: lines on what a reader should know.
    """

    dataset: str
    metric: str
    folds: Sequence[str]
    seeds: Sequence[int]
    videos: Sequence[tuple[int, int]]
    scored: str
    protocol: Sequence[str]
    systems: Sequence[SystemRuns]
    notes: Sequence[str] = ()

    @property
    def best(self) -> SystemRuns:
        """The system with the largest mean of the metric; of equal ones the first."""
        means = [self.interval(system, self.metric).mean for system in self.systems]
        return self.systems[int(np.argmax([-math.inf if math.isnan(mean) else mean for mean in means]))]

    @property
    def metrics(self) -> list[str]:
        """Names of the scores, the one that names the best system first."""
        return [self.metric, *(name for name in self.systems[0].scores if name != self.metric)]

    def interval(self, system: SystemRuns, metric: str) -> Interval:
        """Mean and interval of a score over the folds, of the means over the seeds of each; it ends at 0 and 100."""
        found = self._interval(system.scores[metric].mean(axis=1))
        return found._replace(low=_within(found.low), high=_within(found.high))

    def difference(self, system: SystemRuns, metric: str) -> Interval:
        """How much larger the score of a system is than that of the best one, fold by fold."""
        return self._interval((system.scores[metric] - self.best.scores[metric]).mean(axis=1))

    def _interval(self, values):
        count, mean = len(values), float(np.mean(values))
        if count < 2:
            return Interval(mean, math.nan, math.nan)
        share = float(np.mean([tested / trained for trained, tested in self.videos]))
        deviation = math.sqrt(float(np.var(values, ddof=1)) * (1 / count + share))
        reach = float(stats.t.ppf(0.5 + LEVEL / 2, count - 1)) * deviation
        return Interval(mean, mean - reach, mean + reach)
