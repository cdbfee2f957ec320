"""Segments, durations and features against one another: what is refused, what is told, and what the numbers say."""

import dataclasses
import json
import re
import types
from pathlib import Path

import numpy as np
import pytest

from data_pipelines.localization.annotations import UNKNOWN_DURATION, AnnotatedVideo, read_database, read_subsets
from data_pipelines.localization.opening import open_localization
from data_pipelines.localization.timed import TimedVideo
from data_pipelines.localization.times import check_times, duration_lines
from fact_jax.types import UserError
from tests.data_pipelines.localization.folders import entries, settings, write_folder

REAL = Path(__file__).parents[3].parent / "shared" / "data"
FPS, STRIDE, WINDOW = 30.0, 4.0, 16.0


def timed(video, subset="train", *, fps=FPS, stride=STRIDE, window=WINDOW, features=None):
    """A TimedVideo whose features were made with STRIDE and WINDOW at FPS, and are read with these settings."""
    frames = (video.duration if video.duration < UNKNOWN_DURATION else 60.0) * FPS
    count = features or int((frames - WINDOW) / STRIDE) + 1
    return TimedVideo(video, subset, fps, ((count - 1) * stride + window) / fps, stride / fps, window / fps)


def videos(count=20, change=lambda video: video):
    """AnnotatedVideos of 40 to 59 s with segments over all of them."""
    made = []
    for number in range(count):
        duration = 40.0 + number
        starts = np.linspace(1.0, duration - 3.0, 8)
        segments = np.stack([starts, starts + 2.0], 1)
        made.append(AnnotatedVideo(f"v{number}", "training", duration, FPS, segments, np.zeros(8, np.int32)))
    return [change(video) for video in made]


def times(factor):
    return lambda video: dataclasses.replace(video, segments=video.segments * factor)


def durations(factor):
    return lambda video: dataclasses.replace(video, duration=video.duration * factor)


def unknown(video):
    return dataclasses.replace(video, duration=UNKNOWN_DURATION)


def text_of(found):
    return "\n".join(": ".join(problem) for problem in found.problems) + "\n" + "\n".join(found.lines)


def test_times_that_fit_are_not_mentioned():
    assert check_times([timed(video) for video in videos()]) == ([], [])
    rounded = [dataclasses.replace(video, duration=np.floor(video.duration + 0.7)) for video in videos()]
    assert check_times([timed(v, features=int(40 * FPS / STRIDE) + 7 * n) for n, v in enumerate(rounded)]) == ([], [])
    assert check_times([TimedVideo(video, "train", FPS) for video in videos()]) == ([], [])


@pytest.mark.parametrize(
    ("change", "options", "found"),
    [
        (times(10), {}, "the times look like seconds times 10"),
        (times(30), {}, "the times look like frames"),
        (times(1000), {}, "the times look like milliseconds"),
        (times(1 / 58), {}, "look like shares of the video"),
        (durations(30), {"features": 360}, "the durations look like frames"),
        (durations(1000), {"features": 360}, "the durations look like milliseconds"),
        (lambda v: times(1 / 60)(durations(1 / 60)(v)), {"features": 360}, "the durations look like minutes"),
        (None, {"fps": 3000.0}, "the fps, 3000, look 100 times too large"),
        (None, {"stride": 16.0}, "span 3.9. times the duration: feature_stride, .*feature_stride=4.0"),
        (None, {"stride": 1.0}, "span 0.25. times the duration: feature_stride"),
        (lambda v: unknown(times(4)(v)), {}, "times as far as the features: feature_stride or fps"),
        (lambda v: unknown(times(30)(v)), {}, "look like frames"),
        (unknown, {"fps": 3000.0}, "the fps, 3000, look too large"),
    ],
)  # fmt: skip
def test_a_fault_of_the_whole_dataset_is_one_problem_with_its_cause(change, options, found):
    result = check_times([timed(video, **options) for video in videos(change=change or (lambda video: video))])
    assert len(result.problems) == 1, text_of(result)
    assert re.search(found, text_of(result)), text_of(result)


@pytest.mark.parametrize(
    ("change", "options", "found"),
    [
        (times(1 / 3600), {}, "do the times look like hours"),
        (None, {"stride": 3.6}, "before the stated duration .median.; the features span 0.9 times"),
        (None, {"stride": 4.7}, "behind the stated duration .median.; the features span 1.1"),
        (None, {"window": 600.0}, "the same in all: is config.data.window what a feature sees"),
        (unknown, {"stride": 16.0}, "A feature_stride that is too large"),
    ],
)  # fmt: skip
def test_an_odd_dataset_is_used_with_a_line(change, options, found):
    result = check_times([timed(video, **options) for video in videos(change=change or (lambda video: video))])
    assert result.problems == [] and re.search(found, "\n".join(result.lines)), text_of(result)


