"""How fast clips are augmented for training, beside the published way, which changes whole frames one by one."""

import functools
import statistics
import time

import numpy as np

from data_pipelines.recognition.augmentation import ClipAugmentationConfig, augment, augment_as_published, draw_clip
from data_pipelines.recognition.config import RecognitionDataConfig
from fact_jax.benchmark.measure import interleave

DRAWS = 16  # with different operations and crops
HEIGHT, WIDTH = 240, 427  # of most videos of Something-Something-V2


class Augmenting:
    """Answers the requests of a `workers.Worker`."""

    def __init__(self, config):
        """Args: the ConfigDict."""
        data = RecognitionDataConfig.parse(config.data)
        self._config, self._frames = data.augmentation, made_frames(data.sampling.num_frames)

    def compare(self, repeats):
        """Median processor seconds of a clip of both ways, the ratio, and how far pixels differ."""
        draws = draws_of(self._config)
        size = self._config.size
        ways = {"ours": augment, "other": augment_as_published}
        out = {name: np.empty((len(self._frames), size, size, 3), np.float32) for name in ways}
        difference = 0.0
        for view in draws:
            ours, other = (way(self._frames, view, self._config, out[name]) for name, way in ways.items())
            difference = max(difference, float(np.abs(ours - other).max()))
        runs = {name: functools.partial(self._seconds, way, draws, out[name]) for name, way in ways.items()}
        found = {name: statistics.median(values) for name, values in interleave(runs, repeats).items()}
        return {
            **found,
            "ratio": found["ours"] / found["other"],
            "difference": difference,
            "draws": len(draws),
            "frames": len(self._frames),
            "height": HEIGHT,
            "width": WIDTH,
        }

    def _seconds(self, way, draws, out):
        begin = time.process_time()
        for view in draws:
            way(self._frames, view, self._config, out)
        return (time.process_time() - begin) / len(draws)


def draws_of(config: ClipAugmentationConfig):
    """The views that are measured."""
    return [draw_clip(config, HEIGHT, WIDTH, np.random.default_rng(seed)) for seed in range(DRAWS)]


def made_frames(count):
    """uint8 [count, HEIGHT, WIDTH, 3]: waves of every channel that move, with noise."""
    rng = np.random.default_rng(6)
    rows, columns = np.arange(HEIGHT)[:, None, None], np.arange(WIDTH)[:, None]
    waves = [np.sin(0.03 * rows + 0.05 * columns + 0.2 * number + np.arange(3)) for number in range(count)]
    noise = rng.normal(scale=8, size=(count, HEIGHT, WIDTH, 3))
    return (128 + 90 * np.stack(waves) + noise).clip(0, 255).astype(np.uint8)
