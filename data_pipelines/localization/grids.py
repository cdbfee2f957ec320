"""How the features of a video lie in time, and how its segments lie on them."""

import dataclasses

import numpy as np

from fact_jax.ops.resampling import downsampled_length, interpolate
from fact_jax.ops.time_grid import TimeGrid


@dataclasses.dataclass(frozen=True)
class GridRule:
    """From feature files to the grid that the network sees.

    Attributes:
      stride: video frames from one stored feature to the next; 0 = the features of a video are spread evenly over it.
      window: video frames that a stored feature sees.
      sample_rate: one stored feature in this many is used.
      resize_to: features to which every video is stretched or shrunk; 0 = as they are.
    """

    stride: float
    window: float
    sample_rate: int = 1
    resize_to: int = 0

    def length(self, num_stored):
        """T of a video with this many stored features."""
        return self.resize_to or downsampled_length(num_stored, self._rate)

    def grid(self, num_stored, fps, duration):
        """TimeGrid of a video with this many stored features."""
        if self.stride <= 0:
            stride = duration * fps / self.length(num_stored)
            return TimeGrid(stride, stride, fps)
        if self.resize_to:
            stride = ((num_stored - 1) * self.stride + self.window) / self.resize_to
            return TimeGrid(stride, stride, fps)
        return TimeGrid(self.stride * self.sample_rate, self.window, fps)

    def read(self, store, video_id):
        """float32 [T, D] of a video of a FeatureStore."""
        features = store.read(video_id, self._rate)
        return interpolate(features, self.resize_to) if self.resize_to else features

    @property
    def _rate(self):
        # Where features are spread or stretched, the published code uses all of them.
        return 1 if self.stride <= 0 or self.resize_to else self.sample_rate


def clip_to_video(segments, labels, length, offset, threshold):
    """Leaves out segments that mostly lie behind the video and cuts the others to it, as published for ActivityNet.

    Args:
      segments: float32 [N, 2], in grid units.
      labels: int [N].
      length: T.
      offset: of the grid, in grid units.
      threshold: least share of a segment that lies inside.

    Returns:
      (segments, labels) of those that stay.
    """
    end = np.float32(length + offset)
    with np.errstate(invalid="ignore", divide="ignore"):
        share = (np.minimum(segments[:, 1], end) - segments[:, 0]) / (segments[:, 1] - segments[:, 0])
    kept = (segments[:, 0] < end) & (share >= np.float32(threshold))
    return np.minimum(segments[kept], end), labels[kept]