@pytest.mark.parametrize(("stated", "where"), [(25.0, "behind"), (36.0, "before")])
@pytest.mark.parametrize("number", [5, 10])
def test_another_fps_of_a_part_of_the_videos_is_told_for_that_part(stated, where, number):
    found = check_times([timed(v, fps=stated if n < number else FPS) for n, v in enumerate(videos())])
    assert found.problems == [] and len([line for line in found.lines if "(median)" in line]) == 1, text_of(found)
    of = f"Odd times: the features of most of the {number} videos of {stated:g} fps end "
    assert found.lines[0].startswith(of) and f" s {where} the stated duration (median)" in found.lines[0]
    fitting = float(re.search(r"is the fps of these another\? (\S+) would fit", found.lines[0])[1])
    assert fitting == pytest.approx(FPS, rel=0.002)


def test_single_videos_are_refused_with_their_numbers_and_few_of_many_are_told():
    shifted = dataclasses.replace(videos()[0], segments=videos()[0].segments + 7200)
    for kind in (shifted, unknown(shifted)):
        found = check_times([timed(kind), *map(timed, videos()[1:])])
        assert [problem[0] for problem in found.problems] == ["train"]
        assert "video 'v0': 8 of 8 segments start after" in text_of(found) and "to 7239.0 s" in text_of(found)
    found = check_times([timed(shifted), *map(timed, videos(60)[1:])])
    assert found.problems == [] and "segments of 1 of 60 videos lie behind their end" in text_of(found)
    endless = dataclasses.replace(videos()[0], segments=np.array([[1.0, 1e6]]))
    assert "ends more than twice as late as its duration of 40.0 s" in text_of(
        check_times([timed(endless), *map(timed, videos()[1:])])
    )


@pytest.mark.parametrize("change", [lambda video: video, unknown])
def test_annotations_of_one_video_in_all_are_the_cause(change):
    """Of times behind the end as of times behind the last feature; no unit of the times is guessed."""
    late = dataclasses.replace(videos()[-1], segments=videos()[-1].segments + 25)
    copied = [change(dataclasses.replace(video, segments=late.segments)) for video in videos()]
    [(_, found, cause)] = check_times([timed(video) for video in copied]).problems
    assert "behind the" in found
    assert cause == (
        "20 of 20 videos have the very same annotations, to the last digit (v0, v1, v2 and 17 more): were those of one "
        "video copied to the others? Give each its own"
    )


def test_features_of_another_video_are_refused_or_told():
    most = [timed(video) for video in videos()[1:]]
    found = check_times([timed(videos()[0], features=1000), *most])
    assert "video 'v0': the features cover more than twice its duration ('v0': 1000 features" in found.problems[0][1]
    found = check_times([timed(videos()[0], features=500), *most])
    assert found.problems == [] and "1 of 20 videos has features that cover more than their duration" in found.lines[0]
    found = check_times([timed(videos()[0], features=150), *most])
    assert found.problems == [] and "cover less than their duration: 'v0' 20.4 of 40.0 s" in found.lines[0]
    assert "4 of 160 train segments, of 1 video, start behind the last feature and are never learned" in found.lines[1]


def test_a_segment_that_ends_slightly_behind_the_duration_is_told():
    late = dataclasses.replace(videos()[0], segments=np.array([[-0.1, 2.0], [38.0, 40.3]]))
    found = check_times([timed(late), *map(timed, videos()[1:])])
    assert found.problems == []
    assert "1 segment of 1 video ends after the stated duration, by up to 0.30 s ('v0')" in found.lines[0]
    assert "segments of 1 video start before 0, the first at -0.10 s" in found.lines[1]


def test_the_check_is_part_of_the_opening(tmp_path):
    root = write_folder(tmp_path)
    with pytest.raises(
        UserError, match="1 problem:\n.*annotations.json\n.*the features and the duration differ"
    ) as error:
        open_localization(settings(root, feature_stride=40.0))
    assert "feature_stride=" in str(error.value)
    late = entries()
    late["a"]["annotations"][0]["segment"] = [1.0, late["a"]["duration"] + 0.5]
    (root / "annotations.json").write_text(json.dumps({"database": late}))
    assert "ends after the stated duration, by up to 0.50 s" in "\n".join(open_localization(settings(root)).notes)


