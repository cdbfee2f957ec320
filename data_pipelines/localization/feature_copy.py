"""Features of a localization dataset as a TFDS dataset (array_record, no TensorFlow), and the reader of the copy.

The copy holds the stored features of every usable video, all streams side by side, time first, float32. Annotations
stay in their own file: they are small, and what is made of them depends on the settings.
"""

import contextlib
import hashlib
import json
import os
import pathlib
import shutil

import numpy as np
import tensorflow_datasets as tfds
from absl import logging
from tqdm import tqdm

from data_pipelines.core import feature_dataset
from data_pipelines.core.feature_dataset import LocalDatasetInfo, quiet_tfds
from data_pipelines.core.feature_files import FeatureFileError
from fact_jax.files import lock_folder, read_data
from fact_jax.types import UserError

SPLIT = "videos"


class CopyConfig(tfds.core.BuilderConfig):
    """A TFDS config made for the videos of one store; `advance` is called after every video."""

    def __init__(self, name, store, lengths, feature_dim, fingerprint, advance):
        super().__init__(name=name)
        self.store, self.lengths, self.feature_dim = store, lengths, feature_dim
        self.fingerprint, self.advance = fingerprint, advance


class LocalizationFeatures(tfds.core.GeneratorBasedBuilder):
    """Features of untrimmed videos."""

    name = "localization_features"
    VERSION = tfds.core.Version("1.0.0")
    MANUAL_DOWNLOAD_INSTRUCTIONS = "The dataset's own folder."
    url_infos = None  # nothing is downloaded

    def _info(self):
        config = self.builder_config
        features = tfds.features.Tensor(
            shape=(None, config.feature_dim), dtype=np.float32, encoding=tfds.features.Encoding.BYTES
        )
        return LocalDatasetInfo(
            builder=self,
            description="Features of untrimmed videos.",
            features=tfds.features.FeaturesDict({"video_id": tfds.features.Text(), "features": features}),
            metadata=tfds.core.MetadataDict(
                {"fingerprint": config.fingerprint, "feature_dim": config.feature_dim, "lengths": config.lengths}
            ),
            disable_shuffling=True,  # metadata and records go together by position
        )

    def _split_generators(self, dl_manager):
        del dl_manager
        return {SPLIT: self._generate_examples()}

    def _generate_examples(self):
        config = self.builder_config
        for video_id in config.lengths:
            yield video_id, {"video_id": video_id, "features": config.store.read(video_id)}
            config.advance()

    def _generate_splits(self, dl_manager, download_config):
        """Writes one video after the other, as that of `feature_dataset.FeatureDataset`."""
        del download_config
        info = self._info()
        writer = tfds.core.SequentialWriter(info, feature_dataset.VIDEOS_PER_SHARD, file_format="array_record")
        generators = self._split_generators(dl_manager)
        writer.initialize_splits(list(generators))
        for split, examples in generators.items():
            writer.add_examples({split: (example for _, example in examples)})
        writer.close_all()
        return list(info.splits.values())


class CopiedFeatures:
    """The features of a prepared copy; takes the place of a `features.FeatureStore`."""

    def __init__(self, directory, lengths, feature_dim):
        self._directory = directory
        self._shapes = {video: (length, feature_dim) for video, length in lengths.items()}
        self._places = {video: place for place, video in enumerate(lengths)}
        with quiet_tfds(), self._undamaged():
            feature_dataset.check_classes(json.loads(read_data(directory / feature_dataset.FEATURES_FILE)))
            self._records = tfds.builder_from_directory(str(directory)).as_data_source(split=SPLIT)

    def is_missing(self, video_id):
        """Whether the copy lacks a video."""
        return video_id not in self._places

    def shape(self, video_id):
        """(T, D)."""
        return self._shapes[video_id]

    def read(self, video_id, every=1):
        """float32 [ceil(T / every), D]; raises FeatureFileError if the copy is damaged."""
        with self._undamaged():
            record = self._records[self._places[video_id]]
            if record["video_id"].decode() != video_id or record["features"].shape != self._shapes[video_id]:
                raise ValueError(f"the record is of another video than {video_id!r}")
        return np.ascontiguousarray(record["features"][::every])

    @contextlib.contextmanager
    def _undamaged(self):
        try:
            yield
        except feature_dataset.READ_ERRORS as error:
            reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
            advice = "delete this folder to have it prepared again"
            raise FeatureFileError(f"{self._directory} is damaged ({reason}): {advice}") from error


