"""Feature folders as a TFDS dataset (array_record, no TensorFlow), and the reader of the prepared copy.

The copy holds the features at the full rate, time first, float32, cut to the common length with their labels; the
sample rate is applied on reading, so that one copy serves every rate. Class names, labels and lengths are kept in the
dataset's metadata as well, so that nothing but the copy is needed to train, and no features are read to know lengths.
"""

import contextlib
import io
import json
import pathlib
import re
import shutil

import numpy as np
import tensorflow_datasets as tfds
from absl import logging
from google.protobuf import json_format
from tqdm import tqdm

from data_pipelines.core.feature_files import open_checked
from data_pipelines.core.labelled_videos import LabelledVideos
from fact_jax.files import lock_folder, read_data
from fact_jax.ops.segments import frames_to_segments, segments_to_frames
from fact_jax.types import UserError

# A record is one protocol buffer message, which can hold no more than 2 GiB.
MAX_VIDEO_BYTES = 2**31 - 2**20
METADATA_FILE = "metadata.json"
FEATURES_FILE = "features.json"
# The Python classes that the description of our features names. TFDS imports whatever it names.
_CLASSES = frozenset(
    f"tensorflow_datasets.core.features.{name}"
    for name in ("features_dict.FeaturesDict", "text_feature.Text", "tensor_feature.Tensor")
)
MAX_METADATA_BYTES = 2**30
# What TFDS calls a folder that it has not finished writing, which stays there when the process is killed.
UNFINISHED = "incomplete."
VIDEOS_PER_SHARD = 64
# What TFDS and array_record raise for files that are missing or damaged.
READ_ERRORS = (OSError, ValueError, LookupError, TypeError, AttributeError, RuntimeError, json_format.Error)


class FeatureDatasetConfig(tfds.core.BuilderConfig):
    """A TFDS config made for one indexed dataset and split; `advance` is called after every video."""

    def __init__(self, index, advance):
        super().__init__(name=_config_name(index.layout.dataset, index.layout.split))
        self.index = index
        self.advance = advance


class LocalDatasetInfo(tfds.core.DatasetInfo):
    """A description that is not looked for at Google, for which TFDS makes a temporary folder that it leaves behind."""

    def initialize_from_bucket(self):
        """There is none there."""


class FeatureDataset(tfds.core.GeneratorBasedBuilder):
    """Framewise features and labels of the videos of one split; TFDS splits "train", "test" and "validation"."""

    name = "feature_dataset"
    VERSION = tfds.core.Version("1.0.0")
    MANUAL_DOWNLOAD_INSTRUCTIONS = "The dataset's own folder: features, labels, class list and split lists."
    # Nothing is downloaded. Looking for a list of checksums would make TFDS 4.9.10 import importlib_resources, which it
    # no longer installs.
    url_infos = None

    def _info(self):
        index = self.builder_config.index
        return LocalDatasetInfo(
            builder=self,
            description="Framewise features and action labels of untrimmed videos.",
            features=tfds.features.FeaturesDict(
                {
                    "video_id": tfds.features.Text(),
                    "features": tfds.features.Tensor(
                        shape=(None, index.feature_dim), dtype=np.float32, encoding=tfds.features.Encoding.BYTES
                    ),
                    "labels": tfds.features.Tensor(
                        shape=(None,), dtype=np.int32, encoding=tfds.features.Encoding.BYTES
                    ),
                }
            ),
            metadata=tfds.core.MetadataDict(_describe(index)),
            # Keeps the order of the split list, so that metadata and records go together by position.
            disable_shuffling=True,
        )

    def _split_generators(self, dl_manager):
        del dl_manager  # the index names the files, all below its manual_dir
        return {subset: self._generate_examples(subset) for subset in self.builder_config.index.splits}

    def _generate_examples(self, subset):
        index = self.builder_config.index
        for video_id in index.splits[subset]:
            labels = index.labels[video_id]
            path, time_axis = index.layout.feature_file(video_id), index.layout.time_axis
            shape = (len(labels), index.feature_dim)
            features = np.asarray(open_checked(path, time_axis, shape, num_frames=len(labels)))
            yield video_id, {"video_id": video_id, "features": features, "labels": labels}
            self.builder_config.advance()

    def _generate_splits(self, dl_manager, download_config):
        """Writes one video after the other; TFDS's own writer collects a split in memory, over 1 GB by TensorFlow."""
        del download_config
        # An info of its own: that of the builder names the final folder, not the temporary one being written.
        info = self._info()
        writer = tfds.core.SequentialWriter(info, VIDEOS_PER_SHARD, file_format="array_record")
        generators = self._split_generators(dl_manager)
        writer.initialize_splits(list(generators))
        for subset, examples in generators.items():
            writer.add_examples({subset: (example for _, example in examples)})
        writer.close_all()
        return list(info.splits.values())


