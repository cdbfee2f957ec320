"""Batches: order, purity in (seed, step), top-up, exactly-once evaluation and clean padding."""

import itertools
import threading
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_pipelines.core import batching
from data_pipelines.core.batching import assemble
from data_pipelines.segmentation.batching import FrameExamples
from fact_jax.ops.segments import frames_to_segments
from fact_jax.types import UserError
from tests.data_pipelines.core.listed import DIM, SEGMENTS, ListSource, eval_batches, reads, train_batches

EXAMPLES = settings(derandomize=True, max_examples=50, deadline=None)


def assert_same(first, second):
    assert first.video_ids == second.video_ids
    assert first.positions == second.positions
    assert first.arrays.keys() == second.arrays.keys()
    for key, array in first.arrays.items():
        np.testing.assert_array_equal(array, second.arrays[key])
        assert array.dtype == second.arrays[key].dtype


def assert_all_same(first, second):
    assert isinstance(first, tuple)
    for one, other in zip(first, second, strict=True):
        assert_same(one, other)


def assert_sound(batch, source, num_rows, padded_length, rows=None):
    """The batch holds its videos exactly, and nothing but zeros besides."""
    rows = range(num_rows) if rows is None else rows
    arrays = batch.arrays
    expected = {
        "features": ((num_rows, padded_length, DIM), np.float32),
        "mask": ((num_rows, padded_length), bool),
        "labels": ((num_rows, padded_length), np.int32),
        "segment_labels": ((num_rows, SEGMENTS), np.int32),
        "segment_mask": ((num_rows, SEGMENTS), bool),
        "video_mask": ((num_rows,), bool),
        "row": ((num_rows,), np.int32),
    }
    assert {key: (array.shape, array.dtype) for key, array in arrays.items()} == expected
    np.testing.assert_array_equal(arrays["row"][: len(rows)], rows)
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
            np.testing.assert_array_equal(arrays["segment_labels"][row, : len(transcript)], transcript)
        np.testing.assert_array_equal(arrays["mask"][row], np.arange(padded_length) < length)
        np.testing.assert_array_equal(arrays["segment_mask"][row], np.arange(SEGMENTS) < len(transcript))
        assert not arrays["features"][row, length:].any()
        assert not arrays["labels"][row, length:].any()
        assert not arrays["segment_labels"][row, len(transcript) :].any()


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
    (batch,) = batches.batches(epoch * steps)
    assert batch.positions[:batch_size] == tuple(shown[:batch_size])
    longest = max(ListSource.length(position) for position in batch.positions if position >= 0)
    assert_sound(batch, ListSource(num_videos), batch_size + extra_rows, 4 if longest <= 4 else 9)


