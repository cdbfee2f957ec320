"""Hue turned in 8-bit HSV with exactly Pillow's result.

Pillow goes from RGB to HSV and back in float32 and float64 by turns, as the arithmetic of C does, and drops fractions
on the way there. Every number here has the type that it has there.
"""

import numpy as np
from numba import types

from data_pipelines.video.compiling import compiled


@compiled(types.uint8[:, ::1], types.uint8)
def turn_hue(planes, shift):
    """Adds `shift` to the hue of RGB planes uint8 [3, N], in place; hues are 0 to 255, modulo 256."""
    reds, greens, blues = planes[0], planes[1], planes[2]
    for place in range(planes.shape[1]):
        red, green, blue = np.int32(reds[place]), np.int32(greens[place]), np.int32(blues[place])
        high = max(red, green, blue)
        spread = np.float32(high - min(red, green, blue))
        # Grey has hue 0 and saturation 0.
        divisor = max(spread, np.float32(1))
        from_red = np.float64(np.float32(high - red) / divisor)
        from_green = np.float64(np.float32(high - green) / divisor)
        from_blue = np.float64(np.float32(high - blue) / divisor)
        if red == high:
            sixths = from_blue - from_green
        elif green == high:
            sixths = 2.0 + from_red - from_blue
        else:
            sixths = 4.0 + from_green - from_red
        turns = np.float64(np.float32(sixths)) / 6.0 + 1.0
        turns = turns - 1.0 if turns >= 1.0 else turns
        hue = np.int32(np.float64(np.float32(turns)) * 255.0) + np.int32(shift) & 255
        saturation = np.int32(np.float64(spread / np.float32(max(high, 1))) * 255.0)
        share = np.float64(np.float32(saturation / 255.0))
        place_in_circle = hue * 6.0 / 255.0
        sixth = np.int32(place_in_circle)
        part = np.float64(np.float32(place_in_circle - sixth))
        if sixth & 1:
            fall = np.float64(np.float32(np.float32(share) * np.float32(part)))
        else:
            fall = share * (1.0 - part)
        low = np.int32(high * (1.0 - share) + 0.5)
        middle = np.int32(high * (1.0 - fall) + 0.5)
        sixth = 0 if sixth == 6 else sixth
        reds[place] = high if sixth == 0 or sixth == 5 else middle if sixth == 1 or sixth == 4 else low
        greens[place] = high if sixth == 1 or sixth == 2 else middle if sixth == 0 or sixth == 3 else low
        blues[place] = high if sixth == 3 or sixth == 4 else middle if sixth == 2 or sixth == 5 else low
