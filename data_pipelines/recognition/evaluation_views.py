"""What an evaluation sees of every frame: the short side resized, and a square of it.

Source: CAST's published dataset/ssv2.py, kinetics.py and epic.py, util_tools/video_transforms.py and functional.py
(KHU-VLL/CAST, 51eb871).
"""

import dataclasses

import numpy as np
from jaxtyping import Float, UInt8

from data_pipelines.recognition.augmentation import ClipAugmentationConfig


@dataclasses.dataclass(frozen=True)
class EvaluationView:
    """Frames are resized to height x width; a Box of pixels.py in that."""

    height: int
    width: int
    box: tuple[int, int, int, int]


def resized(height, width, size) -> tuple[int, int]:
    """(height, width) with a short side of `size`; the long one is rounded down."""
    return (size * height // width, size) if width < height else (size, size * width // height)


def view_of_validation(config: ClipAugmentationConfig, height, width) -> EvaluationView:
    """The middle of frames of height x width pixels; a start at half a pixel goes to the even number."""
    tall, wide = resized(height, width, config.size)
    top, left = (round((side - config.size) / 2) for side in (tall, wide))
    return EvaluationView(tall, wide, (top, left, config.size, config.size))


def view_of_test(config: ClipAugmentationConfig, height, width, crop, num_crops) -> EvaluationView:
    """Square number `crop` of `num_crops`, spread evenly along the long side of frames of height x width pixels.

    One crop is where `config.single_crop` says: the published code looks at the start for EPIC-Kitchens and
    Something-Something, and divides by zero for Kinetics.
    """
    if num_crops == 1 and config.single_crop == "center":
        return view_of_validation(config, height, width)
    tall, wide = resized(height, width, config.size)
    box = crop_of_test(tall, wide, config.size, crop, num_crops)
    return EvaluationView(tall, wide, box)


def crop_of_test(height, width, size, crop, num_crops) -> tuple[int, int, int, int]:
    """The Box of a crop in a resized frame, of which one side has `size` pixels."""
    start = int(crop * (max(height, width) - size) / max(1, num_crops - 1))
    return (start, 0, size, size) if height >= width else (0, start, size, size)


def evaluate(
    frames: UInt8[np.ndarray, "T H W 3"], view: EvaluationView, out=None
) -> Float[np.ndarray, "T size size 3"]:
    """Frames as the network sees them, normalised; written to `out`, an array like the result, if there is one."""
    from data_pipelines.video.fixed_point_resize import resize_part
    from data_pipelines.video.view_loops import resize_and_normalize

    found = np.empty((len(frames), *view.box[2:], 3), np.float32) if out is None else out
    for place in range(len(frames)):
        part = resize_part(frames[place : place + 1], view.height, view.width, view.box)
        resize_and_normalize(part, found[place : place + 1], (0, 0, *view.box[2:]))
    return found
