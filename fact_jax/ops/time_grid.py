"""From seconds to the feature grid of a video and back."""

import dataclasses
import hashlib

import numpy as np

from fact_jax.ops.resampling import downsampled_length, interpolate
from fact_jax.types import UserError


@dataclasses.dataclass(frozen=True)
class TimeGrid:
    """Where the features of one video lie in time.

    Feature i sees `window` video frames from frame i * stride on, so its centre is at (i * stride + window / 2) / fps
    seconds. A position on the grid is a real number; that of a centre is the number of its feature.

    The stride need not be whole: features may have been resampled.
    """

    stride: float
    window: float
    fps: float

    def __post_init__(self):
        numbers = (self.stride, self.window, self.fps)
        if not np.isfinite(numbers).all() or self.stride <= 0 or self.window < 0 or self.fps <= 0:
            raise UserError(
                f"a feature every {self.stride} frames, each of {self.window}, at {self.fps} frames per second: "
                "expected finite numbers, stride and frames per second more than 0."
            )

    @property
    def offset(self) -> float:
        """Half a window in grid units: where second 0 lies, with the other sign."""
        return 0.5 * self.window / self.stride

    def to_grid(self, seconds):
        """Seconds (array of any shape) to grid positions, float32; as far as -offset for second 0."""
        seconds = np.asarray(seconds, np.float32)
        return seconds * np.float32(self.fps) / np.float32(self.stride) - np.float32(self.offset)

    def to_seconds(self, positions):
        """Grid positions (array of any shape) to seconds, float32."""
        positions = np.asarray(positions, np.float32)
        return (positions * np.float32(self.stride) + np.float32(0.5 * self.window)) / np.float32(self.fps)

    def clamp_seconds(self, positions, duration):
        """As `to_seconds`, but nothing before 0 or after `duration` seconds."""
        seconds = self.to_seconds(positions)
        seconds = np.where(seconds <= 0, np.float32(0), seconds)
        return np.where(seconds >= duration, np.float32(duration), seconds)


@dataclasses.dataclass(frozen=True, eq=False)
class ListedGrid:
    """As TimeGrid, of features that say themselves where they lie: seconds between two centres are in proportion.

    Attributes:
      centres: float64 [T], seconds of the centres of the features; they rise.
      start, end: seconds at which the video starts and ends.
      fps: video frames per second, on average.
    """

    centres: np.ndarray
    start: float
    end: float
    fps: float

    @property
    def stride(self) -> float:
        """Video frames from one feature to the next, on average."""
        length = len(self.centres)
        seconds = (self.centres[-1] - self.centres[0]) / (length - 1) if length > 1 else self.end - self.start
        return float(seconds) * self.fps

    @property
    def offset(self) -> float:
        """Where the start of the video lies on the grid, with the other sign."""
        return -float(self.to_grid(self.start))

    def to_grid(self, seconds):
        """Seconds (array of any shape) to grid positions, float32."""
        centres, gap = self.centres, self.stride / self.fps
        seconds = np.asarray(seconds, np.float64)
        found = np.interp(seconds, centres, np.arange(len(centres)))
        # Before the first centre and behind the last one as far as the mean gap tells.
        return (found + (np.minimum(seconds - centres[0], 0) + np.maximum(seconds - centres[-1], 0)) / gap).astype(
            np.float32
        )

    def to_seconds(self, positions):
        """Grid positions (array of any shape) to seconds, float32."""
        centres, gap, last = self.centres, self.stride / self.fps, len(self.centres) - 1
        positions = np.asarray(positions, np.float64)
        found = np.interp(positions, np.arange(last + 1), centres)
        return (found + (np.minimum(positions, 0) + np.maximum(positions - last, 0)) * gap).astype(np.float32)

    def clamp_seconds(self, positions, duration):
        """As `to_seconds`, but nothing before the start of the video or after `duration` seconds."""
        return np.clip(self.to_seconds(positions), np.float32(self.start), np.float32(min(duration, self.end)))

    def __repr__(self):
        digest = hashlib.sha256(np.ascontiguousarray(self.centres).tobytes()).hexdigest()[:16]
        return f"ListedGrid({len(self.centres)} features, {digest}, {self.start}, {self.end}, {self.fps})"


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

    @classmethod
    def of(cls, data):
        """The rule of `config.data`."""
        return cls(data.feature_stride, data.window, data.sample_rate, data.max_frames if data.resize else 0)

    def length(self, num_stored):
        """T of a video with this many stored features."""
        return self.resize_to or downsampled_length(num_stored, self.every)

    def grid(self, num_stored, fps, duration):
        """TimeGrid of a video with this many stored features; seconds `duration` matter with a stride of 0 only."""
        if self.stride <= 0:
            stride = duration * fps / self.length(num_stored)
        elif self.resize_to:
            stride = ((num_stored - 1) * self.stride + self.window) / self.resize_to
        else:
            return TimeGrid(self.stride * self.sample_rate, self.window, fps)
        return TimeGrid(stride, stride, fps)

    def listed(self, centres, start, end, fps):
        """ListedGrid of a video whose stored features have these `centres`, float64 [N] seconds; see there."""
        centres = np.asarray(centres, np.float64)
        if self.resize_to:
            # Where `interpolate` takes the features from.
            places = (np.arange(self.resize_to) + 0.5) * len(centres) / self.resize_to - 0.5
            whole = ListedGrid(centres, start, end, fps)
            centres = np.asarray(whole.to_seconds(places), np.float64)
        return ListedGrid(centres[:: self.every], start, end, fps)

    def fit(self, features):
        """float32 [T, D] as the network sees them, of features [N, D], one in `every` of those that are stored."""
        return interpolate(features, self.resize_to) if self.resize_to else np.asarray(features, np.float32)

    @property
    def every(self):
        """One stored feature in this many is read."""
        # Where features are spread or stretched, the published code uses all of them.
        return 1 if self.stride <= 0 or self.resize_to else self.sample_rate
