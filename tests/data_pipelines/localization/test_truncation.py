"""Cutting of training videos."""

import numpy as np
import pytest

from data_pipelines.localization.truncation import draw_for, truncate

OPTIONS = {"max_length": 16, "threshold": 0.5, "offset": 1.0, "crop_ratio": (0.5, 1.0)}


@pytest.mark.parametrize("length", [5, 16, 40])
def test_a_piece_is_inside_the_video_and_holds_its_segments(length):
    segments = np.float32([[1, 4], [length - 3, length - 0.5]])
    for row in range(30):
        window = truncate(length, segments, np.array([2, 3]), **OPTIONS, draw=draw_for(0, 7, row))
        assert 0 <= window.start < window.end <= length and window.end - window.start <= 16
        assert len(window.labels) > 0
        assert (window.segments >= -1).all() and (window.segments <= window.end - window.start + 1).all()


def test_the_same_step_and_row_are_cut_the_same_way():
    def start(seed, step, row):
        return truncate(500, [[2, 490]], [0], **OPTIONS | {"threshold": 0.01}, draw=draw_for(seed, step, row)).start

    assert start(1, 2, 3) == start(1, 2, 3)
    assert len({start(1, 2, 3), start(2, 2, 3), start(1, 3, 3), start(1, 2, 4)}) > 1


def test_a_segment_that_never_fits_is_left_out():
    window = truncate(100, [[0, 100]], [0], **OPTIONS, draw=draw_for(0, 0, 0))
    assert window.end - window.start == 16 and len(window.segments) == 0


def test_without_crop_ratio_a_short_video_stays_whole():
    window = truncate(12, [[-0.5, 4]], [1], **OPTIONS | {"crop_ratio": ()}, draw=None)
    assert (window.start, window.end) == (0, 12)
    np.testing.assert_array_equal(window.segments, [[-0.5, 4]])
