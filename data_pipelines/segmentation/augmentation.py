"""Random changes of training videos, for small datasets: pieces at other speeds, channels with other gains and offsets.

A piece of a video is resampled to another number of frames, never more than the video has, so that the padded lengths
of the videos hold it. Cropping and resampling in time are common among networks of short clips (random resized crops)
and in ActionFormer's training; published segmentation networks see whole videos at their own speed.

The gain and the offset of a channel stay the same over a video. They stand for what differs between recordings and
means nothing: another sensor, another person, features made by another model. Networks of sensor signals are trained
with such changes, there called scaling: Um et al., Data Augmentation of Wearable Sensor Data for Parkinson's Disease
Monitoring using Convolutional Neural Networks, ICMI 2017.
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
class AugmentationConfig:
    """How training videos change; by default not at all.

    Attributes:
      crop_share: least share of a video that is kept, at most 1; 0 = all of it.
      max_speed: largest factor by which it is played faster or slower, 1 or more; 0 = its own speed.
      gain_deviation: standard deviation, over videos, of the logarithm of a channel's gain, 0 or more.
      offset_deviation: standard deviation, over videos, of a channel's offset, in standard deviations of the channel
        over the frames of the video, 0 or more.
    """

    crop_share: float = 0.0
    max_speed: float = 0.0
    gain_deviation: float = 0.0
    offset_deviation: float = 0.0

    def __post_init__(self):
        if not 0 <= self.crop_share <= 1:
            raise UserError(f"config.data.crop_share is {self.crop_share}, expected 0 to 1; 0 keeps whole videos.")
        if not (self.max_speed == 0 or 1 <= self.max_speed < float("inf")):
            raise UserError(f"config.data.max_speed is {self.max_speed}, expected 1 or more, or 0 for no change.")
        for name in ("gain_deviation", "offset_deviation"):
            if not 0 <= getattr(self, name) < float("inf"):
                raise UserError(f"config.data.{name} is {getattr(self, name)}, expected 0 or more; 0 changes nothing.")

    @property
    def changes_time(self) -> bool:
        """Whether pieces are cut or played at another speed."""
        return 0 < self.crop_share < 1 or self.max_speed > 1

    @property
    def changes(self) -> bool:
        """Whether anything is changed."""
        return self.changes_time or self.gain_deviation > 0 or self.offset_deviation > 0


class Piece(NamedTuple):
    """Frames start <= i < end of a video, to be resampled to `num_frames`."""

    start: int
    end: int
    num_frames: int


def augment(
    features: Float[np.ndarray, "T D"], labels: Int[np.ndarray, " T"], config: AugmentationConfig, draw
) -> tuple[Float[np.ndarray, "N D"], Int[np.ndarray, " N"]]:
    """(float32 features, labels) of a training video, N <= T frames; `draw`, of whole numbers, decides all chance."""
    rng = np.random.default_rng(draw)
    if config.changes_time:
        features, labels = resample(features, labels, draw_piece(len(labels), config, rng))
    return vary_channels(features, config, rng), labels


def drawn_length(length: int, config: AugmentationConfig, draw) -> int:
    """Frames that `augment` makes of a video of `length` frames."""
    return draw_piece(length, config, np.random.default_rng(draw)).num_frames if config.changes_time else length


def draw_piece(length: int, config: AugmentationConfig, rng: np.random.Generator) -> Piece:
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


def vary_channels(
    features: Float[np.ndarray, "T D"], config: AugmentationConfig, rng: np.random.Generator
) -> Float[np.ndarray, "T D"]:
    """Multiplies every channel by a gain of its own and adds an offset of its own, both normally distributed (the gain
    by its logarithm) and the same for all frames. float32."""
    gain, offset = rng.normal(size=(2, features.shape[1]))
    if config.gain_deviation > 0:
        features = features * np.exp(config.gain_deviation * gain)
    if config.offset_deviation > 0:
        features = features + config.offset_deviation * offset * np.std(features, axis=0, dtype=np.float64)
    return np.asarray(features, np.float32)
