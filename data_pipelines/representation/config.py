"""Settings of a dataset of raw videos, `config.data`, with their defaults and rules."""

import dataclasses

from data_pipelines.core import settings
from data_pipelines.video.clips import ClipConfig
from data_pipelines.video.config import VideoConfig
from data_pipelines.video.views import AugmentationConfig
from fact_jax.types import UserError, check_choice

READERS = ("videos", "tfds", "synthetic")
LAYOUTS = ("folder", "pouring", "penn_action", "finegym", "kinetics")
SPLIT = "default"  # the name of the one split of a dataset without lists of its own


@dataclasses.dataclass(frozen=True)
class SyntheticActionsConfig:
    """What the synthetic videos look like; see synthetic.py."""

    num_train_videos: int = 32  # videos to train on
    num_test_videos: int = 12  # videos to test on
    size: int = 64  # height and width in pixels
    min_frames: int = 40  # fewest frames of a video
    max_frames: int = 80  # most frames of a video
    num_phases: int = 4  # K; each moves in its own way
    jitter: float = 2.0  # pixels that the camera shakes by, at 64 pixels

    def __post_init__(self):
        wrong = [
            f"{field.name} is {getattr(self, field.name)}, expected {least} or more"
            for field in dataclasses.fields(self)
            for least in [{"size": 16, "jitter": 0, "num_phases": 2}.get(field.name, 1)]
            if getattr(self, field.name) < least
        ]
        if not self.num_phases <= self.min_frames <= self.max_frames:
            wrong.append(f"min_frames is {self.min_frames}, expected num_phases to max_frames, {self.max_frames}")
        if wrong:
            raise UserError("Synthetic actions: " + "; ".join(wrong) + ".")


@dataclasses.dataclass(frozen=True)
class RepresentationDataConfig:
    """Where the videos of a dataset lie, and how clips of them are made.

    Published keys stand in brackets.
    """

    dataset: str = "custom"  # name shown in tables
    reader: str = "videos"  # "videos" the files, "tfds" a prepared copy of them, "synthetic" drawn on the fly
    dir: str = ""  # root folder of the dataset (PATH_TO_DATASET)
    layout: str = "folder"  # how it is listed, one of LAYOUTS; "folder" is your own
    train_list: str = ""  # list of the videos to train on, below dir; "" = as the layout calls it
    test_list: str = ""  # list of the videos to evaluate
    split: str = SPLIT  # takes the place of {split} in both lists, without which there is this one split
    additional_list: str = ""  # more videos to train on, of FineGym's form (ADDITION_TRAINSET)
    num_classes: int = 0  # phases, of layout "finegym": 99 or 288 (EVAL.CLASS_NUM); others know theirs
    groups: tuple = ()  # actions of layout "penn_action" that are used, by name; () = all
    evaluation_layout: str = ""  # evaluate another dataset of the same folder, by its own lists; "" = this one
    train_fraction: float = 1.0  # share of the training videos, the first ones (FRACTION)
    test_share: float = 0.2  # of a folder without lists: videos that are evaluated and not trained on
    unlabelled: str = "-"  # name of a frame without a phase in label files
    num_workers: int = 2  # processes that read and augment videos; 0: threads of the main one (NUM_WORKERS)
    tfds_dir: str = ""  # folder of the copies; "" = `dir`/tfds
    copy_quality: int = 0  # frames of the copy are JPEG of this quality, 1 to 100; 0 = pixels as they are decoded
    skip_unreadable: bool = False  # leave videos that cannot be read out, with a line; published for FineGym, Kinetics
    video: VideoConfig = VideoConfig()
    clip: ClipConfig = ClipConfig()
    augmentation: AugmentationConfig = AugmentationConfig()
    synthetic: SyntheticActionsConfig = SyntheticActionsConfig()

    @classmethod
    def parse(cls, data):
        """The settings of `config.data`, a mapping; a UserError if one is unknown or cannot be."""
        parts = {
            "video": VideoConfig,
            "clip": ClipConfig,
            "augmentation": AugmentationConfig,
            "synthetic": SyntheticActionsConfig,
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
        check_choice("config.data.evaluation_layout", self.evaluation_layout, ("", *LAYOUTS))
        layouts = (self.layout, self.evaluation_layout) if self.reader != "synthetic" else ()
        wrong = []
        if self.groups and "penn_action" not in layouts:
            wrong.append(f"config.data.groups is {self.groups}; it is for layout 'penn_action'")
        if not 0.0 < self.train_fraction <= 1.0:
            wrong.append(f"config.data.train_fraction is {self.train_fraction}, expected more than 0, at most 1")
        if not 0.0 <= self.test_share < 1.0:
            wrong.append(f"config.data.test_share is {self.test_share}, expected 0 or more, less than 1")
        if self.num_classes < 0 or ("finegym" in layouts and not self.num_classes):
            wrong.append(f"config.data.num_classes is {self.num_classes}; FineGym has 99 or 288: say which")
        if self.split != SPLIT and "{split}" not in self.train_list + self.test_list:
            lists = "name lists with {split}, such as config.data.train_list=splits/train.{split}.txt"
            wrong.append(f"config.data.split is {self.split!r}, and no list depends on it: leave it out, or {lists}")
        if not 0 <= self.copy_quality <= 100:
            wrong.append(f"config.data.copy_quality is {self.copy_quality}, expected 1 to 100, or 0 for exact pixels")
        if 0 < self.video.short_side < self.augmentation.size:
            wrong.append(
                f"config.data.video.short_side is {self.video.short_side}, and the network sees "
                f"{self.augmentation.size} pixels, config.data.augmentation.size: expected as many at least, or 0"
            )
        if self.num_workers < 0:
            wrong.append(f"config.data.num_workers is {self.num_workers}, expected 0 or more")
        if self.additional_list and self.layout != "finegym":
            wrong.append(f"config.data.additional_list is for layout 'finegym', not {self.layout!r}")
        if wrong:
            raise UserError("\n".join(wrong))
