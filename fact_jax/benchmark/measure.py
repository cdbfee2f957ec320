"""Repeated measurements that take turns, and what is reported of them."""

import statistics
from collections.abc import Callable, Mapping, Sequence


def interleave(runs: Mapping[str, Callable[[], float]], repeats: int) -> dict[str, list[float]]:
    """Runs every implementation in turn, `repeats` times around; `runs`, and with them the result, give seconds.

    What slows the machine down for a while then hits all alike. Every other round goes backwards: none is always first.
    """
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for number in range(repeats):
        for name in list(runs)[:: -1 if number % 2 else 1]:
            seconds[name].append(runs[name]())
    return seconds


def summary(seconds: Sequence[float], num_videos: int) -> dict[str, float | list[float]]:
    """What the report holds of repeats: seconds of a whole batch, and the median per video."""
    median = statistics.median(seconds)
    extremes = {"median": median, "min": min(seconds), "max": max(seconds)}
    return {**extremes, "per_video": median / num_videos, "seconds": list(seconds)}


def ratios(costs: Mapping[str, float]) -> dict[str, float]:
    """What of ours each of the others is: "ratio" to "torch", "ratio_NAME" to another; below 1 ours is better."""
    others = {name: cost for name, cost in costs.items() if name != "ours"}
    return {"ratio" if name == "torch" else f"ratio_{name}": costs["ours"] / cost for name, cost in others.items()}
