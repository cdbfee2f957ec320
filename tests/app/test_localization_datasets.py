"""Dataset blocks of localization hold the published values, and values that cannot be are refused."""

import pytest

from configs import actionformer_custom
from configs._base import localization_datasets
from fact_jax.app.config_rules import check_choices
from fact_jax.types import UserError
from tests.overrides import override

EGO4D = [("s",), ("o",), ("e",), ("s", "e"), ("o", "e"), ("s", "o", "e")]
# Published configs of github.com/happyharrycn/actionformer_release, dotted key -> value by dataset.
PUBLISHED = {
    "thumos14": {
        "data.train_subsets": ("validation",), "data.test_subsets": ("test",), "data.num_classes": 20,
        "data.feature_stride": 4, "data.window": 16, "data.fps": 0, "data.feature_prefix": "",
        "data.feature_suffix": ".npy", "data.truncation_threshold": 0.5, "data.max_frames": 2304, "data.resize": False,
        "data.tiou_thresholds": (0.3, 0.4, 0.5, 0.6, 0.7), "detection.candidates_per_level": 2000,
        "detection.max_detections": 200, "detection.sigma": 0.5, "detection.per_class": True,
        "detection.voting_threshold": 0.7, "detection.min_duration": 0.05,
    },
    "anet_i3d": {
        "data.train_subsets": ("training",), "data.test_subsets": ("validation",), "data.num_classes": 1,
        "data.feature_stride": 16, "data.window": 16, "data.fps": 25, "data.feature_prefix": "v_",
        "data.feature_suffix": ".npy", "data.truncation_threshold": 0.5, "data.max_frames": 192, "data.resize": True,
        "data.remove_doubles": True, "data.clip_segments": True, "detection.candidates_per_level": 2000,
        "detection.max_detections": 100, "detection.sigma": 0.75, "detection.per_class": False,
        "detection.voting_threshold": 0.9, "detection.min_duration": 0.001,
    },
    "anet_tsp": {"data.fps": 15, "data.num_classes": 1, "detection.sigma": 0.75, "data.max_frames": 192},
    "epic_verb": {
        "data.num_classes": 97, "data.feature_stride": 16, "data.window": 32, "data.fps": 30,
        "data.feature_suffix": ".npz", "data.truncation_threshold": 0.3, "data.max_frames": 2304,
        "data.tiou_thresholds": (0.1, 0.2, 0.3, 0.4, 0.5), "data.skip_missing": False,
        "detection.candidates_per_level": 5000, "detection.max_detections": 2000, "detection.sigma": 0.4,
        "detection.per_class": True, "detection.voting_threshold": 0.75,
    },
    "epic_noun": {"data.num_classes": 300, "data.annotation_file": "annotations/epic_kitchens_100_noun.json"},
}  # fmt: skip
SHARED = {
    "data.crop_ratio": (0.9, 1.0), "detection.candidate_threshold": 0.001, "detection.nms_method": "gaussian",
    "detection.min_score": 0.001, "detection.iou_threshold": 0.1,
}  # fmt: skip


def value(blocks, key):
    group, name = key.split(".")
    return blocks[("data", "detection").index(group)][name]


@pytest.mark.parametrize("dataset", PUBLISHED)
def test_blocks_hold_the_published_values(dataset):
    blocks = getattr(localization_datasets, dataset)()
    wanted = SHARED | PUBLISHED[dataset]
    assert {key: value(blocks, key) for key in wanted} == wanted


def test_activitynet_is_evaluated_at_ten_overlaps():
    thresholds = localization_datasets.anet_i3d()[0].tiou_thresholds
    assert thresholds == (0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95)


@pytest.mark.parametrize("streams", EGO4D)
def test_ego4d_blocks_hold_the_published_values(streams):
    data, found = localization_datasets.ego4d(*streams)
    assert len(data.feature_places) == len(streams) and data.num_classes == 110 and data.max_frames == 1024
    assert data.window == (16 if streams == ("e",) else 32) and data.fps == 30 and data.feature_stride == 16
    assert (found.sigma, found.voting_threshold, found.max_detections) == (0.9, 0.95, 2000)
    assert data.truncation_threshold == 0.3 and data.tiou_thresholds == (0.1, 0.2, 0.3, 0.4, 0.5)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"data__reader": "npy"}, "config.data.reader is 'npy'"),
        ({"detection__nms_method": "gausian"}, "Did you mean 'gaussian'"),
        ({"eval__select_metric": "mAP@0.55"}, "Did you mean 'mAP@0.50'"),
        ({"data__crop_ratio": (0.9, 1.1)}, "config.data.crop_ratio"),
        ({"data__tiou_thresholds": (0.5, 0.3)}, "in ascending order"),
        ({"data__train_subsets": ()}, "config.data.train_subsets is empty"),
        ({"detection__min_score": 1.5}, "at least 0 and less than 1"),
        ({"data__feature_suffix": ".pt"}, "config.data.feature_suffix"),
    ],
)  # fmt: skip
def test_values_that_cannot_be_are_refused(change, message):
    config = actionformer_custom.get_config().copy_and_resolve_references()
    with config.unlocked():
        override(config, change)
    with pytest.raises(UserError, match=message):
        check_choices(config)
    check_choices(actionformer_custom.get_config())
