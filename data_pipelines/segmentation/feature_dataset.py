"""The prepared copy of a segmentation dataset: features cut to the common length with their labels.

The sample rate is applied on reading, so that one copy serves every rate. Class names, labels and lengths are in the
metadata as well, so that nothing but the copy is needed to train.
"""

import numpy as np

from data_pipelines.core import prepared_copy
from data_pipelines.core.feature_files import open_checked
from data_pipelines.core.labelled_videos import LabelledVideos
from data_pipelines.core.prepared_copy import CopiedRecords, CopyBuilder, CopyContents
from data_pipelines.core.value_measures import as_rows, from_rows
from fact_jax.ops.segments import frames_to_segments, segments_to_frames
from fact_jax.types import UserError


class FeatureDataset(CopyBuilder):
    """Framewise features and action labels of untrimmed videos."""


def prepare(index, tfds_dir, checked=None):
    """Writes the copy of a sound DatasetIndex that covers every split list; see `prepared_copy.prepare`.

    The CheckedFeatures go into the copy; None where a current copy is there.
    """
    layout = index.layout

    def read(video_id):
        labels = index.common_labels(video_id)
        shape = (len(labels), index.feature_dim)
        file = layout.feature_file(video_id)
        features = open_checked(file, layout.data.time_axis, shape, num_frames=len(labels))
        return {"features": np.asarray(features), "labels": labels}

    contents = CopyContents(
        name=f"{layout.data.dataset}_{layout.data.split}",
        source=layout.root,
        reader="npy",
        splits=index.splits,
        arrays={"features": ((None, index.feature_dim), np.float32), "labels": ((None,), np.int32)},
        read=read,
        num_bytes={video: len(index.common_labels(video)) * index.feature_dim * 4 for video in index.labels},
        metadata=_describe(index)
        | ({"feature_checksums": checked.checksums, "feature_values": as_rows(checked.values)} if checked else {}),
    )
    return prepared_copy.prepare(FeatureDataset, contents, tfds_dir, _check_metadata)


def prepared_directory(tfds_dir, data):
    """Where the copy that a SegmentationDataConfig asks for lies below `tfds_dir`."""
    return prepared_copy.copy_directory(FeatureDataset, tfds_dir, f"{data.dataset}_{data.split}")


def is_current(index, tfds_dir):
    """Whether a copy has been prepared and the source has not changed since."""
    directory = prepared_directory(tfds_dir, index.layout.data)
    return prepared_copy.is_current(directory, index.fingerprint(), _check_metadata)


def feature_facts(directory):
    """(checksums, VideoValues) by video id of the features that a copy was made from.

    A copy from before there were any has None and {}.
    """
    metadata = prepared_copy.read_metadata(directory, _check_metadata) or {}
    return metadata.get("feature_checksums"), from_rows(metadata.get("feature_values", {}))


class TfdsSource(LabelledVideos):
    """Videos of one split list, read from a prepared copy; the same examples as `NpySource` gives."""

    def __init__(self, directory, subset, *, sample_rate=1, budget=None):
        """Raises a UserError if there is no copy in `directory`, it lacks `subset` or is damaged."""
        metadata = prepared_copy.read_metadata(directory, _check_metadata)
        if metadata is None or subset not in metadata["videos"]:
            raise UserError(
                f"{directory} holds no prepared {subset} videos. "
                "Set config.data.dir to the source folder to have it prepared."
            )
        videos = metadata["videos"][subset]
        labels = [_decode_labels(video) for video in videos]
        ids = [video["video_id"] for video in videos]
        super().__init__(ids, metadata["class_names"], metadata["feature_dim"], labels, sample_rate, budget)
        self._records = CopiedRecords(directory, subset)

    def read_features(self, index):
        shape = (len(self.full_labels(index)), self.feature_dim)
        features = self._records.features(index, self.video_ids[index], shape)
        return np.ascontiguousarray(features[:: self.sample_rate])


def _describe(index):
    def describe(video_id):
        labels, starts, ends = frames_to_segments(index.common_labels(video_id))
        return {"video_id": video_id, "labels": labels.tolist(), "durations": (ends - starts).tolist()}

    return {
        "dataset": index.layout.data.dataset,
        "split": index.layout.data.split,
        "class_names": list(index.class_names),
        "feature_dim": index.feature_dim,
        "videos": {subset: [describe(video) for video in videos] for subset, videos in index.splits.items()},
        "fingerprint": index.fingerprint(),
    }


def _check_metadata(metadata):
    """Raises ValueError, LookupError or TypeError unless this is what `_describe` gives."""
    if not (metadata["class_names"] and metadata["feature_dim"] > 0):
        raise ValueError("it describes no dataset")
    known = set(range(len(metadata["class_names"])))
    for video in (video for videos in metadata["videos"].values() for video in videos):
        labels = np.asarray(video["labels"])
        if len(labels) != len(video["durations"]) or not set(labels) <= known:
            raise ValueError(f"labels of video {video['video_id']!r}")
    from_rows(metadata.get("feature_values", {}))


def _decode_labels(video):
    ends = np.cumsum(np.asarray(video["durations"], np.int64))
    starts = ends - np.asarray(video["durations"], np.int64)
    return segments_to_frames(video["labels"], starts, ends)
