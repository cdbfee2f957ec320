"""Settings of a dataset of labelled clips, `config.data`, with their defaults and rules."""

import dataclasses

from data_pipelines.core import settings
from data_pipelines.recognition.augmentation import ClipAugmentationConfig
from data_pipelines.recognition.sampling import SamplingConfig
from data_pipelines.video.config import VideoConfig
from fact_jax.types import UserError, check_choice

READERS = ("videos", "synthetic")
LAYOUTS = ("custom", "epic", "ssv2", "kinetics")
SPLIT = "default"  # the name of the one split of a dataset without lists of its own
_NUMBERED = ("ssv2", "kinetics")


@dataclasses.dataclass(frozen=True)
class SyntheticClipsConfig:
    """What the drawn clips look like; see synthetic.py."""

    num_train_videos: int = 2400  # clips to train on
    num_test_videos: int = 240  # clips to test on
    size: int = 32  # height and width in pixels
    num_frames: int = 8  # of a clip; an even number
    pairs: bool = False  # a noun and a verb for every clip; False: one label for both together

    def __post_init__(self):
        least = {"num_train_videos": 1, "num_test_videos": 1, "size": 16, "num_frames": 2}
        wrong = [
            f"{name} is {getattr(self, name)}, expected {low} or more"
            for name, low in least.items()
            if getattr(self, name) < low
        ]
        if self.num_frames % 2:
            wrong.append(f"num_frames is {self.num_frames}, expected an even number")
        if wrong:
            raise UserError("Synthetic clips: " + "; ".join(wrong) + ".")


@dataclasses.dataclass(frozen=True)
class RecognitionDataConfig:
    """Where the clips of a dataset lie, and what the network sees of them.

    Published keys stand in brackets.
    """

    dataset: str = "custom"  # name shown in tables
    reader: str = "videos"  # "videos" the files, "synthetic" drawn on the fly
    dir: str = ""  # root folder of the dataset (data_path)
    layout: str = "custom"  # how it is listed, one of LAYOUTS; "custom" is your own (data_set)
    train_list: str = ""  # list of the clips to train on, below dir; "" = train.csv (anno_path)
    test_list: str = ""  # list of the clips to evaluate; "" = val.csv
    split: str = SPLIT  # takes the place of {split} in both lists, without which there is this one split
    num_classes: int = 0  # of layout "ssv2" or "kinetics"; 0 = 174 and 400, as published (nb_classes)
    num_workers: int = 2  # processes that read and augment clips; 0: threads of the main one (num_workers)
    skip_unreadable: bool = False  # leave clips that are missing or cannot be read out, with a line
    sampling: SamplingConfig = SamplingConfig()
    video: VideoConfig = VideoConfig()
    augmentation: ClipAugmentationConfig = ClipAugmentationConfig()
    synthetic: SyntheticClipsConfig = SyntheticClipsConfig()

    @classmethod
    def parse(cls, data):
        """The settings of `config.data`, a mapping; a UserError if one is unknown or cannot be."""
        parts = {
            "sampling": SamplingConfig,
            "video": VideoConfig,
            "augmentation": ClipAugmentationConfig,
            "synthetic": SyntheticClipsConfig,
        }
        nested = settings.parse_parts(parts, data, "config.data")
        return settings.parse(cls, dict(data.items()) | nested, "config.data")

    @property
    def lists(self):
        """{subset: file of its list} of the split, "" where the layout says it."""
        given = {"train": self.train_list, "test": self.test_list}
        return {subset: name.replace("{split}", self.split) for subset, name in given.items()}

    def check(self):
        """Raises a UserError if the settings contradict each other."""
        check_choice("config.data.reader", self.reader, READERS)
        check_choice("config.data.layout", self.layout, LAYOUTS)
        wrong = []
        if self.num_workers < 0:
            wrong.append(f"config.data.num_workers is {self.num_workers}, expected 0 or more")
        if self.num_classes < 0 or (self.num_classes and self.layout not in _NUMBERED):
            expected = f"it is for layout {' or '.join(map(repr, _NUMBERED))}, 1 or more"
            wrong.append(f"config.data.num_classes is {self.num_classes}; {expected}")
        if self.split != SPLIT and "{split}" not in self.train_list + self.test_list:
            lists = "name lists with {split}, such as config.data.train_list=splits/train.{split}.csv"
            wrong.append(f"config.data.split is {self.split!r}, and no list depends on it: leave it out, or {lists}")
        if 0 < self.video.short_side < self.augmentation.size:
            wrong.append(
                f"config.data.video.short_side is {self.video.short_side}, and the network sees "
                f"{self.augmentation.size} pixels, config.data.augmentation.size: expected as many at least, or 0"
            )
        if wrong:
            raise UserError("\n".join(wrong))
