"""Videos without labels, read once from start to end in the chunks that are embedded one after the other.

A video that turns out unreadable is a problem that is noted, never one that stops the others.
"""

import bisect
import dataclasses
import os
import pathlib

import numpy as np
from jaxtyping import Float, UInt8

from data_pipelines.core.mapped import EvalBatches
from data_pipelines.core.problems import Problem
from data_pipelines.representation.config import RepresentationDataConfig
from data_pipelines.representation.input_videos import FoundVideos, VideoInput, checksum
from data_pipelines.representation.opening import PhasedVideo
from data_pipelines.representation.source import EvaluationChunks
from data_pipelines.video import clips, views
from data_pipelines.video.config import VideoConfig
from data_pipelines.video.errors import VideoError
from data_pipelines.video.frame_times import DEFAULT_RATE
from data_pipelines.video.opening import open_video
from data_pipelines.video.raw_video import RawVideo
from fact_jax.types import UserError

# Chunks are padded to one of these lengths, or to the longest chunk that there may be: videos share compiled programs.
_LENGTHS = tuple(2**power + half * 2 ** (power - 1) for power in range(4, 20) for half in (0, 1))
_READ_AT_ONCE = 16  # frames in the size of the video that are held


def chunk_lengths(frames_per_chunk: int) -> tuple[int, ...]:
    """All lengths that chunks of at most so many frames are padded to, ascending."""
    return (*(length for length in _LENGTHS if length < frames_per_chunk), frames_per_chunk)


@dataclasses.dataclass(frozen=True)
class ChunkConfig:
    """What is embedded: the clips as `data`, a RepresentationDataConfig, says; every `frame_stride`-th frame; at most
    `frames_per_chunk` of these together."""

    data: RepresentationDataConfig
    frames_per_chunk: int
    frame_stride: int = 1

    def steps(self, video):
        """int [N], numbers of the frames of a RawVideo that are embedded."""
        return clips.sample_all(len(video), self.frame_stride)

    def padded_length(self, video) -> int:
        """L for the chunks of a RawVideo, whatever other videos there are."""
        return self.length_for(clips.evaluation_chunks(len(self.steps(video)), self.frames_per_chunk)[0].stop)

    def length_for(self, num_steps: int) -> int:
        """L for chunks of at most `num_steps` steps."""
        return min(_LENGTHS[bisect.bisect_left(_LENGTHS, num_steps)], self.frames_per_chunk)


class Assembly:
    """Puts the embeddings of the chunks of one video together, which come in order.

    Attributes:
      steps, times: int and float64 [N], numbers of the embedded frames, and seconds at which they are shown.
    """

    def __init__(self, video, config: ChunkConfig):
        self.steps = config.steps(video)
        self.times = np.asarray(video.times, np.float64)[self.steps]
        self._sizes = [
            part.stop - part.start for part in clips.evaluation_chunks(len(self.steps), config.frames_per_chunk)
        ]
        self._parts: list[np.ndarray] = []

    def add(self, embeddings: Float[np.ndarray, "L D"]) -> Float[np.ndarray, "N D"] | None:
        """Takes the next chunk, padded or not; returns all of the video where it was the last one, else None."""
        self._parts.append(np.array(embeddings[: self._sizes[len(self._parts)]], np.float32))
        if len(self._parts) < len(self._sizes):
            return None
        whole, self._parts = np.concatenate(self._parts), []
        return whole


class UnlabelledRawVideos:
    """VideoInputs as `fact_jax.inference.run.predict_videos` wants them.

    Attributes:
      inputs, video_ids: the videos, and their names.
      problems: list of Problem, those found later as well; sources made by `select` share it.
      unusable: names of videos that had one when they were listed.
    """

    def __init__(self, found: FoundVideos, config, assembly=Assembly):
        """`assembly(video, config)` puts what is predicted for the parts of a video together; of chunks `config` is a
        ChunkConfig."""
        self.inputs, self.problems, self.unusable = found.inputs, found.problems, found.unusable
        self.video_ids = tuple(video.video_id for video in self.inputs)
        self.config, self._found, self._assembly = config, found, assembly
        self._assemblies = [assembly(video.video, config) for video in self.inputs]

    def select(self, positions):
        """The videos at these positions, as a source of their own."""
        chosen = dataclasses.replace(self._found, inputs=tuple(self.inputs[position] for position in positions))
        return UnlabelledRawVideos(chosen, self.config, self._assembly)

    def is_bad(self, index):
        """Whether a problem of this video is known."""
        path = str(self.inputs[index].path)
        return any(problem.path == path for problem in self.problems)

    def report(self, index, found, expected=""):
        """Notes a problem of one video; only the first one of a video counts."""
        if not self.is_bad(index):
            self.problems.append(Problem(str(self.inputs[index].path), 0, found, expected))

    def read_input(self, index):
        """The VideoInput of a video that was read, with its checksum."""
        return dataclasses.replace(self.inputs[index], sha256=checksum(self.inputs[index].path))

    def extent(self, index):
        """What the `prediction` of a predictor has to know of a video: its assembly."""
        return (self._assemblies[index],)

    def refuse_problems(self):
        """Raises the first problem as a UserError, if there is one."""
        if self.problems:
            raise UserError(f"{self.problems[0]}.")