@pytest.mark.parametrize(
    ("file", "subset_file", "subsets", "rule", "lines"),
    [
        ("thumos14/thumos14.json.gz", None, ("validation", "test"), (4, 16, 0), "segments of 5 of 412 videos"),
        ("activitynet/anet_anno_action.json.gz", "activitynet/video_info_new.csv.gz", ("training", "validation"),
         (16, 16, 25), "132 segments of 132 videos end after the stated duration, by up to 0.85 s"),
        ("epic100/epic_kitchens_100_noun_reduced.json.gz", None, ("training", "validation"), (16, 32, 30), ""),
    ],
)  # fmt: skip
def test_published_annotations_are_not_refused(file, subset_file, subsets, rule, lines):
    if not (REAL / file).is_file():
        pytest.skip("the real annotations are not beside this checkout")
    table = read_subsets(REAL / subset_file)[0] if subset_file else None
    database = read_database(REAL / file, table)[0]
    stride, window, fps = rule
    made = []
    for subset, name in zip(("train", "test"), subsets, strict=True):
        for video in database.in_subsets([name]):
            rate = fps or video.fps
            count = max(1, int((video.duration * rate - window) / stride) + 1)
            made.append(
                TimedVideo(video, subset, rate, ((count - 1) * stride + window) / rate, stride / rate, window / rate)
            )
    found = check_times(made)
    assert found.problems == [] and lines in "\n".join(found.lines)


def test_durations_for_a_prediction_are_compared_with_the_features():
    data = types.SimpleNamespace(feature_stride=STRIDE, window=WINDOW)
    lengths = {"a": 447, "b": 297, "c": 100}
    assert duration_lines(lengths, {"a": 60.0, "b": 40.0}, data, FPS) == []
    (line,) = duration_lines(lengths, {"a": 1800.0, "b": 1200.0}, data, FPS)
    assert line.startswith("Odd times: in 2 of 2 videos") and "the durations look like frames" in line
    (line,) = duration_lines(lengths, {"a": 60.0, "b": 40.0, "c": 3.0}, data, FPS)
    assert "video 'c': the features cover more than twice its duration" in line
    spread = types.SimpleNamespace(feature_stride=0.0, window=WINDOW)
    assert duration_lines(lengths, {"a": 1800.0}, spread, FPS) == []


def test_durations_of_features_that_are_spread_are_compared_with_one_another():
    spread = types.SimpleNamespace(feature_stride=0.0, window=WINDOW)
    lengths, seconds = {"a": 447, "b": 297, "c": 100, "d": 200}, {"a": 60.0, "b": 40.0, "c": 13.5, "d": 27.0}
    assert duration_lines(lengths, seconds, spread, FPS) == []
    (line,) = duration_lines(lengths, seconds | {"c": 405.0}, spread, FPS)
    assert line == (
        "Odd times: 1 of 4 videos has other seconds per feature than the others, 0.135 s: 'c' 405 s for 100 features, "
        "4.05 s each; are the durations all in seconds?"
    )
    # Of as many features for every video, steps grow with the duration.
    assert duration_lines(dict.fromkeys(lengths, 100), seconds | {"c": 405.0}, spread, FPS) == []


def test_a_window_that_reaches_far_beyond_the_end_is_told():
    (line,) = check_times([timed(video, window=64.0) for video in videos()]).lines
    assert line == (
        "Odd times: the last feature of most videos sees 1.57 s beyond the stated duration (median), "
        "the same in all: is config.data.window what a feature sees? Not 64 but 16 would fit."
    )
    assert check_times([timed(video, window=32.0) for video in videos()]).lines == []


def test_segments_that_span_their_whole_video_are_told():
    def whole(video):
        segments = np.array([[0.0, video.duration - 0.2]])
        return dataclasses.replace(video, segments=segments, labels=np.zeros(1, np.int32))

    line = "the whole of its video; are these labels of videos, without times?"
    spanned = [timed(whole(video)) for video in videos()]
    assert check_times(spanned).lines == [f"Odd times: every segment spans {line}"]
    assert check_times([*spanned, timed(videos(1)[0])]).lines == []
    others = [timed(video, subset="test") for video in videos()]
    unlike = f"Odd times: every train segment spans {line}".replace("video;", "video, unlike 160 of 160 test segments;")
    assert check_times([*spanned, *others]).lines == [unlike]
    one = dataclasses.replace(videos(1)[0], segments=np.array([[3.0, 5.0]]))
    assert check_times([*spanned, timed(one)]).lines == [f"Odd times: 20 of 21 segments span {line}"]


