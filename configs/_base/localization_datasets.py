"""Dataset blocks of temporal localization: config.data, where the files lie, and config.detection, what goes with them.

LocalizationDataConfig in data_pipelines/localization/config.py explains every field of config.data, with its default.
Published keys of the ActionFormer code stand in brackets. The folder, `data.dir`, is always given on the command line:
--config.data.dir=FOLDER. Times in the annotations are seconds.
"""

from ml_collections import ConfigDict

from configs._base import common
from data_pipelines.localization.config import LocalizationDataConfig

# The settings of the synthetic dataset that a config has.
SYNTHETIC_SETTINGS = (
    "num_train_videos", "num_test_videos", "num_classes", "feature_dim", "min_length", "max_length", "noise",
)  # fmt: skip


def base(**changes):
    """A folder with annotations.json in the form of ActivityNet and features/VIDEO.npy (T, D)."""
    return common.data_block(LocalizationDataConfig(), SYNTHETIC_SETTINGS, changes)


def detection(**changes):
    """How the candidates of a video become its detections, config.detection."""
    return ConfigDict(
        {
            "candidate_threshold": 0.001,  # least score of a candidate (pre_nms_thresh)
            "candidates_per_level": 2000,  # most candidates of a level of the pyramid (pre_nms_topk)
            "min_duration": 0.05,  # grid units; shorter candidates are left out (duration_thresh)
            "nms_method": "gaussian",  # "gaussian", "linear", "hard" or "none" (nms_method)
            "per_class": True,  # candidates of different classes do not see each other (multiclass_nms)
            "max_detections": 200,  # of a video (max_seg_num)
            "min_score": 0.001,  # what falls below is dropped (min_score)
            "sigma": 0.5,  # of "gaussian" (nms_sigma)
            "iou_threshold": 0.1,  # tIoU from which "linear" and "hard" act (iou_threshold)
            "voting_threshold": 0.7,  # tIoU from which candidates vote on the ends, where not per_class; 0 = off
        }
        | changes
    )


def thumos14():
    """THUMOS14: 20 classes, 200 videos to train with and 213 to test on, I3D features of 2048 channels."""
    data = base(
        dataset="thumos14",
        annotation_file="annotations/thumos14.json",
        feature_places=("i3d_features",),
        train_subsets=("validation",),
        test_subsets=("test",),
        num_classes=20,
        skip_missing=True,
        feature_stride=4.0,
        window=16.0,
    )
    return data, detection()


def _activitynet(features, fps):
    data = base(
        dataset=f"anet_{features}",
        annotation_file=f"annotations/anet1.3_{features}_filtered.json",
        feature_places=(f"{features}_features",),
        feature_prefix="v_",
        num_classes=1,
        window=16.0,
        fps=fps,
        max_frames=192,
        resize=True,
        remove_doubles=True,
        clip_segments=True,
        tiou_thresholds=tuple(round(0.5 + 0.05 * step, 2) for step in range(10)),
        external_scores="annotations/cuhk_val_simp_share.json",
    )
    return data, detection(min_duration=0.001, per_class=False, max_detections=100, sigma=0.75, voting_threshold=0.9)


def anet_i3d():
    """ActivityNet 1.3 with I3D features of 2048 channels: actions are found as such, and named by a classifier."""
    return _activitynet("i3d", 25.0)


def anet_tsp():
    """ActivityNet 1.3 with TSP features of 512 channels."""
    return _activitynet("tsp", 15.0)


def _epic(classes, num_classes):
    data = base(
        dataset=f"epic_{classes}",
        annotation_file=f"annotations/epic_kitchens_100_{classes}.json",
        feature_suffix=".npz",
        num_classes=num_classes,
        fps=30.0,
        truncation_threshold=0.3,
        tiou_thresholds=(0.1, 0.2, 0.3, 0.4, 0.5),
    )
    return data, detection(candidates_per_level=5000, max_detections=2000, sigma=0.4, voting_threshold=0.75)


def epic_verb():
    """EPIC-Kitchens-100, verbs: SlowFast features of 2304 channels."""
    return _epic("verb", 97)


def epic_noun():
    """EPIC-Kitchens-100, nouns."""
    return _epic("noun", 300)


def ego4d(*streams):
    """Ego4D Moment Queries: 110 classes; `streams` of "s" SlowFast 2304, "o" Omnivore 1536, "e" EgoVLP 256 channels."""
    places = {"s": "slowfast_features", "o": "omnivore_features", "e": "egovlp_features"}
    data = base(
        dataset=f"ego4d_{''.join(streams)}",
        annotation_file="annotations/ego4d.json",
        skip_missing=True,
        feature_places=tuple(places[stream] for stream in streams),
        num_classes=110,
        fps=30.0,
        window=16.0 if streams == ("e",) else 32.0,
        max_frames=1024,
        truncation_threshold=0.3,
        tiou_thresholds=(0.1, 0.2, 0.3, 0.4, 0.5),
    )
    return data, detection(candidates_per_level=5000, max_detections=2000, sigma=0.9, voting_threshold=0.95)


def custom():
    """Your own annotations.json and features."""
    return base(), detection()


def synthetic():
    """The built-in procedural dataset; needs no files."""
    data = base(dataset="synthetic", reader="synthetic", feature_stride=4.0, window=16.0, max_frames=192)
    return data, detection()


def shrink(config):
    """Turns the data of a run into that of a quick one: a small synthetic dataset."""
    classes = 1 if config.data.num_classes == 1 else 0
    config.data.update(
        {
            "dataset": common.stand_in(config.data.dataset),
            "reader": "synthetic",
            "split": "default",
            "subset_file": "",
            "feature_stride": 4.0,
            "window": 16.0,
            "sample_rate": 1,
            "num_classes": classes,
            "fps": 0.0,
            "max_frames": 64,
            "external_scores": "",
        }
    )
    config.data.synthetic.update(
        {
            "num_train_videos": 6,
            "num_test_videos": 4,
            "num_classes": 3,
            "feature_dim": 8,
            "min_length": 40,
            "max_length": 80,
        }
    )
