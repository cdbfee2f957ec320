"""Embeds the frames of videos with jax and NumPy alone.

    python predict.py OUTPUT FRAMES.npy ...

takes uint8 (frames, height, width, 3), RGB, and writes OUTPUT/FRAMES.npy, float32 (frames, channels). From Python:
Model().predict(frames).
"""

import math

import jax
import numpy as np

from fact_jax.inference.export.readers.exported import Exported, start


class Model(Exported):
    """An exported network that embeds frames."""

    def predict(self, video):
        """Embeddings float32 [N, D] of the frames of a video, uint8 [T, H, W, 3]."""
        chunks, size, video = self.about["chunks"], self.about["size"], np.asarray(video)
        if video.dtype != np.uint8 or video.ndim != 4 or video.shape[3] != 3 or min(video.shape) < 1:
            raise ValueError(f"an array {video.shape} of {video.dtype}; expected uint8 [frames, height, width, 3], RGB")
        if self.about["crop"] == "center":
            top, left = (max(0, math.ceil((side - size) / 2)) for side in video.shape[1:3])
            video = video[:, top : top + size, left : left + size]
        steps = np.arange(0, len(video), chunks["frame_stride"])
        past = chunks["context_stride"] * np.arange(1 - chunks["num_contexts"], 1)
        each = math.ceil(len(steps) / math.ceil(len(steps) / chunks["frames_per_chunk"]))
        parts = []
        for first in range(0, len(steps), each):
            # With every frame go those before it that the network sees beside it.
            numbers = np.clip(steps[first : first + each, None] + past, 0, len(video) - 1)
            frames = video[numbers].astype(np.float32) / np.float32(255)
            resized = jax.image.resize(frames, (*numbers.shape, size, size, 3), "linear", antialias=False)
            parts.append(self.run(np.asarray(resized))["embeddings"][: len(numbers)])
        return np.concatenate(parts)


if __name__ == "__main__":
    start(Model)
