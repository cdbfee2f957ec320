"""Changes of a part of a frame, pixel for pixel those of Pillow's operations on the whole frame."""

import numpy as np
import pytest
from PIL import Image, ImageEnhance, ImageOps

from data_pipelines.recognition.changes import change_part
from data_pipelines.recognition.published_changes import change_by_pillow
from data_pipelines.recognition.rand_augment import OPERATIONS, Change, Recipe, draw_changes
from data_pipelines.video.pixels import crop

GREY = (128, 128, 128)
VALUES = {
    **{"Rotate": (21.3, -30.0, 0.0), "Posterize": (0, 1, 2, 4), "Solarize": (0, 77, 256), "SolarizeAdd": (0, 77, 110)},
    **dict.fromkeys(("Color", "Contrast", "Brightness", "Sharpness"), (0.1, 0.37, 1.0, 1.63, 1.9)),
    **dict.fromkeys(("ShearX", "ShearY"), (0.21, -0.3, 0.0)),
    **dict.fromkeys(("TranslateXRel", "TranslateYRel"), (0.315, -0.45, 0.1237, 0.0)),
}


def frames_of(kind, height=37, width=52):
    rng = np.random.default_rng(0)
    frames = rng.integers(0, 256, (2, height, width, 3), np.uint8)
    if kind == "dull":
        frames[0] = frames[0] // 4 + 90
        frames[1] = 131
    elif kind == "greys":
        frames[...] = frames[..., :1] // 64 * 64
    return frames


def plainly(picture, change):
    """An operation as timm calls it, written from its source for one picture."""
    name, value = change.name, change.value
    (width, height), affine = picture.size, (picture.size, Image.Transform.AFFINE)
    kept = {"resample": Image.Resampling.BICUBIC, "fillcolor": GREY}
    if name == "AutoContrast":
        return ImageOps.autocontrast(picture)
    if name == "Equalize":
        return ImageOps.equalize(picture)
    if name == "Invert":
        return ImageOps.invert(picture)
    if name == "Rotate":
        return picture.rotate(value, **kept)
    if name == "Posterize":
        return ImageOps.posterize(picture, value) if value else Image.new("RGB", picture.size)
    if name == "Solarize":
        return ImageOps.solarize(picture, value)
    if name == "SolarizeAdd":
        pixels = np.asarray(picture).astype(int)
        return Image.fromarray(np.where(pixels < 128, np.minimum(pixels + value, 255), pixels).astype(np.uint8))
    if name == "ShearX":
        return picture.transform(*affine, (1, value, 0, 0, 1, 0), **kept)
    if name == "ShearY":
        return picture.transform(*affine, (1, 0, 0, value, 1, 0), **kept)
    if name == "TranslateXRel":
        return picture.transform(*affine, (1, 0, value * width, 0, 1, 0), **kept)
    if name == "TranslateYRel":
        return picture.transform(*affine, (1, 0, 0, 0, 1, value * height), **kept)
    return getattr(ImageEnhance, name)(picture).enhance(value)


def wanted_of(frames, changes):
    found = []
    for frame in frames:
        picture = Image.fromarray(frame)
        for change in changes:
            picture = plainly(picture, change)
        found.append(np.asarray(picture))
    return np.stack(found)


@pytest.mark.parametrize("kind", ["noise", "dull", "greys"])
@pytest.mark.parametrize("name", OPERATIONS)
def test_an_operation_alone(name, kind):
    frames = frames_of(kind)
    for value in VALUES.get(name, (0,)):
        changes = (Change(name, value),)
        wanted = wanted_of(frames, changes)
        np.testing.assert_array_equal(change_by_pillow(frames, changes), wanted)
        for box in ((0, 0, 37, 52), (5, 11, 20, 17), (0, 40, 9, 12), (36, 51, 1, 1)):
            np.testing.assert_array_equal(change_part(frames, changes, box), crop(wanted, box), f"{changes} {box}")


@pytest.mark.parametrize("increasing", [True, False])
def test_operations_after_each_other(increasing):
    rng = np.random.default_rng(1)
    for number in range(150):
        height, width = (int(side) for side in rng.integers(1, 40, 2))
        frames = frames_of(("noise", "dull", "greys")[number % 3], height, width)[:1]
        box = [int(rng.integers(1, side + 1)) for side in (height, width)]
        box = (int(rng.integers(height - box[0] + 1)), int(rng.integers(width - box[1] + 1)), *box)
        changes = draw_changes(Recipe(rng.uniform(0, 10), 7, 2.0, increasing), rng)
        wanted = crop(wanted_of(frames, changes), box)
        np.testing.assert_array_equal(change_part(frames, changes, box), wanted, f"{changes} {box}")


@pytest.mark.parametrize(("share", "width"), [(0.8 * 0.45, 100), (0.35, 180)])
def test_a_translation_by_nearly_whole_pixels(share, width):
    # 36.00000000000001 and 62.99999999999999 pixels: as values are cut, many are a level away from those moved by 36.
    box = (1, 0, 5, 64)
    assert share * width != round(share * width)
    frames, changes = frames_of("noise", 8, width)[:1], (Change("TranslateXRel", share),)
    np.testing.assert_array_equal(change_part(frames, changes, box), crop(wanted_of(frames, changes), box))


def test_no_frames_and_no_changes():
    frames = frames_of("noise")
    np.testing.assert_array_equal(change_part(frames, (), (1, 2, 3, 4)), frames[:, 1:4, 2:6])
    assert change_part(frames[:0], (Change("Invert"),), (1, 2, 3, 4)).shape == (0, 3, 4, 3)
    assert change_by_pillow(frames[:0], (Change("Invert"),)).shape == frames[:0].shape
