"""Dataset blocks of raw video: config.data.

RepresentationDataConfig in data_pipelines/representation/config.py explains every field, with its default; so do
VideoConfig, ClipConfig and AugmentationConfig in data_pipelines/video. The folder, `data.dir`, is given on the command
line: --config.data.dir=FOLDER.
"""

import dataclasses

from configs._base import common
from data_pipelines.representation.config import RepresentationDataConfig, SyntheticActionsConfig

# The settings of the synthetic dataset that a config has.
SYNTHETIC_SETTINGS = tuple(field.name for field in dataclasses.fields(SyntheticActionsConfig))


def base(**changes):
    """A folder with videos/ and, if there are any, labels/."""
    return common.data_block(RepresentationDataConfig(), SYNTHETIC_SETTINGS, changes)


def pouring():
    """Pouring: 70 videos to train with and 14 to test on, 5 phases."""
    return base(dataset="pouring", layout="pouring")


def penn_action():
    """PennAction: 13 actions of 2 to 6 phases, 1140 videos to train with and 966 to test on."""
    return base(dataset="penn_action", layout="penn_action")


def finegym():
    """FineGym: events of gymnastics, 99 classes of elements, or 288. Clips are parts of a video."""
    return base(
        dataset="finegym",
        layout="finegym",
        num_classes=99,
        skip_unreadable=True,
        clip={"local_block": True},
        augmentation={"blur": False},
    )


def kinetics():
    """Kinetics-400 without its labels; the baseball pitches of PennAction are evaluated."""
    return base(
        dataset="kinetics",
        layout="kinetics",
        evaluation_layout="penn_action",
        groups=("baseball_pitch",),
        skip_unreadable=True,
    )


def custom():
    """Your own videos, seen whole in an evaluation, whatever their size."""
    return base(clip={"num_frames": 80}, augmentation={"evaluation_crop": "whole"})


def synthetic():
    """The built-in procedural dataset; needs no files."""
    return base(
        dataset="synthetic",
        reader="synthetic",
        num_workers=0,  # drawn so fast that processes would take longer to start
        # Windows of a video, so that the place of a frame in its clip does not tell where in the action it is.
        clip={"num_frames": 32, "local_block": True, "consistent_offset": 0.5},
        # Flipped, an arm that turns to the left is one that turns to the right.
        augmentation={"size": 64, "evaluation_crop": "whole", "flip": False, "blur": False, "strength": 0.3},
        synthetic={"num_train_videos": 48, "min_frames": 60, "max_frames": 100},
    )


def shrink(config):
    """Turns the data of a run into that of a quick one: a small synthetic dataset."""
    data = config.data
    data.update(
        {
            "dataset": common.stand_in(data.dataset),
            "reader": "synthetic",
            "split": "default",
            "groups": (),
            "additional_list": "",
            "layout": "folder",
            "evaluation_layout": "",
            "train_fraction": 1.0,
        }
    )
    data.clip.update({"num_frames": 12, "context_stride": min(data.clip.context_stride, 2)})
    data.augmentation.size = 48
    data.synthetic.update(
        {"num_train_videos": 4, "num_test_videos": 3, "size": 48, "min_frames": 16, "max_frames": 24, "num_phases": 3}
    )
