"""The direct reader: examples straight from a dataset's .npy and .txt files."""

from data_pipelines.core.feature_files import open_checked
from data_pipelines.core.labelled_videos import LabelledVideos


class NpySource(LabelledVideos):
    """Videos of one split list, features read from .npy files in either orientation.

    Features and labels are cut to the common length and then down-sampled, as published. Lengths and labels are known
    from the index; a feature file is opened when its video is asked for. Features that do not stay in memory are
    StoredFrames, which a batch reads straight into its own array.
    """

    def __init__(self, index, subset, budget=None):
        """`index` is that of a sound dataset, `subset` one of its split lists, `budget` a MemoryBudget or None."""
        video_ids = index.splits[subset]
        labels = [index.common_labels(video) for video in video_ids]
        super().__init__(video_ids, index.class_names, index.feature_dim, labels, index.layout.data.sample_rate, budget)
        self._layout = index.layout

    def read_features(self, index):
        path, shape = self._layout.feature_file(self.video_ids[index]), (self.lengths[index], self.feature_dim)
        options = {"num_frames": len(self.full_labels(index)), "sample_rate": self.sample_rate}
        return open_checked(path, self._layout.data.time_axis, shape, **options)
