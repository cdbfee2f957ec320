"""Which detections are drawn, and where."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from fact_jax.ops.nms import Detections
from fact_jax.reporting.localization.detection_layout import best_detections, lanes, shown_duration

SPANS = st.lists(st.tuples(st.integers(0, 20), st.integers(1, 8)), max_size=12)


@given(SPANS, st.integers(1, 4))
@settings(derandomize=True, max_examples=50, deadline=None)
def test_segments_of_a_lane_do_not_overlap_and_none_is_left_out_without_need(spans, most):
    segments = np.array([(start, start + length) for start, length in spans], np.float64).reshape(-1, 2)
    found = lanes(segments, most)
    assert found.shape == (len(spans),) and found.max(initial=0) < most

    def meets(place, lane):
        return any(
            segments[other, 0] < segments[place, 1] and segments[place, 0] < segments[other, 1]
            for other in range(place)
            if found[other] == lane
        )

    for place, lane in enumerate(found):
        assert all(meets(place, better) for better in range(most if lane < 0 else lane))
        assert lane < 0 or not meets(place, lane)


def test_the_best_detections_are_finite_and_not_far_below_the_best():
    segments = np.float32([[0, 1], [np.nan, 1], [2, 3], [4, 5]])
    found = Detections(segments, np.float32([0.04, 0.9, 0.5, 0.05]), np.int32([0, 1, 2, 3]))
    drawn, places = best_detections(found, 3)
    assert places.tolist() == [2, 3, 0] and drawn.labels.tolist() == [2, 3, 0]
    assert best_detections(found, 2)[1].tolist() == [2, 3]
    assert best_detections(found, 3, share=0.1)[1].tolist() == [2, 3]
    nothing = found.at(slice(0, 0))
    assert len(best_detections(nothing, 3, share=0.1)[0].scores) == 0


def test_an_unknown_duration_is_that_of_what_is_shown():
    found = Detections(np.float32([[0, 7], [np.nan, np.nan], [1, 1e8]]), np.zeros(3, np.float32), np.zeros(3, np.int32))
    assert shown_duration(12.5, found) == 12.5 and shown_duration(3.0, found) == 7.0
    assert shown_duration(1e8, found, [[0.0, 9.0]]) == 9.0 and shown_duration(0.0, found.at(np.array([1]))) == 1e-3
