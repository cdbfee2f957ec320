"""Two videos played in step, as an MP4 file that every browser plays."""

import dataclasses

import numpy as np
from jaxtyping import Int
from PIL import Image

from fact_jax.metrics.alignment import aligned_frames
from fact_jax.mp4 import write_mp4
from fact_jax.reporting.representation.shown import ShownVideo
from fact_jax.reporting.representation.video_panel import BACKGROUND, MARGIN, VideoPanel, picture_size
from fact_jax.types import check_choice

METHODS = ("dtw", "nearest")
MOST_FRAMES = 2000  # of a video, of longer ones every so many; time warping takes the square of that
_IN_WORDS = {"dtw": "in step, by time warping", "nearest": "in step, nearest frames"}
_FEWEST, _USUAL = 10, 25  # frames per second: of fewer ones the video is sped up, to so many
_AT_ONCE = 16  # frames that are decoded before they are drawn


@dataclasses.dataclass(frozen=True)
class Alignment:
    """Which frames are shown together.

    Attributes:
      query, key: ShownVideos; of long ones every so many frames.
      rows: int [N], for every frame of `query` that of `key`.
      same_time: int [N], the frame that `key` shows at that time when both are just started together.
    """

    query: ShownVideo
    key: ShownVideo
    rows: Int[np.ndarray, " N"]
    same_time: Int[np.ndarray, " N"]


def align(query: ShownVideo, key: ShownVideo, method="dtw") -> Alignment:
    """Finds for every frame of one video that of another, by their embeddings; `method` is one of METHODS."""
    check_choice("method", method, METHODS)
    query, key = query.thinned(MOST_FRAMES), key.thinned(MOST_FRAMES)
    rows = aligned_frames(query.embeddings, key.embeddings, by_warping=method == "dtw")
    gone = query.times - query.times[0]
    same_time = np.searchsorted(key.times - key.times[0], gone, side="right") - 1
    return Alignment(query, key, rows, np.maximum(same_time, 0))


def write_alignment(path, query: ShownVideo, key: ShownVideo, phase_names=(), *, method="dtw", unaligned=True):
    """Writes an MP4 (H.264, yuv420p, index first) in which `key` is played in step with `query`; returns its path.

    The left one plays as it is. Beside it `key` shows the frame that belongs to it by the embeddings and, with
    `unaligned`, as it is itself, to compare with. Every video has its name, the time, the phase and a bar that shows
    where it is, in the colours of the phases. Where fewer than 10 frames a second are left of a long video, it is
    sped up, which the note says. Both videos need pixels.

    Raises WriteError where the file cannot be written.
    """
    pair = align(query, key, method)
    times, faster = _play_times(pair.query.times)
    box = picture_size([query.pixels, key.pixels])
    note = f"as it is, {faster:.0f} times as fast" if faster > 1 else "as it is"
    views = [(pair.query, np.arange(len(pair.query)), note), (pair.key, pair.rows, _IN_WORDS[method])]
    if unaligned:
        views.append((pair.key, pair.same_time, "as it is, not in step"))
    panels = [VideoPanel(shown, words, box, phase_names) for shown, _, words in views]
    streams = [_stream(shown, rows) for shown, rows, _ in views]
    height, width = panels[0].size
    size = _even(height + 2 * MARGIN), _even(len(panels) * (width + MARGIN) + MARGIN)

    def drawn():
        for moment, shots in zip(zip(*(rows for _, rows, _ in views), strict=True), zip(*streams, strict=True),
                                 strict=True):  # fmt: skip
            canvas = Image.new("RGB", size[::-1], BACKGROUND)
            for place, (panel, row, frame) in enumerate(zip(panels, moment, shots, strict=True)):
                canvas.paste(panel.draw(int(row), frame), (MARGIN + place * (width + MARGIN), MARGIN))
            yield np.asarray(canvas)

    return write_mp4(path, drawn(), times, size)


def _even(number):
    return number + number % 2


def _play_times(times):
    """(seconds float64 [N] from 0 at which frames are shown, how many times as fast as they were)."""
    seconds = np.asarray(times, np.float64) - times[0]
    rate = (len(seconds) - 1) / seconds[-1] if len(seconds) > 1 and seconds[-1] > 0 else _USUAL
    faster = _USUAL / rate if rate < _FEWEST and len(seconds) >= MOST_FRAMES // 2 else 1.0
    return seconds / faster, faster


def _stream(shown, rows):
    """Yields the frames of some rows, holding a few of them: in one pass over the video where the rows never fall."""
    video, numbers = shown.pixels, np.asarray(shown.steps)[rows]
    if np.all(np.diff(numbers) >= 0):
        distinct, counts = np.unique(numbers, return_counts=True)
        frames = (frame for batch in video.batches(distinct, _AT_ONCE) for frame in batch)
        for frame, count in zip(frames, counts.tolist(), strict=True):
            for _ in range(count):
                yield frame
        return
    for start in range(0, len(numbers), _AT_ONCE):
        yield from video.frames(numbers[start : start + _AT_ONCE])
