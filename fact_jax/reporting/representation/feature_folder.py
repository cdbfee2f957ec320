"""Embeddings as a dataset of action segmentation: VIDEO.npy with time first and, of labelled videos, all else it needs.

The layout is that of `data_pipelines.segmentation`, with the features in the folder itself.
"""

import io

import numpy as np

from fact_jax import files

LABELS, MAPPING, SPLITS = "groundTruth", "mapping.txt", "splits"
NO_PHASE = "no phase"


def write_features(folder, videos):
    """Writes VIDEO.npy, float32 [T, D], of EmbeddedVideos by name; returns their names as those of files."""
    names = files.file_names(videos, folder)
    for video_id, video in videos.items():
        buffer = io.BytesIO()
        np.save(buffer, video.embeddings, allow_pickle=False)
        files.atomic_write_bytes(folder / f"{names[video_id]}.npy", buffer.getvalue())
    return names


def write_labels(folder, names, subsets, class_names):
    """Writes the labels, the list of classes and the lists of videos of a dataset; a frame without a phase has a class.

    Args:
      names: what the files of a video are called, by its name.
      subsets: {"train" or "test": EmbeddedVideos}; of a video that is in both the labels are those of the last.
      class_names: names of the phases of every group; those of several groups are told apart by its name.
    """
    every = [name for own in class_names.values() for name in own] if len(class_names) == 1 else [
        f"{group}: {name}" for group, own in class_names.items() for name in own
    ]  # fmt: skip
    first = np.cumsum([0, *map(len, class_names.values())])
    has_gaps = any(np.any(video.labels < 0) for videos in subsets.values() for video in videos)
    every += [NO_PHASE] * has_gaps
    for subset, videos in subsets.items():
        for video in videos:
            numbers = np.where(video.labels < 0, len(every) - 1, video.labels + first[video.group])
            lines = "".join(f"{every[number]}\n" for number in numbers.tolist())
            files.atomic_write_text(folder / LABELS / f"{names[video.video_id]}.txt", lines)
        listed = "".join(f"{names[video.video_id]}.txt\n" for video in videos)
        files.atomic_write_text(folder / SPLITS / f"{subset}.split1.bundle", listed)
    files.atomic_write_text(folder / MAPPING, "".join(f"{number} {name}\n" for number, name in enumerate(every)))
