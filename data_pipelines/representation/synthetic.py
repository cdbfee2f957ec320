"""Synthetic videos of one action: no download, drawn frame by frame when they are read.

A body with an arm goes through the same phases in every video: it turns its arm in some phases and grows in the others.
How long a phase takes and how the speed changes within it differ from video to video, and so do colours, the shape of
the body, where it starts on a circle and which way it moves along it, a bystander, the background, and how the camera
shakes: arm and size alone tell the phase. Every frame has its phase.
Video i of a subset is a pure function of (settings, seed, subset, i).
"""

import numpy as np

from data_pipelines.representation.listing import SUBSETS
from fact_jax.types import UserError

_STREAM = 21  # first entry of the entropy, so that no two generators of this library coincide
_BLOCK = 64  # frames drawn at once
_MARGIN = 0.2  # of the background around the picture, for the camera to move over; share of the size
# The circle's middle and radius, first and last angle in turns, in shares of the size.
_MIDDLE, _RADIUS, _FROM, _TO = 0.5, 0.27, 0.62, 1.32
_WAVES = 5  # of the background
_RATE = 25.0  # frames per second


class SyntheticVideo:
    """One video with the interface of `data_pipelines.video.raw_video.RawVideo`.

    Attributes:
      labels: int32 [N], the phase of every frame.
      states: float64 [N], rising from 0 to the number of phases: how far the action has gone.
    """

    rate = _RATE
    warnings = ()

    def __init__(self, spec, subset, index, seed=0):
        """Args: `spec` a SyntheticActionsConfig, `subset` one of SUBSETS, `index` and `seed` whole numbers >= 0."""
        if seed < 0:
            raise UserError(f"The seed of the synthetic data set is {seed}, expected 0 or more.")
        rng = np.random.default_rng([_STREAM, int(seed), SUBSETS.index(subset), index])
        self.path = f"synthetic {subset} video {index}"
        self.size = (spec.size, spec.size)
        length = int(rng.integers(spec.min_frames, spec.max_frames + 1))
        self.times = np.arange(length) / _RATE
        self.labels, self.states = _play(spec.num_phases, length, rng)
        self._look = _Look(spec, length, rng)
        self._num_phases = spec.num_phases

    def __len__(self):
        return len(self.times)

    def frames(self, indices):
        """uint8 [len(indices), H, W, 3] of these frames."""
        numbers = np.asarray(indices, np.int64)
        frames = np.empty((len(numbers), *self.size, 3), np.uint8)
        for start in range(0, len(numbers), _BLOCK):
            part = numbers[start : start + _BLOCK]
            frames[start : start + _BLOCK] = self._look.draw(_pose(self.states[part], self._num_phases), part)
        return frames

    def batches(self, indices, batch_size):
        """The same in parts."""
        for start in range(0, len(indices), batch_size):
            yield self.frames(indices[start : start + batch_size])


def _play(num_phases, length, rng):
    """(phases int32 [N], states float64 [N]): phases of different lengths, at a speed that changes within each."""
    shares = rng.uniform(0.5, 1.5, num_phases)
    ends = np.round(np.cumsum(shares) / shares.sum() * (length - num_phases)).astype(int) + np.arange(1, num_phases + 1)
    phases = np.searchsorted(ends, np.arange(length), side="right")
    starts = np.append(0, ends[:-1])
    within = (np.arange(length) - starts[phases] + 0.5) / (ends - starts)[phases]
    return phases.astype(np.int32), phases + within ** rng.uniform(0.7, 1.4, num_phases)[phases]


