"""Clips and chunks of opened videos as examples, see `data_pipelines.core.mapped`.

V views of T steps are read from C frames for each step (contexts). Views lie one after the other on the first axis of
the frames, so that an example is one run of V * T * C frames.
"""

import itertools

import numpy as np

from data_pipelines.core import mapped
from data_pipelines.representation.config import RepresentationDataConfig
from data_pipelines.representation.listing import NO_PHASE
from data_pipelines.video import clips, views

_GROUP_STREAM = 22  # last entry of the entropy, so that no two generators of a step coincide
_READ_AT_ONCE = 16  # frames in the size of the video that are held


class TrainClips(mapped.ExampleSource):
    """Views of every training video; their arrays are

    frames float32 [V * T * C, S, S, 3], normalised; steps int32 [V, T], numbers of frames in the video;
    mask bool [V, T]; labels int32 [V, T], -1 without a phase; length int32 (), N of the video; group int32 ().
    """

    heavy = ("frames",)

    def __init__(self, entries, data: RepresentationDataConfig, num_views=2):
        """`entries` are PhasedVideos; one view without self-supervision, otherwise two."""
        self.video_ids = tuple(entry.video_id for entry in entries)
        self._entries, self._clip, self._augmentation, self._num_views = (
            entries,
            data.clip,
            data.augmentation,
            num_views,
        )
        steps, size = (num_views, data.clip.num_frames), data.augmentation.size
        self.shapes = {
            "frames": ((steps[0] * steps[1] * data.clip.num_contexts, size, size, 3), np.float32),
            "steps": (steps, np.int32),
            "mask": (steps, bool),
            "labels": (steps, np.int32),
            "length": ((), np.int32),
            "group": ((), np.int32),
        }

    def example(self, position, rng):
        """`rng` is seeded by seed, step and row; each view draws its changes from a child of its own."""
        entry = self._entries[position]
        chosen = clips.draw_views(self._clip, len(entry.video), rng, self._num_views)
        drawn = [views.draw_view(self._augmentation, *entry.video.size, child) for child in rng.spawn(self._num_views)]
        frames = [clip.frames for clip in chosen]
        return {
            "frames": _read(entry.video, frames, drawn, self._augmentation),
            "steps": np.stack([clip.steps for clip in chosen]),
            "mask": np.stack([clip.mask for clip in chosen]),
            "labels": np.stack([_labels(entry, clip.steps) for clip in chosen]),
            "length": np.int32(len(entry.video)),
            "group": np.int32(entry.group),
        }


class GroupBatches(mapped.TrainBatches):
    """Batches whose videos are all of one group, as TCC needs; `groups` has that of every video of the source.

    Published for PennAction: every step draws a group, then different videos of it; a group of fewer videos than a step
    has repeats them.
    """

    def __init__(self, source, groups, **options):
        """`options` are those of TrainBatches."""
        super().__init__(source, **options)
        groups = np.asarray(groups)
        self._members = [np.flatnonzero(groups == group) for group in np.unique(groups)]

    def positions(self, step):
        rng = np.random.default_rng([self._seed, step, _GROUP_STREAM])
        members = rng.permutation(self._members[rng.integers(len(self._members))])
        return np.resize(members, self._batch_size)


class EvaluationChunks(mapped.ExampleSource):
    """Videos in chunks that are embedded one after the other; an example is a chunk. Its arrays are

    frames float32 [L * C, S, S, 3], normalised; mask bool [L], False behind the end of the chunk;
    labels int32 [L]; start int32 (), the step of the video that the chunk begins with; video int32 (), the number of
    the video; group int32 ().
    """

    heavy = ("frames",)

    def __init__(self, entries, data: RepresentationDataConfig, frames_per_chunk, stride=1, least=1):
        """L is the longest chunk, at most `frames_per_chunk` steps, or `least`; every `stride`-th frame is a step."""
        self._entries, self._clip, self._augmentation = entries, data.clip, data.augmentation
        self._steps = [clips.sample_all(len(entry.video), stride) for entry in entries]
        self._chunks = [
            (number, chunk)
            for number, steps in enumerate(self._steps)
            for chunk in clips.evaluation_chunks(len(steps), frames_per_chunk)
        ]
        self.video_ids = tuple(entries[number].video_id for number, _ in self._chunks)
        longest, size = max(least, *(chunk.stop - chunk.start for _, chunk in self._chunks)), data.augmentation.size
        self.shapes = {
            "frames": ((longest * data.clip.num_contexts, size, size, 3), np.float32),
            "mask": ((longest,), bool),
            "labels": ((longest,), np.int32),
            **dict.fromkeys(("start", "video", "group"), ((), np.int32)),
        }

    def example(self, position, rng):
        del rng
        number, chunk = self._chunks[position]
        entry, steps = self._entries[number], self._steps[number][chunk]
        return {
            "frames": self._frames(number, chunk),
            "mask": np.ones(len(steps), bool),
            "labels": _labels(entry, steps),
            "start": np.int32(chunk.start),
            "video": np.int32(number),
            "group": np.int32(entry.group),
        }

    def video_of(self, position) -> int:
        """The number of the video that an example is a chunk of."""
        return self._chunks[position][0]

    def _numbers(self, number, steps):
        """The frames that steps of a video need, int [n * C]."""
        contexts = self._clip.num_contexts, self._clip.context_stride
        return clips.expand_contexts(steps, len(self._entries[number].video), *contexts)

    def _view(self, number):
        return views.evaluation_view(self._augmentation, *self._entries[number].video.size)

    def _frames(self, number, chunk):
        numbers = self._numbers(number, self._steps[number][chunk])
        return _read(self._entries[number].video, [numbers], [self._view(number)], self._augmentation)


def _labels(entry, steps):
    return np.full(len(steps), NO_PHASE, np.int32) if entry.labels is None else entry.labels[steps]


def _read(video, frames, drawn, config):
    """float32 [all frames of all views, S, S, 3]: decoded once for all views, changed and put in place part by part."""
    numbers = np.unique(np.concatenate(frames))
    found = np.empty((sum(map(len, frames)), config.size, config.size, 3), np.float32)
    ends = np.cumsum([len(part) for part in frames])
    for start, read in enumerate(video.batches(numbers, _READ_AT_ONCE)):
        part = numbers[start * _READ_AT_ONCE : (start + 1) * _READ_AT_ONCE]
        for wanted, view, end in zip(frames, drawn, ends, strict=True):
            places = np.flatnonzero((wanted >= part[0]) & (wanted <= part[-1]))
            distinct, first, inverse = np.unique(wanted[places], return_index=True, return_inverse=True)
            places += end - len(wanted)
            # The first of equal frames lie side by side, unless contexts overlap.
            for group in _runs(places[first]):
                chosen = read[np.searchsorted(part, distinct[group])]
                place = places[first][group][0]
                views.augment(chosen, view, config, out=found[place : place + len(chosen)])
            repeats = np.flatnonzero(first[inverse] != np.arange(len(places)))
            found[places[repeats]] = found[places[first[inverse[repeats]]]]
    return found


def _runs(places):
    """Slices of places that follow one on the other."""
    ends = [0, *(np.flatnonzero(np.diff(places) != 1) + 1), len(places)]
    return [slice(one, other) for one, other in itertools.pairwise(ends) if other > one]
