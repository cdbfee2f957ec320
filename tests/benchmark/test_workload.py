"""The made videos: the same everywhere, cut as asked for."""

import numpy as np
import pytest

from configs import (
    actionformer_anet_tsp,
    actionformer_ego4d_soe,
    actionformer_synthetic,
    actionformer_thumos14,
    fact_breakfast,
    fact_custom,
    fact_epic,
    fact_gtea,
)
from data_pipelines.localization.config import LocalizationDataConfig
from data_pipelines.localization.opening import open_localization
from fact_jax.benchmark import data_wait, kinds
from fact_jax.benchmark.workload import MadeActions, MadeVideos, Workload, workload_of
from fact_jax.types import UserError


def test_defaults_follow_config_and_dataset():
    found = workload_of(fact_breakfast.get_config())
    assert found == Workload((2000,) * 4, 48, 2048, 0, 7)
    assert workload_of(fact_gtea.get_config()) == Workload((1100,), 11, 2048, 0, 33)
    quick = workload_of(fact_gtea.get_config("quick"))
    assert (quick.num_classes, quick.feature_dim, quick.lengths) == (7, 12, (40,))
    assert workload_of(fact_custom.get_config()).num_classes == kinds.OTHER_CLASSES
    assert workload_of(fact_epic.get_config()).num_segments == 52


def test_frames_are_repeated_over_the_batch():
    found = workload_of(fact_gtea.get_config(), frames=(20, 30, 40), batch=5, num_classes=12, feature_dim=3, pieces=2)
    assert found == Workload((20, 30, 40, 20, 30), 12, 3, 2, 33)


@pytest.mark.parametrize(
    "flag",
    [{"frames": (1,)}, {"num_classes": 10}, {"pieces": -1}, {"batch": -2}, {"feature_dim": -1}],
    ids=lambda flag: next(iter(flag)),
)
def test_numbers_out_of_range_are_named(flag):
    with pytest.raises(UserError, match="expected .* or more"):
        workload_of(fact_gtea.get_config(), **flag)


def test_videos_are_the_same_every_time_and_differ_from_each_other():
    made, again = (MadeVideos(Workload((50, 50, 7), 5, 4, 0, 6)) for _ in range(2))
    for index in range(3):
        np.testing.assert_array_equal(made[index].features, again[index].features)
        np.testing.assert_array_equal(made[index].labels, again[index].labels)
    assert made[0].features.shape == (50, 4) and made[0].features.dtype == np.float32
    assert not np.array_equal(made[0].features, made[1].features)
    assert made.lengths.tolist() == [50, 50, 7] and len(made) == 3


@pytest.mark.parametrize("length, segments", [(200, 6), (9, 2), (3, 1)])
def test_true_segments(length, segments):
    labels = MadeVideos(Workload((length,), 5, 4, 0, 6)).labels(0)
    assert labels.shape == (length,) and 0 <= labels.min() and labels.max() < 5
    assert 1 + np.count_nonzero(np.diff(labels)) == segments


@pytest.mark.parametrize("pieces, expected", [(0, 30), (4, 4), (100, 30)])
def test_features_are_constant_over_pieces(pieces, expected):
    features = MadeVideos(Workload((30,), 5, 4, pieces, 6)).features(0)
    assert 1 + np.count_nonzero(np.any(np.diff(features, axis=0), axis=1)) == expected


@pytest.mark.parametrize(
    "module, expected",
    [
        (actionformer_thumos14, Workload((2304,) * 2, 20, 2048, 0, 15)),
        (actionformer_anet_tsp, Workload((192,) * 16, 1, 512, 0, 15)),
        (actionformer_ego4d_soe, Workload((1024,) * 2, 110, 4096, 0, 15)),
        (actionformer_synthetic, Workload((192,) * 8, 6, 32, 0, 15)),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_defaults_of_localization(module, expected):
    assert workload_of(module.get_config()) == expected


def test_actions_lie_in_their_videos():
    made = MadeActions(Workload((50, 3), 5, 4, 0, 30), 4.0, 16.0)
    for index, length in enumerate((50, 3)):
        segments, labels = made.segments(index)
        assert segments.shape == (30, 2) and segments.dtype == np.float32 and labels.dtype == np.int32
        assert segments.min() >= 0 and segments.max() <= length and np.all(segments[:, 1] > segments[:, 0])
        np.testing.assert_array_equal(made[index].segments, segments)
    assert set(made.segments(0)[1]) == set(range(5)) and made.durations == ((49 * 4 + 16) / 30, 24 / 30)
    assert Workload((50, 3), 5, 4, 0, 30).cut_to(10).lengths == (10, 3)


def test_actions_on_disk_are_those_of_the_videos(tmp_path):
    made = MadeActions(Workload((50, 20, 30), 5, 4, 0, 6), 4.0, 16.0)
    data = actionformer_thumos14.get_config().copy_and_resolve_references().data
    with data.unlocked():
        data.update(data_wait.write_annotated(made, tmp_path))
    found = open_localization(LocalizationDataConfig.parse(data))
    assert (found.train.video_ids, found.test.video_ids) == (made.video_ids[:-1], made.video_ids[-1:])
    for source, index, place in ((found.train, 0, 0), (found.train, 1, 1), (found.test, 0, 2)):
        np.testing.assert_array_equal(source[index].features, made[place].features)
        np.testing.assert_array_equal(source[index].labels, made[place].labels)
        np.testing.assert_allclose(source[index].segments, made[place].segments, atol=1e-4)
