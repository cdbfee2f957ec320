"""Changes of RandAugment the published way: Pillow's operations on one whole frame after the other.

`changes.py` gives the same pixels of the part of a frame that is wanted, in a fraction of the time, as tests compare.

Source: timm/data/auto_augment.py, see rand_augment.py.
"""

import math

import numpy as np
from jaxtyping import UInt8
from PIL import Image, ImageEnhance, ImageOps

from data_pipelines.recognition.rand_augment import Change

GREY = 128  # of places that lie outside of the picture


def change_by_pillow(frames: UInt8[np.ndarray, "T H W 3"], changes: tuple[Change, ...]) -> UInt8[np.ndarray, "T H W 3"]:
    """All frames with all changes."""
    return np.stack([_change_frame(frame, changes) for frame in frames]) if len(frames) else frames


def _change_frame(frame, changes):
    picture = Image.fromarray(np.ascontiguousarray(frame))
    for change in changes:
        picture = PICTURE_CHANGES[change.name](picture, change.value)
    return np.asarray(picture)


def affine_matrix(name, value, height, width) -> tuple[float, ...]:
    """(a, b, c, d, e, f): the pixel (x, y) comes from (a x + b y + c, d x + e y + f), for the operations that move."""
    if name == "Rotate":
        return _rotation(value, height / 2, width / 2)
    return {
        "ShearX": (1, value, 0, 0, 1, 0),
        "ShearY": (1, 0, 0, value, 1, 0),
        "TranslateXRel": (1, 0, value * width, 0, 1, 0),
        "TranslateYRel": (1, 0, 0, 0, 1, value * height),
    }[name]


def _rotation(degrees, middle_y, middle_x):
    """To the last bit that of Pillow's Image.rotate."""
    angle = -math.radians(degrees % 360)
    cosine, sine = round(math.cos(angle), 15), round(math.sin(angle), 15)
    across = (cosine * -middle_x + sine * -middle_y) + middle_x
    down = (-sine * -middle_x + cosine * -middle_y) + middle_y
    return cosine, sine, across, -sine, cosine, down


def _affine(name):
    def move(picture, value):
        options = {"resample": Image.Resampling.BICUBIC, "fillcolor": (GREY,) * 3}
        matrix = affine_matrix(name, value, picture.height, picture.width)
        return picture.transform(picture.size, Image.Transform.AFFINE, matrix, **options)

    return move


def _posterize(picture, bits):
    # Of 0 bits Pillow 12 made black pictures; Pillow 13 refuses them.
    return ImageOps.posterize(picture, bits) if bits else picture.point([0] * 768)


def _solarize_add(picture, added):
    return picture.point([min(255, value + added) if value < 128 else value for value in range(256)] * 3)


# Name of an operation -> what it makes of a picture with the value that was drawn.
PICTURE_CHANGES = {
    "AutoContrast": lambda picture, _: ImageOps.autocontrast(picture),
    "Equalize": lambda picture, _: ImageOps.equalize(picture),
    "Invert": lambda picture, _: ImageOps.invert(picture),
    "Rotate": lambda picture, degrees: picture.rotate(degrees, Image.Resampling.BICUBIC, fillcolor=(GREY,) * 3),
    "Posterize": _posterize,
    "Solarize": ImageOps.solarize,
    "SolarizeAdd": _solarize_add,
    "Color": lambda picture, factor: ImageEnhance.Color(picture).enhance(factor),
    "Contrast": lambda picture, factor: ImageEnhance.Contrast(picture).enhance(factor),
    "Brightness": lambda picture, factor: ImageEnhance.Brightness(picture).enhance(factor),
    "Sharpness": lambda picture, factor: ImageEnhance.Sharpness(picture).enhance(factor),
    **{name: _affine(name) for name in ("ShearX", "ShearY", "TranslateXRel", "TranslateYRel")},
}
