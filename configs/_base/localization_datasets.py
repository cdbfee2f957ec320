"""Dataset blocks of temporal localization: config.data, where the files lie, and config.detection, what goes with them.

Published keys of the ActionFormer code stand in brackets. The folder, `data.dir`, is always given on the command line:
--config.data.dir=FOLDER. Times in the annotations are seconds.
"""

from ml_collections import ConfigDict

SPLIT = "default"


def base():
    """A folder with annotations.json in the form of ActivityNet and features/VIDEO.npy (T, D)."""
    return ConfigDict(
        {
            "dataset": "custom",  # name shown in tables
            "reader": "files",  # "files" the folder itself, "tfds" a prepared copy of it, "synthetic" made on the fly
            "dir": "",  # root folder of the dataset
            "annotation_file": "annotations.json",  # .json or .json.gz, below dir (json_file)
            "subset_file": "",  # table with the columns video and subset, for annotations without subsets; "" = none
            "feature_places": ("features",),  # folders, or HDF5 files; several streams lie side by side (feat_folder)
            "feature_prefix": "",  # before the name of a video (file_prefix)
            "feature_suffix": ".npy",  # of the files: ".npy", or ".npz" with an array "feats" (file_ext)
            "skip_missing": False,  # leave videos without features out of training; an evaluation counts them as misses
            "train_subsets": ("training",),  # subsets to train with (train_split)
            "test_subsets": ("validation",),  # subsets to evaluate (val_split)
            "split": SPLIT,  # the one split that there is
            "num_classes": 0,  # 0 = as many as the annotations have; 1 = all classes as one (num_classes)
            "feature_stride": 16.0,  # video frames per stored feature; 0 = spread evenly over the video (feat_stride)
            "window": 32.0,  # video frames that a feature sees (num_frames)
            "sample_rate": 1,  # features; every such one is used (downsample_rate)
            "fps": 0.0,  # video frames per second; 0 = as the annotations say (default_fps)
            "max_frames": 2304,  # features that a training video is padded or cut to (max_seq_len)
            "resize": False,  # stretch or shrink every video to max_frames features (force_upsampling)
            "truncation_threshold": 0.5,  # share of a segment that stays in a cut video, else it goes (trunc_thresh)
            "crop_ratio": (0.9, 1.0),  # least and largest share of a video trained with; () = all of it (crop_ratio)
            "remove_doubles": False,  # count annotations once that are the same within a millisecond
            "clip_segments": False,  # cut training segments to the video, leave out those mostly behind its end
            "tiou_thresholds": (0.3, 0.4, 0.5, 0.6, 0.7),  # temporal overlaps of the evaluation
            "external_scores": "",  # file with class scores of every video, below dir; "" = none (ext_score_file)
            "memory_gb": 4.0,  # GiB of features that stay in memory once read; the others are read from disk each time
            "tfds_dir": "",  # folder of the prepared copy for reader "tfds"; "" = <dir>/tfds
            "synthetic": synthetic_block(),
        }
    )


def synthetic_block():
    """The dataset that reader "synthetic" makes on the fly; data_pipelines/localization/synthetic.py says more."""
    return ConfigDict(
        {
            "num_train_videos": 120,  # videos to train on
            "num_test_videos": 40,  # videos to test on
            "num_classes": 6,  # kinds of actions
            "feature_dim": 32,  # channels
            "min_length": 64,  # features of the shortest videos
            "max_length": 192,  # features of the longest
            "noise": 0.25,  # standard deviation per feature and channel; the directions of the classes have length 1
        }
    )


def detection():
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
    )


def thumos14():
    """THUMOS14: 20 classes, 200 videos to train with and 213 to test on, I3D features of 2048 channels."""
    data = base()
    data.update(
        {
            "dataset": "thumos14",
            "annotation_file": "annotations/thumos14.json",
            "feature_places": ("i3d_features",),
            "train_subsets": ("validation",),
            "test_subsets": ("test",),
            "num_classes": 20,
            "skip_missing": True,
            "feature_stride": 4.0,
            "window": 16.0,
        }
    )
    return data, detection()


