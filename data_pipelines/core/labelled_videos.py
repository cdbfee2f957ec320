"""What the readers of feature datasets share: labels kept in memory, features cached up to a limit, down-sampling."""

import threading

import numpy as np

from data_pipelines.core.feature_files import StoredFrames
from fact_jax.ops.resampling import downsample_labels, downsampled_length
from fact_jax.types import Video

DEFAULT_MEMORY_LIMIT = 4 * 2**30


class MemoryBudget:
    """Bytes of features that may stay in memory; one budget can serve several sources."""

    def __init__(self, limit=DEFAULT_MEMORY_LIMIT):
        self.limit = limit
        self.used = 0
        self._lock = threading.Lock()

    @classmethod
    def of(cls, data):
        """The budget of the settings of a dataset, `memory_gb`."""
        return cls(int(data.memory_gb * 2**30))

    def take(self, num_bytes):
        """Reserves `num_bytes` if they still fit; returns whether they did."""
        with self._lock:
            fits = self.used + num_bytes <= self.limit
            self.used += num_bytes if fits else 0
            return fits


class FeatureCache:
    """Features by the index of their video; those that do not fit into the budget are read anew each time.

    Reading from several threads at once is safe. Arrays handed out are read-only.
    """

    def __init__(self, read, budget=None):
        """`read` gives the features of a video, float32 [T, D], array or StoredFrames."""
        self._read = read
        self.budget = budget or MemoryBudget()
        self._features = {}
        self._kept = set()
        self._lock = threading.Lock()

    @property
    def nbytes(self):
        """Bytes of the features that are kept."""
        return sum(features.nbytes for features in self._features.values())

    def get(self, index):
        """float32 [T, D] of a video; StoredFrames, still in their file, where they are not kept."""
        kept = self._features.get(index)
        if kept is not None:
            return kept
        features = self._read(index)
        with self._lock:
            # One thread keeps the video, and charges it once; others that ask meanwhile read for themselves.
            keeps = index not in self._kept and self.budget.take(features.nbytes)
            if keeps:
                self._kept.add(index)
        if not keeps:
            return features if isinstance(features, StoredFrames) else _frozen(features)
        kept = _frozen(np.asarray(features))
        self._features[index] = kept
        return kept


class LabelledVideos:
    """A `fact_jax.types.VideoSource` over labels in memory; subclasses say how to read the features of one video.

    Videos stay in memory once read until the budget is spent; the others are read from disk each time, and their
    features may be StoredFrames, still in their file. Reading from several threads at once is safe. Arrays handed out
    are read-only, because they may be those of the cache. One frame in `sample_rate` is used.
    """

    def __init__(self, video_ids, class_names, feature_dim, full_labels, sample_rate, budget=None):
        self.video_ids = tuple(video_ids)
        self.class_names = tuple(class_names)
        self.feature_dim = feature_dim
        self.sample_rate = sample_rate
        self.lengths = np.array([downsampled_length(len(labels), sample_rate) for labels in full_labels], np.int64)
        self._full_labels = [_frozen(np.asarray(labels, np.int32)) for labels in full_labels]
        self._labels = self._full_labels
        if sample_rate > 1:
            self._labels = [_frozen(downsample_labels(labels, sample_rate)) for labels in self._full_labels]
        self._cache = FeatureCache(self.read_features, budget)

    def __len__(self):
        return len(self.video_ids)

    def __getitem__(self, index):
        index = range(len(self))[index]
        return Video(self.video_ids[index], self._cache.get(index), self._labels[index], self._full_labels[index])

    def labels(self, index):
        """int32 [T], the labels of one video at the reduced rate, without reading its features."""
        return self._labels[index]

    def full_labels(self, index):
        """int32 [N], the labels of one video at the full rate, without reading its features."""
        return self._full_labels[index]

    def read_features(self, index):
        """float32 [T, D] of video `index` at the reduced rate, array or StoredFrames. For subclasses to define."""
        raise TypeError(f"{type(self).__name__} does not say how to read features")


def _frozen(array):
    array = array.view()
    array.setflags(write=False)
    return array