@EXAMPLES
@given(
    st.integers(1, 9),
    st.integers(1, 14),
    st.integers(1, 15),
    st.integers(0, 2),
    st.integers(0, 9),
    st.sampled_from(["random", "by_length"]),
)
def test_micro_batches_are_the_batch_in_pieces(num_videos, batch_size, piece_size, extra_rows, step, sampling):
    buckets, source = (2, 4, 9), ListSource(num_videos)
    num_rows = min(piece_size, batch_size) + extra_rows
    cut = train_batches(num_videos, batch_size, 1, num_rows, buckets, micro_batch_size=piece_size, sampling=sampling)
    whole = train_batches(num_videos, batch_size, 1, batch_size, buckets, sampling=sampling)
    (expected,) = whole.batches(step)
    pieces, rows, lengths = cut.batches(step), [], []
    for piece, padded_length in zip(pieces, cut.padded_lengths(step), strict=True):
        real = [position for position in piece.positions if position >= 0]
        lengths += [ListSource.length(position) for position in real]
        assert padded_length == min(bucket for bucket in buckets if bucket >= max(lengths))
        assert_sound(piece, source, num_rows, padded_length, piece.arrays["row"][: len(real)])
        assert [expected.positions[row] for row in piece.arrays["row"][: len(real)]] == real
        rows += piece.arrays["row"][: len(real)].tolist()
    assert sorted(rows) == list(range(batch_size))
    assert len(pieces) == -(-batch_size // piece_size)
    if len(pieces) == 1:
        assert rows == sorted(rows)
    else:  # sorted by length, and as the batch has them where lengths are equal
        assert list(zip(lengths, rows, strict=True)) == sorted(zip(lengths, rows, strict=True))


@pytest.mark.parametrize("options", [{}, {"sampling": "by_length"}, {"sampling": "by_length", "micro_batch_size": 2}])
def test_iterating_from_any_step_gives_the_same_remainder(options):
    batches = train_batches(**options)
    straight = list(itertools.islice(batches.iterate(0), 9))
    for start in (0, 1, 4, 8):
        again = itertools.islice(train_batches(**options).iterate(start), 9 - start)
        for first, second in zip(straight[start:], again, strict=True):
            assert_all_same(first, second)
    for step, pieces in enumerate(straight):
        assert_all_same(pieces, batches.batches(step))


@pytest.mark.parametrize("sampling", ["random", "by_length"])
def test_orders_differ_between_epochs_and_seeds(sampling):
    def order(seed, epoch):
        batches = train_batches(num_videos=12, batch_size=4, seed=seed, sampling=sampling)
        return tuple(np.concatenate([batches.positions(3 * epoch + number) for number in range(3)]))

    assert len({order(seed, epoch) for seed in range(4) for epoch in range(4)}) == 16


def test_the_padded_lengths_are_known_before_reading():
    batches = train_batches()
    lengths = [batches.padded_lengths(step) for step in range(12)]
    assert reads(batches) == []
    assert lengths == [tuple(b.arrays["mask"].shape[1] for b in batches.batches(step)) for step in range(12)]
    assert set(lengths) == {(4,), (9,)}


def shapes_of(batches):
    """What tells programs apart of some batches, each once, in their order."""
    arrays = [
        sorted((name, array.shape, str(array.dtype)) for name, array in batch.arrays.items()) for batch in batches
    ]
    return list(dict.fromkeys(map(tuple, arrays)))


@pytest.mark.parametrize("options", [{}, {"micro_batch_size": 2}, {"local_rows": slice(2, 4)}])
def test_shapes_are_told_before_reading(options):
    batches = train_batches(num_videos=12, batch_size=4, **options)
    told = batches.outlines(2, 100)
    assert reads(batches) == []
    read = [batches.batches(step) for step in range(2, 12)]
    assert shapes_of(sum(told, ())) == shapes_of(sum(read, ())) and {len(step) for step in told} == {len(read[0])}
    assert batches.outlines(2, 2) == [] and batches.outlines(2, 3)[0][0].length == read[0][0].length


def test_a_length_that_no_video_has_is_not_told():
    batches = train_batches(num_videos=12, batch_size=1, buckets=(4, 9, 40))
    assert {batch.length for (batch,) in batches.outlines(0, 100)} == {4, 9}
    evaluated = eval_batches(7, 2, 3, (4, 9, 40))
    assert shapes_of(evaluated.outlines()) == shapes_of(evaluated)


@EXAMPLES
@given(st.integers(1, 20), st.integers(1, 6), st.integers(0, 3), st.sampled_from([(9,), (4, 9), (1, 2, 5, 30)]))
def test_evaluation_shows_every_video_once(num_videos, batch_size, extra_rows, buckets):
    batches = eval_batches(num_videos, batch_size, batch_size + extra_rows, buckets)
    source = ListSource(num_videos)
    shown, padded_lengths = [], []
    for number in range(len(batches)):
        batch = batches.batch(number)
        padded_length = batch.arrays["mask"].shape[1]
        assert_sound(batch, source, batch_size + extra_rows, padded_length)
        real = [position for position in batch.positions if position >= 0]
        assert len(real) == batch_size or number == len(batches) - 1
        assert padded_length == min(bucket for bucket in buckets if bucket >= source.lengths[real].max())
        shown += real
        padded_lengths.append(padded_length)
    assert sorted(shown) == list(range(num_videos))
    assert list(source.lengths[shown]) == sorted(source.lengths, reverse=True)
    assert len(batches) == -(-num_videos // batch_size)
    # Nothing shorter would do: for every bucket, so many batches are needed for the videos that exceed it.
    for bucket in buckets:
        needed = -(-int(np.sum(source.lengths > bucket)) // batch_size)
        assert sum(length > bucket for length in padded_lengths) == needed
    assert_all_same(tuple(batches), tuple(batches.batch(number) for number in range(len(batches))))
    padding = batches.padding()
    assert padding.frames == source.lengths.sum()
    assert padding.padded_frames == (batch_size + extra_rows) * sum(padded_lengths)
    assert list(padding.batches) == sorted(set(padded_lengths)) and sum(padding.batches.values()) == len(batches)


def test_a_video_with_too_many_segments_is_named():
    with pytest.raises(UserError, match="'video_.' has [45] segments, .* at most 3"):
        next(train_batches(max_segments=3, batch_size=7).iterate(0))
    with pytest.raises(UserError, match="'video_.' has [45] segments, .* at most 3"):
        list(eval_batches(max_segments=3))


def test_a_video_that_changed_is_named():
    source = ListSource(3)
    source.lengths = source.lengths + 1
    with pytest.raises(UserError, match=r"'video_1' has features \(6, 3\).*\(7, 3\)"):
        assemble(FrameExamples(source, SEGMENTS), [1], 9, 1)


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


def test_impossible_orders_are_user_errors():
    with pytest.raises(UserError, match="seed of the training order is -1"):
        train_batches(seed=-1)
    with pytest.raises(UserError, match="micro_batch_size is -1"):
        train_batches(micro_batch_size=-1)
    with pytest.raises(UserError, match="A batch of 2 videos in 1 rows"):
        train_batches(micro_batch_size=2, num_rows=1)
    with pytest.raises(UserError, match="sampling is 'length'. Did you mean 'by_length'"):
        train_batches(sampling="length")


@pytest.mark.parametrize(("memory", "most"), [(2**30, 4), (400, 2), (1, 1)])
def test_reading_runs_ahead_within_its_memory_and_its_threads_end(monkeypatch, memory, most):
    monkeypatch.setattr(batching, "_BYTES_AHEAD", memory)  # a batch has 178 bytes at most
    before = threading.active_count()
    batches = train_batches(num_videos=9, batch_size=1)
    iterator = batches.iterate(0)
    next(iterator)
    wait_for(lambda: len(reads(batches)) == 1 + most)
    time.sleep(0.05)
    assert len(reads(batches)) == 1 + most
    iterator.close()
    wait_for(lambda: threading.active_count() <= before)


def wait_for(condition, seconds=5.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "gave up waiting"
        time.sleep(0.01)


@EXAMPLES
@given(st.integers(1, 9), st.integers(1, 9), st.integers(0, 9), st.integers(1, 3), st.integers(0, 5))
def test_the_shares_of_a_batch_are_the_batch_and_read_nothing_else(num_videos, batch_size, piece_size, rows_each, step):
    piece = min(piece_size or batch_size, batch_size)
    num_rows = -(-piece // rows_each) * rows_each
    options = {"buckets": (2, 4, 9), "micro_batch_size": piece_size}
    whole = train_batches(num_videos, batch_size, 1, num_rows, **options).batches(step)
    parts = []
    for start in range(0, num_rows, rows_each):
        share = slice(start, start + rows_each)
        batches = train_batches(num_videos, batch_size, 1, num_rows, local_rows=share, **options)
        parts.append(batches.batches(step))
        held = [position for batch in whole for position in batch.positions[share] if position >= 0]
        assert reads(batches) == held
    for number, batch in enumerate(whole):
        for part in parts:
            assert part[number].video_ids == batch.video_ids and part[number].positions == batch.positions
        for key, array in batch.arrays.items():
            np.testing.assert_array_equal(np.concatenate([part[number].arrays[key] for part in parts]), array)


def test_the_shares_of_an_evaluation_are_the_evaluation():
    whole = eval_batches(num_rows=4)
    first, second = (eval_batches(num_rows=4, local_rows=share) for share in (slice(0, 3), slice(3, 4)))
    assert len(first) == len(second) == len(whole)
    for batch, one, other in zip(whole, first, second, strict=True):
        assert one.video_ids == other.video_ids == batch.video_ids
        for key, array in batch.arrays.items():
            np.testing.assert_array_equal(np.concatenate([one.arrays[key], other.arrays[key]]), array)
