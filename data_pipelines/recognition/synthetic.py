"""Synthetic clips: no download, drawn when they are read. Their label needs what is seen and how it moves.

**Verb**: a grey pattern drifts to one of four sides, and comes in again on the opposite side. **Noun**: every frame has
a disc, a cross and a square, in two colours; it is the shape whose colour the other two do not have, or none.
Everything else is drawn anew: the pattern, where it starts, the noise and, in every frame, the places of the shapes and
which of the two colours the disc has.

- One frame does not tell the verb. A clip that drifts left is one that drifts right, played backwards: whatever sees
  frames one by one, and in no order, tells the two no better than by chance.
- A shape on its own does not tell the noun. In half of the frames of a clip each one has the first colour, and in half
  the second, whatever the noun is: only shapes of one frame that are compared tell it. A spatial expert, which attends
  inside a frame, does that from the start. A temporal one attends to all frames at once, where every comparison comes
  out even, until it has learned to keep frames apart, of which it has two in a patch. It could learn that in time.

Clip i of a subset is a pure function of (settings, seed, subset, i).
"""

import numpy as np

from data_pipelines.recognition.listing import SUBSETS, Head
from fact_jax.types import UserError

NOUNS = ("none", "cross", "square", "disc")
VERBS = ("right", "left", "down", "up")
# By noun, whether cross and square have another colour than the disc.
_DIFFER = ((False, False), (True, False), (False, True), (True, True))
_STEPS = np.array([(0, 1), (0, -1), (1, 0), (-1, 0)])  # (down, right) of VERBS
_STREAM = 41  # first entry of the entropy, so that no two generators of this library coincide
_RATE = 10.0  # frames per second
_SPEED = 2  # pixels from a frame to the next
_WAVES = (0.04, 0.14)  # of the pattern, in waves per pixel
_CELL, _AWAY = 8, 1.0  # pixels: shapes lie near the middles of different cells, at most so far from them
_COLORS = np.array([(0.95, 0.25, 0.1), (0.1, 0.35, 0.95)])  # shares of white
_MIDDLE, _PATTERN, _NOISE = 0.5, 0.15, 0.02  # the same, of the ground and its deviations


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
        size, length = self._spec.size, len(self)
        frames = np.repeat(_MIDDLE + _PATTERN * _drift(size, length, self.verb, rng)[..., None], 3, axis=-1)
        for frame, colors in zip(frames, _colors(length, self.noun, rng), strict=True):
            for shape, place in enumerate(_places(size, rng)):
                frame[_inside(size, shape, place)] = _COLORS[colors[shape]]
        frames += rng.normal(0, _NOISE, frames.shape)
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


def _colors(length, noun, rng):
    """int [T, 3], which of the two colours disc, cross and square have in every frame."""
    disc = rng.permutation(np.arange(length) % 2)
    return np.stack([disc, *(disc ^ differs for differs in _DIFFER[noun])], axis=1)


def _places(size, rng):
    """float64 [3, 2], (down, right) in pixels of the middles of three shapes, in different cells."""
    side = size // _CELL
    cells = np.stack(np.divmod(rng.permutation(side * side)[:3], side), axis=1)
    return (cells + 0.5) * _CELL - 0.5 + rng.uniform(-_AWAY, _AWAY, (3, 2))


def _inside(size, shape, place):
    """bool [size, size], the pixels of a disc (0), a cross (1) or the outline of a square (2)."""
    down, right = (np.abs(np.arange(size) - middle) for middle in place)
    down, right = down[:, None], right[None]
    if shape == 0:
        return down**2 + right**2 <= 9
    far = np.maximum(down, right)
    return (far <= 3) & (np.minimum(down, right) <= 0.8 if shape == 1 else far > 1.6)


def heads(spec) -> tuple[Head, ...]:
    """Noun and verb, or one head for both together."""
    if spec.pairs:
        return Head("noun", NOUNS), Head("verb", VERBS)
    return (Head("label", tuple(f"{noun} {verb}" for verb in VERBS for noun in NOUNS)),)


def synthetic_clips(spec, subset, seed=0):
    """All SyntheticClips of a subset, by name."""
    count = spec.num_train_videos if subset == "train" else spec.num_test_videos
    return {f"{subset}_{index:04d}": SyntheticClip(spec, subset, index, seed) for index in range(count)}
