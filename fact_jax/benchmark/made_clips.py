"""Made clips of raw frames for the benchmark of networks that read video: white noise, the same in every process."""

import numpy as np


class MadeClips:
    """Clips as `data_pipelines.representation.source.TrainClips` gives them: V views of T steps, every frame there."""

    heavy = ("frames",)

    def __init__(self, num_videos, num_views, num_frames, contexts, size):
        """`contexts` images of every step, of `size` x `size` pixels."""
        self.video_ids = tuple(f"video{number}" for number in range(num_videos))
        self._steps, images = (num_views, num_frames), num_views * num_frames * contexts
        self.shapes = {
            "frames": ((images, size, size, 3), np.float32),
            **dict.fromkeys(("steps", "labels"), (self._steps, np.int32)),
            "mask": (self._steps, bool),
            **dict.fromkeys(("length", "group"), ((), np.int32)),
        }

    def example(self, position, rng=None):
        """The arrays of a video; whatever `rng`, they are the same."""
        del rng
        noise, length = np.random.default_rng([3, position]), 2 * self._steps[1]
        steps = np.sort([noise.permutation(length)[: self._steps[1]] for _ in range(self._steps[0])])
        return {
            "frames": noise.standard_normal(self.shapes["frames"][0], np.float32),
            "steps": steps.astype(np.int32),
            "mask": np.ones(self._steps, bool),
            "labels": np.zeros(self._steps, np.int32),
            "length": np.int32(length),
            "group": np.int32(0),
        }


class MadeChunks:
    """Whole videos as `data_pipelines.representation.source.EvaluationChunks` gives them, one chunk each."""

    heavy = ("frames",)

    def __init__(self, lengths, contexts, size):
        """`lengths` are the frames of every video."""
        self.video_ids = tuple(f"video{number}" for number in range(len(lengths)))
        self._lengths, self._contexts, self._size = lengths, contexts, size
        longest = max(lengths)
        self.shapes = {
            "frames": ((longest * contexts, size, size, 3), np.float32),
            "mask": ((longest,), bool),
            "labels": ((longest,), np.int32),
            **dict.fromkeys(("start", "video", "group"), ((), np.int32)),
        }

    def example(self, position, rng=None):
        """The arrays of a video."""
        del rng
        noise, length = np.random.default_rng([4, position]), self._lengths[position]
        shape = (length * self._contexts, self._size, self._size, 3)
        return {
            "frames": noise.standard_normal(shape, np.float32),
            "mask": np.ones(length, bool),
            "labels": np.zeros(length, np.int32),
            "start": np.int32(0),
            "video": np.int32(position),
            "group": np.int32(0),
        }


class MadeLabelledClips:
    """Clips as `data_pipelines.recognition.source` gives them, to train on and as one view of an evaluation."""

    heavy = ("frames",)

    def __init__(self, num_clips, num_frames, size, num_classes):
        """`num_classes` are those of every head."""
        self.video_ids = tuple(f"video{number}" for number in range(num_clips))
        self._num_classes = num_classes
        self.shapes = {
            "frames": ((num_frames, size, size, 3), np.float32),
            "labels": ((len(num_classes),), np.int32),
            **dict.fromkeys(("video", "chunk", "crop"), ((), np.int32)),
        }

    def example(self, position, rng=None):
        """The arrays of a clip; whatever `rng`, they are the same."""
        del rng
        noise = np.random.default_rng([5, position])
        return {
            "frames": noise.standard_normal(self.shapes["frames"][0], np.float32),
            "labels": noise.integers(self._num_classes, dtype=np.int32),
            "video": np.int32(position),
            "chunk": np.int32(0),
            "crop": np.int32(0),
        }