def prepare(index, tfds_dir):
    """Writes the TFDS copy of a dataset, unless an up-to-date one is there.

    Args:
      index: DatasetIndex of a sound dataset, covering every configured split list.
      tfds_dir: folder for prepared copies.

    Returns:
      Path of the prepared copy. It is written anew when a file of the source has changed since.

    Raises:
      UserError: a video is too large for one record, the disk too full, or the folder not writable.
    """
    directory = prepared_directory(tfds_dir, index.layout.dataset, index.layout.split)
    if is_current(index, tfds_dir):
        logging.info("Using the TFDS copy in %s", directory)
        return directory
    if directory.exists():
        logging.info("Files of %s have changed: writing the TFDS copy in %s again", index.layout.root, directory)
    else:
        logging.info("Writing a TFDS copy of %s to %s", index.layout.root, directory)
    try:
        with lock_folder(directory.parent, wait=True):
            if not is_current(index, tfds_dir):  # another process may have written it meanwhile
                for leftover in directory.parent.glob(f"{UNFINISHED}*"):
                    shutil.rmtree(leftover, ignore_errors=True)
                _check_room(index, tfds_dir)
                _write(index, tfds_dir)
    except OSError as error:
        raise UserError(
            f"The TFDS copy cannot be written to {tfds_dir} ({error}). "
            'Choose another folder with --config.data.tfds_dir=FOLDER, or use config.data.reader="npy".'
        ) from error
    return directory


def _write(index, tfds_dir):
    num_videos = sum(map(len, index.splits.values()))
    with tqdm(total=num_videos, desc="Preparing the TFDS copy", unit="video", disable=None) as bar, quiet_tfds():
        builder = FeatureDataset(
            data_dir=str(tfds_dir), config=FeatureDatasetConfig(index, bar.update), file_format="array_record"
        )
        config = tfds.download.DownloadConfig(
            manual_dir=str(index.layout.root),
            download_mode=tfds.GenerateMode.REUSE_CACHE_IF_EXISTS,
            try_download_gcs=False,
        )
        builder.download_and_prepare(download_config=config)


@contextlib.contextmanager
def quiet_tfds():
    """Keeps TFDS from announcing downloads that do not take place and from drawing bars without a terminal."""
    tfds.disable_progress_bar()
    verbosity = logging.get_verbosity()
    logging.set_verbosity(logging.ERROR)
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            yield
    finally:
        logging.set_verbosity(verbosity)


def prepared_directory(tfds_dir, dataset, split):
    """Returns where the prepared copy of a dataset's split lies under `tfds_dir`."""
    return pathlib.Path(tfds_dir) / FeatureDataset.name / _config_name(dataset, split) / str(FeatureDataset.VERSION)


def is_current(index, tfds_dir):
    """Whether a copy has been prepared and the source has not changed since."""
    metadata = _read_metadata(prepared_directory(tfds_dir, index.layout.dataset, index.layout.split))
    return metadata is not None and metadata["fingerprint"] == index.fingerprint()


