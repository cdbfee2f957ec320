"""The direct reader: examples straight from a dataset's .npy and .txt files."""

from data_pipelines.feature_files import FeatureFileError, open_features
from data_pipelines.labelled_videos import LabelledVideos
from fact_jax.types import UserError


class NpySource(LabelledVideos):
    """Videos of one split list, features read from .npy files in either orientation.

    Features and labels are cut to the common length and then down-sampled, as published. Lengths and labels are known
    from the index; a feature file is opened when its video is asked for. Features that do not stay in memory are a
    memory map of their file, so that a batch copies the frames in use straight from there.
    """

    def __init__(self, index, subset, budget=None):
        """
        Args:
          index: DatasetIndex of a sound dataset (see `validation.report_problems`).
          subset: "train", "test" or "validation".
          budget: MemoryBudget; None = one of its own with the default limit.
        """
        video_ids = index.splits[subset]
        labels = [index.labels[video] for video in video_ids]
        super().__init__(
            video_ids, index.class_names, index.feature_dim, labels, index.layout.sample_rate, budget
        )
        self._layout = index.layout

    def read_features(self, index):
        path = self._layout.feature_file(self.video_ids[index])
        num_frames = len(self.full_labels(index))
        try:
            features = open_features(
                path, self._layout.time_axis, num_frames=num_frames, sample_rate=self.sample_rate
            )
        except FeatureFileError as error:
            raise UserError(f"{path}: {error}. The file has changed since it was checked.") from error
        if features.shape != (self.lengths[index], self.feature_dim):
            raise UserError(
                f"{path}: {features.shape[0]} frames of {features.shape[1]} channels, expected "
                f"{self.lengths[index]} of {self.feature_dim}. The file has changed since it was checked."
            )
        return features
