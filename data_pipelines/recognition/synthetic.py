"""Synthetic clips: no download, drawn when they are read. Their label needs what is seen and how it moves.

A frame is a board of cells. **Verb**: a grey pattern drifts over it to one of four sides, and comes in again on the
opposite side. **Noun**: the cells of a frame have two colours, which differ in red, green or blue alone. Everything
else is drawn anew: the pattern, where it starts, the noise and, in every frame, which cell has which colour, and both.

- One frame does not tell the verb. A clip that drifts left is one that drifts right, played backwards: whatever sees
  frames one by one, and in no order, tells the two no better than by chance.
- One cell does not tell the noun. Every channel of a cell is a drawn value plus or minus half a contrast, whatever the
  noun is; it decides which channel has both signs in a frame. So cells of one frame have to be compared, and colours
  of other frames mislead. A spatial expert, which attends inside a frame, does so from the start; a temporal one, which
  attends to all frames at once and has two of them in a patch, would have to learn to keep them apart.

Clip i of a subset is a pure function of (settings, seed, subset, i).
"""

import numpy as np

from data_pipelines.recognition.listing import SUBSETS, Head
from fact_jax.types import UserError

NOUNS = ("red", "green", "blue")
VERBS = ("right", "left", "down", "up")
_STEPS = np.array([(0, 1), (0, -1), (1, 0), (-1, 0)])  # (down, right) of VERBS
_STREAM = 41  # first entry of the entropy, so that no two generators of this library coincide
_RATE = 10.0  # frames per second
_SPEED = 2  # pixels from a frame to the next
_WAVES = (0.06, 0.17)  # of the pattern, in waves per pixel
_PATTERN, _NOISE, _MIDDLE, _REACH = 0.12, 0.02, 0.5, 0.25  # shares of white; the last one around the middle


class SyntheticClip:
    """One clip with the interface of `data_pipelines.video.raw_video.RawVideo`.

    Attributes:
      noun, verb: numbers of NOUNS and VERBS.
      labels: int32 [L], see `heads`.
    """

    rate = _RATE
    warnings = ()
    is_cut_off = False

    def __init__(self, spec, subset, index, seed=0):
        """Args: `spec` a SyntheticClipsConfig, `subset` one of SUBSETS, `index` and `seed` whole numbers >= 0."""
        if seed < 0:
            raise UserError(f"The seed of the synthetic data set is {seed}, expected 0 or more.")
        self.path = f"synthetic {subset} clip {index}"
        self.size = (spec.size, spec.size)
        self.times = np.arange(spec.num_frames) / _RATE
        # Every pair comes as often as any other.
        self.verb, self.noun = divmod(index % (len(NOUNS) * len(VERBS)), len(NOUNS))
        self.labels = np.array([self.noun, self.verb] if spec.pairs else [self._pair()], np.int32)
        self._spec, self._entropy = spec, [_STREAM, int(seed), SUBSETS.index(subset), index]

    def __len__(self):
        return len(self.times)

    def frames(self, indices):
        """uint8 [len(indices), H, W, 3] of these frames."""
        rng = np.random.default_rng(self._entropy)
        pattern = _drift(self._spec.size, len(self), self.verb, rng)
        cells = _cells(-(-self._spec.size // self._spec.cell), len(self), self.noun, self._spec.contrast, rng)
        size, cell = self._spec.size, self._spec.cell
        colors = cells.repeat(cell, 1).repeat(cell, 2)[:, :size, :size]
        frames = colors + _PATTERN * pattern[..., None] + rng.normal(0, _NOISE, colors.shape)
        return (np.clip(frames, 0, 1) * 255).round().astype(np.uint8)[np.asarray(indices, np.int64)]

    def batches(self, indices, batch_size):
        """The same in parts."""
        frames = self.frames(indices)
        for start in range(0, len(frames), batch_size):
            yield frames[start : start + batch_size]

    def _pair(self):
        return self.verb * len(NOUNS) + self.noun


def _drift(size, length, verb, rng):
    """float64 [T, size, size], mean 0 and standard deviation 1: a pattern of waves that moves."""
    waves = np.hypot(np.fft.fftfreq(size)[:, None], np.fft.rfftfreq(size)[None])
    spectrum = np.fft.rfft2(rng.standard_normal((size, size)))
    spectrum *= (waves > _WAVES[0]) & (waves < _WAVES[1])
    pattern = np.fft.irfft2(spectrum, s=(size, size))
    start = rng.integers(size, size=2)
    places = (start + _SPEED * step * _STEPS[verb] for step in range(length))
    return np.stack([np.roll(pattern, tuple(place), (0, 1)) for place in places]) / pattern.std()


def _cells(side, length, noun, contrast, rng):
    """float64 [T, side, side, 3], the colours of all cells in shares of white."""
    middles = _MIDDLE + rng.uniform(-_REACH, _REACH, (length, 1, 1, 3))
    number = side * side
    mixed = [rng.permutation(np.where(np.arange(number) < number // 2, 1.0, -1.0)) for _ in range(length)]
    signs = np.broadcast_to(rng.choice((-1.0, 1.0), (length, 1, 1, 3)), (length, side, side, 3)).copy()
    signs[..., noun] = np.stack(mixed).reshape(length, side, side)
    return middles + contrast / 2 * signs


def heads(spec) -> tuple[Head, ...]:
    """Noun and verb, or one head for both together."""
    if spec.pairs:
        return Head("noun", NOUNS), Head("verb", VERBS)
    return (Head("label", tuple(f"{noun} {verb}" for verb in VERBS for noun in NOUNS)),)


def synthetic_clips(spec, subset, seed=0):
    """All SyntheticClips of a subset, by name."""
    count = spec.num_train_videos if subset == "train" else spec.num_test_videos
    return {f"{subset}_{index:04d}": SyntheticClip(spec, subset, index, seed) for index in range(count)}
