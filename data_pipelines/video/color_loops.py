"""Colour jitter by compiled loops, on the channels of a picture one after the other."""

import numpy as np

from data_pipelines.video import blending, box_blur
from data_pipelines.video.color_jitter import Jitter, blend_table, hue_shift
from data_pipelines.video.hue import turn_hue

# What changes a value whatever lies beside it, so that frames may stay as they are.
_BY_TABLE = frozenset({"brightness", "contrast"})


class Colors:
    """Changes planes uint8 [3, e + height + e, e + width + e] in place, where e is `edge`.

    Attributes:
      edge: pixels around the picture that a blur needs, 0 without one; they may hold anything.
    """

    def __init__(self, height, width, drawn: Jitter):
        self._order, self._box = drawn.order, None
        self.edge = 0
        if drawn.blur_radius is not None:
            self._box = box_blur.box_of(drawn.blur_radius)
            self.edge = self._box[0] + 1
        self._shape = (3, height + 2 * self.edge, width + 2 * self.edge)
        self._others, self._sums = self.planes(), np.empty(box_blur.BLOCK, np.uint16)
        self._brightness, self._grey = blend_table([0], drawn.brightness)[0], np.empty(1, np.intp)
        self._contrast, self._saturation = (
            blend_table(range(256), getattr(drawn, name)) if name in drawn.order else None
            for name in ("contrast", "saturation")
        )
        self._shift = hue_shift(drawn)

    def planes(self):
        """New memory for a picture."""
        return np.zeros(self._shape, np.uint8)

    def inside(self, planes):
        """The picture, uint8 [3, height, width]; a view."""
        _, height, width = self._shape
        return planes[:, self.edge : height - self.edge, self.edge : width - self.edge]

    def __call__(self, planes):
        lines = planes.reshape(3, -1)
        for name in self._order:
            if name in _BY_TABLE:
                self._change_values(name, lines, self.inside(planes))
            elif name == "saturation":
                blending.change_saturation(lines, self._saturation)
            else:
                turn_hue(lines, self._shift)
            if self._box is not None:
                box_blur.blur(planes, self._others, self._sums, *self._box)

    def change_frame(self, frame):
        """Changes a frame uint8 [height, width, 3] in place, without blur, saturation and hue."""
        for name in self._order:
            self._change_values(name, frame.reshape(len(frame), -1), frame.transpose(2, 0, 1))

    def _change_values(self, name, lines, picture):
        """`lines` are all that is in memory; `picture`, its three channels, has a mean."""
        if name == "contrast":
            blending.measure_grey(picture, self._grey)
        blending.change_values(lines, self._brightness if name == "brightness" else self._contrast[self._grey[0]])


def jitter(frames, drawn: Jitter):
    """See `color_jitter.jitter`."""
    _, height, width, _ = frames.shape
    colors = Colors(height, width, drawn)
    if drawn.blur_radius is None and _BY_TABLE.issuperset(drawn.order):
        found = np.array(frames, order="C")
        for frame in found:
            colors.change_frame(frame)
        return found
    planes, found = colors.planes(), np.empty(frames.shape, np.uint8)
    inside = colors.inside(planes)
    for frame, place in zip(frames, found, strict=True):
        inside[...] = frame.transpose(2, 0, 1)
        colors(planes)
        place[...] = inside.transpose(1, 2, 0)
    return found
