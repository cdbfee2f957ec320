"""RGB pictures of decoded frames, as a player shows them."""

import numpy as np
from av.video.reformatter import VideoReformatter
from PIL import Image

from data_pipelines.video.orientation import Orientations, oriented


class Pictures:
    """Turns the frames of one file into RGB; one converter serves all, which is three times as fast as one each."""

    def __init__(self, size):
        """`size` is (height, width) of the pictures; a frame that has another one is resized."""
        self._size, self._converter, self._orientations = size, VideoReformatter(), Orientations()

    def write(self, frame, destination):
        """Writes an av.VideoFrame into `destination`, uint8 [H, W, 3], turned and mirrored as it is shown.

        The frame says which colour matrix and range it has; naming them would be wrong for files of another.
        """
        rgb = self._converter.reformat(frame, format="rgb24", threads=1)
        plane = rgb.planes[0]
        picture = np.ndarray((rgb.height, rgb.width, 3), np.uint8, plane, strides=(plane.line_size, 3, 1))
        np.copyto(destination, fitted(oriented(picture, self._orientations.of(frame)), self._size))


def fitted(picture, size):
    """A picture uint8 [H, W, 3] at (height, width): as it is, or resized by Pillow, bilinear with antialiasing."""
    if picture.shape[:2] == tuple(size):
        return picture
    image = Image.fromarray(np.ascontiguousarray(picture))
    return np.asarray(image.resize((size[1], size[0]), Image.Resampling.BILINEAR))
