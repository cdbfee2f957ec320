"""Changes of RandAugment for a part of every frame of a clip, with the pixels of `published_changes.py`.

Only what the part needs is computed: a table of values is applied after the cut, what moves pixels reads those that
end up inside, sharpening one pixel more on every side. The whole frame is gone through where an operation counts its
values (AutoContrast, Equalize, Contrast), and for what is done before that.
"""

import numpy as np
from jaxtyping import UInt8
from PIL import ImageEnhance

from data_pipelines.recognition import tables
from data_pipelines.recognition.published_changes import GREY, affine_matrix
from data_pipelines.recognition.rand_augment import Change
from data_pipelines.video.pixels import crop


def change_part(
    frames: UInt8[np.ndarray, "T H W 3"], changes: tuple[Change, ...], box: tuple[int, int, int, int]
) -> UInt8[np.ndarray, "T _ _ 3"]:
    """The pixels inside of a Box of pixels.py, of all frames with all changes."""
    if not changes:
        return crop(frames, box)
    steps, source = _plan(changes, frames.shape[1:3], box)
    found = np.empty((len(frames), *box[2:], 3), np.uint8)
    for part, place in zip(crop(frames, source), found, strict=True):
        place[...] = _change(part, steps)
    return found


def _plan(changes, size, box):
    """(steps in order, the Box of the pixels that the first one is given)."""
    steps = []
    for change in reversed(changes):
        step = _step(change, size, box)
        steps.append(step)
        box = step.source
    return steps[::-1], box


def _change(pixels, steps):
    """The part of one frame; tables that follow one on the other are joined."""
    table = tables.SAME
    for step in steps:
        if isinstance(step, _Table):
            table = tables.join(table, step.table(pixels, table))
            pixels = step.cut(pixels)
        else:
            pixels, table = step(tables.change(pixels, table)), tables.SAME
    return tables.change(pixels, table)


class _Step:
    """A change of which the pixels of `box` are wanted, and for which those of `source` are needed."""

    def __init__(self, change, size, box):
        self._name, self._value, self._size, self.box = change.name, change.value, size, box
        self.source = self._needed()

    def _needed(self):
        return self.box

    def cut(self, pixels):
        """The wanted pixels, of those of `source`."""
        top, left = self.box[0] - self.source[0], self.box[1] - self.source[1]
        return pixels[top : top + self.box[2], left : left + self.box[3]]


class _Table(_Step):
    """A table of values."""

    _MEASURED = {"AutoContrast": tables.auto_contrast, "Equalize": tables.equalize}

    def _needed(self):
        self._fixed = tables.fixed_table(self._name, self._value)
        return self.box if self._fixed is not None else (0, 0, *self._size)

    def table(self, pixels, before):
        """What becomes of the values of the pixels of `source`, which have those of the table `before`."""
        if self._fixed is not None:
            return self._fixed
        if self._name == "Contrast":
            return tables.contrast(pixels, before, self._value)
        return self._MEASURED[self._name](pixels, before)


class _Color(_Step):
    def __call__(self, pixels):
        return np.asarray(ImageEnhance.Color(tables.picture_of(pixels)).enhance(self._value))


class _Sharpness(_Step):
    def _needed(self):
        top, left, height, width = self.box
        bottom, right = min(self._size[0], top + height + 1), min(self._size[1], left + width + 1)
        top, left = max(0, top - 1), max(0, left - 1)
        return top, left, bottom - top, right - left

    def __call__(self, pixels):
        return self.cut(np.asarray(ImageEnhance.Sharpness(tables.picture_of(pixels)).enhance(self._value)))


class _Affine(_Step):
    """Rotation, shear and translation."""

    def _needed(self):
        self._matrix = affine_matrix(self._name, self._value, *self._size)
        top, left, height, width = self.box
        # Places lie between those of the corners; four neighbours of each, and one more as places are rounded.
        corners = [(x, y, 1) for x in (left, left + width) for y in (top, top + height)]
        across, down = (
            _span(np.dot(corners, row), side)
            for row, side in zip(np.reshape(self._matrix, (2, 3)), self._size[::-1], strict=True)
        )
        return down[0], across[0], down[1] - down[0], across[1] - across[0]

    def __call__(self, pixels):
        from data_pipelines.recognition.affine_loops import move

        found = np.empty((*self.box[2:], 3), np.uint8)
        part = np.ascontiguousarray(pixels)
        move(part, self.source[:2], self._size, self.box[:2], self._matrix, GREY, found)
        return found


def _span(places, side):
    """(first, last + 1) of the pixels of an axis that places need; one pixel where all lie outside."""
    first, end = int(places.min()) - 4, int(places.max()) + 4
    return min(max(first, 0), side - 1), max(min(end, side), 1)


_STEPS = {"Color": _Color, "Sharpness": _Sharpness}
_MOVES = ("Rotate", "ShearX", "ShearY", "TranslateXRel", "TranslateYRel")


def _step(change, size, box):
    return (_Affine if change.name in _MOVES else _STEPS.get(change.name, _Table))(change, size, box)
