"""Settings of a localization dataset, `config.data`, with their defaults and rules."""

import dataclasses
import math

from data_pipelines.core import settings
from fact_jax.types import UserError, check_choice

READERS = ("files", "tfds", "synthetic")
SPLIT = "default"  # the name of the one split that a dataset of this kind has

# Where make_splits writes its tables of subsets below the folder of a dataset, and one for a single split.
SUBSET_TABLES = ("splits/subsets.{split}.csv", "subsets.csv")
# Least value of settings that are numbers.
_LEAST = {"feature_stride": 0, "window": 0, "fps": 0, "num_classes": 0, "sample_rate": 1, "max_frames": 1}

# What a synthetic dataset may have of anything; more does not fit into memory.
_MOST_MADE = 1_000_000


@dataclasses.dataclass(frozen=True)
class SyntheticLocalizationConfig:
    """What the synthetic dataset looks like; see synthetic.py."""

    num_train_videos: int = 120  # videos to train on
    num_test_videos: int = 40  # videos to test on
    num_classes: int = 6  # C
    feature_dim: int = 32  # D
    min_length: int = 64  # fewest features of a video
    max_length: int = 192  # most features of a video
    min_actions: int = 2  # fewest actions of a video, which may overlap
    max_actions: int = 6  # most of them
    min_duration: float = 4.0  # features that an action lasts; durations are spread evenly over their logarithm
    max_duration: float = 48.0
    noise: float = 0.25  # standard deviation per feature and channel; the directions of the classes have length 1
    stride: int = 4  # of the features, see TimeGrid
    window: int = 16
    fps: float = 30.0

    def __post_init__(self):
        wrong = [
            f"{field.name} is {getattr(self, field.name)}, expected more than 0 and at most {_MOST_MADE}"
            for field in dataclasses.fields(self)
            if not 0 < getattr(self, field.name) <= _MOST_MADE
        ]
        for name in ("length", "actions", "duration"):
            least, most = getattr(self, f"min_{name}"), getattr(self, f"max_{name}")
            if least > most:
                wrong.append(f"min_{name} is {least}, expected at most max_{name}, {most}")
        if wrong:
            raise UserError("Synthetic localization data set: " + "; ".join(wrong) + ".")


@dataclasses.dataclass(frozen=True)
class LocalizationDataConfig:
    """Where the files of a dataset lie; by default annotations.json as of ActivityNet and features/VIDEO.npy (T, D).

    Published keys of the ActionFormer code stand in brackets.
    """

    dataset: str = "custom"  # name shown in tables
    reader: str = "files"  # "files" the folder itself, "tfds" a prepared copy of it, "synthetic" made on the fly
    dir: str = ""  # root folder of the dataset
    annotation_file: str = "annotations.json"  # .json or .json.gz, below dir; times in seconds (json_file)
    test_annotation_file: str = ""  # annotations of the videos to evaluate, of the same form; "" = annotation_file
    subset_file: str = ""  # table with the columns video and subset, which wins over the annotations; "" = none
    feature_places: tuple = ("features",)  # folders, or HDF5 files; several streams lie side by side (feat_folder)
    feature_prefix: str = ""  # before the name of a video (file_prefix)
    feature_suffix: str = ".npy"  # of the files: ".npy", or ".npz" with an array "feats" (file_ext)
    skip_missing: bool = False  # leave videos without features out of training; an evaluation counts them as misses
    train_subsets: tuple = ("training",)  # subsets to train with (train_split)
    test_subsets: tuple = ("validation",)  # subsets to evaluate (val_split)
    split: str = SPLIT  # takes the place of {split} in subset_file, without which there is this one split
    num_classes: int = 0  # 0 = as many as the annotations have; 1 = all classes as one (num_classes)
    feature_stride: float = 16.0  # video frames per stored feature; 0 = spread evenly over the video (feat_stride)
    window: float = 32.0  # video frames that a feature sees (num_frames)
    sample_rate: int = 1  # features; every such one is used (downsample_rate)
    fps: float = 0.0  # video frames per second; 0 = as the annotations say (default_fps)
    max_frames: int = 2304  # features that a training video is padded or cut to (max_seq_len)
    resize: bool = False  # stretch or shrink every video to max_frames features (force_upsampling)
    truncation_threshold: float = 0.5  # share of a segment that stays in a cut video, or it is left out (trunc_thresh)
    crop_ratio: tuple = (0.9, 1.0)  # least and largest share of a video trained with; () = all of it (crop_ratio)
    remove_doubles: bool = False  # count annotations once that are the same within a millisecond
    clip_segments: bool = False  # cut training segments to the video, leave out those mostly behind its end
    tiou_thresholds: tuple = (0.3, 0.4, 0.5, 0.6, 0.7)  # temporal overlaps of the evaluation
    published_classes: bool = False  # detections of a class without a true segment count for another, as published
    external_scores: str = ""  # file with scores of the classes for every video, below dir; "" = none (ext_score_file)
    memory_gb: float = 4.0  # GiB of features that stay in memory once read; the others are read from disk each time
    tfds_dir: str = ""  # folder of the prepared copy for reader "tfds"; "" = <dir>/tfds
    synthetic: SyntheticLocalizationConfig = SyntheticLocalizationConfig()

    @classmethod
    def parse(cls, data):
        """The settings of `config.data`, a mapping; a UserError if one is unknown or cannot be."""
        synthetic = settings.parse(SyntheticLocalizationConfig, data["synthetic"], "The synthetic data set")
        return settings.parse(cls, dict(data.items()) | {"synthetic": synthetic}, "config.data")

    @property
    def subset_table(self):
        """`subset_file` of the split, "" for none."""
        return self.subset_file.replace("{split}", self.split)

    def annotation_file_of(self, subset):
        """The annotation file of "train" or "test"."""
        return (subset == "test" and self.test_annotation_file) or self.annotation_file

    def check(self):
        """Raises a UserError if the settings contradict each other."""
        check_choice("config.data.reader", self.reader, READERS)
        if self.split != SPLIT and "{split}" not in self.subset_file:
            raise UserError(
                f"config.data.split is {self.split!r}; a localization dataset has one split, {SPLIT!r}: leave it out. "
                "config.data.train_subsets and test_subsets choose the videos. Of several splits, each has a table: "
                "config.data.subset_file=splits/subsets.{split}.csv"
            )
        wrong = [
            f"config.data.{name} is {getattr(self, name)}, expected {least} or more"
            for name, least in _LEAST.items()
            if not least <= getattr(self, name) < math.inf
        ]
        if wrong:
            raise UserError("\n".join(wrong))
        twice = sorted({place for place in self.feature_places if self.feature_places.count(place) > 1})
        if twice:
            raise UserError(f"config.data.feature_places names {twice[0]!r} twice; name every stream once.")
        if self.feature_stride <= 0 and self.sample_rate != 1:
            raise UserError(
                f"config.data.sample_rate is {self.sample_rate}, but features that are spread evenly over a video "
                "(feature_stride 0) are used all; set it to 1."
            )