class TfdsSource(LabelledVideos):
    """Videos of one split list, read from a prepared TFDS copy; the same examples as `NpySource` gives."""

    def __init__(self, directory, subset, *, sample_rate=1, budget=None):
        """
        Args:
          directory: prepared copy, as returned by `prepare`.
          subset: "train", "test" or "validation".
          sample_rate: one frame in this many is used.
          budget: MemoryBudget; None = one of its own with the default limit.

        Raises:
          UserError: there is no prepared copy, or it lacks `subset`.
        """
        metadata = _read_metadata(directory)
        if metadata is None or subset not in metadata["videos"]:
            raise UserError(
                f"{directory} holds no prepared {subset} videos. "
                "Set config.data.dir to the source folder to have it prepared."
            )
        videos = metadata["videos"][subset]
        labels = [_decode_labels(video) for video in videos]
        ids = [video["video_id"] for video in videos]
        super().__init__(ids, metadata["class_names"], metadata["feature_dim"], labels, sample_rate, budget)
        self._directory = directory
        with quiet_tfds(), self._undamaged():
            check_classes(json.loads(read_data(pathlib.Path(directory) / FEATURES_FILE)))
            self._records = tfds.builder_from_directory(str(directory)).as_data_source(split=subset)

    def read_features(self, index):
        with self._undamaged():
            record = self._records[index]
            shape = (len(self.full_labels(index)), self.feature_dim)
            if record["video_id"].decode() != self.video_ids[index] or record["features"].shape != shape:
                raise ValueError(f"record {index} is of another video than {self.video_ids[index]!r}")
        return np.ascontiguousarray(record["features"][:: self.sample_rate])

    @contextlib.contextmanager
    def _undamaged(self):
        try:
            yield
        except READ_ERRORS as error:
            reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
            raise UserError(
                f"{self._directory} is damaged ({reason}): delete this folder to have it prepared again."
            ) from error


def _describe(index):
    def describe(video_id):
        labels, starts, ends = frames_to_segments(index.labels[video_id])
        return {"video_id": video_id, "labels": labels.tolist(), "durations": (ends - starts).tolist()}

    return {
        "dataset": index.layout.dataset,
        "split": index.layout.split,
        "class_names": list(index.class_names),
        "feature_dim": index.feature_dim,
        "videos": {subset: [describe(video) for video in videos] for subset, videos in index.splits.items()},
        "fingerprint": index.fingerprint(),
    }


def _decode_labels(video):
    ends = np.cumsum(np.asarray(video["durations"], np.int64))
    starts = ends - np.asarray(video["durations"], np.int64)
    return segments_to_frames(video["labels"], starts, ends)


def check_classes(tree):
    """Raises ValueError if the description of features names a Python class that is none of ours."""
    for key, value in tree.items() if isinstance(tree, dict) else enumerate(tree if isinstance(tree, list) else ()):
        if key in ("pythonClassName", "python_class_name", "type") and value not in _CLASSES:
            raise ValueError(f"{FEATURES_FILE} names the Python class {value!r}")
        check_classes(value)


def _read_metadata(directory):
    """What `_describe` gave, or None if there is no prepared copy."""
    path = pathlib.Path(directory) / METADATA_FILE
    try:
        metadata = json.loads(read_data(path, MAX_METADATA_BYTES))
        if not (metadata["class_names"] and metadata["feature_dim"] > 0 and metadata["fingerprint"]):
            raise ValueError("it describes no dataset")
        for videos in metadata["videos"].values():
            for video in videos:
                labels = np.asarray(video["labels"])
                if len(labels) != len(video["durations"]) or not set(labels) <= set(
                    range(len(metadata["class_names"]))
                ):
                    raise ValueError(f"labels of video {video['video_id']!r}")
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise UserError(f"{path} is damaged ({error}): delete {path.parent} to have it prepared again.") from error
    return metadata


def _check_room(index, tfds_dir):
    sizes = {video: len(labels) * index.feature_dim * 4 for video, labels in index.labels.items()}
    largest = max(sizes, key=sizes.get)
    if sizes[largest] > MAX_VIDEO_BYTES:
        raise UserError(
            f"Video {largest!r} has {sizes[largest] / 2**30:.1f} GiB of features; a TFDS record holds less than 2 GiB. "
            'Use config.data.reader="npy".'
        )
    free = shutil.disk_usage(tfds_dir).free
    if sum(sizes.values()) > free:
        raise UserError(
            f"The TFDS copy needs {sum(sizes.values()) / 2**30:.1f} GiB; {tfds_dir} has {free / 2**30:.1f} GiB free. "
            'Choose another folder with --config.data.tfds_dir=FOLDER, or use config.data.reader="npy".'
        )


def _config_name(dataset, split):
    return re.sub(r"[^\w.-]", "_", f"{dataset}_{split}")