def open_copy(data, store, checked):
    """Writes the copy of all usable videos, unless an up-to-date one is there.

    Args:
      data: `config.data`.
      store: FeatureStore of the files.
      checked: CheckedVideos.

    Returns:
      CopiedFeatures.

    Raises:
      UserError: a video is too large for one record, the disk too full, or the folder not writable.
    """
    root = pathlib.Path(os.path.expanduser(data.tfds_dir or str(pathlib.Path(data.dir) / "tfds")))
    names = [video.video_id for videos in checked.usable.values() for video in videos]
    lengths = {name: int(checked.lengths[name]) for name in dict.fromkeys(names)}
    fingerprint = _fingerprint(store, lengths)
    directory = root / LocalizationFeatures.name / data.dataset / str(LocalizationFeatures.VERSION)
    try:
        with lock_folder(directory.parent, wait=True):
            if not _is_current(directory, fingerprint):
                for leftover in directory.parent.glob(f"{feature_dataset.UNFINISHED}*"):
                    shutil.rmtree(leftover, ignore_errors=True)
                _check_room(root, lengths, checked.feature_dim)
                _write(root, data, store, lengths, checked.feature_dim, fingerprint)
    except OSError as error:
        raise UserError(
            f"The TFDS copy cannot be written to {root} ({error}). Choose another folder with "
            '--config.data.tfds_dir=FOLDER, or use config.data.reader="files".'
        ) from error
    return CopiedFeatures(directory, lengths, checked.feature_dim)


def _write(root, data, store, lengths, feature_dim, fingerprint):
    logging.info("Writing a TFDS copy of %s to %s", data.dir, root)
    with tqdm(total=len(lengths), desc="Preparing the TFDS copy", unit="video", disable=None) as bar, quiet_tfds():
        config = CopyConfig(data.dataset, store, lengths, feature_dim, fingerprint, bar.update)
        builder = LocalizationFeatures(data_dir=str(root), config=config, file_format="array_record")
        options = tfds.download.DownloadConfig(
            manual_dir=str(pathlib.Path(os.path.expanduser(data.dir))),
            download_mode=tfds.GenerateMode.REUSE_DATASET_IF_EXISTS,
            try_download_gcs=False,
        )
        if pathlib.Path(builder.data_dir).exists():
            shutil.rmtree(builder.data_dir)
        builder.download_and_prepare(download_config=options)


def _fingerprint(store, lengths):
    """Digest of names, sizes and times of change of the feature files, and of the videos taken."""
    digest = hashlib.sha256(repr(lengths).encode())
    for path in sorted({stream.path(name) for stream in store.streams for name in lengths}):
        status = path.stat()
        digest.update(repr((str(path), status.st_size, status.st_mtime_ns)).encode())
    return digest.hexdigest()


def _is_current(directory, fingerprint):
    try:
        content = read_data(directory / feature_dataset.METADATA_FILE, feature_dataset.MAX_METADATA_BYTES)
        return json.loads(content)["fingerprint"] == fingerprint
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        return False


def _check_room(root, lengths, feature_dim):
    sizes = {video: 4 * length * feature_dim for video, length in lengths.items()}
    largest = max(sizes, key=sizes.get)
    if sizes[largest] > feature_dataset.MAX_VIDEO_BYTES:
        raise UserError(
            f"Video {largest!r} has {sizes[largest] / 2**30:.1f} GiB of features; a TFDS record holds less than 2 GiB. "
            'Use config.data.reader="files".'
        )
    free = shutil.disk_usage(root).free
    if sum(sizes.values()) > free:
        needed = sum(sizes.values()) / 2**30
        raise UserError(f"The TFDS copy needs {needed:.1f} GiB; {root} has {free / 2**30:.1f} GiB free.")
