"""Shear and translation along one axis, bicubic, of a part of a picture: the pixels of Pillow's affine transform.

Along the other axis nothing moves, so that 4 of the 16 neighbours remain, and these lie in a row. Pillow's kernel has
the parameter -1, not the -0.5 of its `resize`, and values are cut to whole numbers, not rounded. As a value that is
nearly whole may fall to either side, everything is computed in the order of operations of Pillow's C code, in float64.

Source: Pillow 13.0.0, src/libImaging/Geometry.c, affine_transform and BICUBIC.
"""

import numpy as np
from jaxtyping import UInt8

_TAPS = 4
_ROWS = 32


class BicubicShift:
    """The pixels of `region` come from places that lie `slope` * (other axis) + `offset` further along `axis`.

    A region is (top, left, height, width) in pixels of the picture. Attributes:
      source: the region that `__call__` has to be given.
      even: whether a line moves as a whole. Otherwise, where it moves by nearly whole pixels, places on both sides of
        one occur, and `__call__` may be a level away from Pillow.
    """

    def __init__(self, size, region, axis, slope=0.0, offset=0.0, fill=0):
        """`size` is (height, width) of the picture; `axis` 0 is down, 1 to the right; `fill` is for places outside."""
        top, left, height, width = region
        # Lines lie along the axis: [other axis, axis].
        own_start, own, other_start, others = (top, height, left, width) if axis == 0 else (left, width, top, height)
        numbers = np.arange(own_start, own_start + own)
        lines = np.arange(other_start, other_start + others)[:, None]
        places = (numbers + 0.5) + slope * (lines + 0.5) + offset
        outside = (places < 0) | (places >= size[axis])
        places -= 0.5
        low = np.floor(places)
        moves = (low - numbers).astype(np.int64)
        self.even = bool((moves == moves[:, :1]).all())
        taps = moves[:, :1] + np.arange(own_start - 1, own_start + own + _TAPS - 2)
        taps = np.clip(taps, 0, size[axis] - 1)
        begin, end = int(taps.min()), int(taps.max()) + 1
        self.source = (begin, left, end - begin, width) if axis == 0 else (top, begin, height, end - begin)
        # Pixels of the source, in its order, row by row.
        if axis == 0:
            pixels = (taps - begin) * width + (lines - left)
        else:
            pixels = (taps - begin) + (lines - top) * (end - begin)
        self._axis, self._fill = axis, fill
        self._pixels, self._outside, shares = (
            np.ascontiguousarray(values.T if axis == 0 else values) for values in (pixels, outside, places - low)
        )
        self._shares = np.repeat(shares[..., None], 3, axis=-1)

    def __call__(self, part: UInt8[np.ndarray, "h w 3"]) -> UInt8[np.ndarray, "_ _ 3"]:
        """The region, of the pixels of `source`."""
        pixels, changed = part.reshape(-1, 3), np.empty(self._shares.shape, np.uint8)
        more = _TAPS - 1 if self._axis == 0 else 0
        # A few rows at a time, which stay in the processor's cache.
        for start in range(0, len(changed), _ROWS):
            end = start + _ROWS
            taps = np.take(pixels, self._pixels[start : end + more], 0).astype(np.int16)
            changed[start:end] = self._interpolate(taps, self._shares[start:end])
        changed[self._outside] = self._fill
        return changed

    def _interpolate(self, taps, shares):
        """The published polynomial, from its highest power on; whole numbers are exact."""
        steps, count = np.diff(taps, axis=self._axis), shares.shape[self._axis]
        first, second, third = (self._from(steps, number, count) for number in range(_TAPS - 1))
        cubic = first + third
        found = shares * cubic
        found -= cubic + first
        found *= shares
        found += first + second
        found *= shares
        found += self._from(taps, 1, count)
        return np.clip(found, 0, 255, out=found).astype(np.uint8)

    def _from(self, values, start, count):
        return values[start : start + count] if self._axis == 0 else values[:, start : start + count]
