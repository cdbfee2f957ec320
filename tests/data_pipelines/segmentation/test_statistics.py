"""Statistics of a source, against counts by hand and a slow loop."""

import itertools

import hypothesis
import numpy as np
from hypothesis import strategies as st

from data_pipelines.segmentation.statistics import compute_statistics, segment_durations, shares_over_time

EXAMPLES = hypothesis.settings(derandomize=True, max_examples=50, deadline=None)
VIDEOS = st.lists(st.lists(st.integers(0, 3), min_size=1, max_size=12), min_size=1, max_size=5)


class Source:
    """Labels only: asking it for features is an error."""

    def __init__(self, videos, class_names):
        self.video_ids = [f"v{i}" for i in range(len(videos))]
        self.class_names = class_names
        self.lengths = np.array([len(video) for video in videos])
        self._videos = videos

    def __len__(self):
        return len(self._videos)

    def labels(self, index):
        return np.array(self._videos[index], np.int32)


def test_counts_by_hand():
    source = Source([[0, 0, 1, 1, 0], [2], [0, 1, 0, 1, 0, 1]], ("rest", "cut", "stir", "never"))
    statistics = compute_statistics(source)
    assert statistics.class_frames.tolist() == [6, 5, 1, 0]
    assert statistics.class_segments.tolist() == [5, 4, 1, 0]
    assert statistics.max_segments == (6, "v2")
    assert statistics.max_actions == (2, "v0")
    assert statistics.average_transcript_length("o2o") == 10 / 3
    assert statistics.average_transcript_length("seq") == 10 / 3
    assert statistics.average_transcript_length("o2m") == 5 / 3
    table = statistics.table()
    assert "3 videos, 4 classes, 12 frames" in table
    assert "mean 3.3, max 6 (v2)" in table
    assert [row.split() for row in table.split("\n")[-4:]] == [
        ["0", "rest", "6", "50.0%", "5"],
        ["1", "cut", "5", "41.7%", "4"],
        ["2", "stir", "1", "8.3%", "1"],
        ["3", "never", "0", "0.0%", "0"],
    ]


@EXAMPLES
@hypothesis.given(VIDEOS)
def test_counts_equal_the_loop(videos):
    statistics = compute_statistics(Source(videos, "abcd"))
    transcripts = [[label for label, _ in itertools.groupby(video)] for video in videos]
    assert statistics.num_segments.tolist() == [len(transcript) for transcript in transcripts]
    assert statistics.num_actions.tolist() == [len(set(transcript)) for transcript in transcripts]
    for label in range(4):
        assert statistics.class_frames[label] == sum(video.count(label) for video in videos)
        assert statistics.class_segments[label] == sum(transcript.count(label) for transcript in transcripts)


@EXAMPLES
@hypothesis.given(VIDEOS)
def test_durations_equal_the_loop(videos):
    expected = [[] for _ in "abcd"]
    for video in videos:
        for label, run in itertools.groupby(video):
            expected[label].append(len(list(run)))
    assert [durations.tolist() for durations in segment_durations(Source(videos, "abcd"))] == expected


@EXAMPLES
@hypothesis.given(VIDEOS, st.integers(1, 7))
def test_shares_over_time_equal_the_loop(videos, num_bins):
    shares = shares_over_time(Source(videos, "abcd"), num_bins)
    expected = np.zeros((num_bins, 4))
    for video in videos:
        # Cut so fine that every piece lies in one frame and one bin.
        for piece in range(num_bins * len(video)):
            expected[piece // len(video), video[piece // num_bins]] += 1 / len(video) / len(videos)
    np.testing.assert_allclose(shares, expected, atol=1e-12)
    np.testing.assert_allclose(shares.sum(axis=1), 1)
