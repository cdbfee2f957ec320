"""Clips as examples, see `data_pipelines.core.mapped`: augmented ones to train on, and views that are evaluated.

T is the number of frames that the network sees, S their height and width, L the number of heads.
"""

import dataclasses
import threading
from collections.abc import Sequence

import numpy as np
from jaxtyping import UInt8

from data_pipelines.core import mapped
from data_pipelines.recognition import augmentation, evaluation_views, sampling
from data_pipelines.recognition.config import RecognitionDataConfig
from data_pipelines.recognition.opening import LabelledClip


class TrainClips(mapped.ExampleSource):
    """Every training clip, augmented; its arrays are

    frames float32 [R * T, S, S, 3], normalised, where R is `sampling.num_samples`, one augmentation after the other;
    labels int32 [L].
    """

    heavy = ("frames",)

    def __init__(self, clips: Sequence[LabelledClip], data: RecognitionDataConfig):
        """A clip is decoded once for all of its augmentations, which have the same frames."""
        self.video_ids = tuple(clip.clip_id for clip in clips)
        self._clips, self._sampling, self._augmentation = clips, data.sampling, data.augmentation
        size, frames = data.augmentation.size, data.sampling.num_samples * data.sampling.num_frames
        self.shapes = {
            "frames": ((frames, size, size, 3), np.float32),
            "labels": (clips[0].labels.shape if clips else (0,), np.int32),
        }

    def example(self, position, rng):
        """`rng` is seeded by seed, step and row; each augmentation draws from a child of its own."""
        clip, count = self._clips[position], self._sampling.num_frames
        numbers = clip.first + sampling.draw(self._sampling, clip.num_frames, rng)
        decoded = clip.video.frames(numbers)
        found = np.empty(self.shapes["frames"][0], np.float32)
        for place, child in enumerate(rng.spawn(self._sampling.num_samples)):
            view = augmentation.draw_clip(self._augmentation, *clip.video.size, child)
            out = found[place * count : (place + 1) * count]
            augmentation.augment(decoded, view, self._augmentation, out=out)
        return {"frames": found, "labels": clip.labels}


@dataclasses.dataclass(frozen=True)
class View:
    """One view of an evaluation: number of the clip, which of its choices of frames, which of its crops."""

    clip: int
    chunk: int
    crop: int


class EvaluationViews(mapped.ExampleSource):
    """Clips as they are evaluated; an example is a view. Its arrays are

    frames float32 [T, S, S, 3], normalised; labels int32 [L]; video int32 (), the number of the clip;
    chunk int32 () and crop int32 (), which of its choices of frames and which of its crops the view is.

    Views of a clip follow one another, so that a process that reads several decodes it once.
    """

    heavy = ("frames",)

    def __init__(self, clips: Sequence[LabelledClip], data: RecognitionDataConfig, *, is_test=False):
        """One view of every clip, or all of a test."""
        self._clips, self._sampling, self._augmentation = clips, data.sampling, data.augmentation
        self._is_test, self._decoded = is_test, _Decoded()
        places = sampling.views_of_test(data.sampling) if is_test else [(0, 0)]
        self._views = [View(number, *place) for number in range(len(clips)) for place in places]
        self.video_ids = tuple(clips[view.clip].clip_id for view in self._views)
        size, frames = data.augmentation.size, data.sampling.num_frames
        self.shapes = {
            "frames": ((frames, size, size, 3), np.float32),
            "labels": (clips[0].labels.shape if clips else (0,), np.int32),
            **dict.fromkeys(("video", "chunk", "crop"), ((), np.int32)),
        }

    def example(self, position, rng):
        """Draws nothing."""
        del rng
        view = self._views[position]
        return {
            "frames": self._frames(view),
            "labels": self._clips[view.clip].labels,
            "video": np.int32(view.clip),
            "chunk": np.int32(view.chunk),
            "crop": np.int32(view.crop),
        }

    def view_of(self, position) -> View:
        """What an example is."""
        return self._views[position]

    def frames_of(self, number) -> np.ndarray:
        """int64 [chunks, T], the frames of the video that the chunks of a clip are made of."""
        clip = self._clips[number]
        if self._is_test:
            return clip.first + sampling.for_test(self._sampling, clip.num_frames)
        return clip.first + sampling.for_evaluation(self._sampling, clip.num_frames, number)[None]

    def _frames(self, view):
        clip, chunks = self._clips[view.clip], self.frames_of(view.clip)
        numbers = np.unique(chunks)
        decoded = self._decoded.frames(view.clip, clip.video, numbers)
        chosen = decoded[np.searchsorted(numbers, chunks[view.chunk])]
        if not self._is_test:
            return evaluation_views.evaluate(
                chosen, evaluation_views.view_of_validation(self._augmentation, *clip.video.size)
            )
        crops = self._sampling.test_crops
        place = evaluation_views.view_of_test(self._augmentation, *clip.video.size, view.crop, crops)
        return evaluation_views.evaluate(chosen, place)


class _Decoded:
    """The frames of the clip that was decoded last. Processes get one of their own; threads share it."""

    def __init__(self):
        self._lock, self._number, self._frames = threading.Lock(), None, None

    def __reduce__(self):
        return _Decoded, ()

    def frames(self, number, video, numbers) -> UInt8[np.ndarray, "n H W 3"]:
        """Frames `numbers` of the video of clip `number`, for which they are always the same."""
        with self._lock:
            if self._number != number:
                self._number, self._frames = None, None  # freed before the next one takes its place
                self._frames = video.frames(numbers)
                self._number = number
            return self._frames
