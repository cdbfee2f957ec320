"""What a user may say about how videos are read."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class VideoConfig:
    """How videos are read."""

    stream: int = -1  # which of several video streams of a file, from 0; -1: the only one
    rate: float = 0.0  # frames per second where a source has no times of its own; 0: the header's, or 25
    allow_cut_off: bool = False  # a file that breaks off, or is damaged, is used as far as it can be read
