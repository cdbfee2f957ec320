"""Dataset blocks of labelled clips: config.data.

RecognitionDataConfig in data_pipelines/recognition/config.py explains every field, with its default; so do
SamplingConfig and ClipAugmentationConfig beside it, and VideoConfig in data_pipelines/video. The folder, `data.dir`, is
given on the command line: --config.data.dir=FOLDER.
"""

import dataclasses

from configs._base import common
from data_pipelines.recognition.config import RecognitionDataConfig, SyntheticClipsConfig

# The settings of the synthetic dataset that a config has.
SYNTHETIC_SETTINGS = tuple(field.name for field in dataclasses.fields(SyntheticClipsConfig))


def base(**changes):
    """A folder with clips/ and the lists train.csv and val.csv."""
    return common.data_block(RecognitionDataConfig(), SYNTHETIC_SETTINGS, changes)


def epic():
    """EPIC-Kitchens-100: 97 verbs and 300 nouns, a clip for every action."""
    return base(dataset="epic", layout="epic", augmentation={"flip": 0.5}, skip_unreadable=True)


def ssv2():
    """Something-Something-V2: 174 labels, some of which tell left from right: no clip is flipped."""
    return base(dataset="ssv2", layout="ssv2", augmentation={"flip": 0.0}, skip_unreadable=True)


def kinetics():
    """Kinetics-400: 400 labels; windows of 64 frames."""
    return base(
        dataset="kinetics",
        layout="kinetics",
        sampling={"strategy": "dense", "test_chunks": 5},
        augmentation={"flip": 0.5},
        skip_unreadable=True,
    )


def custom():
    """Your own clips, or parts of videos with start and stop."""
    return base()


def synthetic():
    """The built-in drawn clips; needs no files."""
    return base(
        dataset="synthetic",
        reader="synthetic",
        num_workers=0,  # drawn so fast that processes would take longer to start
        sampling={"num_frames": 8, "test_crops": 1},
        augmentation={"size": 32, "rand_augment": "", "area": (1.0, 1.0), "ratio": (1.0, 1.0), "flip": 0.0},
    )


def shrink(config):
    """Turns the data of a run into that of a quick one: a small synthetic dataset."""
    data = config.data
    data.synthetic.pairs |= config.eval.select_metric == "Action@1"  # of verbs and nouns
    data.update({"dataset": common.stand_in(data.dataset), "reader": "synthetic", "layout": "custom"})
    data.sampling.update({"num_frames": 4, "test_chunks": min(data.sampling.test_chunks, 2)})
    data.sampling.test_crops = min(data.sampling.test_crops, 2)
    data.augmentation.update({"size": 16, "erase": 0.0})
    data.synthetic.update({"num_train_videos": 8, "num_test_videos": 4, "size": 20, "num_frames": 8})
