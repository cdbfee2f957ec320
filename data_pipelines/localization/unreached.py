"""Training segments that no point of a pyramid over time can find: they are never learned."""

import collections
import dataclasses

import numpy as np

from data_pipelines.core.wording import count, verb
from fact_jax.types import UserError

_MAX_NAMED = 5


@dataclasses.dataclass(frozen=True)
class PointRules:
    """Which points find a segment, as in `fact_jax.ops.points`.

    Attributes:
      strides, ranges: per level, grid steps between two points; least and largest distance to the ends of a segment.
      radius: strides around the centre of a segment within which points find it; None: all inside of it.
      any_start: whether videos are cut before the pyramid is laid over them, at any feature.
    """

    strides: tuple
    ranges: tuple
    radius: float | None
    any_start: bool


def is_reached(segments, length, rules):
    """bool [N]: whether a point of a video of T = `length` features finds a segment; float [N, 2] in grid units.

    A point that finds several takes the shortest; that is left out of account.
    """
    start, end = np.asarray(segments, np.float64).reshape(-1, 2).T
    centre, half = (start + end) / 2, (end - start) / 2
    reached = np.zeros(len(start), bool)
    for stride, (low, high) in zip(rules.strides, rules.ranges, strict=True):
        step = 1 if rules.any_start else stride
        inside = half if rules.radius is None else np.minimum(half, stride * rules.radius)
        # The farther end is as far as the nearer half and the distance from the centre together.
        least, most = np.maximum(low - half, 0), high - half
        right = step * np.ceil(np.maximum(centre + least, 0) / step)
        left = step * np.floor(np.minimum(centre - least, length - 1) / step)
        for point in (right, left):
            distance = np.abs(point - centre)
            fits = (distance < inside) & (distance >= least) & (distance <= most)
            reached |= fits & (point >= 0) & (point <= length - 1)
    return reached


def unreached_lines(source, rules):
    """Lines about the segments of a LocalizationSource that nothing finds, by the reason; () where all are found.

    Raises a UserError if nothing finds any of them.
    """
    reasons = {"short": collections.Counter(), "outside": collections.Counter(), "range": collections.Counter()}
    totals, seconds, steps, frames = collections.Counter(), [], [], []
    for index in range(len(source)):
        segments, labels = source.segments(index)
        length, grid = int(source.lengths[index]), source.grids[index]
        totals.update(labels.tolist())
        steps.append(grid.stride / grid.fps)
        for number in np.flatnonzero(~is_reached(segments, length, rules)):
            start, end = map(float, segments[number])
            reason = _reason(start, end, length)
            reasons[reason][int(labels[number])] += 1
            if reason == "short":
                seconds.append((end - start) * grid.stride / grid.fps)
                frames.append((end - start) * grid.stride)
    step = float(np.median(steps)) if steps else 0.0
    every = f"one every {step:.3g} s"
    texts = {
        "short": f"too short for any point of the feature grid ({every}), {_lengths(seconds, frames)}",
        "outside": "before the first feature or behind the last one",
        "range": "the range of no level (config.model.regression_from and regression_to)",
    }
    verbs = {"short": "are", "outside": "lie", "range": "fit"}
    total, lines = sum(totals.values()), []
    for reason, counts in reasons.items():
        if counts:
            number = sum(counts.values())
            of = f"{number} of {count(total, 'training segment')}"
            listed = _by_class(counts, totals, source.class_names)
            never = "it is never learned" if number == 1 else "they are never learned"
            lines.append(f"{of} {verb(number, verbs[reason])} {texts[reason]}; {never}: {listed}")
    if total and sum(map(sum, (counts.values() for counts in reasons.values()))) == total:
        raise UserError("No training segment can be learned:\n" + "\n".join(f"  {line}" for line in lines))
    return tuple(lines)


def _reason(start, end, length):
    if end <= 0 or start >= length - 1:
        return "outside"
    first = max(np.floor(start) + 1, 0)
    return "range" if first < end and first <= length - 1 else "short"


def _lengths(seconds, frames):
    """How short the segments are, and which stride finds all that have a length."""
    if not seconds:
        return ""
    lasting = [count for count in frames if count > 0]
    text = f"{min(seconds):.2g} to {max(seconds):.2g} s long"
    without = len(frames) - len(lasting)
    if without:
        text += f" ({without} of length 0, which no stride finds)"
    if lasting:
        text += f"; a feature every {_down(min(lasting)):.3g} video frames or fewer would reach all that have a length"
    return text


def _down(frames):
    """Less than `frames`: an open interval of that many has a point of every grid that is finer."""
    whole = np.ceil(frames) - 1
    return whole if whole >= 1 else 0.99 * frames


def _by_class(counts, totals, names):
    parts = [f"{names[label]} {count} of {totals[label]}" for label, count in counts.most_common(_MAX_NAMED)]
    more = [f"and {len(counts) - _MAX_NAMED} more classes"] if len(counts) > _MAX_NAMED else []
    return ", ".join(parts + more)
