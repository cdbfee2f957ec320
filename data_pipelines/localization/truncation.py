"""Training on a piece of a video: cut to the length that the network takes, or by a random share.

Source: ActionFormer (ECCV 2022), published data loader; the random numbers are drawn in its order.
"""

import dataclasses
import random
from typing import NamedTuple

import numpy as np

MAX_TRIALS = 200


@dataclasses.dataclass(frozen=True)
class TruncationConfig:
    """How training videos are cut.

    Attributes:
      max_length: most features of a piece.
      threshold: share of a segment that must lie inside the piece, widened by the offset of the grid, for it to stay.
      crop_ratio: least and largest share of a video that is kept; None or () = all of it.
    """

    max_length: int
    threshold: float
    crop_ratio: tuple | None


class Window(NamedTuple):
    """A piece of a video, features start <= i < end, and what is left of its segments.

    These, float32 [N, 2], are cut to the piece and counted from its start, in grid units.
    """

    start: int
    end: int
    segments: np.ndarray
    labels: np.ndarray


def truncate(length, segments, labels, *, max_length, threshold, offset, crop_ratio, draw):
    """Chooses a piece of a video that holds at least one segment: a Window.

    A video that is longer than `max_length` is cut to it; a shorter one to a random share, if `crop_ratio` says so.
    After 200 trials without any segment inside, the last piece is used as it is, without segments.

    Args:
      length: T, features of the video.
      segments, labels: float32 [N, 2], in grid units, as is the `offset` of the grid; int [N].
      max_length, threshold, crop_ratio: see TruncationConfig.
      draw: gives a whole number from a range, both ends included, such as `random.Random(seed).randint`.
    """
    segments = np.asarray(segments, np.float32).reshape(-1, 2)
    target = min(length, max_length)
    if length <= max_length and crop_ratio:
        # round() to even, as published.
        least, most = max(round(crop_ratio[0] * length), 1), min(round(crop_ratio[1] * length), length)
        target = draw(least, most)
    if target == length:
        return Window(0, length, segments, np.asarray(labels))
    for _ in range(MAX_TRIALS):
        start = draw(0, length - target)
        cut = np.clip(segments, np.float32(start - offset), np.float32(start + target + offset))
        with np.errstate(invalid="ignore", divide="ignore"):
            share = (cut[:, 1] - cut[:, 0]) / np.abs(segments[:, 1] - segments[:, 0])
        kept = share >= np.float32(threshold)
        if kept.any():
            break
    return Window(start, start + target, cut[kept] - np.float32(start), np.asarray(labels)[kept])


def draw_for(seed, step, row):
    """`draw` for one row of one training step: the same numbers whenever the step is made."""
    return random.Random(f"truncation {seed} {step} {row}").randint  # noqa: S311 (no secret: it must repeat)
