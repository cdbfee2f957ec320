"""Writes pictures as a video that every browser plays."""

from fractions import Fraction

import av
import numpy as np
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc

from fact_jax import files

_BASE = Fraction(1, 90000)  # seconds of a tick of the file
_RATE = 25  # frames per second that the file states; the times of the frames count


def write_mp4(path, frames, times, size, *, key_every=None):
    """Writes frames, uint8 [height, width, 3] each, as H.264 in an MP4 that can be played while it comes.

    `size` is (height, width), even numbers; `times` float [N], seconds at which the frames are shown, from 0 on. With
    `key_every`, a player goes to any frame at once and exactly: it can begin to decode every so many frames, and none
    refers to a later one. Of others, where the rate varies, Chromium shows the key frame behind the one it is sent to.
    """
    ticks = np.round(np.asarray(times) / float(_BASE)).astype(np.int64)
    with files.atomic_file(path) as file, av.open(
        f"file:{file.name}", "w", format="mp4", options={"movflags": "faststart"}
    ) as container:  # fmt: skip
        options = {"crf": "20", "preset": "veryfast"} | ({"g": str(key_every), "bf": "0"} if key_every else {})
        stream = container.add_stream("libx264", rate=_RATE, options=options)
        stream.height, stream.width, stream.pix_fmt = *size, "yuv420p"
        context = stream.codec_context
        context.time_base, context.thread_count = _BASE, 2
        # Said in the file, since players guess by the size.
        context.colorspace, context.color_range = Colorspace.ITU709, ColorRange.MPEG
        context.color_primaries, context.color_trc = ColorPrimaries.BT709, ColorTrc.BT709
        for tick, pixels in zip(ticks.tolist(), frames, strict=True):
            frame = av.VideoFrame.from_ndarray(pixels, "rgb24")
            frame = frame.reformat(format="yuv420p", dst_colorspace=Colorspace.ITU709, dst_color_range=ColorRange.MPEG)
            frame.pts, frame.time_base = tick, _BASE
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path
