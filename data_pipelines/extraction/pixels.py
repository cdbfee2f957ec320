"""From a decoded frame to what a network sees of it; each is written where it belongs in the array of its step."""

import dataclasses

import numpy as np
from jaxtyping import Shaped, UInt8

from data_pipelines.recognition import evaluation_views
from data_pipelines.recognition.augmentation import ClipAugmentationConfig
from data_pipelines.video import views
from data_pipelines.video.views import AugmentationConfig


class FramePixels:
    """Frames as they are decoded."""

    dtype: type = np.uint8

    def shape(self, size: tuple[int, int]) -> tuple[int, ...]:
        """Of what is written of a frame of `size`, (height, width)."""
        return (*size, 3)

    def write(self, frame: UInt8[np.ndarray, "H W 3"], out: Shaped[np.ndarray, "h w 3"]) -> None:
        """Writes what the network sees of a frame."""
        out[...] = frame


@dataclasses.dataclass(frozen=True)
class EmbeddedPixels(FramePixels):
    """Frames as `views.augment` gives them in an evaluation."""

    config: AugmentationConfig
    dtype = np.float32

    def shape(self, size):
        return self.config.size, self.config.size, 3

    def write(self, frame, out):
        views.augment(frame[None], views.evaluation_view(self.config, *frame.shape[:2]), self.config, out=out[None])


@dataclasses.dataclass(frozen=True)
class ClipPixels(FramePixels):
    """The middle of frames, as `evaluation_views.evaluate` gives it."""

    config: ClipAugmentationConfig
    dtype = np.float32

    def shape(self, size):
        return self.config.size, self.config.size, 3

    def write(self, frame, out):
        view = evaluation_views.view_of_validation(self.config, *frame.shape[:2])
        evaluation_views.evaluate(frame[None], view, out=out[None])
