"""Repeated measurements that take turns, and what is reported of them."""

import dataclasses
import statistics
from collections.abc import Callable, Mapping, Sequence


@dataclasses.dataclass(frozen=True)
class Timing:
    """Seconds of repeated runs.

    Attributes:
      seconds: of every repeat, in order.
    """

    seconds: tuple[float, ...]

    @property
    def median(self):
        """The middle one; the mean of the middle two of an even number."""
        return statistics.median(self.seconds)

    def summary(self, num_videos: int) -> dict[str, float | list[float]]:
        """What the report holds of it: seconds of a whole batch, and the median per video."""
        return {
            "median": self.median,
            "min": min(self.seconds),
            "max": max(self.seconds),
            "per_video": self.median / num_videos,
            "seconds": list(self.seconds),
        }


def interleave(runs: Mapping[str, Callable[[], float]], repeats: int) -> dict[str, Timing]:
    """Runs every implementation in turn, `repeats` times around.

    Whatever slows the machine down for a while then hits all of them alike. Every other round goes backwards, so that
    none always runs behind the same one.

    Args:
      runs: name -> function that runs once and returns its seconds.
      repeats: rounds, >= 1.
    """
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for number in range(repeats):
        order: Sequence[str] = list(runs)[:: -1 if number % 2 else 1]
        for name in order:
            seconds[name].append(runs[name]())
    return {name: Timing(tuple(values)) for name, values in seconds.items()}


def ratio(timings: Mapping[str, Timing]) -> float | None:
    """Median of ours over median of torch's; below 1 ours is faster. None without torch."""
    return timings["ours"].median / timings["torch"].median if "torch" in timings else None
