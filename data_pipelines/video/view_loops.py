"""Views by compiled loops: a frame goes through all its changes before the next one, in the processor's cache."""

import numpy as np

from data_pipelines.video import pixels, resize_loops
from data_pipelines.video.color_jitter import jitter


def augment(frames, view, config, out):
    """Fills and returns `out`; see `views.augment`."""
    size, drawn = config.size, view.jitter
    if drawn and not config.self_supervised:
        frames, drawn = jitter(frames, drawn), None
    box = view.box or (0, 0, *frames.shape[1:3])
    if drawn is None:
        return resize_and_normalize(frames, out, box, view.flipped, view.grey)
    # Compiled only where colours change, which they do not in an evaluation.
    from data_pipelines.video.color_loops import Colors

    colors = Colors(size, size, drawn)
    planes, resizing = colors.planes(), _Resizing(frames, box, out, view.flipped)
    inside = colors.inside(planes)
    for rows, place in zip(resizing.rows, out, strict=True):
        resize_loops.resize_to_planes(rows, *resizing.how, colors.edge, planes)
        colors(planes)
        resize_loops.normalize_planes(inside, view.grey, place)
    return out


def resize_and_normalize(frames, out, box, flipped=False, grey=False):
    """The Box of frames uint8 [T, H, W, 3] in the size of `out`, a contiguous float32 [T, h, w, 3] that is returned."""
    _, height, width, _ = out.shape
    if box[2:] == (height, width):
        planes = pixels.crop(frames, box)[:, :, :: -1 if flipped else 1].transpose(0, 3, 1, 2)
        for picture, place in zip(planes, out, strict=True):
            resize_loops.normalize_planes(picture, grey, place)
        return out
    resizing = _Resizing(frames, box, out, flipped)
    for rows, place in zip(resizing.rows, out.reshape(len(out), height, 3 * width), strict=True):
        resize_loops.resize_and_normalize(rows, *resizing.how, grey, place)
    return out


class _Resizing:
    """What the loops need to know.

    Attributes:
      rows: uint8 [T, height of the box, 3 * W], the rows of the frames that the box is in.
      how: the arguments after the rows, up to their memory.
    """

    def __init__(self, frames, box, out, flipped):
        top, left, height, width = box
        _, new_height, new_width, _ = out.shape
        whole = np.ascontiguousarray(frames).reshape(*frames.shape[:2], 3 * frames.shape[2])
        self.rows = whole[:, top : top + height]
        taps = resize_loops.taps_of(height, width, new_height, new_width, flipped)
        self.how = (3 * left, 3 * width, *taps, resize_loops.memory(width, new_width))
