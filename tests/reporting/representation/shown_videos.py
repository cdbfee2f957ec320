"""Videos whose frames show their own number, with embeddings that tell how far an action has gone."""

import numpy as np

from fact_jax.reporting.representation.shown import ShownVideo
from tests.data_pipelines.video.written import HEIGHT, WIDTH, bar_code

NAMES = ("reach", "pour $a$", "leave")


class Bars:
    """Frames with the interface of a RawVideo; `passes` counts how often it was gone through."""

    size = (HEIGHT, WIDTH)

    def __init__(self, numbers):
        self.numbers, self.passes = list(numbers), 0

    def frames(self, indices):
        return np.stack([bar_code(self.numbers[index]) for index in indices])

    def batches(self, indices, batch_size):
        self.passes += 1
        assert np.all(np.diff(indices) > 0)
        for start in range(0, len(indices), batch_size):
            yield self.frames(indices[start : start + batch_size])


def arc(states):
    """float32 [N, 3], embeddings of unit length of how far an action has gone, in [0, 1]."""
    angles = np.asarray(states, np.float64) * 2.5
    return np.stack([np.cos(angles), np.sin(angles), np.zeros(len(angles))], axis=1).astype(np.float32)


def shown(name, states, *, rate=20.0, labelled=True):
    """A ShownVideo whose frames have the numbers 0, 1, ...; three phases."""
    states = np.asarray(states, np.float64)
    labels = np.minimum((states * 3).astype(int), 2) if labelled else None
    steps = np.arange(len(states))
    return ShownVideo(name, arc(states), steps / rate, labels, steps, Bars(steps % 256))
