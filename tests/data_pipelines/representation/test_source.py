"""Clips and chunks of drawn videos as examples."""

import dataclasses

import numpy as np
import pytest

from data_pipelines.core.mapped import EvalBatches, TrainBatches
from data_pipelines.representation import source
from data_pipelines.representation.config import RepresentationDataConfig, SyntheticActionsConfig
from data_pipelines.representation.opening import open_representation
from data_pipelines.representation.source import EvaluationChunks, GroupBatches, TrainClips
from data_pipelines.representation.synthetic import SyntheticVideo
from data_pipelines.video import pixels
from data_pipelines.video.clips import ClipConfig
from data_pipelines.video.views import AugmentationConfig
from fact_jax.types import UserError

SPEC = SyntheticActionsConfig(num_train_videos=3, num_test_videos=2, size=32, min_frames=20, max_frames=30)
DATA = RepresentationDataConfig(
    reader="synthetic", clip=ClipConfig(num_frames=10), augmentation=AugmentationConfig(size=24), synthetic=SPEC
)
SOURCES = open_representation(DATA)


def same(one, other):
    return one.keys() == other.keys() and all(np.array_equal(one[name], other[name]) for name in one)


def test_examples_have_the_shapes_that_they_state():
    for examples in (TrainClips(SOURCES.train, DATA), EvaluationChunks(SOURCES.test, DATA, 16)):
        example = examples.example(0, np.random.default_rng([1, 2, 3]))
        assert example.keys() == examples.shapes.keys()
        for name, (shape, dtype) in examples.shapes.items():
            assert np.asarray(example[name]).ndim == len(shape), name
            assert np.can_cast(np.asarray(example[name]).dtype, dtype, "same_kind"), name


def test_draws_come_from_seed_step_and_row():
    clips = TrainClips(SOURCES.train, DATA)
    one, again, other = (clips.example(1, np.random.default_rng(seed)) for seed in ([0, 5, 1], [0, 5, 1], [0, 6, 1]))
    assert same(one, again) and not np.array_equal(one["frames"], other["frames"])
    # Views differ, and each has its own labels.
    assert not np.array_equal(one["frames"][:10], one["frames"][10:])
    np.testing.assert_array_equal(one["labels"], SOURCES.train[1].labels[one["steps"]])


def test_reading_in_parts_changes_nothing(monkeypatch):
    clips = TrainClips(SOURCES.train, dataclasses.replace(DATA, clip=ClipConfig(10, num_contexts=2, context_stride=3)))
    whole = clips.example(0, np.random.default_rng(4))
    monkeypatch.setattr(source, "_READ_AT_ONCE", 3)
    assert same(whole, clips.example(0, np.random.default_rng(4)))
    assert whole["frames"].shape == (2 * 10 * 2, 24, 24, 3)


def test_chunks_cover_every_frame_in_order():
    chunks = EvaluationChunks(SOURCES.test, DATA, 8)
    for number, entry in enumerate(SOURCES.test):
        found = [chunks.example(i, None) for i, name in enumerate(chunks.video_ids) if name == entry.video_id]
        assert {int(part["video"]) for part in found} == {number}
        frames = np.concatenate([part["frames"] for part in found])
        wanted = entry.video.frames(np.arange(len(entry.video)))[:, 4:28, 4:28]
        np.testing.assert_array_equal(frames, pixels.normalize(wanted))
        np.testing.assert_array_equal(np.concatenate([part["labels"] for part in found]), entry.labels)
        assert [int(part["start"]) for part in found] == np.cumsum([0, *(len(p["mask"]) for p in found)])[:-1].tolist()
    assert chunks.shapes["mask"][0][0] <= 8


def test_they_make_batches():
    batches = TrainBatches(TrainClips(SOURCES.train, DATA), batch_size=2, seed=0, num_rows=2).iterate()
    (batch,) = next(batches)
    batches.close()
    assert batch.arrays["frames"].shape == (2, 20, 24, 24, 3)
    masks = [
        batch.arrays["mask"] for batch in EvalBatches(EvaluationChunks(SOURCES.test, DATA, 8), batch_size=2, num_rows=2)
    ]
    assert sum(int(mask.sum()) for mask in masks) == sum(len(entry.video) for entry in SOURCES.test)


def test_batches_of_one_group():
    groups = [0, 1, 0]
    batches = GroupBatches(TrainClips(SOURCES.train, DATA), groups, batch_size=2, seed=3, num_rows=2)
    drawn = [batches.positions(step).tolist() for step in range(40)]
    assert all(batch == [1, 1] or sorted(batch) == [0, 2] for batch in drawn)
    assert {tuple(batch) for batch in drawn} == {(1, 1), (0, 2), (2, 0)} and batches.positions(7).tolist() == drawn[7]


def test_synthetic_videos_repeat_and_differ():
    one, again, other, tested = (
        SyntheticVideo(SPEC, *which) for which in (("train", 0), ("train", 0), ("train", 1), ("test", 0))
    )
    numbers = np.arange(len(one))
    np.testing.assert_array_equal(one.frames(numbers), again.frames(numbers))
    np.testing.assert_array_equal(one.frames(numbers[::-1][:5]), one.frames(numbers)[::-1][:5])
    np.testing.assert_array_equal(np.concatenate(list(one.batches(numbers, 7))), one.frames(numbers))
    assert not np.array_equal(one.frames([0]), other.frames([0])) and not np.array_equal(
        one.frames([0]), tested.frames([0])
    )
    assert one.frames(numbers).dtype == np.uint8 and one.frames([]).shape == (0, 32, 32, 3)


@pytest.mark.parametrize("num_phases", [2, 4, 7])
def test_synthetic_phases_come_in_order_and_all(num_phases):
    spec = dataclasses.replace(SPEC, num_phases=num_phases)
    durations = []
    for index in range(20):
        video = SyntheticVideo(spec, "train", index)
        assert SPEC.min_frames <= len(video) <= SPEC.max_frames and (np.diff(video.states) > 0).all()
        np.testing.assert_array_equal(video.labels, video.states.astype(int))
        assert set(video.labels) == set(range(num_phases))
        durations.append(np.mean(video.labels == 0))
    assert np.std(durations) > 0.02


def test_the_camera_and_the_body_move():
    still, shaken = (SyntheticVideo(dataclasses.replace(SPEC, jitter=jitter), "train", 0) for jitter in (0.0, 2.0))
    frames = [video.frames(np.arange(len(video))) for video in (still, shaken)]
    changed = [np.any(part != part[:1], axis=-1).mean((1, 2)).max() for part in frames]
    # The body alone changes what it leaves and covers; the camera changes nearly all.
    assert 0.02 < changed[0] < 0.4 and changed[1] > 0.6


@pytest.mark.parametrize("wrong", [{"num_phases": 1}, {"min_frames": 90}, {"size": 8}, {"num_train_videos": 0}])
def test_synthetic_settings_that_cannot_be(wrong):
    with pytest.raises(UserError, match=next(iter(wrong))):
        dataclasses.replace(SPEC, **wrong)
    with pytest.raises(UserError, match="seed"):
        SyntheticVideo(SPEC, "train", 0, -1)
