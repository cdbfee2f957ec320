"""Batches: order, purity in (seed, step), top-up, exactly-once evaluation and clean padding."""

import itertools
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from data_pipelines.batching import EvalBatches, TrainBatches, assemble
from fact_jax.ops.segments import frames_to_segments
from fact_jax.types import UserError, Video

EXAMPLES = settings(derandomize=True, max_examples=50, deadline=None)
SEGMENTS = 5
DIM = 3


class ListSource:
    """Videos made from their index: lengths 1..9, up to 5 segments, no feature equal to 0."""

    feature_dim = DIM
    class_names = ("background", "take", "pour")

    def __init__(self, num_videos):
        self.video_ids = [f"video_{index}" for index in range(num_videos)]
        self.lengths = np.array([self.length(index) for index in range(num_videos)], np.int64)
        self.reads = []

    def __len__(self):
        return len(self.video_ids)

    @staticmethod
    def length(index):
        return 1 + (5 * index) % 9

    def __getitem__(self, index):
        self.reads.append(index)
        length = self.length(index)
        features = np.full((length, DIM), index + 1, np.float32) + np.arange(length)[:, None] / 16
        labels = ((np.arange(length) // 2 + index) % 3).astype(np.int32)
        return Video(self.video_ids[index], features, labels, labels)


def train_batches(num_videos=7, batch_size=3, seed=0, num_rows=None, buckets=(4, 9), max_segments=SEGMENTS):
    return TrainBatches(ListSource(num_videos), batch_size=batch_size, buckets=buckets, max_segments=max_segments,
                        seed=seed, num_rows=num_rows or batch_size)


def eval_batches(num_videos=7, batch_size=3, num_rows=None, buckets=(4, 9), max_segments=SEGMENTS):
    return EvalBatches(ListSource(num_videos), batch_size=batch_size, buckets=buckets, max_segments=max_segments,
                       num_rows=num_rows or batch_size)


def assert_same(first, second):
    assert first.video_ids == second.video_ids
    assert first.positions == second.positions
    assert first.arrays.keys() == second.arrays.keys()
    for key, array in first.arrays.items():
        np.testing.assert_array_equal(array, second.arrays[key])
        assert array.dtype == second.arrays[key].dtype


def assert_sound(batch, source, num_rows, padded_length):
    """The batch holds its videos exactly, and nothing but zeros besides."""
    arrays = batch.arrays
    expected = {
        "features": ((num_rows, padded_length, DIM), np.float32), "mask": ((num_rows, padded_length), bool),
        "labels": ((num_rows, padded_length), np.int32), "segment_labels": ((num_rows, SEGMENTS), np.int32),
        "segment_mask": ((num_rows, SEGMENTS), bool), "video_mask": ((num_rows,), bool), "row": ((num_rows,), np.int32),
    }
    assert {key: (array.shape, array.dtype) for key, array in arrays.items()} == expected
    np.testing.assert_array_equal(arrays["row"], np.arange(num_rows))
    assert len(batch.video_ids) == len(batch.positions) == num_rows
    for row in range(num_rows):
        position = batch.positions[row]
        assert arrays["video_mask"][row] == (position >= 0)
        if position < 0:
            assert batch.video_ids[row] == ""
            length, transcript = 0, np.zeros(0)
        else:
            video = source[position]
            assert batch.video_ids[row] == video.video_id
            length, transcript = len(video.labels), frames_to_segments(video.labels)[0]
            np.testing.assert_array_equal(arrays["features"][row, :length], video.features)
            np.testing.assert_array_equal(arrays["labels"][row, :length], video.labels)
            np.testing.assert_array_equal(arrays["segment_labels"][row, :len(transcript)], transcript)
        np.testing.assert_array_equal(arrays["mask"][row], np.arange(padded_length) < length)
        np.testing.assert_array_equal(arrays["segment_mask"][row], np.arange(SEGMENTS) < len(transcript))
        assert not arrays["features"][row, length:].any()
        assert not arrays["labels"][row, length:].any()
        assert not arrays["segment_labels"][row, len(transcript):].any()


@EXAMPLES
@given(st.integers(1, 9), st.integers(1, 22), st.integers(0, 3), st.integers(0, 3), st.integers(0, 5))
def test_an_epoch_is_one_order_topped_up_from_its_start(num_videos, batch_size, extra_rows, seed, epoch):
    batches = train_batches(num_videos, batch_size, seed, batch_size + extra_rows)
    steps = batches.steps_per_epoch
    assert steps == -(-num_videos // batch_size)
    shown = np.concatenate([batches.positions(epoch * steps + number) for number in range(steps)])
    order = list(shown[:num_videos])
    assert sorted(order) == list(range(num_videos))
    assert list(shown) == [order[place % num_videos] for place in range(steps * batch_size)]
    batch = batches.batch(epoch * steps)
    longest = max(batches._source.lengths[position] for position in batch.positions if position >= 0)
    assert_sound(batch, ListSource(num_videos), batch_size + extra_rows, 4 if longest <= 4 else 9)


def test_iterating_from_any_step_gives_the_same_remainder():
    batches = train_batches()
    straight = list(itertools.islice(batches.iterate(0), 9))
    for start in (0, 1, 4, 8):
        again = itertools.islice(train_batches().iterate(start), 9 - start)
        for first, second in zip(straight[start:], again, strict=True):
            assert_same(first, second)
    for step, batch in enumerate(straight):
        assert_same(batch, batches.batch(step))


def test_orders_differ_between_epochs_and_seeds():
    def order(seed, epoch):
        batches = train_batches(num_videos=12, batch_size=4, seed=seed)
        return tuple(np.concatenate([batches.positions(3 * epoch + number) for number in range(3)]))

    assert len({order(seed, epoch) for seed in range(4) for epoch in range(4)}) == 16


def test_the_padded_length_is_known_before_reading():
    batches = train_batches()
    lengths = [batches.padded_length(step) for step in range(12)]
    assert batches._source.reads == []
    assert lengths == [batches.batch(step).arrays["mask"].shape[1] for step in range(12)]
    assert set(lengths) == {4, 9}


@EXAMPLES
@given(st.integers(1, 20), st.integers(1, 6), st.integers(0, 3), st.sampled_from([(9,), (4, 9), (1, 2, 5, 30)]))
def test_evaluation_shows_every_video_once(num_videos, batch_size, extra_rows, buckets):
    batches = eval_batches(num_videos, batch_size, batch_size + extra_rows, buckets)
    source = ListSource(num_videos)
    shown, lengths = [], []
    for number in range(len(batches)):
        batch = batches.batch(number)
        padded_length = batch.arrays["mask"].shape[1]
        assert_sound(batch, source, batch_size + extra_rows, padded_length)
        real = [position for position in batch.positions if position >= 0]
        assert 1 <= len(real) <= batch_size
        assert all(min(b for b in buckets if b >= source.lengths[position]) == padded_length for position in real)
        shown += real
        lengths.append(padded_length)
    assert sorted(shown) == list(range(num_videos))
    assert lengths == sorted(lengths)
    # No batch could be saved: only the last of each bucket is not full.
    per_bucket = [sum(min(b for b in buckets if b >= n) == bucket for n in source.lengths) for bucket in buckets]
    assert len(batches) == sum(-(-count // batch_size) for count in per_bucket)


def test_evaluation_can_be_repeated():
    batches = eval_batches()
    first, second = list(batches), list(batches)
    assert len(first) == len(second) == len(batches)
    for number, (one, other) in enumerate(zip(first, second, strict=True)):
        assert_same(one, other)
        assert_same(one, batches.batch(number))


def test_a_video_with_too_many_segments_is_named():
    with pytest.raises(UserError, match="'video_.' has [45] segments, .* at most 3"):
        next(train_batches(max_segments=3, batch_size=7).iterate(0))
    with pytest.raises(UserError, match="'video_.' has [45] segments, .* at most 3"):
        list(eval_batches(max_segments=3))


def test_a_video_that_changed_is_named():
    source = ListSource(3)
    source.lengths = source.lengths + 1
    with pytest.raises(UserError, match=r"'video_1' has features \(6, 3\).*\(7, 3\)"):
        assemble(source, [1], 9, SEGMENTS, 1)


@pytest.mark.parametrize("make", [train_batches, eval_batches])
def test_impossible_settings_are_user_errors(make):
    with pytest.raises(UserError, match="no videos"):
        make(num_videos=0)
    with pytest.raises(UserError, match="A batch of 0 videos"):
        make(batch_size=0, num_rows=1)
    with pytest.raises(UserError, match="A batch of 4 videos in 3 rows"):
        make(batch_size=4, num_rows=3)
    with pytest.raises(UserError, match="'video_7', has 9"):
        make(num_videos=8, buckets=(4, 8))


def test_a_negative_seed_is_a_user_error():
    with pytest.raises(UserError, match="seed of the training order is -1"):
        train_batches(seed=-1)


def test_reading_runs_ahead_and_its_threads_end():
    before = threading.active_count()
    batches = train_batches(num_videos=9, batch_size=1)
    iterator = batches.iterate(0)
    next(iterator)
    wait_for(lambda: len(batches._source.reads) >= 3)
    iterator.close()
    wait_for(lambda: threading.active_count() <= before)
    assert len(batches._source.reads) < 9


def wait_for(condition, seconds=5.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "gave up waiting"
        time.sleep(0.01)


def test_reading_needs_no_parsed_flags():
    program = (
        "from tests.data_pipelines.test_batching import eval_batches, train_batches\n"
        "print(len(list(eval_batches())), next(train_batches().iterate(5)).positions)\n")
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", program], cwd=root, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split(" ", 1) == [str(len(eval_batches())), f"{train_batches().batch(5).positions}\n"]
