"""How fast and in how much memory video files are read, beside decord2 and the published way to augment.

Seconds are those of the processor, and each library decodes with one thread. Neither can be faster than the decoder of
FFmpeg that both have inside, which is timed alone.
"""

import functools
import gc
import importlib.util
import os
import statistics
import time
from pathlib import Path

import numpy as np

from data_pipelines.video.config import VideoConfig
from data_pipelines.video.containers import opened
from data_pipelines.video.decoding import Decoding
from data_pipelines.video.video_file import VideoFile
from data_pipelines.video.views import AugmentationConfig, augment, augment_as_published, draw_view
from fact_jax.benchmark import made_files
from fact_jax.benchmark.measure import interleave

NUM_FRAMES, SPARSE, VIEW_FRAMES = 1000, 16, 80
GROUPS = (250, 12)  # frames from one key frame to the next
MISSING = "decord2 is not installed, so nothing is read beside it: pip install decord2."
# Of the memory: different files that are opened in turn, frames of each; the long video.
FILES, FILE_FRAMES, SMALL, SETTLED = 8, 12, (48, 64), 0.1
LONG_RATE, LONG_BATCH = 5, 64
VIEWS = 4  # different draws: colours in four orders, the first and the third with blur


class Reading:
    """Answers the requests of a `workers.Worker`."""

    def __init__(self, folder):
        self._folder = Path(folder)

    def compare(self, repeats, path=None):
        """Seconds of reading, ours and the other's; of every frame of `path` in order, or of a written file."""
        known = importlib.util.find_spec("decord") is not None
        made = {gop: self._folder / f"every{gop}.mp4" for gop in GROUPS}
        for gop, path in made.items():
            made_files.write(path, NUM_FRAMES, gop=gop)
        path = Path(path or made[GROUPS[0]])
        video, small = VideoFile(path), {gop: VideoFile(path) for gop, path in made.items()}
        places = np.linspace(0, NUM_FRAMES - 1, SPARSE).astype(np.int64)
        runs = {
            "order": {
                "ours": functools.partial(_in_order, video),
                "other": functools.partial(_decord_in_order, path),
                "decoder": functools.partial(_decode, path),
            }
        }
        for gop in GROUPS:
            theirs = functools.partial(_decord_sparse, made[gop], places)
            runs[f"sparse_{gop}"] = {"ours": functools.partial(small[gop].frames, places), "other": theirs}
        for part in () if known else runs.values():
            del part["other"]
        result = {key: {"beside": "decord2", **_compare(part, repeats)} for key, part in runs.items()}
        # The frames of a view are a part of a video, in order.
        first = small[GROUPS[0]], np.arange(0, 2 * VIEW_FRAMES, 2)
        ways = {"ours": augment, "other": augment_as_published}
        for key, seeds in {"view": range(VIEWS), "view_blur": range(1)}.items():
            runs = {name: functools.partial(_views, *first, way, seeds) for name, way in ways.items()}
            result[key] = {"beside": "frame by frame by Pillow", **_compare(runs, repeats)}
        height, width = video.size
        result["order"] |= {"frames": len(video), "what": f"{video.index.codec}, {width} x {height}"}
        return result if known else result | {"missing": MISSING}

    def opened(self, count):
        """MiB of the process after a part of `count` opened videos, and after all; each is read from and left."""
        paths = [made_files.write(self._folder / f"small{number}.mp4", FILE_FRAMES, size=SMALL, seed=number)
                 for number in range(FILES)]  # fmt: skip
        first = max(1, round(SETTLED * count))
        for number in range(count):
            VideoFile(paths[number % FILES]).frames([0, FILE_FRAMES - 1])
            if number + 1 == first:
                begin = _held()
        return {"videos": count, "first": first, "begin": begin, "end": _held()}

    def long(self, hours):
        """MiB of the process before a video of hours is opened, and at most in each half of reading all of it."""
        frames = int(hours * 3600 * LONG_RATE)
        path = made_files.write(self._folder / "long.mp4", frames, size=SMALL, rate=LONG_RATE, noise=0.0)
        begin = _held()
        video = VideoFile(path)
        held = [_held() for _ in video.batches(np.arange(len(video)), LONG_BATCH)]
        half = len(held) // 2
        sizes = {"begin": begin, "middle": max(held[:half], default=0.0), "end": max(held[half:])}
        return {"hours": hours, "frames": len(video), **sizes}


def _compare(runs, repeats):
    """Median seconds of every one of `runs` by name, and the ratio of "ours" to "other" where that is there."""
    for run in runs.values():
        run()
    seconds = interleave({name: functools.partial(_seconds, run) for name, run in runs.items()}, repeats)
    found = {name: statistics.median(values) for name, values in seconds.items()}
    return found | {"ratio": found["ours"] / found["other"]} if "other" in found else found


def _seconds(run):
    begin = time.process_time()
    run()
    return time.process_time() - begin


def _in_order(video):
    """One frame after the other, as decord2 gives them."""
    for _ in video.batches(np.arange(len(video)), 1):
        pass


def _decode(path):
    """What comes out of FFmpeg's decoder, without turning it into RGB."""
    with opened(path, VideoConfig()) as (container, stream):
        for _ in Decoding(container, stream).frames():
            pass


def _decord_in_order(path):
    import decord

    reader = decord.VideoReader(str(path), num_threads=1)
    for number in range(len(reader)):
        reader[number].asnumpy()


def _decord_sparse(path, places):
    import decord

    decord.VideoReader(str(path), num_threads=1).get_batch(places.tolist()).asnumpy()


def _views(video, numbers, way, seeds):
    config = AugmentationConfig()
    for seed in seeds:
        way(video.frames(numbers), draw_view(config, *video.size, np.random.default_rng(seed)), config)


def _held():
    """MiB of physical memory of this process."""
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20
