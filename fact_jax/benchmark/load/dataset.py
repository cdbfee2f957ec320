"""Large datasets, made up and written to disk in minutes."""

from pathlib import Path

import numpy as np

from fact_jax.benchmark import data_wait
from fact_jax.benchmark.workload import MadeVideos, Workload

# Channels that hold numbers. The others are zero, and holes in the files: they take no room on the disk.
FILLED_CHANNELS = 16
# Frames of a segment of unlabelled videos: some seconds.
SEGMENT_FRAMES = 200
SPLIT_FILE = "splits/all.{split}.bundle"


def spread_lengths(num_videos: int, shortest: int, longest: int, seed: int = 0) -> np.ndarray:
    """int64 [num_videos], from shortest to longest, every doubling of the length as frequent; shuffled."""
    lengths = np.geomspace(shortest, longest, num_videos).round().astype(np.int64)
    return np.random.default_rng(seed).permutation(lengths)


def make_videos(lengths, feature_dim: int, num_classes: int, num_segments: int) -> MadeVideos:
    """Videos of these lengths (a `fact_jax.types.VideoSource`), made anew whenever they are asked for.

    Features are constant over every true segment: an untrained network predicts about as many.
    """
    return MadeVideos(Workload(tuple(map(int, lengths)), num_classes, feature_dim, num_segments, num_segments))


def write_labelled(source: MadeVideos, folder: Path) -> dict:
    """Writes a dataset folder in which all videos are for training and for the tests; returns its config.data."""
    settings = data_wait.write_dataset(source, None, folder)
    lines = "".join(f"{video_id}.txt\n" for video_id in source.video_ids)
    (folder / SPLIT_FILE.format(split=data_wait.SPLIT)).write_text(lines, encoding="utf-8")
    return settings | {"train_split_file": SPLIT_FILE, "test_split_file": SPLIT_FILE}


def write_features(lengths, feature_dim: int, folder: Path) -> None:
    """Writes feature files (D, T) of videos of these lengths."""
    folder.mkdir(parents=True)
    filled = min(feature_dim, FILLED_CHANNELS)
    source = make_videos(lengths, filled, 2, max(1, int(np.mean(lengths)) // SEGMENT_FRAMES))
    for index, video_id in enumerate(source.video_ids):
        shape = (feature_dim, int(lengths[index]))
        stored = np.lib.format.open_memmap(folder / f"{video_id}.npy", "w+", np.float32, shape)
        stored[:filled] = source.features(index).T
        del stored
