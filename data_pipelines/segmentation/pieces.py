"""Training on pieces of videos, played faster or slower: random changes in time, for small datasets.

A piece of a video is resampled to another number of frames, never more than the video has, so that it needs no other
padding. Cropping and resampling in time are common among networks of short clips (random resized crops) and in
ActionFormer's training; published segmentation networks see whole videos at their own speed.
"""

import dataclasses
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from fact_jax.ops.resampling import interpolate
from fact_jax.types import UserError

# Frames below which a piece is not cut or sped up.
SHORTEST = 16


@dataclasses.dataclass(frozen=True)
class PieceConfig:
    """How training videos change in time; by default not at all.

    Attributes:
      crop_share: least share of a video that is kept, at most 1; 0 = all of it.
      max_speed: largest factor by which it is played faster or slower, 1 or more; 0 = its own speed.
    """

    crop_share: float = 0.0
    max_speed: float = 0.0

    def __post_init__(self):
        if not 0 <= self.crop_share <= 1:
            raise UserError(f"config.data.crop_share is {self.crop_share}, expected 0 to 1; 0 keeps whole videos.")
        if not (self.max_speed == 0 or 1 <= self.max_speed < float("inf")):
            raise UserError(f"config.data.max_speed is {self.max_speed}, expected 1 or more, or 0 for no change.")

    @property
    def changes(self) -> bool:
        """Whether anything is changed."""
        return 0 < self.crop_share < 1 or self.max_speed > 1


class Piece(NamedTuple):
    """Frames start <= i < end of a video, to be resampled to `num_frames`."""

    start: int
    end: int
    num_frames: int


def draw_piece(length: int, config: PieceConfig, rng: np.random.Generator) -> Piece:
    """Draws a piece of a video of `length` frames.

    Its share of the video is uniform in [crop_share, 1], its place uniform, the logarithm of its speed uniform between
    those of 1 / max_speed and max_speed; a slow piece that would get longer than the video ends with its length.
    """
    least = min(SHORTEST, length)
    size = max(least, round(length * rng.uniform(config.crop_share or 1.0, 1.0)))
    start = int(rng.integers(0, length - size + 1))
    stretch = np.exp(rng.uniform(-1.0, 1.0) * np.log(config.max_speed or 1.0))
    return Piece(start, start + size, int(np.clip(round(size * stretch), least, length)))


def resample(features: Float[np.ndarray, "T D"], labels: Int[np.ndarray, " T"], piece: Piece):
    """(float32 [N, D], int [N]): a piece at its new speed, features in straight lines between frames, labels of the
    nearest frame."""
    features = interpolate(features[piece.start : piece.end], piece.num_frames)
    size = piece.end - piece.start
    # The frame that holds the middle of every new one; whole numbers, so that no rounding decides.
    index = (2 * np.arange(piece.num_frames) + 1) * size // (2 * piece.num_frames)
    return features, labels[piece.start : piece.end][index]
