"""Which frames of a video a clip is made of, as functions of the video's length and of what was drawn.

A clip of n frames is chosen as `steps`, int64 [n], ascending frame numbers of which some may lie outside of the video.
`make_clip` turns them into frames to read, and a mask that leaves those out. N is the number of frames of a video.

Source: CARL, CVPR 2022, minghchen/CARL_code at c574312, datasets/*.py. Here all draws come from one NumPy generator.
"""

import dataclasses
import math

import numpy as np
from jaxtyping import Bool, Int

from fact_jax.types import UserError, check_choice

STRATEGIES = ("time_augment", "offset_uniform")
# What a frame of a TCN clip comes before: so many frames at most, so many at least.
POSITIVE_WINDOW = 5


@dataclasses.dataclass(frozen=True)
class ClipConfig:
    """How clips are chosen. Published keys stand in brackets."""

    num_frames: int = 240  # of a clip (TRAIN.NUM_FRAMES)
    strategy: str = "time_augment"  # or "offset_uniform": frames of the whole video (DATA.SAMPLING_STRATEGY)
    sampling_region: float = 1.5  # most that the block of frames is stretched by, see draw_views (DATA.SAMPLING_REGION)
    consistent_offset: float = 0.2  # how near the second view's start is to the first's; 0: anywhere, 1: the same
    local_block: bool = False  # the block is as long as the clip, not as the video; published for FineGym
    num_contexts: int = 1  # frames that are read for each one of the clip: itself and those before (NUM_CONTEXTS)
    context_stride: int = 1  # frames from one of these to the next (CONTEXT_STRIDE)
    positives: bool = False  # every second frame is a neighbour of the one before, for TCN; num_frames is even

    def __post_init__(self):
        check_choice("config.data.clip.strategy", self.strategy, STRATEGIES)
        wrong = [
            f"config.data.clip.{name} is {getattr(self, name)}, expected 1 or more"
            for name in ("num_frames", "num_contexts", "context_stride")
            if getattr(self, name) < 1
        ]
        if not 0.0 <= self.consistent_offset <= 1.0:
            wrong.append(f"config.data.clip.consistent_offset is {self.consistent_offset}, expected 0 to 1")
        if not 0.0 <= self.sampling_region < math.inf:
            wrong.append(f"config.data.clip.sampling_region is {self.sampling_region}, expected 0 or more")
        if self.positives and self.num_frames % 2:
            wrong.append(f"config.data.clip.num_frames is {self.num_frames}, expected an even number with positives")
        if wrong:
            raise UserError("\n".join(wrong))


@dataclasses.dataclass(frozen=True)
class Clip:
    """The frames of one clip.

    Attributes:
      frames: numbers of the frames to read, in [0, N), the contexts of one step after another.
      steps: the step of every frame of the clip, in [0, N), for labels and times.
      mask: False where the step that was chosen lies outside of the video; the nearest frame of it stands in.
    """

    frames: Int[np.ndarray, " _"]
    steps: Int[np.ndarray, " n"]
    mask: Bool[np.ndarray, " n"]


def make_clip(steps, length, num_contexts=1, context_stride=1) -> Clip:
    """The Clip of chosen `steps`, int [n], in a video of `length` frames (N >= 1)."""
    steps = np.asarray(steps, np.int64)
    if length < 1:
        raise ValueError(f"a video of {length} frames, expected 1 or more")
    frames = expand_contexts(steps, length, num_contexts, context_stride)
    return Clip(frames, np.clip(steps, 0, length - 1), (steps >= 0) & (steps < length))


def expand_contexts(steps, length, num_contexts, context_stride) -> Int[np.ndarray, " _"]:
    """Every step with the frames before it: s - (contexts - 1) * stride, ..., s - stride, s, inside the video."""
    past = context_stride * np.arange(1 - num_contexts, 1)
    return np.clip(np.asarray(steps)[:, None] + past, 0, length - 1).reshape(-1)


