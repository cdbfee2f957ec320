"""Sizes of pictures: the largest one, and that with the short side brought to a given number of pixels.

Pictures are decoded at their own size and resized afterwards: what decoders do inside differs from one to the other.
"""

import math

ROUNDINGS = ("torchvision", "pytorchvideo")
# A picture of more pixels is an attack, or damage; 8K video has 33 million.
MOST_PIXELS = 2**26


def scaled_size(height, width, short, rounding="torchvision"):
    """(height, width) with the short side at `short` pixels and the other one rounded down.

    `rounding` says whose order of operations is kept: pytorchvideo's gives one pixel less for some sizes.
    """
    if rounding not in ROUNDINGS:
        raise ValueError(f"rounding is {rounding!r}; expected one of {ROUNDINGS}")
    low, high = min(height, width), max(height, width)
    long = int(short * high / low) if rounding == "torchvision" else math.floor(high / low * short)
    return (short, long) if height <= width else (long, short)
