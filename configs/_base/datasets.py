"""Dataset blocks, config.data: where the files of a dataset lie and how its results are counted.

Published keys of the FACT code stand in brackets. The folder, `data.dir`, is always given on the command line:
--config.data.dir=FOLDER. data_pipelines/README.md shows the folder tree of every dataset.
"""

from ml_collections import ConfigDict


def base():
    """A folder in MS-TCN layout: features/*.npy (D, T), groundTruth/*.txt, mapping.txt, splits/*.bundle."""
    return ConfigDict(
        {
            "dataset": "custom",  # name shown in tables (dataset)
            "reader": "npy",  # "npy" the folder itself, "tfds" a prepared copy of it, "synthetic" made on the fly
            "dir": "",  # root folder of the dataset
            "feature_dir": "features",  # folder of VIDEO.npy, below dir (feature_path)
            "label_dir": "groundTruth",  # folder of VIDEO.txt, a class name per frame, below dir (groundTruth_path)
            "mapping_file": "mapping.txt",  # lines "<class id> <class name>", below dir (map_fname)
            "verb_mapping_file": "",  # verbs, one per line, below dir; with nouns: classes are named "<verb>,<noun>"
            "noun_mapping_file": "",  # nouns, one per line, below dir; "" for both = classes that are not such pairs
            "transcript_dir": "",  # folder of VIDEO.txt, below dir: transcripts of evaluated videos; "" = labels
            "train_split_file": "splits/train.{split}.bundle",  # list of training videos, below dir (split_path)
            "test_split_file": "splits/test.{split}.bundle",  # list of test videos, below dir (split_path)
            "validation_split_file": "",  # if set, evaluates and selects the best checkpoint on this list, not on test
            "split": "split1",  # takes the place of {split} in the file names above (split)
            "time_axis": "last",  # "last" for (D, T) feature files, "first" for (T, D) (feature_transpose)
            "sample_rate": 1,  # frames; every such one is used, with the majority label of its neighbours (sr)
            "background_ids": (0,),  # class ids that count as background (bg_class)
            "evaluate_background": False,  # count background segments in Edit and F1 as well (eval_bg)
            "average_transcript_length": 0.0,  # segments per video; 0 = measured (average_transcript_len)
            "memory_gb": 4.0,  # GiB of features that stay in memory once read; the others are read from disk each time
            "fps": 0.0,  # label frames per second, for the time axes of figures; 0 = axes in frames
            "length_tolerance": 15,  # frames by which features and labels may differ; both are cut to the shorter
            "max_buckets": 8,  # most lengths that videos are padded to, each compiled once
            "max_padding": 0.1,  # share of padded frames that is small enough for fewer lengths, 0 <= share < 1
            "buckets": (),  # the lengths themselves, in frames after sampling; () = chosen from the videos
            "tfds_dir": "",  # folder of the prepared copy for reader "tfds"; "" = <dir>/tfds
            "synthetic": synthetic_block(),
        }
    )


def synthetic_block():
    """The dataset that reader "synthetic" makes on the fly; finer settings: data_pipelines/segmentation/synthetic."""
    return ConfigDict(
        {
            "num_train_videos": 100,  # videos to train on
            "num_test_videos": 30,  # videos to test on
            "num_classes": 13,  # with the background, class 0
            "feature_dim": 48,  # channels
            "num_activities": 4,  # recipes; every video follows one
            "num_confusable_pairs": 3,  # pairs of classes that look alike
            "mean_length": 220,  # frames per video
            "verb_noun": False,  # classes are pairs "<verb>,<noun>" whose prototypes share the parts of verb and noun
            "noise": 0.35,  # standard deviation per frame and channel; class prototypes have length 1
        }
    )


def breakfast():
    """Breakfast: 48 classes, 15 fps, 4 splits."""
    data = base()
    data.update({"dataset": "breakfast", "evaluate_background": True, "average_transcript_length": 6.9, "fps": 15.0})
    return data


def gtea():
    """GTEA: 11 classes, 15 fps, 4 splits."""
    data = base()
    data.update({"dataset": "gtea", "background_ids": (10,), "average_transcript_length": 32.9, "fps": 15.0})
    return data


def egoprocel():
    """EgoProceL: one split; published average length of the one-to-one matching (7.4 with "o2m")."""
    data = base()
    data.update(
        {
            "dataset": "egoprocel",
            "time_axis": "first",
            "sample_rate": 3,
            "train_split_file": "{split}.train",
            "test_split_file": "{split}.test",
            "average_transcript_length": 21.5,
        }
    )
    return data


def epic():
    """EPIC-Kitchens as prepared for FACT: pairs of 98 verbs and 301 nouns, one split; published average for "o2m"."""
    data = base()
    data.update(
        {
            "dataset": "epic",
            "time_axis": "first",
            "sample_rate": 4,
            "verb_mapping_file": "verb_mapping.txt",
            "noun_mapping_file": "noun_mapping.txt",
            "train_split_file": "{split}.train",
            "test_split_file": "{split}.test",
            "average_transcript_length": 52.0,
            "fps": 30.0,
        }
    )
    return data


def salads():
    """50Salads: 19 classes, 30 fps of which MS-TCN uses every second frame, 5 splits, no background class."""
    data = base()
    data.update(
        {
            "dataset": "50salads",
            "sample_rate": 2,
            "background_ids": (),
            "evaluate_background": True,
            "fps": 30.0,
            "length_tolerance": 30,
        }
    )
    return data


def synthetic():
    """The built-in procedural dataset; needs no files."""
    data = base()
    data.update({"dataset": "synthetic", "reader": "synthetic"})
    return data
