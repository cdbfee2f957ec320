"""A copy of the videos of a dataset as a TFDS dataset (array_record, no TensorFlow), and the reader of its records.

A record is one video, with its features at the full rate, time first, float32, and what else its kind of dataset stores
of it; of raw videos it is one frame. The dataset's metadata holds what must be known without reading a record, and a
fingerprint of the files that the copy was made from: it is made again when one of them has changed.
"""

import contextlib
import dataclasses
import hashlib
import io
import json
import pathlib
import re
import shutil
from collections.abc import Callable, Mapping

import tensorflow_datasets as tfds
from absl import logging
from array_record.python.array_record_module import ArrayRecordReader
from google.protobuf import json_format
from tqdm import tqdm

from fact_jax.files import lock_folder, read_data, readable_size
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
_MAX_METADATA_BYTES = 2**30
# What TFDS calls a folder that it has not finished writing, which stays there when the process is killed.
_UNFINISHED = "incomplete."
# What TFDS and array_record raise for files that are missing or damaged.
_READ_ERRORS = (OSError, ValueError, LookupError, TypeError, AttributeError, RuntimeError, json_format.Error)


@dataclasses.dataclass(frozen=True)
class CopyContents:
    """What goes into a copy.

    Attributes:
      name: of the dataset, and of its split.
      source, reader: folder that it is made from, and the config.data.reader that reads it without a copy.
      splits: dict from TFDS split to the names of its records, such as video ids, in order.
      arrays: dict from the name of a stored array to (shape, dtype), None in the shape for what differs.
      read: gives {name: array} of a record; called once for each, in order.
      num_bytes: dict from the name of a record to its bytes.
      metadata: what JSON can hold, with "fingerprint".
    """

    name: str
    source: pathlib.Path
    reader: str
    splits: Mapping
    arrays: Mapping
    read: Callable
    num_bytes: Mapping
    metadata: Mapping


class CopyConfig(tfds.core.BuilderConfig):
    """A TFDS config made for one CopyContents; `advance` is called after every record."""

    def __init__(self, contents, advance):
        super().__init__(name=_config_name(contents.name))
        self.contents, self.advance = contents, advance


class LocalDatasetInfo(tfds.core.DatasetInfo):
    """A description that is not looked for at Google, for which TFDS makes a temporary folder that it leaves behind."""

    def initialize_from_bucket(self):
        """There is none there."""


class CopyBuilder(tfds.core.GeneratorBasedBuilder):
    """Writes a copy. Each kind of dataset has a subclass, after which the folder is named."""

    RECORDS_PER_SHARD = 64
    VERSION = tfds.core.Version("1.0.0")
    MANUAL_DOWNLOAD_INSTRUCTIONS = "The dataset's own folder."
    # Nothing is downloaded. Looking for a list of checksums would make TFDS 4.9.10 import importlib_resources, which it
    # no longer installs.
    url_infos = None

    def _info(self):
        contents, encoding = self.builder_config.contents, tfds.features.Encoding.BYTES
        arrays = {
            name: tfds.features.Tensor(shape=shape, dtype=dtype, encoding=encoding)
            for name, (shape, dtype) in contents.arrays.items()
        }
        return LocalDatasetInfo(
            builder=self,
            description=type(self).__doc__,
            features=tfds.features.FeaturesDict({"video_id": tfds.features.Text(), **arrays}),
            metadata=tfds.core.MetadataDict(contents.metadata),
            # Keeps the order of the videos, so that metadata and records go together by position.
            disable_shuffling=True,
        )

    def _split_generators(self, dl_manager):
        del dl_manager  # the contents know the files, all below its manual_dir
        return {split: self._generate_examples(split) for split in self.builder_config.contents.splits}

    def _generate_examples(self, split):
        config = self.builder_config
        for name in config.contents.splits[split]:
            yield name, {"video_id": name, **config.contents.read(name)}
            config.advance()

    def _generate_splits(self, dl_manager, download_config):
        """Writes one record after the other; TFDS's own writer collects a split in memory, over 1 GB by TensorFlow."""
        del download_config
        # An info of its own: that of the builder names the final folder, not the temporary one being written.
        info = self._info()
        writer = tfds.core.SequentialWriter(info, self.RECORDS_PER_SHARD, file_format="array_record")
        generators = self._split_generators(dl_manager)
        writer.initialize_splits(list(generators))
        for split, examples in generators.items():
            writer.add_examples({split: (example for _, example in examples)})
        writer.close_all()
        return list(info.splits.values())


def copy_directory(builder, tfds_dir, name):
    """Where the copy of a dataset lies below `tfds_dir`; `builder` is the subclass of its kind."""
    return pathlib.Path(tfds_dir) / builder.name / _config_name(name) / str(builder.VERSION)


def is_current(directory, fingerprint, check):
    """Whether a copy has been prepared and the source has not changed since; `check` as for `read_metadata`."""
    metadata = read_metadata(directory, check)
    return metadata is not None and metadata["fingerprint"] == fingerprint


