"""Which frames of a clip the network sees, as functions of the clip's length and of what was drawn.

N is the number of frames of a clip, T of those that are chosen. Chosen frames are int64 [T] in [0, N), ascending.

Source: CAST, NeurIPS 2023, KHU-VLL/CAST at 51eb871, dataset/ssv2.py, epic.py ("segment") and kinetics.py ("dense").
"""

import dataclasses
import itertools

import numpy as np
from jaxtyping import Int

from fact_jax.types import UserError, check_choice

STRATEGIES = ("segment", "dense")
EVALUATION = ("center", "random")
# Chunks of a test of segments: the first frames of the segments, and their middles.
MOST_SEGMENT_CHUNKS = 2
_EVALUATION_STREAM = 31  # first entry of the entropy, so that no two generators of this library coincide


@dataclasses.dataclass(frozen=True)
class SamplingConfig:
    """How frames are chosen. Published keys stand in brackets."""

    strategy: str = "segment"  # a frame of each of T equal parts, or "dense": a window; published for EPIC, Kinetics
    num_frames: int = 16  # T, an even number (num_frames)
    stride: int = 4  # of "dense": the window has num_frames * stride frames (sampling_rate)
    num_samples: int = 1  # times that a decoded training clip is augmented, each a row of the batch (num_sample)
    evaluation: str = "center"  # of the evaluations while training: the middle, or "random" as published
    test_chunks: int = 2  # choices of frames in the test at the end, each seen in every crop (test_num_segment)
    test_crops: int = 3  # crops of a test, along the longer side (test_num_crop)

    def __post_init__(self):
        check_choice("config.data.sampling.strategy", self.strategy, STRATEGIES)
        check_choice("config.data.sampling.evaluation", self.evaluation, EVALUATION)
        wrong = [
            f"config.data.sampling.{name} is {getattr(self, name)}, expected 1 or more"
            for name in ("num_frames", "stride", "num_samples", "test_chunks", "test_crops")
            if getattr(self, name) < 1
        ]
        if self.num_frames % 2:
            wrong.append(f"config.data.sampling.num_frames is {self.num_frames}, expected an even number")
        if self.strategy == "segment" and self.test_chunks > MOST_SEGMENT_CHUNKS:
            expected = f"expected 1 to {MOST_SEGMENT_CHUNKS} with strategy 'segment': firsts and middles of the parts"
            wrong.append(f"config.data.sampling.test_chunks is {self.test_chunks}, {expected}")
        if wrong:
            raise UserError("\n".join(wrong))


def draw(config: SamplingConfig, length, rng: np.random.Generator) -> Int[np.ndarray, " T"]:
    """Frames of a clip to train on, drawn anew for every use of it."""
    if config.strategy == "dense":
        free = length - config.num_frames * config.stride
        return dense_frames(length, config.num_frames, config.stride, int(rng.integers(free)) if free > 0 else 0)
    part = length // config.num_frames
    return segment_frames(length, rng.integers(part, size=config.num_frames) if part else np.zeros(config.num_frames))


def for_evaluation(config: SamplingConfig, length, number) -> Int[np.ndarray, " T"]:
    """Frames of clip `number` in an evaluation, the same in all of them."""
    if config.evaluation == "random":
        return draw(config, length, np.random.default_rng([_EVALUATION_STREAM, number]))
    if config.strategy == "dense":
        start = max(length - config.num_frames * config.stride, 0) // 2
        return dense_frames(length, config.num_frames, config.stride, start)
    return segment_tests(length, config.num_frames)[1]


def for_test(config: SamplingConfig, length) -> Int[np.ndarray, "chunks T"]:
    """Frames of the chunks of a test."""
    if config.strategy == "dense":
        return dense_tests(length, config.num_frames, config.stride, config.test_chunks)
    return segment_tests(length, config.num_frames)[: config.test_chunks]


def segment_frames(length, offsets) -> Int[np.ndarray, " T"]:
    """One frame of each of T parts of N // T frames: the one at `offsets`, [T], in each.

    The last N mod T frames belong to no part. Of fewer than T frames the first one is taken T times, as published.
    """
    part = length // len(offsets)
    chosen = np.arange(len(offsets)) * part + np.asarray(offsets, np.int64)
    return chosen if part else np.zeros(len(offsets), np.int64)


def segment_tests(length, count) -> Int[np.ndarray, "2 T"]:
    """First frames and middle frames of T parts of N / T frames, a fraction.

    All are sorted and taken in turn, as published: where N < T the two rows are not quite firsts and middles.
    """
    tick = length / count
    places = np.arange(count)
    chosen = np.concatenate([tick * places, tick / 2 + tick * places]).astype(np.int64)
    return np.sort(chosen).reshape(count, 2).T


def dense_frames(length, count, stride, start) -> Int[np.ndarray, " T"]:
    """T frames spread over a window of T * stride frames from `start` on, with both ends, so that gaps are uneven.

    Of a clip no longer than the window N // stride frames are spread over all of it, and the last frame follows.
    """
    window = count * stride
    if length <= window:
        spread = np.linspace(0, length, num=length // stride)
        return np.clip(np.append(spread, np.full(count - len(spread), length)), 0, length - 1).astype(np.int64)
    spread = np.linspace(start, start + window, num=count)
    return np.clip(spread, start, start + window - 1).astype(np.int64)


def dense_tests(length, count, stride, num_chunks) -> Int[np.ndarray, "chunks T"]:
    """T neighbours of every `stride`-th frame, in chunks evenly over the clip; a short clip repeats its last one.

    One chunk lies in the middle; the published code divides by zero.
    """
    sampled = dense_candidates(length, count, stride)
    free = len(sampled) - count
    starts = [int(chunk * (free / (num_chunks - 1))) for chunk in range(num_chunks)] if num_chunks > 1 else [free // 2]
    return np.stack([sampled[start : start + count] for start in starts])


def dense_candidates(length, count, stride) -> Int[np.ndarray, " L"]:
    """Every `stride`-th frame, the last one of these repeated up to `count`."""
    sampled = np.arange(0, length, stride)
    return np.append(sampled, np.full(max(count - len(sampled), 0), sampled[-1]))


def least_length(config: SamplingConfig) -> int:
    """Frames that a clip had better have: of fewer, half of the seen frames are its last one, or all are its first.

    See `dense_frames` and `segment_frames`.
    """
    return config.num_frames * config.stride // 2 if config.strategy == "dense" else config.num_frames


def views_of_test(config: SamplingConfig) -> list[tuple[int, int]]:
    """(chunk, crop) of the views of one clip in a test, in order."""
    return list(itertools.product(range(config.test_chunks), range(config.test_crops)))