def of_some(change, others=lambda video: video):
    """Every second video changed, and the others."""
    return [
        timed((change if number % 2 else others)(video), features=int((video.duration * FPS - WINDOW) / STRIDE) + 1)
        for number, video in enumerate(videos())
    ]


def test_videos_in_another_unit_than_the_others_are_named_with_it():
    def frames(video):
        return durations(30)(times(30)(video))

    for change in (frames, durations(30)):
        (problem,) = check_times(of_some(change)).problems
        assert problem[1].startswith("the durations of 10 of 20 videos look like frames: 'v1' 1230 where the features")
        assert "those of 10 fit their features as seconds" in problem[1]
        assert problem[2] == "expected seconds in all, not frames"
    (problem,) = check_times(of_some(durations(1 / 60))).problems
    assert (
        "the durations of 10 of 20 videos look like minutes: 'v1' 0.6833 where the features span 40.9 s" in problem[1]
    )
    fit = "those of the others fit their video; expected seconds in all"
    for kind in (lambda video: video, unknown):
        found = check_times(of_some(lambda video: kind(times(30)(video)), kind))  # noqa: B023
        assert f"the times of 10 of 20 videos (v1, v3, v5 and 7 more) look like frames, {fit}" in text_of(found)
        assert len(found.problems) == 1
    few = [timed(video) for video in videos(120)]
    few[3:5] = [timed(durations(30)(entry.video), features=350) for entry in few[3:5]]
    found = check_times(few)
    assert found.problems == [] and "the durations of 2 of 120 videos look like frames" in found.lines[0]


@pytest.mark.parametrize("longest", [59.0, 400.0])
def test_times_in_percent_are_named_whatever_the_durations(longest):
    def in_percent(video):
        duration = longest - (59.0 - video.duration) * (longest / 80)
        segments = video.segments * 100 / video.duration
        return dataclasses.replace(video, duration=duration, segments=segments)

    for kind in (lambda video: video, unknown):
        changed = [(in_percent(video), in_percent(video).duration) for video in videos()]
        found = check_times([timed(kind(v), features=int((d * FPS - WINDOW) / STRIDE) + 1) for v, d in changed])
        assert "look like percent of the video: all end by 100, and near it" in text_of(found), text_of(found)
        assert bool(found.problems) == (longest < 100)


def test_durations_that_are_all_one_number_are_named():
    same = [dataclasses.replace(video, duration=10.0) for video in videos()]
    entries = [timed(video, features=300 + 7 * number) for number, video in enumerate(same)]
    assert "all 20 durations are 10 s, which no recording has by chance" in text_of(check_times(entries))


def test_ends_behind_the_features_are_told_where_no_duration_is_stated():
    late = [unknown(video) for video in videos()]
    late[3] = dataclasses.replace(late[3], segments=np.array([[1.0, 5.0], [30.0, 95.0]]), labels=np.zeros(2, np.int32))
    found = check_times([timed(video) for video in late])
    assert found.problems == [] and len(found.lines) == 1
    assert "of 1 of 20 videos without a duration a segment ends well behind the features" in found.lines[0]
    assert f"{late[3].video_id!r}, at 95.0 s, where features end at" in found.lines[0]


def test_times_that_nobody_marked_are_told():
    def one(video):
        return dataclasses.replace(video, segments=np.array([[1.0, 5.0]]), labels=np.zeros(1, np.int32))

    (line,) = [line for line in check_times([timed(one(video)) for video in videos()]).lines if "nobody marked" in line]
    assert line.startswith("Odd times: 20 of 20 train segments are from 1 to 5 s, to the last digit")
    some = [timed((one if number < 9 else lambda video: video)(v)) for number, v in enumerate(videos())]
    assert not any("nobody marked" in line for line in check_times(some).lines)


@pytest.mark.parametrize(("factor", "unit"), [(1 / 40, "minutes"), (1 / 60, "minutes or shares of the video")])
def test_segments_of_some_videos_in_a_larger_unit_are_told(factor, unit):
    found = check_times(of_some(times(factor)))
    (line,) = [line for line in found.lines if "unlike those of the others" in line]
    assert line.startswith("Odd times: the segments of 10 of 20 videos end in the first 3 % of it")
    assert f"do their times look like {unit}, not seconds?" in line
