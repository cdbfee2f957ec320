"""Segments to frames: compared, frame by frame, with the sentence that says which frames a segment covers."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_pipelines.tools.frame_painting import FrameRule, overlapping, paint

SPAN = st.tuples(st.integers(0, 40), st.integers(0, 15)).map(lambda pair: (pair[0], sum(pair)))
SEGMENTS = st.lists(st.tuples(SPAN, st.sampled_from("abc")), min_size=1, max_size=8)


@pytest.mark.parametrize(
    ("rule", "start", "end", "span"),
    [
        (FrameRule(Fraction(15)), "0.1", "0.3", (2, 5)),  # 1.5 and 4.5: halves up
        (FrameRule(Fraction(15), "floor"), "0.1", "0.3", (1, 4)),
        (FrameRule(Fraction(100)), "0.29", "0.57", (29, 57)),
        (FrameRule(Fraction(1)), "10", "20", (10, 20)),
        (FrameRule(Fraction(1), first=1, end_included=True), "1", "603", (0, 603)),
        (FrameRule(Fraction(1), end_included=True), "7", "7", (7, 8)),
        (FrameRule(Fraction(1, 16), "floor"), "31", "48", (1, 3)),
    ],
)
def test_which_frames(rule, start, end, span):
    assert rule.span(Fraction(start), Fraction(end)) == span


@settings(max_examples=60, deadline=None, derandomize=True)
@given(SEGMENTS, st.integers(1, 60) | st.none(), st.sampled_from(("first", "last")))
def test_every_frame_shows_the_segment_that_the_rule_names(segments, length, overlap):
    spans, labels = [span for span, _ in segments], [label for _, label in segments]
    painted = paint(spans, labels, length, overlap)
    end = max(stop for _, stop in spans)
    assert len(painted.labels) == (end if length is None else length)
    assert painted.beyond == (0 if length is None else max(0, end - length))
    for frame, number in enumerate(painted.labels):
        there = [i for i, (start, stop) in enumerate(spans) if start <= frame < stop]
        if not there:
            assert number == -1
            continue
        start, stop = spans[number]
        assert number in there
        if overlap == "last":
            assert all((start, -stop) >= (spans[i][0], -spans[i][1]) for i in there)
        else:
            assert all((start, -stop) <= (spans[i][0], -spans[i][1]) for i in there)
    pairs = overlapping(spans, labels)
    share = {
        i
        for i, first in enumerate(spans)
        for j, second in enumerate(spans)
        if labels[i] != labels[j] and max(first[0], second[0]) < min(first[1], second[1])
    }
    assert bool(pairs) == bool(share) and {number for pair in pairs for number in pair} <= share
    if not pairs:
        assert np.array_equal(painted.labels >= 0, paint(spans, labels, length, "first").labels >= 0)


def test_what_frames_do_not_show():
    painted = paint([(0, 3), (3, 6), (6, 6), (8, 12)], "aabc", 10)
    assert painted.labels.tolist() == [0, 0, 0, 1, 1, 1, -1, -1, 3, 3]
    assert painted.joined == 1 and painted.empty == (2,) and painted.beyond == 2
