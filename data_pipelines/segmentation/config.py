"""Settings of a segmentation dataset, `config.data`, with their defaults and rules."""

import dataclasses

from data_pipelines.core import settings
from data_pipelines.core.feature_files import TIME_AXES
from data_pipelines.segmentation.augmentation import AugmentationConfig
from fact_jax.types import UserError, check_choice

READERS = ("npy", "tfds", "synthetic")
SUBSETS = ("train", "test", "validation")
# The only one of the synthetic dataset: under other names, the same run would count several times in a report.
SYNTHETIC_SPLIT = "split1"


@dataclasses.dataclass(frozen=True)
class SyntheticSegmentationConfig:
    """What the synthetic data set looks like; see synthetic.py."""

    num_train_videos: int = 100  # videos of the split "train"
    num_test_videos: int = 30  # videos of the split "test"
    num_classes: int = 13  # C, with the background as class 0
    feature_dim: int = 48  # D
    num_activities: int = 4  # recipes; every video follows one
    num_confusable_pairs: int = 3  # look-alike pairs of classes; takes up 2 classes each
    mean_length: int = 220  # mean frames of a video; all lengths lie between about half and twice of it
    noise: float = 0.35  # standard deviation of the noise per frame and channel (prototypes have unit length)
    noise_correlation: float = 0.75  # correlation of the noise of neighbouring frames, in [0, 1)
    video_offset: float = 0.3  # expected length of the vector added to all frames of a video
    confusable_distance: float = 0.1  # between the prototypes of a look-alike pair (that of others is about 1.4)
    transition_frames: int = 4  # frames over which one prototype fades into the next; 1 is a hard cut
    background_rate: float = 0.25  # chance of background between two steps
    optional_rate: float = 0.3  # chance that the optional step of a recipe is left out
    repeat_rate: float = 0.3  # chance that the repeatable step comes twice
    swap_rate: float = 0.3  # chance that two steps come in the other order
    # The prototype of a class is the sum of a vector of its verb and one of its noun, so that classes with a common
    # part are alike (distance about 1).
    verb_noun: bool = False  # classes are pairs of a verb and a noun, named "<verb>,<noun>"

    def __post_init__(self):
        needed = 1 + 2 * self.num_confusable_pairs + self.num_activities
        rates = ("background_rate", "optional_rate", "repeat_rate", "swap_rate")
        rules = [
            ("num_train_videos", self.num_train_videos >= 1, "1 or more"),
            ("num_test_videos", self.num_test_videos >= 1, "1 or more"),
            ("num_activities", self.num_activities >= 2, "2 or more"),
            ("num_confusable_pairs", self.num_confusable_pairs >= 0, "0 or more"),
            (
                "num_classes",
                self.num_classes >= needed,
                f"{needed} or more (background, 2 per confusable pair, 1 per activity)",
            ),
            ("feature_dim", self.feature_dim >= 2, "2 or more"),
            ("mean_length", self.mean_length >= 1, "1 or more"),
            ("noise", self.noise >= 0, "0 or more"),
            ("noise_correlation", 0 <= self.noise_correlation < 1, "in [0, 1)"),
            ("video_offset", self.video_offset >= 0, "0 or more"),
            ("confusable_distance", 0 <= self.confusable_distance <= 2, "in [0, 2]"),
            ("transition_frames", self.transition_frames >= 1, "1 or more"),
        ]
        rules += [(name, 0 <= getattr(self, name) <= 1, "in [0, 1]") for name in rates]
        wrong = [f"{name} is {getattr(self, name)}, expected {rule}" for name, holds, rule in rules if not holds]
        if wrong:
            raise UserError("Synthetic data set: " + "; ".join(wrong) + ".")


