"""From listed segments to one label per frame: which frames a segment covers, and what happens where two meet."""

import dataclasses
import math
from fractions import Fraction

import numpy as np

ROUNDINGS = ("round", "floor")
OVERLAPS = ("refuse", "first", "last")


@dataclasses.dataclass(frozen=True)
class FrameRule:
    """Where times lie among frames; a segment covers the frames from its rounded start to before its rounded end.

    Attributes:
      rate: label frames per unit of the times, exact.
      rounding: "round" to the nearest frame, halves up, or "floor".
      first: the number of the first frame, for times that are numbers of frames.
      end_included: whether the frame numbered as the end belongs to a segment.
    """

    rate: Fraction
    rounding: str = "round"
    first: int = 0
    end_included: bool = False

    def span(self, start, end):
        """(first frame, frame after the last), ints, of exact times; equal where no frame is covered."""
        return self._frame(start - self.first), self._frame(end - self.first + self.end_included)

    def _frame(self, time):
        return math.floor(time * self.rate + (Fraction(1, 2) if self.rounding == "round" else 0))


@dataclasses.dataclass(frozen=True)
class Painted:
    """The frames of one video.

    Attributes:
      labels: int64 [N], the number of the segment that a frame shows, -1 in gaps.
      beyond: frames by which the last end lies behind the features.
      empty: numbers of segments without a frame.
      joined: how many segments begin where another one of their label ends, of which the frames tell nothing.
    """

    labels: np.ndarray
    beyond: int
    empty: tuple
    joined: int


def overlapping(spans, labels):
    """Pairs (number, number of the earlier) of segments of different labels that share a frame; each number once.

    `spans` are (first frame, frame after the last).
    """
    pairs, active = [], []
    for number in sorted(range(len(spans)), key=lambda i: spans[i]):
        start, end = spans[number]
        if start == end:
            continue
        active = [other for other in active if spans[other][1] > start]
        others = [other for other in active if labels[other] != labels[number]]
        pairs += [(number, other) for other in others[:1]]
        active.append(number)
    return pairs


def paint(spans, labels, length=None, overlap="last"):
    """Painted of segments with these spans and labels.

    Args:
      spans: list of (first frame, frame after the last).
      labels: their labels.
      length: frames of the video; None = up to the last end.
      overlap: which segment shows where several are: the one that started "last" (when it is over, an earlier one that
        still goes on shows again; of two that start together, the shorter shows first), or "first" (the others begin
        when it is over; of two that start together, the longer).
    """
    end = max((last for _, last in spans), default=0)
    frames = np.full(end if length is None else length, -1, np.int64)
    order = sorted(range(len(spans)), key=lambda i: (spans[i][0], -spans[i][1]))
    for number in order if overlap == "last" else reversed(order):
        frames[slice(*spans[number])] = number
    starts = {}
    for number, (start, stop) in enumerate(spans):
        if stop > start:
            starts.setdefault((start, labels[number]), number)
    joined = sum((stop, labels[number]) in starts for number, (start, stop) in enumerate(spans) if stop > start)
    empty = tuple(number for number, (start, stop) in enumerate(spans) if start == stop)
    return Painted(frames, max(0, end - len(frames)), empty, joined)
