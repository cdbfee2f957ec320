"""Random erasing of clips: a rectangle, the same in all frames, becomes noise that differs in every frame.

Source: Zhong et al., Random Erasing Data Augmentation, arXiv 1708.04896; timm/data/random_erasing.py, which CAST's
published code has as util_tools/random_erasing.py, with one rectangle for all frames ("cube").
"""

import dataclasses
import math

import numpy as np
from jaxtyping import Float

_AREAS, _FLATTEST = (0.02, 1 / 3), 0.3  # shares of the frame; least ratio of height to width, and of width to height
_TRIES = 100


@dataclasses.dataclass(frozen=True)
class Erasing:
    """A Box of pixels.py in frames as the network sees them, and what its noise is drawn from."""

    box: tuple[int, int, int, int]
    seed: int


def draw_erasing(size, rng: np.random.Generator) -> Erasing | None:
    """The Erasing of a clip of size x size pixels, None where no try is smaller than the frame."""
    for _ in range(_TRIES):
        area = rng.uniform(*_AREAS) * size**2
        ratio = math.exp(rng.uniform(math.log(_FLATTEST), -math.log(_FLATTEST)))
        height, width = round(math.sqrt(area * ratio)), round(math.sqrt(area / ratio))
        if height < size and width < size:
            top, left = (int(rng.integers(0, size - side + 1)) for side in (height, width))
            return Erasing((top, left, height, width), int(rng.integers(2**63)))
    return None


def erase(frames: Float[np.ndarray, "T S S 3"], erasing: Erasing, first=0) -> Float[np.ndarray, "T S S 3"]:
    """Normalised frames with noise of mean 0 and standard deviation 1 in the rectangle, in place.

    `first` is the number in its clip of the first one, so that parts of a clip have the noise of the whole.
    """
    top, left, height, width = erasing.box
    for number, frame in enumerate(frames, start=first):
        noise = np.random.default_rng([erasing.seed, number])
        frame[top : top + height, left : left + width] = noise.standard_normal((height, width, 3), np.float32)
    return frames
