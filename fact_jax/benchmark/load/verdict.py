"""Whether memory grew: the rule, in words and in code.

Within a phase (the steps of training, the videos of a prediction) a line is fitted to memory against videos, over the
second half of its videos. It may climb by at most `ALLOWED_SHARE` of the memory at its start, or `ALLOWED_BYTES` if
that is more. An evaluation collects predictions, so its passes are compared with one another: the peak of the last
may lie above that of the middle one by as much. (Between the earlier ones programs are still being compiled, which
stay.)
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from fact_jax.benchmark.load.recorder import Sample
from fact_jax.reporting import pictures

ALLOWED_SHARE = 0.05
ALLOWED_BYTES = 32 * 2**20
# Fewer samples, or passes of an evaluation, say nothing.
MIN_SAMPLES = 8
MIN_PASSES = 4
COLORS = {"other": "0.6", "train": "#0072b2", "evaluate": "#d55e00", "predict": "#009e73"}


class Growth(NamedTuple):
    """How memory grew in one phase, in bytes."""

    phase: str  # "train", "predict" or "evaluate"
    videos: int  # over which it was measured
    start: int
    climbed: int
    allowed: int

    @property
    def flat(self) -> bool:
        """Whether it grew by no more than is allowed."""
        return self.climbed <= self.allowed

    def __str__(self):
        verdict = "flat" if self.flat else "GROWS"
        start, climbed, allowed = (size / 2**20 for size in (self.start, self.climbed, self.allowed))
        over = f"over {self.videos} videos from {start:.0f} MiB on (allowed {allowed:.0f})"
        return f"{self.phase}: {verdict}: {climbed:+.0f} MiB {over}"


def judge(samples: Sequence[Sample]) -> list[Growth]:
    """The growth of every phase that has enough samples."""
    rules = {"train": _climb, "predict": _climb, "evaluate": _compare_passes}
    found = [rule([sample for sample in samples if sample.phase == phase], phase) for phase, rule in rules.items()]
    return [growth for growth in found if growth is not None]


def _climb(samples, phase):
    if not samples:
        return None
    middle = (samples[0].videos + samples[-1].videos) / 2
    half = [sample for sample in samples if sample.videos >= middle]
    videos = np.array([sample.videos for sample in half], np.float64)
    if len(half) < MIN_SAMPLES or np.ptp(videos) == 0:
        return None
    slope, start = np.polyfit(videos - videos[0], [sample.resident for sample in half], 1)
    return _growth(phase, np.ptp(videos), start, slope * np.ptp(videos))


def _compare_passes(samples, phase):
    peaks = {}
    for sample in samples:
        peaks[sample.number] = max(peaks.get(sample.number, 0), sample.resident)
    if len(peaks) < MIN_PASSES:
        return None
    passes = sorted(peaks)
    middle, last = passes[len(passes) // 2], passes[-1]
    first_video = next(sample.videos for sample in samples if sample.number == middle)
    return _growth(phase, samples[-1].videos - first_video, peaks[middle], peaks[last] - peaks[middle])


def _growth(phase, videos, start, climbed):
    allowed = max(ALLOWED_BYTES, int(ALLOWED_SHARE * start))
    return Growth(phase, int(videos), int(start), int(climbed), allowed)


def draw(samples: Sequence[Sample], title: str):
    """A matplotlib Figure: memory against videos gone through, and against time; phases in colours."""
    figure = pictures.new_figure(11.0, 7.0)
    figure.suptitle(title)
    xs = {
        "videos gone through, training and evaluation together": np.array([sample.videos for sample in samples]),
        "seconds": np.array([sample.seconds for sample in samples]),
    }
    mebibytes = np.array([(sample.resident, sample.own) for sample in samples]) / 2**20
    for axes, (label, x) in zip(figure.subplots(2, 1), xs.items(), strict=True):
        for phase, color in COLORS.items():
            chosen = np.array([sample.phase == phase for sample in samples])
            if chosen.any():
                axes.plot(x[chosen], mebibytes[chosen, 0], ".", ms=3, color=color, label=f"resident, {phase}")
        axes.plot(x, mebibytes[:, 1], "-", lw=0.8, color="0.3", label="without file pages")
        axes.set(xlabel=label, ylabel="memory (MiB)", ylim=(0, None))
        axes.grid(alpha=0.3)
    axes.legend(markerscale=3)
    return figure