def _activitynet(name, fps, places):
    data = base()
    data.update(
        {
            "dataset": name,
            "annotation_file": "annotations/anet1.3_i3d_filtered.json",
            "feature_places": places,
            "feature_prefix": "v_",
            "num_classes": 1,
            "feature_stride": 16.0,
            "window": 16.0,
            "fps": fps,
            "max_frames": 192,
            "resize": True,
            "remove_doubles": True,
            "clip_segments": True,
            "tiou_thresholds": tuple(round(0.5 + 0.05 * step, 2) for step in range(10)),
            "external_scores": "annotations/cuhk_val_simp_share.json",
        }
    )
    found = detection()
    found.update(
        {"min_duration": 0.001, "per_class": False, "max_detections": 100, "sigma": 0.75, "voting_threshold": 0.9}
    )
    return data, found


def anet_i3d():
    """ActivityNet 1.3 with I3D features of 2048 channels: actions are found as such, and named by a classifier."""
    return _activitynet("anet_i3d", 25.0, ("i3d_features",))


def anet_tsp():
    """ActivityNet 1.3 with TSP features of 512 channels."""
    data, found = _activitynet("anet_tsp", 15.0, ("tsp_features",))
    data.annotation_file = "annotations/anet1.3_tsp_filtered.json"
    return data, found


def _epic(name, num_classes):
    data = base()
    data.update(
        {
            "dataset": name,
            "annotation_file": f"annotations/epic_kitchens_100_{name.split('_')[1]}.json",
            "feature_places": ("features",),
            "feature_suffix": ".npz",
            "num_classes": num_classes,
            "fps": 30.0,
            "truncation_threshold": 0.3,
            "tiou_thresholds": (0.1, 0.2, 0.3, 0.4, 0.5),
        }
    )
    found = detection()
    found.update({"candidates_per_level": 5000, "max_detections": 2000, "sigma": 0.4, "voting_threshold": 0.75})
    return data, found


def epic_verb():
    """EPIC-Kitchens-100, verbs: SlowFast features of 2304 channels."""
    return _epic("epic_verb", 97)


def epic_noun():
    """EPIC-Kitchens-100, nouns."""
    return _epic("epic_noun", 300)


def ego4d(*streams):
    """Ego4D Moment Queries: 110 classes; `streams` of "s" SlowFast 2304, "o" Omnivore 1536, "e" EgoVLP 256 channels."""
    places = {"s": "slowfast_features", "o": "omnivore_features", "e": "egovlp_features"}
    data = base()
    data.update(
        {
            "dataset": f"ego4d_{''.join(streams)}",
            "annotation_file": "annotations/ego4d.json",
            "skip_missing": True,
            "feature_places": tuple(places[stream] for stream in streams),
            "num_classes": 110,
            "fps": 30.0,
            "window": 16.0 if streams == ("e",) else 32.0,
            "max_frames": 1024,
            "truncation_threshold": 0.3,
            "tiou_thresholds": (0.1, 0.2, 0.3, 0.4, 0.5),
        }
    )
    found = detection()
    found.update({"candidates_per_level": 5000, "max_detections": 2000, "sigma": 0.9, "voting_threshold": 0.95})
    return data, found


def custom():
    """Your own annotations.json and features."""
    return base(), detection()


def synthetic():
    """The built-in procedural dataset; needs no files."""
    data = base()
    data.update(
        {"dataset": "synthetic", "reader": "synthetic", "feature_stride": 4.0, "window": 16.0, "max_frames": 192}
    )
    return data, detection()


def shrink(config):
    """Turns the data of a run into that of a quick one: a small synthetic dataset."""
    classes = 1 if config.data.num_classes == 1 else 0
    config.data.update(
        {
            "reader": "synthetic",
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
