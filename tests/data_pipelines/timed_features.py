"""Feature files with their times, as --mode extract writes them, of videos of which nothing but the times is known."""

import numpy as np

from data_pipelines.extraction.plans import FramePlan, WindowPlan
from data_pipelines.video.raw_video import RawVideo

# Seconds of every frame: at an even rate; at 30 and then 15 a second; pictures that begin a second after the sound; a
# file of which an edit list hides the first 15 frames, which starts at 0.
VIDEOS = {
    "even": np.arange(300) / 30,
    "varying": np.concatenate([np.arange(150) / 30, 5 + np.arange(75) / 15]),
    "late": 1 + np.arange(255) / 30,
    "edited": np.arange(285) / 30,
}
# The frame that a player shows at second 8.0.
FRAME_AT_8 = {"even": 240, "varying": 195, "late": 210, "edited": 240}


class TimesAlone(RawVideo):
    """A video of which nothing but times is known."""

    def __init__(self, times):
        self.path, self.size, self.times = "made.mp4", (4, 4), np.asarray(times, np.float64)
        self.rate = (len(times) - 1) / (times[-1] - times[0])


def plan_of(name, every=None):
    """A row for every frame, or for windows of two seconds."""
    video = TimesAlone(VIDEOS[name])
    if every is None:
        return FramePlan(video=video)
    return WindowPlan(video=video, seconds=2.0, every=every, num_frames=4, rows_at_once=1)


def write_features(folder, every=None, dim=3, names=VIDEOS, **made_by):
    """Writes VIDEO.npy, float32 (rows, dim), and VIDEO.json; returns FeatureTimes by video."""
    folder.mkdir(parents=True, exist_ok=True)
    found = {}
    for seed, name in enumerate(names):
        plan = plan_of(name, every)
        rows = np.random.default_rng(seed).standard_normal((plan.num_rows, dim)).astype(np.float32)
        np.save(folder / f"{name}.npy", rows)
        found[name] = plan.feature_times(dim, "made.mp4", "ab", {"program": "made", **made_by})
        found[name].write(folder / f"{name}.npy")
    return found
