"""What a user may say about how videos are read."""

import dataclasses
import math

from data_pipelines.video.sizes import scaled_size
from fact_jax.types import UserError


@dataclasses.dataclass(frozen=True)
class VideoConfig:
    """How videos are read."""

    stream: int = -1  # which of several video streams of a file, from 0; -1: the only one
    rate: float = 0.0  # frames per second where a source has no times of its own; 0: the header's, or 25
    allow_cut_off: bool = False  # a file that breaks off, or is damaged, is used as far as it can be read
    short_side: int = 0  # larger pictures are brought to this shorter side as they are read; 0: frames as decoded

    def __post_init__(self):
        if not (math.isfinite(self.rate) and self.rate >= 0 and self.stream >= -1 and self.short_side >= 0):
            raise UserError(
                f"rate is {self.rate!r}, stream {self.stream!r} and short_side {self.short_side!r}; expected frames "
                "per second, 0 for those of the header, a number of a video stream, -1 for the only one, and pixels, 0 "
                "for those that are decoded."
            )

    def size_of(self, size):
        """(height, width) in pixels at which a picture of `size`, also (height, width), is given."""
        if not self.short_side or min(size) <= self.short_side:
            return tuple(size)
        return scaled_size(*size, self.short_side)
