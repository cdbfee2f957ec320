"""Frames of clips: numbers by hand, against plain renderings, and what holds of clips of any length."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_pipelines.recognition import sampling
from data_pipelines.recognition.sampling import SamplingConfig
from fact_jax.types import UserError

LENGTHS = st.integers(1, 400)
CONFIGS = st.builds(
    SamplingConfig,
    strategy=st.sampled_from(sampling.STRATEGIES),
    num_frames=st.integers(1, 12).map(lambda half: 2 * half),
    stride=st.integers(1, 6),
    evaluation=st.sampled_from(sampling.EVALUATION),
    test_chunks=st.integers(1, 2),
)


def test_frames_of_segments_by_hand():
    assert sampling.segment_frames(11, [0, 1, 0, 1]).tolist() == [0, 3, 4, 7]  # frames 8 to 10 are in no part
    assert sampling.segment_frames(3, [0, 0, 0, 0]).tolist() == [0, 0, 0, 0]
    assert sampling.segment_tests(8, 4).tolist() == [[0, 2, 4, 6], [1, 3, 5, 7]]
    assert sampling.segment_tests(10, 4).tolist() == [[0, 2, 5, 7], [1, 3, 6, 8]]
    # Of one frame more than half of what is chosen, places that are equal are counted for both rows.
    assert sampling.segment_tests(3, 4).tolist() == [[0, 0, 1, 2], [0, 1, 1, 2]]


def test_frames_of_windows_by_hand():
    assert sampling.dense_frames(100, 4, 4, 10).tolist() == [10, 15, 20, 25]  # gaps of 16 / 3, and the last one inside
    assert sampling.dense_frames(9, 4, 4, 0).tolist() == [0, 8, 8, 8]
    assert sampling.dense_frames(3, 4, 4, 0).tolist() == [2, 2, 2, 2]
    assert sampling.dense_tests(40, 4, 4, 3).tolist() == [[0, 4, 8, 12], [12, 16, 20, 24], [24, 28, 32, 36]]
    assert sampling.dense_tests(40, 4, 4, 1).tolist() == [[12, 16, 20, 24]]
    assert sampling.dense_tests(6, 4, 4, 2).tolist() == [[0, 4, 4, 4], [0, 4, 4, 4]]


@given(CONFIGS, LENGTHS, st.integers(0, 1000))
def test_chosen_frames_lie_in_the_clip_and_ascend(config, length, seed):
    drawn = sampling.draw(config, length, np.random.default_rng(seed))
    again = sampling.draw(config, length, np.random.default_rng(seed))
    evaluated = sampling.for_evaluation(config, length, seed)
    tested = sampling.for_test(config, length)
    assert np.array_equal(drawn, again) and drawn.dtype == evaluated.dtype == tested.dtype == np.int64
    assert drawn.shape == evaluated.shape == (config.num_frames,)
    assert tested.shape == (config.test_chunks, config.num_frames)
    for frames in (drawn, evaluated, *tested):
        assert frames.min() >= 0 and frames.max() < length and (np.diff(frames) >= 0).all()
    if config.evaluation == "center":
        assert np.array_equal(evaluated, sampling.for_evaluation(config, length, seed + 1))


@given(LENGTHS, st.integers(1, 12).map(lambda half: 2 * half))
def test_a_test_of_segments_covers_all_parts(length, count):
    rows = sampling.segment_tests(length, count)
    firsts = [int(length / count * place) for place in range(count)]
    middles = [int(length / count / 2 + length / count * place) for place in range(count)]
    assert sorted(rows.reshape(-1).tolist()) == sorted(firsts + middles)
    if length >= 2 * count:
        assert rows.tolist() == [firsts, middles]


def test_every_offset_and_every_start_is_drawn():
    rng = np.random.default_rng(0)
    config = SamplingConfig(num_frames=2)
    drawn = [sampling.draw(config, 8, rng) for _ in range(200)]
    assert {frames[0] for frames in drawn} == {0, 1, 2, 3} and {frames[1] for frames in drawn} == {4, 5, 6, 7}
    config = SamplingConfig("dense", num_frames=2, stride=2)
    # As published, the last window is never drawn.
    assert {sampling.draw(config, 8, rng)[0] for _ in range(200)} == {0, 1, 2, 3}


def test_views_of_a_test_go_through_the_crops_of_a_chunk():
    config = SamplingConfig(test_chunks=2, test_crops=3)
    assert sampling.views_of_test(config) == [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2)]


def test_wrong_settings_are_told_together():
    with pytest.raises(UserError) as error:
        SamplingConfig(num_frames=7, stride=0, test_chunks=3)
    assert all(name in str(error.value) for name in ("num_frames is 7", "stride is 0", "test_chunks is 3"))
    with pytest.raises(UserError, match=r"strategy is 'tsn'"):
        SamplingConfig(strategy="tsn")
    assert SamplingConfig(strategy="dense", test_chunks=5).test_chunks == 5
