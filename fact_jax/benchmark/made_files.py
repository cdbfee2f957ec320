"""Video files to read: a texture that the camera moves over, with a square that runs across it, and noise."""

import av
import numpy as np
from PIL import Image

SIZE = (256, 340)  # height and width, of a video with the short side of Kinetics' copies
RATE = 25
_PATCHES, _CONTRAST, _NOISE = (4, 8, 16, 32, 64), 40.0, 3.0


def write(path, num_frames, *, size=None, gop=250, rate=RATE, seed=0, noise=_NOISE):
    """Writes an H.264 file of `num_frames` frames, a key frame every `gop`; returns its path."""
    height, width = size or SIZE
    rng = np.random.default_rng([5, seed])
    ground = _texture(2 * height, 2 * width, rng)
    side = height // 4
    options = {"crf": "23", "preset": "veryfast", "threads": "1"}
    with av.open(str(path), "w") as file:
        stream = file.add_stream("libx264", rate=rate, options=options)
        stream.height, stream.width, stream.pix_fmt, stream.gop_size = height, width, "yuv420p", gop
        for number in range(num_frames):
            top, left = (int((1 + wave(number / 80)) / 2 * room) for wave, room in ((np.cos, height), (np.sin, width)))
            frame = ground[top : top + height, left : left + width].copy()
            place = number * 2 % (width - side)
            frame[side : 2 * side, place : place + side] = 255 - frame[side : 2 * side, place : place + side]
            if noise:
                frame += noise * rng.standard_normal(frame.shape, np.float32)
            picture = np.clip(frame, 0, 255).astype(np.uint8)
            file.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        file.mux(stream.encode(None))
    return path


def _texture(height, width, rng):
    """float32 [height, width, 3] in 0 to 255, rough at several scales."""
    found = np.full((height, width, 3), 128.0, np.float32)
    for patch in _PATCHES:
        coarse = rng.standard_normal((height // patch + 2, width // patch + 2, 3)) * _CONTRAST + 128
        image = Image.fromarray(np.clip(coarse, 0, 255).astype(np.uint8)).resize(
            (width, height), Image.Resampling.BICUBIC
        )
        found += (np.asarray(image, np.float32) - 128) * patch**0.5 / 6
    return np.clip(found, 0, 255)
