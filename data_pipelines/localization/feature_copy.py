"""The prepared copy of a localization dataset: the stored features of every usable video, all streams side by side.

Annotations stay in their own file: they are small, and what is made of them depends on the settings.
"""

import os
import pathlib

import numpy as np

from data_pipelines.core import prepared_copy
from data_pipelines.core.feature_files import FeatureFileError
from data_pipelines.core.finite import CheckedFeatures, stat_digest
from data_pipelines.core.prepared_copy import CopiedRecords, CopyBuilder, CopyContents
from data_pipelines.core.value_measures import as_rows, from_rows
from fact_jax.types import UserError

SPLIT = "videos"


class LocalizationFeatures(CopyBuilder):
    """Features of untrimmed videos."""


class CopiedFeatures:
    """The features of a prepared copy; takes the place of a `features.FeatureStore`."""

    def __init__(self, directory):
        """Raises a UserError if there is no copy, or a damaged one."""
        metadata = prepared_copy.read_metadata(directory, _check_metadata)
        if metadata is None:
            raise UserError(
                f"{directory} holds no prepared features. Set config.data.dir to the source folder to have it prepared."
            )
        self._shapes = {video: (length, metadata["feature_dim"]) for video, length in metadata["lengths"].items()}
        # A copy from before there were any has None for checksums, and no values.
        values = from_rows(metadata.get("feature_values", {}))
        self.checked = CheckedFeatures(metadata.get("feature_checksums"), values)
        self._places = {video: place for place, video in enumerate(self._shapes)}
        self._records = CopiedRecords(directory, SPLIT)

    def is_missing(self, video_id):
        """Whether the copy lacks a video."""
        return video_id not in self._places

    def shape(self, video_id):
        """(T, D); raises FeatureFileError if the copy lacks the video."""
        if self.is_missing(video_id):
            raise FeatureFileError("it is missing in the prepared copy")
        return self._shapes[video_id]

    def read(self, video_id, every=1):
        """float32 [ceil(T / every), D]; raises UserError if the copy is damaged."""
        features = self._records.features(self._places[video_id], video_id, self._shapes[video_id])
        return np.ascontiguousarray(features[::every])


def copy_directory(data):
    """Where the copy that a LocalizationDataConfig asks for lies."""
    root = os.path.expanduser(data.tfds_dir or str(pathlib.Path(data.dir) / "tfds"))
    return prepared_copy.copy_directory(LocalizationFeatures, root, data.dataset)


def open_copy(data, store, checked, features):
    """CopiedFeatures of the usable videos of CheckedVideos, copied from a FeatureStore; see `prepared_copy.prepare`.

    The CheckedFeatures go into the copy.
    """
    names = [video.video_id for videos in checked.usable.values() for video in videos]
    lengths = {name: int(checked.lengths[name]) for name in dict.fromkeys(names)}
    paths = {stream.path(name) for stream in store.streams for name in lengths}
    contents = CopyContents(
        name=data.dataset,
        source=pathlib.Path(os.path.expanduser(data.dir)),
        reader="files",
        splits={SPLIT: tuple(lengths)},
        arrays={"features": ((None, checked.feature_dim), np.float32)},
        read=lambda video_id: {"features": store.read(video_id)},
        num_bytes={video: 4 * length * checked.feature_dim for video, length in lengths.items()},
        metadata={
            "fingerprint": stat_digest(lengths, sorted(paths), str),
            "feature_dim": checked.feature_dim,
            "lengths": lengths,
            "feature_checksums": features.checksums,
            "feature_values": as_rows(features.values),
        },
    )
    root = copy_directory(data).parents[2]
    return CopiedFeatures(prepared_copy.prepare(LocalizationFeatures, contents, root, _check_metadata))


def _check_metadata(metadata):
    """Raises ValueError, LookupError or TypeError unless this is what `open_copy` writes."""
    if not metadata["feature_dim"] > 0:
        raise ValueError("it describes no dataset")
    if not all(isinstance(length, int) and length > 0 for length in metadata["lengths"].values()):
        raise ValueError("lengths of its videos")
    from_rows(metadata.get("feature_values", {}))
