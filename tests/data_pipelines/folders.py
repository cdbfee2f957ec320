"""Tiny feature folders for tests, in the layout of published datasets."""

import numpy as np

from data_pipelines.segmentation.config import SegmentationDataConfig

CLASS_NAMES = ("background", "take cup", "pour_milk", "stir")


def settings(root, **changes):
    """SegmentationDataConfig of a folder written by `write_folder`, with changes."""
    fields = {"dataset": "toy", "dir": str(root), "length_tolerance": 2}
    return SegmentationDataConfig(**(fields | changes))


def make_videos(lengths=(("v0", 37), ("v1", 22), ("v2", 41), ("v3", 30), ("v4", 25)), *, width=6, seed=0):
    """Returns {video: (features float32 [N, D], labels int [N])} with runs of several frames."""
    rng = np.random.default_rng(seed)
    videos = {}
    for name, length in lengths:
        runs = np.repeat(rng.integers(0, len(CLASS_NAMES), length), rng.integers(1, 7, length))
        videos[name] = (rng.standard_normal((length, width)).astype(np.float32), runs[:length])
    return videos


def write_folder(root, videos=None, *, time_axis="last", splits=None):
    """Writes a folder; returns its videos. By default the last two of them are the test videos of split1."""
    videos = videos or make_videos()
    names = list(videos)
    splits = splits or {"train.split1.bundle": names[:-2], "test.split1.bundle": names[-2:]}
    for part in ("features", "groundTruth", "splits"):
        (root / part).mkdir(parents=True, exist_ok=True)
    (root / "mapping.txt").write_text("".join(f"{i} {name}\n" for i, name in enumerate(CLASS_NAMES)))
    for name, (features, labels) in videos.items():
        np.save(root / "features" / f"{name}.npy", features if time_axis == "first" else features.T)
        (root / "groundTruth" / f"{name}.txt").write_text("".join(CLASS_NAMES[i] + "\n" for i in labels))
    for name, ids in splits.items():
        (root / "splits" / name).write_text("".join(f"{video}.txt\n" for video in ids))
    return videos
