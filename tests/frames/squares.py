"""Generated raw video: a square on noise, whose size is the number to find."""

import numpy as np

from fact_jax.types import UserError

FRAMES, SIDE = 4, 16


class Squares:
    """An ExampleSource, see `data_pipelines.core.mapped`; of different lengths, flipped at random in training.

    Attributes:
      broken: position of a video that cannot be read; None: all can.
    """

    heavy = ("frames",)
    shapes = {"frames": ((FRAMES, SIDE, SIDE, 3), np.uint8), "mask": ((FRAMES,), bool), "size": ((), np.float32)}

    def __init__(self, name, count, *, broken=None):
        self.video_ids = tuple(f"{name}{number}" for number in range(count))
        self.broken = broken

    def example(self, position, rng):
        if position == self.broken:
            raise UserError(f"{self.video_ids[position]}.mp4 cannot be read: it ends early. Copy it again.")
        draw = np.random.default_rng([ord(self.video_ids[position][0]), position])
        frames = draw.integers(0, 60, (int(draw.integers(2, FRAMES + 1)), SIDE, SIDE, 3), np.uint8)
        size = int(draw.integers(2, SIDE // 2))
        frames[:, 3 : 3 + size, 2 : 2 + size] += 180
        if rng is not None and rng.random() < 0.5:
            frames = frames[:, :, ::-1]
        return {"frames": frames, "mask": np.ones(len(frames), bool), "size": np.float32(size)}