def prepare(builder, contents, tfds_dir, check):
    """Writes the copy of a dataset, unless one is there and no file of the source has changed since; returns its path.

    Args:
      builder: subclass of CopyBuilder.
      contents: CopyContents.
      tfds_dir: folder for copies.
      check: as for `read_metadata`.

    Raises:
      UserError: a video is too large for one record, the disk too full, or the folder not writable.
    """
    directory, fingerprint = copy_directory(builder, tfds_dir, contents.name), contents.metadata["fingerprint"]
    if is_current(directory, fingerprint, check):
        logging.info("Using the TFDS copy in %s", directory)
        return directory
    if directory.exists():
        text = "The TFDS copy in %s is not that of the files in %s as they are now: it is written again"
        logging.warning(text, directory, contents.source)
    else:
        logging.info("Writing a TFDS copy of %s to %s", contents.source, directory)
    try:
        with lock_folder(directory.parent, wait=True):
            if not is_current(directory, fingerprint, check):  # another process may have written it meanwhile
                for leftover in directory.parent.glob(f"{_UNFINISHED}*"):
                    shutil.rmtree(leftover, ignore_errors=True)
                _check_room(contents, tfds_dir)
                _write(builder, contents, tfds_dir)
    except OSError as error:
        raise UserError(f"The TFDS copy cannot be written to {tfds_dir} ({error}). {_advice(contents)}") from error
    return directory


def _write(builder, contents, tfds_dir):
    num_records = sum(map(len, contents.splits.values()))
    with tqdm(total=num_records, desc="Preparing the TFDS copy", unit="record", disable=None) as bar, _quiet_tfds():
        config = tfds.download.DownloadConfig(
            manual_dir=str(contents.source),
            download_mode=tfds.GenerateMode.REUSE_CACHE_IF_EXISTS,
            try_download_gcs=False,
        )
        made = builder(data_dir=str(tfds_dir), config=CopyConfig(contents, bar.update), file_format="array_record")
        made.download_and_prepare(download_config=config)


@contextlib.contextmanager
def _quiet_tfds():
    """Keeps TFDS from announcing downloads that do not take place and from drawing bars without a terminal."""
    tfds.disable_progress_bar()
    verbosity = logging.get_verbosity()
    logging.set_verbosity(logging.ERROR)
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            yield
    finally:
        logging.set_verbosity(verbosity)


class CopiedRecords:
    """The records of one split of a copy."""

    def __init__(self, directory, split):
        """Raises a UserError if the copy is damaged."""
        self._directory, self._split = pathlib.Path(directory), split
        with _quiet_tfds(), self._undamaged():
            _check_classes(json.loads(read_data(self._directory / FEATURES_FILE)))
            self._records = tfds.builder_from_directory(str(directory)).as_data_source(split=split)

    def __len__(self):
        """Records in the files, not as the description says; a UserError if one of the files is damaged.

        Of a file that is cut off there may be none.
        """
        with self._undamaged():
            paths = sorted(self._directory.glob(f"*-{self._split}.array_record*"))
            return sum(ArrayRecordReader(str(path)).num_records() for path in paths)

    def features(self, place, video_id, shape):
        """float32 [T, D], the features of the video at this place; a UserError if another is there or it is damaged."""
        return self.array("features", place, video_id, shape)

    def array(self, name, place, video_id, shape=None):
        """An array of the record at this place, see `features`; `shape` None = any."""
        with self._undamaged():
            record = self._records[place]
            found = record[name]
            if record["video_id"].decode() != video_id or (shape is not None and found.shape != tuple(shape)):
                raise ValueError(f"record {place} is of another video than {video_id!r}")
        return found

    @contextlib.contextmanager
    def _undamaged(self):
        try:
            yield
        except _READ_ERRORS as error:
            reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
            raise UserError(
                f"{self._directory} is damaged ({reason}): delete this folder to have it prepared again."
            ) from error


def read_metadata(directory, check):
    """The metadata of a copy, or None if there is no copy; a UserError if they are damaged.

    `check` is called with them, and raises a ValueError, LookupError or TypeError if they are not what was written.
    """
    path = pathlib.Path(directory) / METADATA_FILE
    try:
        metadata = json.loads(read_data(path, _MAX_METADATA_BYTES))
        if not metadata["fingerprint"]:
            raise ValueError("it describes no dataset")
        check(metadata)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise UserError(f"{path} is damaged ({error}): delete {path.parent} to have it prepared again.") from error
    return metadata


def _check_classes(tree):
    """Raises ValueError if the description of features names a Python class that is none of ours."""
    for key, value in tree.items() if isinstance(tree, dict) else enumerate(tree if isinstance(tree, list) else ()):
        if key in ("pythonClassName", "python_class_name", "type") and value not in _CLASSES:
            raise ValueError(f"{FEATURES_FILE} names the Python class {value!r}")
        _check_classes(value)


def _check_room(contents, tfds_dir):
    sizes = contents.num_bytes
    largest = max(sizes, key=sizes.get)
    if sizes[largest] > MAX_VIDEO_BYTES:
        raise UserError(
            f"Video {largest!r} has {readable_size(sizes[largest])}; a TFDS record holds less than 2 GiB. "
            f'Use config.data.reader="{contents.reader}".'
        )
    free = shutil.disk_usage(tfds_dir).free
    if sum(sizes.values()) > free:
        raise UserError(
            f"The TFDS copy needs {readable_size(sum(sizes.values()))}; {tfds_dir} has {readable_size(free)} free. "
            f"{_advice(contents)}"
        )


def _advice(contents):
    return f'Choose another folder with --config.data.tfds_dir=FOLDER, or use config.data.reader="{contents.reader}".'


def _config_name(name):
    """The name of a folder; two datasets never share one."""
    kept = re.sub(r"[^\w.-]", "_", name)
    return kept if kept == name else f"{kept}-{hashlib.sha256(ascii(name).encode()).hexdigest()[:8]}"
