"""Features and labels of different lengths: another rate is refused, a constant difference explained, others told."""

import numpy as np
import pytest

from data_pipelines.segmentation.layouts import Layout
from data_pipelines.segmentation.lengths import find_pattern, length_notes, length_problems
from tests.data_pipelines.folders import settings

# Lines of the label files of 12 videos, 20 to 29, and of as many that are longer.
SHORT = {f"v{i:02d}": 20 + i * 7 % 10 for i in range(12)}
LONG = {video: 31 * labels for video, labels in SHORT.items()}


def with_features(videos, count):
    """{video: (features, labels)}, `count(labels)` features each."""
    return {video: (count(labels), labels) for video, labels in videos.items()}


def problems_of(lengths, tmp_path, tolerance=15):
    return [
        problem.text
        for problem in length_problems(Layout(settings(tmp_path, length_tolerance=tolerance), tmp_path), lengths)
    ]


@pytest.mark.parametrize("videos", [SHORT, LONG], ids=["short", "long"])
@pytest.mark.parametrize(
    ("count", "found", "advice"),
    [
        (lambda labels: -(-labels // 2), "about 2 labels for every feature", "keep every 2nd of the labels"),
        (lambda labels: labels // 3, "about 3 labels for every feature", "keep every 3rd of the labels"),
        (lambda labels: 3 * labels // 2, "about 1.5 features for every label", "keep as many features as labels"),
    ],
)
def test_another_rate_is_one_problem_however_short_the_videos(tmp_path, videos, count, found, advice):
    [text] = problems_of(with_features(videos, count), tmp_path, tolerance=20)
    assert text.startswith(f"{found} in 12 of 12 videos, such as 'v00' with {videos['v00']} labels and ")
    assert advice in text and "config.data.sample_rate" in text


def test_features_twice_as_often_as_labels(tmp_path):
    [text] = problems_of(with_features(LONG, lambda labels: 2 * labels), tmp_path)
    assert text.startswith("about 2 features for every label") and "keep every 2nd of the features" in text


def test_another_frame_rate_of_long_videos_is_one_problem(tmp_path):
    videos = {video: 10 * labels for video, labels in LONG.items()}
    [text] = problems_of(with_features(videos, lambda labels: labels * 25 // 30), tmp_path)
    assert text.startswith("about 1.2 labels for every feature in 12 of 12")


def test_videos_beside_the_common_rate_have_their_own_problem(tmp_path):
    lengths = with_features(LONG, lambda labels: labels // 2) | {"w": (100, 400)}
    problems = problems_of(lengths, tmp_path)
    assert len(problems) == 2 and problems[1].startswith("100 frames of features for 400 labels")


@pytest.mark.parametrize("share", [2, 3])
def test_the_rate_of_a_part_of_the_videos_is_named(tmp_path, share):
    """Labels, or features, of some videos come from another tool."""
    names = list(LONG)[::share]
    for rate, what, kept in ((2, "features for every label", "features"), (0.5, "labels for every feature", "labels")):
        other = {video: (int(LONG[video] * rate), LONG[video]) for video in names}
        [text] = problems_of(with_features(LONG, int) | other, tmp_path)
        assert text.startswith(f"about 2 {what} in {len(names)} of 12 videos, such as 'v00' with {LONG['v00']} labels")
        assert f", while {12 - len(names)} of 12 videos have one; expected one feature per label: make" in text
        assert f"keep every 2nd of the {kept}" in text


def test_parts_of_several_rates_and_one_video(tmp_path):
    third = {video: (3 * LONG[video], LONG[video]) for video in list(LONG)[:4]}
    uneven = {video: (LONG[video] * 30 // 25, LONG[video]) for video in list(LONG)[4:7]}
    first, second, last = problems_of(with_features(LONG, int) | third | uneven | {"w": (100, 400)}, tmp_path)
    assert first.startswith("about 3 features for every label in 4 of 13 videos")
    assert second.startswith("about 1.199 features for every label in 3 of 13 videos")
    assert last == (
        "100 frames of features for 400 labels, about 4 labels for every feature; expected them within 15 "
        "(config.data.length_tolerance): is one of the two of another rate?"
    )


def test_videos_of_one_length(tmp_path):
    """A constant difference and another rate look the same; half of a video is no rounding."""
    lengths = {f"v{i}": (15, 30) for i in range(5)}
    [text] = problems_of(lengths, tmp_path)
    assert text.startswith("about 2 labels for every feature")
    assert problems_of({f"v{i}": (49, 64) for i in range(5)}, tmp_path) == []


def test_a_constant_difference_is_a_line_that_says_how_to_centre(tmp_path):
    lengths = with_features(LONG, lambda labels: labels - 15)
    assert problems_of(lengths, tmp_path) == []
    [line] = length_notes(lengths)
    assert line.startswith("all 12 videos have 15 labels more than features: the last 15 of each are dropped.")
    assert "clips of 16 frames" in line and "drop the first 7 and the last 8 lines of every label file" in line
    [text] = problems_of(lengths, tmp_path, tolerance=10)
    assert (
        "all 12 videos have 15 labels more than features" in text and "within 10 (config.data.length_tolerance)" in text
    )
    [line] = length_notes(with_features(LONG, lambda labels: labels - 1))
    assert "pairs of frames" in line and "centre" not in line
    [line] = length_notes(with_features(LONG, lambda labels: labels + 4))
    assert line.startswith("all 12 videos have 4 features more than labels") and "padded" in line


def test_other_differences_are_counted():
    assert length_notes(with_features(LONG, lambda labels: labels)) == ()
    lengths = with_features(LONG, lambda labels: labels) | {"a": (50, 53), "b": (50, 57), "c": (52, 50)}
    [line] = length_notes(lengths)
    assert line == (
        "features and labels are cut to the shorter of the two: 10 labels in 2 videos, at most 7 in 'b' and 2 "
        "features in 1 video ('c') are dropped at the end."
    )
    shifted = with_features(LONG, lambda labels: labels - 3) | {"a": (50, 55)}
    first, second = length_notes(shifted)
    assert first.startswith("12 of 13 videos have 3 labels more") and "5 labels in 1 video ('a')" in second


def test_a_frame_rate_that_is_almost_right_is_a_line(tmp_path):
    lengths = with_features(
        {video: 10 * labels for video, labels in LONG.items()}, lambda labels: round(labels * 0.999)
    )
    assert problems_of(lengths, tmp_path) == []
    [line] = length_notes(lengths)
    assert "The difference grows with the length, 1.001 labels for every feature" in line


def test_features_of_one_length(tmp_path):
    [text] = problems_of(with_features(LONG, lambda labels: 100), tmp_path)
    assert text.startswith("all 12 videos have 100 features, for 620 to 899 labels") and "resampled" in text
    assert problems_of(with_features(SHORT, lambda labels: 25), tmp_path) == []
    [line] = length_notes(with_features(SHORT, lambda labels: 25))
    assert "all 12 videos have 25 features, for 20 to 29 labels: were they resampled" in line


def test_rounding_is_no_pattern(tmp_path):
    rng = np.random.default_rng(0)
    for _ in range(50):
        videos = {f"v{i}": int(labels) for i, labels in enumerate(rng.integers(100, 3000, 30))}
        lengths = {video: (labels - int(rng.integers(-3, 9)), labels) for video, labels in videos.items()}
        assert find_pattern(lengths) is None and problems_of(lengths, tmp_path) == []
        [line] = length_notes(lengths)
        assert "grows" not in line
    assert find_pattern({"a": (10, 20), "b": (15, 30)}) is None


def test_one_short_video_of_another_rate_is_a_problem(tmp_path):
    lengths = {f"v{i}": (200 + i, 200 + i + i % 3) for i in range(12)}
    assert problems_of(lengths, tmp_path) == []
    [text] = problems_of(lengths | {"short": (14, 28)}, tmp_path)
    assert text.startswith("14 frames of features for 28 labels, about 2 labels for every feature; expected as many")
    [text] = problems_of(lengths | {"short": (24, 12)}, tmp_path)
    assert "about 2 features for every label" in text
    # Rounding, and differences that other videos have as well.
    assert problems_of(lengths | {"short": (4, 7)}, tmp_path) == []
    assert problems_of(lengths | {"short": (14, 28), "v3": (300, 286)}, tmp_path) == []
    clips = {f"v{i}": (50 + i, 65 + i) for i in range(12)}
    assert problems_of(clips | {"short": (5, 20)}, tmp_path) == []
