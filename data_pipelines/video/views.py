"""Augmented views of clips: what is drawn once per view, and the frames that the network sees.

Source: CARL's published datasets/data_augment.py, see pixels.py and color_jitter.py.
"""

import dataclasses

import numpy as np
from jaxtyping import Float, UInt8

from data_pipelines.video import pixels
from data_pipelines.video.color_jitter import Jitter, draw_jitter, jitter_by_pillow
from fact_jax.types import UserError, check_choice

EVALUATION_CROPS = ("center", "whole")
_FLIP, _JITTER, _GREY = 0.5, 0.8, 0.2  # probabilities
# Without self-supervision: brightness and contrast change by up to this much.
_BRIGHTNESS, _CONTRAST = 32 / 255, 0.5


@dataclasses.dataclass(frozen=True)
class AugmentationConfig:
    """How frames are changed. Published keys stand in brackets."""

    size: int = 224  # height and width of the frames that the network sees (IMAGE_SIZE)
    random_crop: bool = True  # 80 to 100 % of the picture, in another shape (AUGMENTATION.RANDOM_CROP)
    strength: float = 1.0  # of the colour jitter, 0 to 1 (AUGMENTATION.STRENGTH)
    flip: bool = True  # left and right exchanged, in every second view (AUGMENTATION.FLIP)
    blur: bool = True  # blur with half the probability of `strength`; published: not for FineGym
    self_supervised: bool = True  # False: only brightness, contrast and flip, as published for labels (SSL)
    evaluation_crop: str = "center"  # its pixels of `size`, as published with random_crop; "whole" picture, squeezed

    def __post_init__(self):
        check_choice("config.data.augmentation.evaluation_crop", self.evaluation_crop, EVALUATION_CROPS)
        if self.size < 1 or not 0.0 <= self.strength <= 1.0:
            raise UserError(
                f"config.data.augmentation.size is {self.size}, strength {self.strength}: expected 1 or more and 0 to 1"
            )


@dataclasses.dataclass(frozen=True)
class View:
    """What was drawn for one view; `box` None = the whole picture, `jitter` None = colours as they are."""

    box: tuple[int, int, int, int] | None = None
    flipped: bool = False
    jitter: Jitter | None = None
    grey: bool = False


def draw_view(config: AugmentationConfig, height, width, rng: np.random.Generator) -> View:
    """Draws for frames of height x width pixels."""

    def integer(low, high):
        return int(rng.integers(low, high + 1))

    box = pixels.draw_crop(height, width, rng.uniform, integer) if config.random_crop else None
    flipped = rng.random() < _FLIP and config.flip
    if not config.self_supervised:
        brightness, contrast = (1.0 + rng.uniform(-reach, reach) for reach in (_BRIGHTNESS, _CONTRAST))
        return View(box, flipped, Jitter(("brightness", "contrast"), brightness, contrast))
    changed = draw_jitter(rng, config.strength, 0.5 * config.strength if config.blur else 0.0)
    return View(box, flipped, changed if rng.random() < _JITTER else None, rng.random() < _GREY)


def evaluation_view(config: AugmentationConfig, height, width) -> View:
    """The View of an evaluation, which draws nothing."""
    whole = config.evaluation_crop == "whole"
    return View(None if whole else pixels.uniform_crop(height, width, config.size))


def augment(
    frames: UInt8[np.ndarray, "T H W 3"], view: View, config: AugmentationConfig, out=None
) -> Float[np.ndarray, "T size size 3"]:
    """Frames as the network sees them, normalised; written to `out`, an array like the result, if there is one.

    As published, colours are changed in 8 bits after the crop, or, without self-supervision, before the picture is
    resized. The numbers are those of `augment_as_published`, by compiled loops.
    """
    from data_pipelines.video import view_loops

    return view_loops.augment(frames, view, config, _result(frames, config) if out is None else out)


def augment_as_published(
    frames: UInt8[np.ndarray, "T H W 3"], view: View, config: AugmentationConfig, out=None
) -> Float[np.ndarray, "T size size 3"]:
    """The same the published way, frame by frame, with colours changed by Pillow."""
    found, size = _result(frames, config) if out is None else out, config.size
    for number, place in enumerate(found):
        frame, drawn = frames[number : number + 1], view.jitter
        if drawn and not config.self_supervised:
            frame, drawn = jitter_by_pillow(frame, drawn), None
        if view.box is not None:
            frame = pixels.crop(frame, view.box)
        frame = pixels.resize(pixels.as_float(frame), size, size, view.flipped)
        if drawn:
            in_bytes = (frame * np.float32(255)).astype(np.uint8)  # without rounding
            frame = pixels.as_float(jitter_by_pillow(in_bytes, drawn))
        place[...] = pixels.normalize(pixels.to_grey(frame) if view.grey else frame)[0]
    return found


def _result(frames, config):
    return np.empty((len(frames), config.size, config.size, 3), np.float32)