def _pose(states, num_phases):
    """(x, y, angle of the arm in radians, size) of every state, in shares of the size; all float64 [N]."""
    angle = 2 * np.pi * (_FROM + (_TO - _FROM) * states / num_phases)
    phase = np.minimum(states.astype(int), num_phases - 1)
    within = states - phase
    # Even phases turn the arm by a third of a circle while the body shrinks, in odd ones it grows again.
    turn = 2 * np.pi / 3 * ((phase + 1) // 2 + np.where(phase % 2, 0, within))
    growth = np.where(phase % 2, within, 1.0 - within)
    return _MIDDLE + _RADIUS * np.cos(angle), _MIDDLE + _RADIUS * np.sin(angle), turn, 0.1 * (1 + 0.8 * growth)


class _Look:
    """All that differs between videos but has nothing to do with the action."""

    def __init__(self, spec, length, rng):
        self._size, self._norm = spec.size, int(rng.integers(3))
        margin = round(_MARGIN * spec.size)
        # Of body, arm and bystander: on a dark background the arm is the brightest.
        self._colors = np.stack([rng.uniform(*bounds, 3) for bounds in ((90, 170), (190, 255), (60, 130))])
        self._colors = self._colors.astype(np.float32)
        self._background = _texture(spec.size + 2 * margin, rng)
        self._scale, self._place = rng.uniform(0.9, 1.1), rng.uniform(-0.05, 0.05, 2)
        # Where on the circle the body starts, and which way it goes.
        self._rotation, self._side = rng.uniform(0, 2 * np.pi), rng.choice((-1.0, 1.0))
        self._bystander = np.array([*rng.uniform(0.1, 0.9, 2), rng.uniform(0.04, 0.07)])
        # The camera drifts and shakes; whole pixels, at most the margin.
        reach = spec.jitter * spec.size / 64
        drift = np.cumsum(rng.normal(0, 0.25, (length, 2)), axis=0)
        shake = rng.normal(0, 0.5, (length, 2)) + drift - drift.mean(axis=0)
        self._camera = np.clip(np.round(shake * reach), -margin, margin).astype(np.int64)
        self._margin = margin

    def draw(self, pose, numbers):
        """uint8 [n, size, size, 3] of poses and numbers of frames."""
        size, camera = self._size, self._camera[numbers]
        rows, columns = ((self._margin + camera[:, axis, None]) + np.arange(size) for axis in (0, 1))
        frames = self._background[rows[:, :, None], columns[:, None, :]]
        bystander = np.broadcast_to(self._bystander, (len(numbers), 3)).T
        self._paint(frames, self._body(*bystander, camera), self._colors[2])
        x, y, turn, radius = pose
        x, y = (value - _MIDDLE for value in (x, y))
        cosine, sine = np.cos(self._rotation), np.sin(self._rotation)
        x, y = x * cosine - y * sine, (x * sine + y * cosine) * self._side
        x, y = (value * self._scale + _MIDDLE + by for value, by in zip((x, y), self._place, strict=True))
        self._paint(frames, self._body(x, y, radius * self._scale, camera), self._colors[0])
        self._paint(frames, self._arm(x, y, turn, camera), self._colors[1])
        return frames.astype(np.uint8)

    def _offsets(self, x, y, camera):
        """float32 (right [n, 1, size], down [n, size, 1]) of a place, in pixels from it."""
        pixels = np.arange(self._size, dtype=np.float32)
        right = pixels - (x * self._size - camera[:, 1]).astype(np.float32)[:, None]
        down = pixels - (y * self._size - camera[:, 0]).astype(np.float32)[:, None]
        return right[:, None, :], down[:, :, None]

    def _body(self, x, y, radius, camera):
        """Cover, in [0, 1], of a diamond, a disc or a square."""
        right, down = (np.abs(values) for values in self._offsets(x, y, camera))
        if self._norm == 0:
            distance = (right + down) * np.float32(0.8)
        else:
            distance = np.sqrt(right * right + down * down) if self._norm == 1 else np.maximum(right, down)
        return _cover(distance, (radius * self._size).astype(np.float32)[:, None, None])

    def _arm(self, x, y, turn, camera):
        """Cover of a bar that starts in the middle of the body."""
        right, down = self._offsets(x, y, camera)
        cosine, sine = (values.astype(np.float32)[:, None, None] for values in (np.cos(turn), np.sin(turn)))
        length, width = np.float32(0.18 * self._size), np.float32(0.045 * self._size)
        along = np.abs(right * cosine + down * sine - length) - length
        across = np.abs(down * cosine - right * sine) - width
        return _cover(np.maximum(along, across), np.float32(0))

    @staticmethod
    def _paint(frames, cover, color):
        cover = cover[..., None]
        frames += cover * (color - frames)


def _cover(distance, reach):
    """1 inside, 0 outside, in between on the pixels of the edge."""
    cover = reach - distance
    cover += np.float32(0.5)
    return np.clip(cover, 0, 1, out=cover)


def _texture(size, rng):
    """float32 [size, size, 3], smooth waves of several colours."""
    down, right = np.mgrid[:size, :size] / size
    found = np.full((size, size, 3), 40.0) + rng.uniform(-20, 20, 3)
    for _ in range(_WAVES):
        waves = rng.normal(0, 9, 2)
        found += rng.uniform(-10, 10, 3) * np.sin(waves[0] * down + waves[1] * right + rng.uniform(0, 7))[..., None]
    return np.clip(found, 0, 255).astype(np.float32)


def synthetic_videos(spec, subset, seed=0):
    """All SyntheticVideos of a subset, by name."""
    count = spec.num_train_videos if subset == "train" else spec.num_test_videos
    return {f"{subset}_{index:04d}": SyntheticVideo(spec, subset, index, seed) for index in range(count)}
