"""Colour jitter by compiled loops, on the channels of a picture one beside the other."""

import numpy as np

from data_pipelines.video import blending, box_blur
from data_pipelines.video.color_jitter import Jitter, blend_table, hue_shift
from data_pipelines.video.hue import turn_hue


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
        self._brightness = blend_table([0], drawn.brightness)
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
            if name == "brightness":
                blending.change_brightness(lines, self._brightness)
            elif name == "contrast":
                blending.change_contrast(planes, self.edge, self._contrast)
            elif name == "saturation":
                blending.change_saturation(lines, self._saturation)
            else:
                turn_hue(lines, self._shift)
            if self._box is not None:
                box_blur.blur(planes, self._others, self._sums, *self._box)