@dataclasses.dataclass(frozen=True)
class SegmentationDataConfig:
    """Where the files of a dataset lie and how its results are counted; by default a folder in MS-TCN layout.

    Published keys of the FACT code stand in brackets.
    """

    dataset: str = "custom"  # name shown in tables (dataset)
    reader: str = "npy"  # "npy" the folder itself, "tfds" a prepared copy of it, "synthetic" made on the fly
    dir: str = ""  # root folder of the dataset
    feature_dir: str = "features"  # folder of VIDEO.npy, below dir (feature_path)
    segment_file: str = ""  # table video,start,end,label in seconds, below dir, in place of label_dir; "" = none
    label_dir: str = "groundTruth"  # folder of VIDEO.txt, one class name per frame, below dir (groundTruth_path)
    mapping_file: str = "mapping.txt"  # lines "<class id> <class name>", below dir (map_fname)
    verb_mapping_file: str = ""  # verbs, one per line, below dir; with nouns: classes are named "<verb>,<noun>"
    noun_mapping_file: str = ""  # nouns, one per line, below dir; "" for both = classes that are not such pairs
    transcript_dir: str = ""  # folder of VIDEO.txt, below dir, transcripts of evaluated videos; "" = from the labels
    train_split_file: str = "splits/train.{split}.bundle"  # list of training videos, below dir (split_path)
    test_split_file: str = "splits/test.{split}.bundle"  # list of test videos, below dir (split_path)
    validation_split_file: str = ""  # if set, evaluates and selects the best checkpoint on this list, not on test
    split: str = "split1"  # takes the place of {split} in the file names above (split)
    time_axis: str = "last"  # "last" for (D, T) feature files, "first" for (T, D) (feature_transpose)
    sample_rate: int = 1  # frames; every such one is used, with the majority label of its neighbours (sr)
    background_ids: tuple = (0,)  # class ids that count as background (bg_class)
    evaluate_background: bool = False  # count background segments in Edit and F1 as well (eval_bg)
    average_transcript_length: float = 0.0  # segments per video; 0 = measured (average_transcript_len)
    crop_share: float = 0.0  # least share of a training video that a step sees, drawn anew every time; 0 = all of it
    max_speed: float = 0.0  # largest factor by which training videos are played faster or slower; 0 = never
    gain_deviation: float = 0.0  # of the logarithm of a random gain that a channel of a training video gets; 0 = none
    offset_deviation: float = 0.0  # of a random offset, in standard deviations of the channel in the video; 0 = none
    memory_gb: float = 4.0  # GiB of features that stay in memory once read; the others are read from disk each time
    fps: float = 0.0  # label frames per second, for the time axes of figures; 0 = axes in frames
    length_tolerance: int = 15  # frames by which features and labels may differ; both are cut to the shorter
    max_buckets: int = 8  # most lengths that videos are padded to, each compiled once
    max_padding: float = 0.1  # share of padded frames that is small enough for fewer lengths, 0 or more and below 1
    buckets: tuple = ()  # the lengths themselves, in frames after sampling; () = chosen from the videos
    tfds_dir: str = ""  # folder of the prepared copy for reader "tfds"; "" = <dir>/tfds
    synthetic: SyntheticSegmentationConfig = SyntheticSegmentationConfig()

    @classmethod
    def parse(cls, data):
        """The settings of `config.data`, a mapping; a UserError if one is unknown or cannot be."""
        synthetic = settings.parse(SyntheticSegmentationConfig, data["synthetic"], "The synthetic data set")
        return settings.parse(cls, dict(data.items()) | {"synthetic": synthetic}, "config.data")

    @property
    def augmentation(self):
        """The AugmentationConfig of training."""
        names = (field.name for field in dataclasses.fields(AugmentationConfig))
        return AugmentationConfig(**{name: getattr(self, name) for name in names})

    @property
    def split_files(self):
        """{"train": name, "test": name} and, if configured, "validation", with `{split}` filled in."""
        patterns = {subset: getattr(self, f"{subset}_split_file") for subset in SUBSETS}
        return {subset: name.replace("{split}", self.split) for subset, name in patterns.items() if name}

    def check_files(self):
        """Raises a UserError if the settings of a dataset on disk cannot be."""
        check_choice("config.data.time_axis", self.time_axis, TIME_AXES)
        for name, least in (("sample_rate", 1), ("length_tolerance", 0)):
            if getattr(self, name) < least:
                raise UserError(f"config.data.{name} is {getattr(self, name)}; it must be at least {least}.")
        for name in ("train_split_file", "test_split_file"):
            if not getattr(self, name):
                raise UserError(
                    f"config.data.{name} is empty; give the file of a split list, e.g. splits/x.{{split}}.txt"
                )
        if not self.split:
            raise UserError("config.data.split is empty; name the split to use, e.g. split1.")

    def check_synthetic(self):
        """Raises a UserError if the synthetic dataset has not what the settings ask for."""
        if self.split != SYNTHETIC_SPLIT:
            raise UserError(
                f"config.data.split is {self.split!r}; the synthetic dataset has one split, {SYNTHETIC_SPLIT!r}. Leave "
                "the split out, or take another seed (seed=1 after the colon of --config) for another run."
            )
        if self.validation_split_file:
            raise UserError('The synthetic dataset has no validation videos: set config.data.validation_split_file="".')
        if self.sample_rate != 1:
            raise UserError(
                f"config.data.sample_rate is {self.sample_rate}; the synthetic dataset is made at rate 1 only."
            )

    def check_background(self, class_names):
        """Raises a UserError unless the background classes are among these."""
        if not all(0 <= i < len(class_names) for i in self.background_ids):
            raise UserError(
                f"config.data.background_ids is {tuple(map(int, self.background_ids))}; the {self.dataset} dataset has "
                f"the ids 0 to {len(class_names) - 1}."
            )