class UnlabelledChunks(EvaluationChunks):
    """`EvaluationChunks` that are read in one pass over each video while they are asked for in order, by one thread.

    The chunks of a video that turns out unreadable, which `source` then knows, are zeros.
    """

    def __init__(self, source: UnlabelledRawVideos, length):
        """L is `length`, which all videos of `source` have."""
        config = source.config
        entries = [PhasedVideo(video.video_id, video.video, None) for video in source.inputs]
        super().__init__(entries, config.data, config.frames_per_chunk, config.frame_stride)
        size = config.data.augmentation.size
        self.shapes = {
            **self.shapes,
            "frames": ((length * config.data.clip.num_contexts, size, size, 3), np.float32),
            "mask": ((length,), bool),
            "labels": ((length,), np.int32),
        }
        self._source, self._pass = source, None

    def _frames(self, number, chunk):
        nothing = np.zeros((0, *self.shapes["frames"][0][1:]), np.float32)
        if self._source.is_bad(number):
            return nothing
        if self._pass is None or self._pass.place != (number, chunk.start):
            rest = self._numbers(number, self._steps[number][chunk.start :])
            self._pass = _Pass(self._entries[number].video, np.unique(rest), self._view(number), self._augmentation)
        try:
            found = self._pass.read(self._numbers(number, self._steps[number][chunk]))
        except VideoError as error:
            self._source.report(number, error.problem.found, error.problem.expected)
            return nothing
        self._pass.place = (number, chunk.stop)
        return found


class _Pass:
    """One pass over a video that gives the frames of chunk after chunk; `place` is where the next one begins.

    It holds frames from the first one of the last chunk on: chunks share frames where these have contexts.
    """

    def __init__(self, video, numbers, view, config):
        """`numbers` int [n], which rise, are those of all frames of all chunks to come."""
        self._frames = (frame for batch in video.batches(numbers, _READ_AT_ONCE) for frame in batch)
        self._numbers, self._view, self._config = numbers, view, config
        self._first, self._held = 0, np.zeros((0, config.size, config.size, 3), np.float32)
        self.place = None  # (video, step)

    def read(self, wanted):
        """float32 [n, S, S, 3], frames of the numbers `wanted`, int [n], none before all of the last chunk."""
        first, end = np.searchsorted(self._numbers, [wanted.min(), wanted.max() + 1])
        kept = self._held[first - self._first :]
        held = np.empty((end - first, *self._held.shape[1:]), np.float32)
        held[: len(kept)] = kept
        for place in range(len(kept), len(held)):
            views.augment(next(self._frames)[None], self._view, self._config, out=held[place : place + 1])
        self._first, self._held = first, held
        places = np.searchsorted(self._numbers, wanted) - first
        return held if np.array_equal(places, np.arange(len(held))) else held[places]


class VideoBatches:
    """Batches of the chunks of UnlabelledRawVideos, those of one length after those of another.

    `positions` of a batch say of which video each row is, and repeat; `buckets` are the lengths.
    """

    def __init__(self, source: UnlabelledRawVideos, **options):
        """`options` are those of EvalBatches, which share no program with other lengths."""
        self._places: dict[int, list[int]] = {}
        for place, video in enumerate(source.inputs):
            self._places.setdefault(source.config.padded_length(video.video), []).append(place)
        self._source, self._options = source, options
        self.buckets = tuple(sorted(self._places))

    def __iter__(self):
        for length in self.buckets:
            places = self._places[length]
            chunks = UnlabelledChunks(self._source.select(places), length)
            for batch in EvalBatches(chunks, num_threads=1, **self._options):
                rows = (-1 if position < 0 else places[chunks.video_of(position)] for position in batch.positions)
                yield dataclasses.replace(batch, positions=tuple(rows))


class GivenFrames(RawVideo):
    """Frames that are in memory, uint8 [T, H, W, 3]; see `RawVideo`."""

    def __init__(self, frames: UInt8[np.ndarray, "T H W 3"], name="frames"):
        self.path, self.size, self.rate = name, frames.shape[1:3], DEFAULT_RATE
        self.times = np.arange(len(frames)) / self.rate
        self._array = frames

    def _decode(self, numbers):
        for place, number in enumerate(numbers.tolist()):
            yield place, lambda out, number=number: np.copyto(out, self._array[number])


def open_given(video, config: VideoConfig, name="video") -> RawVideo:
    """A path, or frames uint8 [T, H, W, 3], called `name` in messages, as a RawVideo; a UserError for anything else."""
    if isinstance(video, str | os.PathLike):
        return open_video(pathlib.Path(video).expanduser(), config)
    frames = np.asarray(video)
    if frames.dtype != np.uint8 or frames.ndim != 4 or frames.shape[3] != 3 or min(frames.shape) < 1:
        expected = "expected a path, or uint8 [frames, height, width, 3], RGB, of at least one frame"
        raise UserError(f"{name}: an array {frames.shape} of {frames.dtype}; {expected}.")
    return GivenFrames(frames, name)


def read_chunks(video, config: ChunkConfig, name="video"):
    """(Assembly, generator of the arrays of its chunks) of one video: a path, or frames uint8 [T, H, W, 3].

    The arrays are frames float32 [1, L * C, S, S, 3] and mask bool [1, L]. Raises UserError for what is no video, the
    generator for what turns out unreadable. `name` is that of frames in messages.
    """
    opened = open_given(video, config.data.video, name)
    given = VideoInput(name, pathlib.Path(opened.path), 0, 0, 0, len(opened), video=opened)
    source = UnlabelledRawVideos(FoundVideos((given,), [], (), ()), config)
    return source.extent(0)[0], _arrays_of(source)


def _arrays_of(source):
    chunks = UnlabelledChunks(source, source.config.padded_length(source.inputs[0].video))
    for position in range(len(chunks.video_ids)):
        example = chunks.example(position, None)
        source.refuse_problems()
        arrays = {}
        for key in ("frames", "mask"):
            shape, dtype = chunks.shapes[key]
            arrays[key] = np.zeros((1, *shape), dtype)
            arrays[key][0, : len(example[key])] = example[key]
        yield arrays
