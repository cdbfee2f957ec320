"""Bucket lengths: optimal by comparison with trying every choice."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_pipelines.core.buckets import bucket_for, check_buckets, choose_buckets, default_multiple
from fact_jax.types import UserError

EXAMPLES = settings(derandomize=True, max_examples=50, deadline=None)
LENGTHS = st.lists(st.integers(1, 60), min_size=1, max_size=12)


def padded_frames(lengths, buckets):
    return sum(min(bucket for bucket in buckets if bucket >= length) for length in lengths)


def padding_waste(lengths, buckets):
    """Share of padded frames when every video is padded to its bucket."""
    return 1.0 - sum(lengths) / padded_frames(lengths, buckets)


@EXAMPLES
@given(LENGTHS, st.integers(1, 4), st.integers(1, 9))
def test_no_choice_pads_less(lengths, max_buckets, multiple):
    buckets = choose_buckets(lengths, max_buckets, multiple=multiple)
    sizes = sorted({multiple * -(-length // multiple) for length in lengths})
    fewest = min(
        padded_frames(lengths, (*rest, sizes[-1]))
        for count in range(max_buckets)
        for rest in itertools.combinations(sizes[:-1], count)
    )
    assert padded_frames(lengths, buckets) == fewest
    assert len(buckets) <= max_buckets
    assert all(bucket % multiple == 0 for bucket in buckets)
    assert list(buckets) == sorted(set(buckets))


@EXAMPLES
@given(LENGTHS, st.integers(1, 4))
def test_every_bucket_earns_its_program(lengths, max_buckets):
    buckets = choose_buckets(lengths, max_buckets, multiple=4)
    for left_out in buckets[:-1]:
        fewer = [bucket for bucket in buckets if bucket != left_out]
        assert padded_frames(lengths, fewer) > padded_frames(lengths, buckets)


@EXAMPLES
@given(LENGTHS, st.integers(1, 6), st.sampled_from([0.0, 0.05, 0.1, 0.3, 0.6]))
def test_no_more_buckets_than_the_padding_takes(lengths, max_buckets, max_padding):
    buckets = choose_buckets(lengths, max_buckets, max_padding, multiple=2)
    enough = [
        count
        for count in range(1, max_buckets + 1)
        if padding_waste(lengths, choose_buckets(lengths, count, multiple=2)) <= max_padding
    ]
    assert buckets == choose_buckets(lengths, min(enough, default=max_buckets), multiple=2)


def test_known_choices():
    assert choose_buckets([100, 100, 100, 1000], 2, multiple=10) == (100, 1000)
    assert choose_buckets([100, 100, 100, 1000], 1, multiple=10) == (1000,)
    assert choose_buckets([64, 64], 4) == (64,)
    assert choose_buckets([0], 2, multiple=8) == (8,)
    assert choose_buckets([], 2) == ()


def test_the_multiple_suits_the_longest_video():
    assert [default_multiple([length, 3]) for length in (10, 128, 256, 511, 512, 9000)] == [8, 16, 32, 32, 64, 64]


def test_bucket_for_rejects_what_fits_nowhere():
    assert bucket_for(64, (64, 128)) == 64
    with pytest.raises(UserError, match="129"):
        bucket_for(129, (64, 128))


def test_explicit_buckets_are_sorted_and_checked():
    assert check_buckets([200, 100, 200], [150, 90], ["a", "b"]) == (100, 200)
    with pytest.raises(UserError, match="2 of 3 videos.*'cup_07', has 260"):
        check_buckets((100, 200), [210, 260, 90], ["cup_06", "cup_07", "cup_08"])
    for buckets in ((), (0, 300), (-5, 300)):
        with pytest.raises(UserError, match="at least one length"):
            check_buckets(buckets, [200], ["a"])


def test_impossible_requests_are_user_errors():
    with pytest.raises(UserError, match="max_buckets is 0"):
        choose_buckets([10], 0)
    with pytest.raises(UserError, match="multiple is 0"):
        choose_buckets([10], 1, multiple=0)
    for max_padding in (-0.1, 1.0):
        with pytest.raises(UserError, match=f"max_padding is {max_padding}"):
            choose_buckets([10], 1, max_padding)