def offset_uniform(length, count, permutation=None) -> Int[np.ndarray, " _"]:
    """`count` different frames of the whole video, sorted: the first ones of `permutation` of its N frames.

    A shorter video gives the steps 0 to count - 1 and needs no permutation (None).
    """
    if length < count:
        return np.arange(count)
    if permutation is None or len(permutation) != length:
        raise ValueError(f"a video of {length} frames needs a permutation of as many")
    return np.sort(np.asarray(permutation)[:count])


def block_length(length, count, ratio, local=False) -> int:
    """Frames of the block that a view is chosen from: `ratio` times the video or, `local`, the clip's valid frames."""
    return math.ceil(ratio * (min(length, count) if local else length))


def offset_bounds(length, count, block, consistent_offset, previous=None) -> tuple[int, int]:
    """(lowest, highest + 1) first frame of a block; `previous` is the first frame read for the view before, or None.

    A block that reaches past the end of the video starts at 0.
    """
    if previous is None or consistent_offset == 0:
        return 0, max(length - block, 1)
    shift = int((1 - consistent_offset) * min(length, count))
    low = max(0, min(length - block, previous - shift))
    return low, max(1, min(length - block + 1, previous + shift + 1))


def time_augment(length, count, offset, permutation) -> Int[np.ndarray, " _"]:
    """min(N, count) different frames of a block that starts at `offset`, sorted; then N, which is no frame.

    `permutation` is one of the block's frames, of which the first ones are taken. Steps may be N or more.
    """
    valid = min(length, count)
    chosen = offset + np.sort(np.asarray(permutation)[:valid])
    return np.concatenate([chosen, np.full(count - valid, length, chosen.dtype)])


def interleave_positives(steps, shifts) -> Int[np.ndarray, " _"]:
    """Every step and after it its positive, step + shift; `shifts` are whole numbers below 0. For TCN."""
    return np.stack([steps, np.asarray(steps) + shifts], axis=1).reshape(-1)


def draw_views(config: ClipConfig, length, rng: np.random.Generator, num_views=2) -> list[Clip]:
    """The clips of several views of one video of `length` frames (N >= 1).

    `time_augment` stretches a block of frames by a ratio drawn from [1, sampling_region). As published, the block is
    as long as the video, so that up to a third of the frames lie past its end and are masked; `local_block` makes it
    a window of the video, and `consistent_offset` counts there alone.
    """
    clips, previous = [], None
    for _ in range(num_views):
        clips.append(_draw_view(config, length, rng, previous))
        previous = int(clips[-1].frames.min())
    return clips


def _draw_view(config, length, rng, previous):
    count = config.num_frames // 2 if config.positives else config.num_frames
    if config.strategy == "offset_uniform":
        steps = offset_uniform(length, count, rng.permutation(length) if length >= count else None)
    else:
        ratio = rng.uniform(1.0, config.sampling_region) if config.sampling_region > 1.0 else 1.0
        # A longer block of a video of one frame could leave that one out.
        block = block_length(length, count, ratio, config.local_block) if length > 1 else 1
        offset = rng.integers(*offset_bounds(length, count, block, config.consistent_offset, previous))
        steps = time_augment(length, count, offset, rng.permutation(block))
    if config.positives:
        steps = interleave_positives(steps, rng.integers(-POSITIVE_WINDOW, 0, count))
    return make_clip(steps, length, config.num_contexts, config.context_stride)


def sample_all(length, stride=1) -> Int[np.ndarray, " _"]:
    """Every such frame of a video, as an evaluation reads it."""
    return np.arange(0, length, stride)


def evaluation_chunks(length, frames_per_chunk) -> list[slice]:
    """Chunks of near-equal length, at most `frames_per_chunk` frames, that an evaluation embeds one after the other."""
    size = math.ceil(length / math.ceil(length / frames_per_chunk)) if length else 1
    return [slice(start, min(start + size, length)) for start in range(0, length, size)]
