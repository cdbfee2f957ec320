"""Dataset blocks of action segmentation, config.data: where the files of a dataset lie and how its results are counted.

SegmentationDataConfig in data_pipelines/segmentation/config.py explains every field and has the defaults. The folder,
`data.dir`, is always given on the command line: --config.data.dir=FOLDER. data_pipelines/segmentation/README.md shows
the folder tree of every dataset.
"""

from configs._base import common
from data_pipelines.segmentation.config import SegmentationDataConfig

# The settings of the synthetic dataset that a config has.
SYNTHETIC_SETTINGS = (
    "num_train_videos", "num_test_videos", "num_classes", "feature_dim", "num_activities", "num_confusable_pairs",
    "mean_length", "verb_noun", "noise",
)  # fmt: skip


def base(**changes):
    """A folder in MS-TCN layout: features/*.npy (D, T), groundTruth/*.txt, mapping.txt, splits/*.bundle."""
    return common.data_block(SegmentationDataConfig(), SYNTHETIC_SETTINGS, changes)


def breakfast():
    """Breakfast: 48 classes, 15 fps, 4 splits."""
    return base(dataset="breakfast", evaluate_background=True, average_transcript_length=6.9, fps=15.0)


def gtea():
    """GTEA: 11 classes, 15 fps, 4 splits."""
    return base(dataset="gtea", background_ids=(10,), average_transcript_length=32.9, fps=15.0)


def egoprocel():
    """EgoProceL: one split; published average length of the one-to-one matching (7.4 with "o2m")."""
    return base(
        dataset="egoprocel",
        time_axis="first",
        sample_rate=3,
        train_split_file="{split}.train",
        test_split_file="{split}.test",
        average_transcript_length=21.5,
    )


def epic():
    """EPIC-Kitchens as prepared for FACT: pairs of 98 verbs and 301 nouns, one split; published average for "o2m"."""
    return base(
        dataset="epic",
        time_axis="first",
        sample_rate=4,
        verb_mapping_file="verb_mapping.txt",
        noun_mapping_file="noun_mapping.txt",
        train_split_file="{split}.train",
        test_split_file="{split}.test",
        average_transcript_length=52.0,
        fps=30.0,
    )


def salads():
    """50Salads: 19 classes, 30 fps of which MS-TCN uses every second frame, 5 splits, no background class."""
    return base(
        dataset="50salads", sample_rate=2, background_ids=(), evaluate_background=True, fps=30.0, length_tolerance=30
    )


def synthetic():
    """The built-in procedural dataset; needs no files."""
    return base(dataset="synthetic", reader="synthetic")
