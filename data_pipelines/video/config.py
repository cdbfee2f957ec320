"""What a user may say about how videos are read."""

import dataclasses
import math

from fact_jax.types import UserError


@dataclasses.dataclass(frozen=True)
class VideoConfig:
    """How videos are read."""

    stream: int = -1  # which of several video streams of a file, from 0; -1: the only one
    rate: float = 0.0  # frames per second where a source has no times of its own; 0: the header's, or 25
    allow_cut_off: bool = False  # a file that breaks off, or is damaged, is used as far as it can be read

    def __post_init__(self):
        if not (math.isfinite(self.rate) and self.rate >= 0 and self.stream >= -1):
            raise UserError(
                f"rate is {self.rate!r} and stream {self.stream!r}; expected frames per second, 0 for those of the "
                "header, and a number of a video stream, -1 for the only one."
            )
