"""Batches of videos with segments."""

import numpy as np
import pytest

from data_pipelines.core.batching import EvalBatches, TrainBatches
from data_pipelines.core.sampling import whole_batches
from data_pipelines.localization.batching import SegmentExamples
from data_pipelines.localization.config import LocalizationDataConfig, SyntheticLocalizationConfig
from data_pipelines.localization.opening import open_localization
from data_pipelines.localization.truncation import TruncationConfig
from fact_jax.types import UserError

TRUNCATION = TruncationConfig(48, 0.5, (0.8, 1.0))


def synthetic(**changes):
    made = SyntheticLocalizationConfig(**changes)
    return LocalizationDataConfig(reader="synthetic", feature_stride=4.0, window=16.0, synthetic=made)


@pytest.fixture(scope="module")
def sources():
    return open_localization(synthetic(num_train_videos=7, num_test_videos=6, min_length=30, max_length=90))


def train_batches(sources, **changes):
    options = {"batch_size": 3, "buckets": (48,), "sample": whole_batches, "seed": 3, "num_rows": 4} | changes
    return TrainBatches(SegmentExamples(sources.train, TRUNCATION), **options)


def test_a_training_batch_has_one_length_and_segments_inside(sources):
    (batch,) = train_batches(sources).batches(0)
    arrays = batch.arrays
    assert arrays["features"].shape == (4, 48, 32) and arrays["segments"].dtype == np.float32
    assert arrays["video_mask"].tolist() == [True] * 3 + [False] and batch.video_ids[3] == ""
    lengths = arrays["mask"].sum(axis=1)
    for row in range(3):
        valid = arrays["segment_mask"][row]
        assert valid.any() and (arrays["segments"][row][valid] <= lengths[row] + 2).all()
        assert not arrays["features"][row, lengths[row] :].any() and not arrays["segments"][row][~valid].any()
    assert not arrays["segment_mask"][3].any() and arrays["row"].tolist() == [0, 1, 2, 3]


def test_a_step_is_the_same_whenever_it_is_made(sources):
    ahead = train_batches(sources).iterate(0)
    later = train_batches(sources).iterate(4)
    for _ in range(4):
        next(ahead)
    for (first,), (second,) in [(next(ahead), next(later)) for _ in range(2)]:
        assert first.video_ids == second.video_ids
        for name, array in first.arrays.items():
            np.testing.assert_array_equal(array, second.arrays[name])
    assert train_batches(sources, seed=4).batches(0)[0].video_ids != train_batches(sources).batches(0)[0].video_ids


def test_pieces_of_a_step_are_padded_on_their_own(sources):
    def padded(length):
        return -(-length // 4) * 4

    batches = train_batches(sources, buckets=None, padded_length=padded, micro_batch_size=1, num_rows=1)
    assert len(batches.buckets) > 1
    for step in range(2):
        pieces, (whole,) = batches.batches(step), train_batches(sources).batches(step)
        assert batches.padded_lengths(step) == tuple(piece.length for piece in pieces)
        for piece in pieces:
            (row,), (video,) = piece.arrays["row"], piece.video_ids
            length = min(int(sources.train.lengths[sources.train.video_ids.index(video)]), TRUNCATION.max_length)
            assert piece.length == padded(length) and piece.arrays["mask"].sum() == whole.arrays["mask"][row].sum()
            np.testing.assert_array_equal(piece.arrays["features"][0], whole.arrays["features"][row, : piece.length])


def test_what_does_not_fill_a_batch_is_left_out_of_the_epoch(sources):
    batches = train_batches(sources)
    assert batches.steps_per_epoch == 2
    seen = np.concatenate([batches.positions(step) for step in range(2)])
    assert len(set(seen.tolist())) == 6
    few = train_batches(sources, batch_size=10, num_rows=10)
    assert few.steps_per_epoch == 1 and sorted(set(few.positions(0).tolist())) == list(range(7))


def test_pieces_of_a_step_have_the_videos_and_windows_of_the_whole(sources):
    (whole,) = train_batches(sources).batches(1)
    pieces = train_batches(sources, micro_batch_size=2).batches(1)
    assert [int(piece.arrays["video_mask"].sum()) for piece in pieces] == [1, 2]
    places = [(piece, place) for piece in pieces for place in np.flatnonzero(piece.arrays["video_mask"])]
    rows = [int(piece.arrays["row"][place]) for piece, place in places]
    assert sorted(rows) == [0, 1, 2]
    for row, (piece, place) in zip(rows, places, strict=True):
        np.testing.assert_array_equal(piece.arrays["features"][place], whole.arrays["features"][row])
        np.testing.assert_array_equal(piece.arrays["segments"][place], whole.arrays["segments"][row])


def test_an_evaluation_has_every_video_once_at_its_own_length(sources):
    def padded(length):
        return 48 if length <= 48 else -(-length // 16) * 16

    batches = EvalBatches(SegmentExamples(sources.test), batch_size=2, padded_length=padded, num_rows=2)
    made = list(batches)
    ids = [video for batch in made for video in batch.video_ids if video]
    assert sorted(ids) == sorted(sources.test.video_ids) and len(batches) == len(made)
    for batch in made:
        lengths = batch.arrays["mask"].sum(axis=1)
        assert {padded(int(length)) for length in lengths if length} == {batch.arrays["features"].shape[1]}
    assert [batch.arrays["features"].shape[1] for batch in made] == sorted(
        (batch.arrays["features"].shape[1] for batch in made), reverse=True
    )
    assert set(batches.padding().batches) == set(batches.buckets)


def test_the_synthetic_dataset_is_a_function_of_its_seed(sources):
    data = synthetic()
    again = open_localization(data)
    assert len(again.train) == 120 and len(again.test) == 40
    same, other = (open_localization(data).test[1] for _ in range(2))
    np.testing.assert_array_equal(same.features, other.features)
    with pytest.raises(UserError, match="noise is 0.0"):
        synthetic(noise=0.0)
