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

_READ_AT_ONCE = 4  # frames in the size of the video that are held


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
        clip, config = self._clips[position], self._augmentation
        numbers = clip.first + sampling.draw(self._sampling, clip.num_frames, rng)
        children = rng.spawn(self._sampling.num_samples)
        views = [augmentation.draw_clip(config, *clip.video.size, child) for child in children]
        found = np.empty((len(views), len(numbers), *self.shapes["frames"][0][1:]), np.float32)
        for places, frames in _read(clip.video, numbers):
            for view, samples in zip(views, found, strict=True):
                augmentation.augment(frames, view, config, out=samples[places], first=places.start)
        return {"frames": found.reshape(self.shapes["frames"][0]), "labels": clip.labels}


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

    Views of a clip follow one another, so that a process that reads several reads its frames once.
    """

    heavy = ("frames",)

    def __init__(self, clips: Sequence[LabelledClip], data: RecognitionDataConfig, *, is_test=False):
        """One view of every clip, or all of a test."""
        self._clips, self._sampling, self._augmentation = clips, data.sampling, data.augmentation
        self._is_test, self._resized = is_test, _Resized()
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
        from data_pipelines.video.view_loops import resize_and_normalize

        clip, chunks, config = self._clips[view.clip], self.frames_of(view.clip), self._augmentation
        size = clip.video.size
        if self._is_test:
            place = evaluation_views.view_of_test(config, *size, view.crop, self._sampling.test_crops)
        else:
            place = evaluation_views.view_of_validation(config, *size)
        numbers = np.unique(chunks)
        whole = self._resized.frames(view.clip, clip.video, numbers, (place.height, place.width))
        chosen = np.searchsorted(numbers, chunks[view.chunk])
        found = np.empty((len(chosen), config.size, config.size, 3), np.float32)
        return resize_and_normalize(whole[chosen], found, place.box)


class _Resized:
    """The frames of the clip that was read last, resized. Processes get one of their own; threads share it."""

    def __init__(self):
        self._lock, self._number, self._frames = threading.Lock(), None, None

    def __reduce__(self):
        return _Resized, ()

    def frames(self, number, video, numbers, size) -> UInt8[np.ndarray, "n H W 3"]:
        """Frames `numbers` of the video of clip `number`, which are always the same, with `size`, (height, width)."""
        from data_pipelines.video.fixed_point_resize import resize_part

        with self._lock:
            if self._number != number:
                self._number, (height, width) = None, size
                self._frames = np.empty((len(numbers), height, width, 3), np.uint8)
                for places, frames in _read(video, numbers):
                    self._frames[places] = resize_part(frames, height, width, (0, 0, height, width))
                self._number = number
            return self._frames


def _read(video, numbers):
    """Yields (slice of `numbers`, which ascend; their frames uint8 [n, H, W, 3]), few frames at a time."""
    distinct, of = np.unique(numbers, return_inverse=True)
    ends = np.searchsorted(of, np.arange(len(distinct) + 1))
    first = 0
    for frames in video.batches(distinct, _READ_AT_ONCE):
        places = slice(int(ends[first]), int(ends[first + len(frames)]))
        yield places, frames[of[places] - first]
        first += len(frames)
