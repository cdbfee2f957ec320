"""Embeds the frames of videos with an exported network; needs jax and NumPy alone.

    python predict.py OUTPUT FRAMES.npy ...

takes uint8 (frames, height, width, 3), RGB, and writes OUTPUT/FRAMES.npy, float32 (frames, channels). From Python:
Model().predict(frames).
"""

import math

import numpy as np

from fact_jax.inference.export.readers.common import Exported, main


class Model(Exported):
    """An exported network that embeds frames."""

    def predict(self, video):
        """Embeddings float32 [N, D] of the frames of a video, uint8 [T, H, W, 3]."""
        about, video = self.about["chunks"], np.asarray(video)
        if video.dtype != np.uint8 or video.ndim != 4 or video.shape[3] != 3 or min(video.shape) < 1:
            raise ValueError(f"an array {video.shape} of {video.dtype}; expected uint8 [frames, height, width, 3], RGB")
        steps = np.arange(0, len(video), about["frame_stride"])
        past = about["context_stride"] * np.arange(1 - about["num_contexts"], 1)
        size = math.ceil(len(steps) / math.ceil(len(steps) / about["frames_per_chunk"]))
        parts = []
        for first in range(0, len(steps), size):
            chunk = steps[first : first + size]
            numbers = np.clip(chunk[:, None] + past, 0, len(video) - 1).reshape(-1)
            frames = self.prepared(video[numbers])
            found = self.run(frames=frames, mask=np.ones(len(chunk), bool), length=size)
            parts.append(found["embeddings"][: len(chunk)])
        return np.concatenate(parts)

    def prepared(self, frames):
        """Frames as the network sees them, float32 [T, size, size, 3]: cropped, resized and normalised."""
        size = self.about["chunks"]["size"]
        if self.about["chunks"]["crop"] == "center":
            top, left = (max(0, math.ceil((side - size) / 2)) for side in frames.shape[1:3])
            frames = frames[:, top : top + size, left : left + size]
        pictures = np.divide(frames, np.float32(255), dtype=np.float32)
        for axis in (1, 2):
            pictures = resized(pictures, axis, size)
        mean, deviation = (np.array(self.about["chunks"][name], np.float32) for name in ("mean", "deviation"))
        return (pictures - mean) / deviation

    def predict_file(self, path, result):
        """Writes the embeddings of one file of frames."""
        np.save(f"{result}.npy", self.predict(np.load(path)))


def resized(pictures, axis, size):
    """Linear along one axis, of pixel centres, without antialiasing."""
    old = pictures.shape[axis]
    if old == size:
        return pictures
    scale = np.float64(np.float32(old) / np.float32(size))
    place = np.maximum(scale * (np.arange(size) + 0.5) - 0.5, 0).astype(np.float32)
    low = np.minimum(place.astype(np.int64), old - 1)
    share = np.expand_dims((place - low).astype(np.float32), tuple(range(1, pictures.ndim - axis)))
    high = np.take(pictures, np.minimum(low + 1, old - 1), axis)
    return np.take(pictures, low, axis) * (1 - share) + high * share


if __name__ == "__main__":
    main(Model().predict_file)
