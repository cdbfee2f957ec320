"""Augmented clips for training: what is drawn once per clip, and the frames that the network sees.

RandAugment on the whole frames, normalisation, a random crop resized bilinearly, flip, random erasing. `augment` gives
the pixels of `augment_as_published` from the part of each frame that the crop keeps.

Source: CAST's published dataset/ssv2.py, kinetics.py and epic.py, and util_tools/video_transforms.py (KHU-VLL/CAST,
51eb871).
"""

import dataclasses

import numpy as np
from jaxtyping import Float, UInt8

from data_pipelines.recognition.changes import change_part
from data_pipelines.recognition.erasing import Erasing, draw_erasing, erase
from data_pipelines.recognition.published_changes import change_by_pillow
from data_pipelines.recognition.rand_augment import Change, draw_changes, parse
from data_pipelines.video import pixels
from fact_jax.types import UserError, check_choice

SINGLE_CROPS = ("center", "start")
_WHERE = "config.data.augmentation"


@dataclasses.dataclass(frozen=True)
class ClipAugmentationConfig:
    """How the frames of a clip are changed. Published flags stand in brackets."""

    size: int = 224  # height and width of the frames that the network sees (--input_size)
    rand_augment: str = "rand-m7-n4-mstd0.5-inc1"  # a recipe as in timm, "" = none (--aa)
    area: tuple = (0.08, 1.0)  # of the random crop, as shares of the frame
    ratio: tuple = (0.75, 1.3333)  # of the random crop, width to height
    flip: float = 0.5  # probability that left and right are exchanged; published: 0 for Something-Something
    erase: float = 0.0  # probability that a rectangle becomes noise (--reprob)
    single_crop: str = "center"  # where a test with one crop looks; published for EPIC and SSV2: "start"

    def __post_init__(self):
        wrong = [
            f"{name} is {value}, expected {expected}"
            for name, value, right, expected in (
                ("size", self.size, self.size >= 1, "1 or more"),
                ("area", self.area, _is_range(self.area, 1.0), "two shares such as (0.08, 1.0), the smaller one first"),
                ("ratio", self.ratio, _is_range(self.ratio, np.inf), "two ratios above 0, the smaller one first"),
                ("flip", self.flip, 0 <= self.flip <= 1, "0 to 1"),
                ("erase", self.erase, 0 <= self.erase <= 1, "0 to 1"),
            )
            if not right
        ]
        if wrong:
            raise UserError("\n".join(f"{_WHERE}.{line}." for line in wrong))
        check_choice(f"{_WHERE}.single_crop", self.single_crop, SINGLE_CROPS)
        if self.rand_augment:
            parse(self.rand_augment, f"{_WHERE}.rand_augment")


def _is_range(values, highest):
    return len(values) == 2 and 0 < values[0] <= values[1] <= highest


@dataclasses.dataclass(frozen=True)
class ClipView:
    """What was drawn for a clip; all its frames have the same."""

    box: tuple[int, int, int, int]  # a Box of pixels.py
    changes: tuple[Change, ...] = ()
    flipped: bool = False
    erasing: Erasing | None = None


def draw_clip(config: ClipAugmentationConfig, height, width, rng: np.random.Generator) -> ClipView:
    """Draws for frames of height x width pixels."""

    def integer(low, high):
        return int(rng.integers(low, high + 1))

    recipe = config.rand_augment
    changes = draw_changes(parse(recipe, f"{_WHERE}.rand_augment"), rng) if recipe else ()
    box = pixels.draw_crop(height, width, rng.uniform, integer, config.area, config.ratio)
    flipped = rng.random() < config.flip
    erased = rng.random() < config.erase
    return ClipView(box, changes, flipped, draw_erasing(config.size, rng) if erased else None)


def augment(
    frames: UInt8[np.ndarray, "T H W 3"], view: ClipView, config: ClipAugmentationConfig, out=None, first=0
) -> Float[np.ndarray, "T size size 3"]:
    """Frames as the network sees them, normalised; written to `out`, an array like the result, if there is one.

    `first` is the number in its clip of the first one of the frames; it matters for the noise of random erasing alone.
    """
    from data_pipelines.video.view_loops import resize_and_normalize

    size, parts = config.size, change_part(frames, view.changes, view.box)
    found = np.empty((len(frames), size, size, 3), np.float32) if out is None else out
    resize_and_normalize(parts, found, (0, 0, *view.box[2:]), view.flipped)
    return found if view.erasing is None else erase(found, view.erasing, first)


def augment_as_published(
    frames: UInt8[np.ndarray, "T H W 3"], view: ClipView, config: ClipAugmentationConfig, out=None, first=0
) -> Float[np.ndarray, "T size size 3"]:
    """The same the published way: whole frames, one after the other, up to the crop."""
    whole = [pixels.normalize(frame[None]) for frame in change_by_pillow(frames, view.changes)]
    found = np.empty((len(frames), config.size, config.size, 3), np.float32) if out is None else out
    for frame, place in zip(whole, found, strict=True):
        resized = pixels.resize(pixels.crop(frame, view.box), config.size, config.size)[0]
        place[...] = resized[:, ::-1] if view.flipped else resized
    return found if view.erasing is None else erase(found, view.erasing, first)
